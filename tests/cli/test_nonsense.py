"""Generated nonsense at every command: no traceback, nothing changed, exit code 2, field and next step named.

Each example is made from a valid one by breaking one thing for certain, so that all must be refused.
`make test-thorough` throws 500 at each command, `make test` fewer of the same. docs/faults.md has the table.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import run
from tests.cli.conftest import APP, BUCKET, Account, fill
from tests.commands import Ended

FEW, SOME, MANY = 10, 40, 500

ACCOUNT = re.compile(r"\AAWS account \d{12}, .*\n")

#: Any text, and often what breaks readers: lone surrogates, NUL, escapes, bidi, braces, paths.
NASTY = st.sampled_from(
    [
        "\ud800",
        "\udcff",
        "\0",
        "\x1b[2J",
        "\u202e",
        "{",
        "}}",
        "../",
        "%s",
        "$(id)",
        "*",
        "\n",
        "é",
        "🔬",
        "/dev/zero",
    ]
)
TEXT = st.lists(st.one_of(st.text(max_size=8), NASTY), max_size=6).map("".join)

#: JSON values that a setting, a name or a place can never have.
NESTED = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
DEEP = st.integers(1, 100_000).map(lambda depth: "[" * depth)


@st.composite
def broken_text(draw: Any) -> bytes:
    """The content of a file that is neither a JSON object nor a config.py."""
    return draw(
        st.one_of(
            st.binary(max_size=40).map(lambda content: b"\xff\xfe" + content),
            st.binary(max_size=40).map(lambda content: b"{" + content + b"\0"),
            TEXT.map(lambda text: b"[" + json.dumps(text).encode()),
            DEEP.map(str.encode),
            DEEP.map(lambda text: f'{{"groups": {text}'.encode()),
            st.just(b'{"groups": 1, "groups": 2}'),
            st.just(b'{"\\ud800": 1}'),
            st.just(b""),
            st.integers().map(lambda number: str(number).encode()),
        )
    )


WRONG_SETTINGS = {
    "APP_NAME": TEXT.filter(lambda text: not re.fullmatch("[A-Za-z][A-Za-z0-9_-]{0,31}", text))
    | st.integers(),
    "AWS_BUCKET": TEXT.filter(lambda text: not re.fullmatch("[a-z0-9.-]{3,63}", text)) | st.none(),
    "AWS_REGION": TEXT.filter(lambda text: text not in ("",)) | st.just("eu-centrall-1"),
    "SCRIPT_DOWNLOAD_URL": TEXT.map(lambda text: f"no/{text.replace('/', '')}.ijm") | st.integers(),
    "CLUSTER_MACHINES": st.integers(max_value=0)
    | TEXT.filter(lambda text: not text.strip().isdigit())
    | st.floats().filter(lambda number: not number.is_integer()),
    "MACHINE_TYPE": st.lists(TEXT.map(lambda text: f"{text}!"), min_size=1) | st.just([]) | st.integers(),
    "MACHINE_PRICE": st.sampled_from([0, -1, "cheap", float("nan"), float("inf"), None, [], 10**400]),
    "MEMORY": st.integers(max_value=0) | st.just(10**400) | st.floats(allow_nan=True).map(str),
    "EXPECTED_NUMBER_FILES": st.integers(max_value=-1)
    | st.just("many")
    | st.lists(st.integers(), min_size=1),
    "CHECK_IF_DONE_BOOL": st.integers(2) | st.just("perhaps") | st.lists(st.booleans()),
    "SQS_MESSAGE_VISIBILITY": st.integers(max_value=0) | st.just(10**9) | st.just("long"),
    "SQS_QUEUE_NAME": TEXT.map(lambda text: f"{text}!"),
    "NECESSARY_STRING": TEXT.map(lambda text: f"{text}\0"),
    "UPLOAD_FLAGS": TEXT.map(lambda text: f"--no-such-flag {text.replace(chr(34), '')}"),
    "NOTIFY_EMAIL": TEXT.map(lambda text: f"{text} @"),
}


@st.composite
def wrong_config(draw: Any) -> tuple[bytes, str]:
    """The content of an invalid config.py, and what must be named."""
    if draw(st.booleans()):
        name = draw(st.sampled_from(sorted(WRONG_SETTINGS)))
        value = draw(WRONG_SETTINGS[name])
        numbers = {"nan": "float('nan')", "inf": "float('inf')", "-inf": "-float('inf')"}
        literal = numbers.get(repr(value), repr(value))
        return right_config().encode() + f"{name} = {literal}\n".encode(), name
    statement = draw(
        st.sampled_from(
            ["import no_such_module", "raise SystemExit(0)", "exit()", "1/0", "open('/no/such')",
             "raise KeyboardInterrup", "def f(): f()\nf()", "APP_NAME = ", "\0", "exec('x' * 10)",
             "x = " + "(" * 300, "raise Exception('\\ud800')"]
        )
    )  # fmt: skip
    return f"{right_config()}\n{statement}\n".encode(), "config.py"


def right_config() -> str:
    return (
        f"APP_NAME = {APP!r}\nAWS_BUCKET = {BUCKET!r}\n"
        "SCRIPT_DOWNLOAD_URL = 'script.ijm'\nMACHINE_TYPE = 'm5.large'\nMEMORY = 1000\n"
        "DOCKERHUB_TAG = 'registry.invalid/distributed-fiji:1.0'\n"
    )


RIGHT_JOBS: dict[str, Any] = {"output_file_location": "out", "groups": [{"Well": "A1"}]}


@st.composite
def wrong_job_file(draw: Any) -> tuple[bytes, str]:
    right = RIGHT_JOBS
    wrong = {
        "output_file_location": st.integers()
        | st.none()
        | TEXT.map(lambda text: f"/{text}")
        | st.just("out/{Wel}"),
        "groups": st.none() | st.integers() | TEXT | st.just([]) | st.lists(st.integers() | TEXT, min_size=1),
        "shared_metadata": st.integers() | TEXT | st.lists(st.integers(), min_size=1),
        "inputs": st.integers()
        | st.lists(st.integers(), min_size=1)
        | st.just("s3:///a.tif")
        | st.just("{Wel"),
    }
    name = draw(st.sampled_from(sorted(wrong)))
    return json.dumps(right | {name: draw(wrong[name])}).encode(), name


@st.composite
def wrong_group(draw: Any) -> tuple[bytes, str]:
    value = draw(
        st.none()
        | st.just([])
        | st.dictionaries(st.text(max_size=4), NESTED)
        | st.just([[1]])
        | st.just({"a": {"b": []}})
    )
    return json.dumps({"output_file_location": "out", "groups": [{"Well": value}]}).encode(), "groups[1]"


def wrong_groups() -> st.SearchStrategy[tuple[bytes, str]]:
    """Like the two above, for commands that do not need the inputs: a pattern among them may say anything."""
    return (wrong_job_file() | wrong_group()).filter(lambda made: made[1] != "inputs")


@st.composite
def wrong_fleet_file(draw: Any) -> tuple[bytes, str]:
    wrong = {
        "Type": st.integers() | TEXT.map(lambda text: f"{text}!"),
        "AllocationStrategy": st.integers() | TEXT.map(lambda text: f"{text}!"),
        "LaunchSpecifications": st.integers() | TEXT | st.just([]) | st.lists(st.integers(), min_size=1),
        "no_such_key": NESTED,
        "SubnetId": st.just("subnet-xxxxxxxx"),
    }
    name = draw(st.sampled_from(sorted(wrong)))
    return json.dumps({name: draw(wrong[name])}).encode(), name


RECORD = {
    **dict.fromkeys(("MONITOR_ECS_CLUSTER", "MONITOR_QUEUE_NAME", "MONITOR_BUCKET_NAME"), "name"),
    **dict.fromkeys(("MONITOR_LOG_GROUP_NAME", "dead_letter_queue", "service", "task_family"), "name"),
    **dict.fromkeys(("machine_log_group", "destination_bucket", "image", "script"), "name"),
    **dict.fromkeys(("machines", "tasks_per_machine", "job_retries", "visibility_seconds"), 1),
    **dict.fromkeys(("local", "dashboard", "auto_monitor"), False),
    "MONITOR_APP_NAME": APP,
    "MONITOR_START_TIME": "1700000000000",
    "CLEAN_DASHBOARD": "True",
    "region": "us-east-1",
    "account": "123456789012",
    "machine_types": [],
    "machine_price": 1.0,
    "client_token": "t",
}


@st.composite
def wrong_record(draw: Any) -> tuple[bytes, str]:
    wrong = {
        "MONITOR_APP_NAME": st.sampled_from(["*", "", "a b", "\ud800", "../x"]) | st.integers(),
        "MONITOR_START_TIME": st.sampled_from(["", "soon", "1e99", "-1", "९", "9" * 400, "\0"])
        | st.integers(),
        "MONITOR_QUEUE_NAME": st.sampled_from(["*", "", "a b"]) | st.lists(TEXT),
        "region": TEXT.map(lambda text: f"{text}!") | st.just("mars-north-1"),
        "account": st.just("999999999999"),
        "local": st.just(True) | st.just("perhaps"),
        "version": st.integers(2) | st.just("2") | st.none(),
        "tasks_per_machine": st.sampled_from([0, -1, "many", 1.5]),
        "machine_price": st.sampled_from(["cheap", None, [1]]),
        "machine_types": st.integers() | TEXT,
        "fleet_request": st.integers() | st.just([1]),
    }
    name = draw(st.sampled_from(sorted(wrong)))
    named = {"local": "--local" if name == "local" else name}.get(name, name)
    value = draw(wrong[name])
    return json.dumps(RECORD | {name: value}).encode(), name if value == "perhaps" else named


NOT_APPS = TEXT.filter(lambda text: not re.fullmatch("[A-Za-z][A-Za-z0-9_-]{0,31}", text)) | st.just("*")

Thrown = tuple[list[str], dict[str, bytes], str]


def in_file(
    name: str, strategy: st.SearchStrategy[tuple[bytes, str]], *arguments: str
) -> st.SearchStrategy[Thrown]:
    """Arguments, including the content of a file, and what must be named."""
    whole = strategy | broken_text().map(lambda content: (content, name))
    return whole.map(lambda made: (list(arguments), {name: made[0]}, made[1]))


def option(*words: str, values: st.SearchStrategy[Any], named: str) -> st.SearchStrategy[Thrown]:
    """A command whose last option has a wrong value."""
    return values.map(
        lambda value: (
            [*words[:-1], f"{words[-1]}={value}"]
            if words[-1][:2] == "--" and words[-1][-1] != "="
            else [*words, str(value)],
            {},
            named,
        )
    )


WORDS = TEXT.filter(lambda text: not text.startswith("-"))
PLACES = st.sampled_from(
    [".", "/dev/zero", "/dev/null", "pipe", "/no/such/file", "/proc/self/mem", "x" * 300, "", "a\udcffb"]
)
NO_SECONDS = st.sampled_from(["nan", "-1", "many", "1e9"])
NO_NUMBER = st.sampled_from(["nan", "inf", "-inf", "-1", "0", "1e400", "many", "", "0x10", "١٢!"])

MARKED = WORDS.map(lambda word: f"{word}!")
LONG = WORDS.filter(lambda word: len(word) > 5)
APPS = NOT_APPS.filter(lambda text: not text.startswith("-"))


def somewhere(*command: str) -> st.SearchStrategy[Thrown]:
    """A command whose file is a folder, a device, a pipe, or missing."""
    return PLACES.map(lambda place: ([*command, place], {}, ""))


def wrong_config_without_script() -> st.SearchStrategy[tuple[bytes, str]]:
    """Like `wrong_config`, for commands that do not need the script: only setup looks for it."""
    return wrong_config().filter(lambda made: made[1] != "SCRIPT_DOWNLOAD_URL")


def nonsense_words() -> st.SearchStrategy[Thrown]:
    """`policy` of nonexistent commands, or of an account that is not a number."""
    return st.one_of(
        option("policy", "--account", "123456789012", values=MARKED, named="is not a command"),
        option("policy", "setup", "--account", values=MARKED, named="--account"),
    )


def in_text(before: str, after: str = "", *, allowed: Callable[[str], str] = str) -> st.SearchStrategy[bytes]:
    """The content of a file with generated text in it."""
    return TEXT.map(lambda text: f"{before}{allowed(text)}{after}".encode("utf-8", "replace"))


def on_a_command_line(text: str) -> str:
    """Return a text as an argument or file name can have it: no NUL, and lone surrogates as bytes."""
    return re.sub("[/.\0]", "", re.sub("[\ud800-\udfff]", "\udcff", text))


WIDE = TEXT.map(lambda text: b"\xff\xfe" + text.encode("utf-16-le", "surrogatepass"))
NO_SCRIPTS = st.one_of(
    st.sampled_from([b"", b" \n", b"PK\x03\x04zip", b"<!DOCTYPE html><html></html>", b"{\\rtf1 x}"]),
    in_text("print(1);\0", "print(2);"),
    in_text("/* ", " never closed", allowed=lambda text: text.replace("*/", "")),
    WIDE,
)
NO_LANGUAGES = TEXT.map(lambda text: f"script.{on_a_command_line(text)}!")


def nonsense_scripts() -> st.SearchStrategy[Thrown]:
    """`tryScript` of something that is not a script, with missing images, or with an invalid job file."""
    script = ("tryScript", "script.ijm")
    return st.one_of(
        NO_SCRIPTS.map(lambda content: (list(script), {"script.ijm": content}, "SCRIPT script.ijm")),
        NO_LANGUAGES.map(lambda name: (["tryScript", f"./{name}"], {name: b"print(1);"}, "SCRIPT")),
        somewhere("tryScript"),
        somewhere(*script),
        TEXT.map(lambda text: ([*script, f"./{on_a_command_line(text)}!"], {}, "IMAGES")),
        option(*script, values=st.just("empty.tif"), named="it is empty"),
        st.just(([*script, "job.json", "../job.json", "./job.json"], {}, "two images")),
        option(*script, "--into", values=PLACES.filter(lambda place: place not in (".", "")), named="--into"),
        in_file("script.job.json", wrong_job_file() | wrong_group(), *script, "job.json"),
    )


def plain(text: str) -> str:
    """Return a text without the characters that make up a pattern of keys, or a table."""
    return re.sub(r"""[{}*?\s,;"'/\0]""", "", text)


NO_NAMES = ("{", "}", "{{A}}", "{}", "{0}", "{a b}", "{A:zz}", "{A:0}", "{A!r}", "{A}/", "A01.tif")
NO_PATTERNS = st.builds(lambda start, end: f"my/{plain(start)}{end}", TEXT, st.sampled_from(NO_NAMES))
NO_TARGETS = PLACES.filter(lambda place: not place.startswith("a"))
NO_TABLES = st.one_of(
    in_text("Well,", "!?,1x\nA1,b,c\n", allowed=plain),
    in_text("Well,Well\n", ",b\n", allowed=plain),
    in_text("Well,Dose\nA1,", ",more\n", allowed=plain),
    in_text('Well,Dose\nA1,"', "\n", allowed=plain),
    in_text("", allowed=plain),
    st.binary().map(lambda content: b"Well,Dose\nA1," + content + b"\xff\n"),
    st.just(b"x,1,1\nA,a,b\n"),
    WIDE,
)


def nonsense_plates() -> st.SearchStrategy[Thrown]:
    """`makeJob` of unusable patterns, tables, plates and files."""
    make = ("makeJob", "--to", "new.json")
    wells, keys = (*make, "--wells", "6"), (*make, "{Well}.tif")
    return st.one_of(
        NO_PATTERNS.map(lambda pattern: ([*make, pattern], {}, "The pattern")),
        TEXT.map(lambda text: ([*make, f"./none/{plain(text)}{{Well}}.tif"], {}, "none")),
        NO_TABLES.map(lambda content: ([*make, "--csv", "my.csv"], {"my.csv": content}, "my.csv")),
        NO_TABLES.map(lambda content: ([*wells, "--layout", "my.csv"], {"my.csv": content}, "my.csv")),
        somewhere(*make, "--csv"),
        somewhere(*wells, "--layout"),
        option(*keys, "--per", values=MARKED | st.just(","), named="--per"),
        option(*keys, "--plate", values=WORDS, named="--plate"),
        option(*make, "--wells", values=MARKED, named="--wells"),
        option(*wells, "--rows", values=MARKED, named="rows"),
        option(*wells, "--columns", values=MARKED, named="columns"),
        option(*wells, "--output", values=TEXT.map(lambda text: f"/{text}"), named="output_file_location"),
        option("makeJob", "--wells", "6", "--to", values=NO_TARGETS | st.just("job.json"), named="--to"),
    )


#: Places where no folder can be made or used; writers may create what is thrown at readers of folders.
NO_FOLDERS = PLACES.filter(lambda place: place not in (".", "") and not place.startswith("a"))

ON_A_MACHINE = ("rehearse", "job.json", "--where", "cloud", "--fleet")

#: `check` reports each problem in a row, which names its file by its role.
CHECK = "check"
IN_REPORTS = {"job.json": "job-file", "fleet.json": "fleet-file", "config.py": "config"}


def checked(thrown: Thrown) -> Thrown:
    """Return what is thrown at `check`, with what its report must name."""
    arguments, files, named = thrown
    return arguments, files, IN_REPORTS.get(named, named)


COMMANDS: dict[str, st.SearchStrategy[Thrown]] = {
    "setup": in_file("config.py", wrong_config(), "setup"),
    "submitJob": st.one_of(
        in_file("job.json", wrong_job_file() | wrong_group(), "submitJob", "job.json"),
        somewhere("submitJob"),
    ),
    "submitJob --undo": st.one_of(
        in_file("job.json", wrong_job_file() | wrong_group(), "submitJob", "--undo", "job.json"),
        somewhere("submitJob", "--undo"),
    ),
    "submitJob --replace": st.one_of(
        in_file("job.json", wrong_job_file() | wrong_group(), "submitJob", "--replace", "job.json"),
        somewhere("submitJob", "--replace"),
    ),
    "makeJob": nonsense_plates(),
    "tryScript": nonsense_scripts(),
    "policy": st.one_of(nonsense_words(), in_file("config.py", wrong_config_without_script(), "policy")),
    "startCluster": st.one_of(
        in_file("fleet.json", wrong_fleet_file(), "startCluster", "fleet.json"),
        somewhere("startCluster"),
        option("startCluster", "fleet.json", "--max-cost", values=NO_NUMBER, named="--max-cost"),
    ),
    "monitor": st.one_of(
        in_file("record.json", wrong_record(), "monitor", "record.json"),
        somewhere("monitor"),
        option("monitor", "record.json", values=LONG, named="CHEAPEST"),
    ),
    CHECK: st.one_of(
        in_file("config.py", wrong_config(), CHECK),
        in_file("job.json", wrong_job_file() | wrong_group(), CHECK, "job.json"),
        in_file("fleet.json", wrong_fleet_file(), CHECK, "job.json", "fleet.json"),
        somewhere(CHECK),
        somewhere(CHECK, "job.json"),
    ).map(checked),
    "estimate": st.one_of(
        in_file("job.json", wrong_job_file() | wrong_group(), "estimate", "job.json"),
        in_file("fleet.json", wrong_fleet_file(), "estimate", "job.json", "fleet.json"),
        somewhere("estimate"),
        somewhere("estimate", "job.json"),
        option("estimate", "job.json", "--minutes-per-job", values=NO_NUMBER, named="--minutes-per-job"),
    ),
    "rehearse": st.one_of(
        in_file("job.json", wrong_job_file() | wrong_group(), "rehearse", "job.json"),
        in_file("fleet.json", wrong_fleet_file(), *ON_A_MACHINE, "fleet.json"),
        somewhere("rehearse"),
        somewhere(*ON_A_MACHINE),
        somewhere("rehearse", "job.json", "--fleet"),
        option("rehearse", "job.json", "--where", values=MARKED, named="--where"),
        option("rehearse", "job.json", "--max-cost", values=NO_NUMBER, named="--max-cost"),
    ),
    "collect": st.one_of(
        in_file("record.json", wrong_record(), "collect", "*.csv", "--run", "record.json"),
        in_file("job.json", wrong_groups(), "collect", "*.csv", "--expect", "job.json"),
        somewhere("collect", "*.csv", "--run"),
        somewhere("collect", "*.csv", "--expect"),
        option("collect", "*.csv", "--style", values=MARKED, named="--style"),
        option("collect", "*.csv", "--wells", values=MARKED, named="--wells"),
    ),
    "report": st.one_of(
        in_file("record.json", wrong_record(), "report", "record.json"),
        somewhere("report"),
        option("report", "--output", values=NO_FOLDERS, named="-o"),
    ),
    "compare": st.one_of(
        in_file("ro-crate-metadata.json", st.nothing(), "compare", ".", "."),
        somewhere("compare"),
        somewhere("compare", "."),
    ),
    "failures": st.one_of(
        in_file("record.json", wrong_record(), "failures", "record.json"),
        in_file("config.py", wrong_config_without_script(), "failures"),
        somewhere("failures"),
    ),
    "status": st.one_of(
        in_file("record.json", wrong_record(), "status", "record.json"),
        in_file("config.py", wrong_config_without_script(), "status"),
        somewhere("status", "--json"),
    ),
    "doctor": st.one_of(
        in_file("record.json", wrong_record(), "doctor", "record.json"),
        in_file("config.py", wrong_config_without_script(), "doctor"),
        somewhere("doctor", "--json"),
    ),
    "logs": st.one_of(
        in_file("record.json", wrong_record(), "logs", "--well", "A1", "--run", "record.json"),
        somewhere("logs", "--well", "A1", "--run"),
        option("logs", values=MARKED, named="has no log"),
        option("logs", "--well", values=MARKED, named="--well"),
        option("logs", "--group", "1", "--grep", "x", "--attempt", values=NO_NUMBER, named="--attempt"),
        option("logs", "--grep", "x", "--group", values=MARKED, named="There is no group"),
    ),
    "retry": st.one_of(
        in_file("config.py", wrong_config_without_script(), "retry", "--all"),
        option("retry", "--group", values=MARKED, named="There is no group"),
        option("retry", "--job", values=MARKED, named="--job"),
        option("retry", "--well", values=MARKED, named="--well"),
        option("retry", "--all", "--memory", values=NO_NUMBER, named="--memory"),
    ),
    "resubmit": st.one_of(
        in_file("job.json", wrong_job_file() | wrong_group(), "resubmit", "job.json"),
        somewhere("resubmit"),
    ),
    "redrive": in_file("config.py", wrong_config_without_script(), "redrive"),
    "inventory": st.one_of(
        option("inventory", values=APPS, named="APP_NAME"),
        option("inventory", "--region", values=MARKED, named="--region"),
    ),
    "cleanup": st.one_of(
        option("cleanup", "--yes", "--keep=", values=APPS, named="APP_NAME"),
        option("cleanup", "--yes", "Nonsense", "--keep", values=MARKED, named="--keep"),
        option("cleanup", "--yes", "Nonsense", "--region", values=MARKED, named="--region"),
    ),
    "local": st.one_of(
        option("local", values=MARKED, named=""),
        option("local", "bucket", values=MARKED, named="NAME"),
        option("local", "interrupt", "--seconds", values=NO_SECONDS, named="--seconds"),
    ),
}


def files_in(folder: Path) -> dict[str, bytes]:
    """Return the content of a folder's files, by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.fixture
def throw(
    account: Account,
    made: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[[Thrown], Ended]:
    """Run a command with what was thrown, in a folder where everything else is valid."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISTRIBUTED_FIJI_LOCAL", str(tmp_path / "no-cloud"))
    fill(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "record.json").write_text(json.dumps(RECORD))
    (tmp_path / "empty.tif").touch()
    right = files_in(tmp_path)

    def call(thrown: Thrown) -> Ended:
        arguments, files, _ = thrown
        given = right | files
        for name, content in given.items():
            (tmp_path / name).write_bytes(content)
        capsys.readouterr()
        code = run.run(["--config", "config.py", *arguments])
        said = capsys.readouterr()
        assert files_in(tmp_path) == given
        for name in files.keys() - right.keys():
            (tmp_path / name).unlink()
        return Ended(code, said.out, said.err)

    return call


@pytest.mark.parametrize("count", [FEW, SOME, pytest.param(MANY, marks=pytest.mark.thorough)])
@pytest.mark.parametrize("command", COMMANDS)
def test_nonsense_is_refused_with_its_field_and_changes_nothing(
    command: str, count: int, account: Account, throw: Callable[[Thrown], Ended]
) -> None:
    before, distinct = account.everything(), set()

    @settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(COMMANDS[command])
    def thrown_at(thrown: Thrown) -> None:
        ended = throw(thrown)
        distinct.add(repr(thrown))

        assert ended.code == 2, ended.said
        assert "Traceback" not in ended.said
        if command == CHECK:
            assert ended.out.lstrip().startswith(("id", "stop")), ended.said
            assert thrown[2] in ended.out, (thrown, ended.said)
            return
        assert ended.out == "", ended.said
        # Problems that only AWS or a record can show are reported after the line that names the account.
        assert ACCOUNT.sub("", ended.err).startswith("Error: "), ended.err
        assert thrown[2] in ended.err, (thrown, ended.err)
        assert re.search(r"[Nn]othing was changed|for help: |starts it", ended.err), ended.err

    thrown_at()
    assert account.settled(before) == before
    # `pytest -rP` shows it: a row of the table in docs/faults.md.
    print(f"| `{command}` | {len(distinct)} | exit code 2, field named | 0 tracebacks | 0 changes |")


#: Commands that nothing is thrown at, and why not.
LEFT_OUT: dict[str, str] = {}


def test_nonsense_is_thrown_at_every_command() -> None:
    run.mount_more()
    thrown_at = {name.partition(" ")[0] for name in COMMANDS}

    assert thrown_at | LEFT_OUT.keys() == set(run.main.commands)
    assert not thrown_at & LEFT_OUT.keys() and all(LEFT_OUT.values())


@contextlib.contextmanager
def a_full_disk() -> Any:
    """Let no file grow in this process: writing fails as on a full disk."""
    import resource
    import signal

    limits, action = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, action)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["startCluster", "fleet.json"], "the record of the run is stored there"),
        (["tryScript", "script.ijm"], "--into ."),
        (["makeJob", "--wells", "6", "--to", "new.json"], "--to new.json"),
        (["report", "-o", "new"], "-o new"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_disk_without_room_is_noticed_before_anything_is_changed(
    account: Account,
    throw: object,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    before, files = account.everything(), files_in(tmp_path)
    with a_full_disk():
        code = run.run(["--config", "config.py", *arguments])

    assert code == 2
    assert words in capsys.readouterr().err
    assert files_in(tmp_path) == files
    assert account.settled(before) == before
