"""The server is killed at random moments: what it acknowledged is there afterwards."""

import random
import threading
from contextlib import suppress

import pytest

from tests.conftest import load_case
from tests.faults.browser import Browser, Typist, stored
from tests.server import serving

pytestmark = pytest.mark.slow

KILLS = 100


def test_what_was_acknowledged_survives_a_hundred_kills(database_url, tmp_path):
    seed = random.randrange(10**6)
    print("seed", seed)
    chance = random.Random(seed)
    kills = 0
    with serving(database_url, tmp_path) as server:
        typist = Typist(server, seed=seed)
        while kills < KILLS:
            dies = chance.random() < 0.5
            if dies:
                timer = threading.Timer(chance.random() * 0.03, server.kill)
                timer.start()
            status = typist.save()
            if dies:
                timer.join()
                kills += 1
                server.start()
            assert status in (0, 200, 303), status
            typist.look()
    print(f"{kills} kills, {typist.acknowledged} acknowledged, {typist.lost} lost")
    assert typist.lost == 0


def test_a_submission_survives_a_kill_and_is_made_once(database_url, tmp_path):
    case = load_case("partner")
    with serving(database_url, tmp_path) as server:
        for turn in range(8):
            browser = Browser(server)
            path, authorized = browser.ready(case)
            timer = threading.Timer(turn * 0.004, server.kill)
            timer.start()
            with suppress(OSError):
                browser.open("POST", f"{path}/review", authorized)
            timer.join()
            server.start()
            status, location, _ = browser.open("POST", f"{path}/review", authorized)
            assert (status, location) == (303, f"{path}/done")
            assert len(stored(server, "submission")) == turn + 1
            assert len(stored(server, "message")) == turn + 1
