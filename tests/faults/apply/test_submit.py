"""Kill the server during submission."""

import threading
from contextlib import suppress

import pytest

from tests.conftest import load_case
from tests.faults.browser import Browser, stored_rows
from tests.server import ForkedServer, running_server

pytestmark = pytest.mark.slow


def test_submission_survives_kill_and_is_single(database_url, tmp_path):
    case = load_case("partner")
    with running_server(database_url, tmp_path, ForkedServer) as server:
        for turn in range(8):
            browser = Browser(server)
            path, authorized = browser.prepare_submission(case)
            timer = threading.Timer(turn * 0.004, server.kill)
            timer.start()
            with suppress(OSError):
                browser.open("POST", f"{path}/review", authorized)
            timer.join()
            server.start()
            status, location, _ = browser.open("POST", f"{path}/review", authorized)
            assert (status, location) == (303, f"{path}/done")
            assert len(stored_rows(server, "submission")) == turn + 1
            assert len(stored_rows(server, "message")) == turn + 1
            assert [row["kind"] for row in stored_rows(server, "event")] == ["submitted"] * (
                turn + 1
            )
