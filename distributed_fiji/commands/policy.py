"""`policy`: the least that a user needs, or the roles for an administrator, as JSON to paste."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable

from distributed_fiji.aws.grants import MANAGED_CHARACTERS, characters
from distributed_fiji.errors import InvalidInput
from distributed_fiji.permissions.rolesdocument import roles_document
from distributed_fiji.permissions.usercalls import COMMANDS
from distributed_fiji.permissions.userpolicy import user_policy
from distributed_fiji.settings import Settings
from distributed_fiji.terminal import Terminal

ACCOUNT = re.compile(r"\d{12}\Z")


def print_policy(
    settings: Settings, account: str, commands: Iterable[str], *, roles: bool, terminal: Terminal
) -> None:
    """Print the policy of a user who runs some commands (none: all), or with `roles`, the roles.

    Raises InvalidInput for unknown commands and invalid accounts.
    """
    wanted = tuple(commands) or tuple(COMMANDS)
    problems = [_unknown(command) for command in wanted if command not in COMMANDS]
    if not ACCOUNT.match(account):
        problems.append(f"--account {account}: an account number has 12 digits")
    if problems:
        raise InvalidInput("Invalid arguments", problems)
    if roles:
        terminal.say(json.dumps(roles_document(settings, account), indent=2))
        return
    policy = user_policy(settings, account, wanted)
    terminal.say(json.dumps(policy, indent=2))
    if characters(policy) > MANAGED_CHARACTERS:
        parts = "; ".join(
            f"`python run.py policy {' '.join(part)}`" for part in split(settings, account, wanted)
        )
        terminal.note(
            f"This policy has {characters(policy)} characters; IAM's limit for one managed policy is"
            f" {MANAGED_CHARACTERS}. To split it, use: {parts}."
        )


def split(settings: Settings, account: str, commands: Iterable[str]) -> list[tuple[str, ...]]:
    """Return commands in groups whose policies are short enough for one managed policy each."""
    groups: list[tuple[str, ...]] = []
    for command in commands:
        for number, group in enumerate(groups):
            if characters(user_policy(settings, account, (*group, command))) <= MANAGED_CHARACTERS:
                groups[number] = (*group, command)
                break
        else:
            groups.append((command,))
    return groups


def _unknown(command: str) -> str:
    near = difflib.get_close_matches(command, COMMANDS, n=1)
    hint = f"; did you mean {near[0]}?" if near else f": {', '.join(COMMANDS)}"
    return f"{command} is not a command that uses AWS{hint}"
