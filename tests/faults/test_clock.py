"""Run the server with a wrong clock."""

from pathlib import Path

import pytest

from tests.conftest import skip_without
from tests.faults.browser import Browser, hidden_fields
from tests.server import running_server

pytestmark = pytest.mark.slow


@pytest.fixture
def faketime():
    """Return the path of libfaketime, which gives a process its own clock."""
    found = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
    if found is None:
        skip_without("faketime")
    return found


@pytest.mark.parametrize("off", ["+1d", "-1d"])
def test_wrong_clock_loses_no_answers(database_url, tmp_path, faketime, off):
    with running_server(database_url, tmp_path) as server:
        server.stop()
        server.start("env", f"LD_PRELOAD={faketime}", f"FAKETIME={off}", "DONT_FAKE_MONOTONIC=1")
        browser = Browser(server)
        path = browser.start("agency")
        data = browser.hidden_fields(f"{path}/organization")
        typed = [("organization_name", "Orlando"), ("city", "Orlando"), ("state", "FL")]
        server.stop()
        server.start()
        status, location, page = browser.open("POST", f"{path}/organization", [*data, *typed])
        if status == 400:  # the session is of a day to come: what was typed is to be confirmed
            assert "Your answers are still here" in page and 'value="Orlando"' in page
            again = hidden_fields(page)
            status, location, _ = browser.open("POST", f"{path}/organization", [*again, *typed])
        assert (status, location) == (303, f"{path}/contact")
