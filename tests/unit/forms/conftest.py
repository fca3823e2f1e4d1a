"""Each test begins without what others found out: a changed rule must be noticed."""

import pytest

from wizard.forms.memory import memory_for


@pytest.fixture(autouse=True)
def no_memory() -> None:
    memory_for.cache_clear()
