"""No AWS account of a developer is reachable from a test; a missing service skips here and fails in CI."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

#: Variables that would lead a test to somebody's account.
AWS_VARIABLES = [name for name in os.environ if name.startswith("AWS_") and name != "AWS_CA_BUNDLE"]


@pytest.fixture(autouse=True, scope="session")
def no_account() -> Iterator[None]:
    """Hide the developer's keys, profiles and endpoints from every test and every process it starts."""
    with pytest.MonkeyPatch.context() as patch:
        for name in AWS_VARIABLES:
            patch.delenv(name)
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield
