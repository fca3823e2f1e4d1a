"""Each test begins with an empty memory, so that a changed rule is noticed."""

import pytest

from wizard.flows.commitment import COMMITMENT


@pytest.fixture(autouse=True)
def no_memory() -> None:
    COMMITMENT.__dict__.pop("result_caches", None)
