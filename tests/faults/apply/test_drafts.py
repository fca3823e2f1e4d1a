"""Kill the server during autosave."""

import random
import threading

import pytest

from tests.faults.browser import Typist
from tests.server import ForkedServer, running_server

pytestmark = [pytest.mark.slow, pytest.mark.long]
KILLS = 100


def test_acknowledged_saves_survive_100_kills(database_url, tmp_path):
    seed = random.randrange(10**6)
    print("seed", seed)
    chance = random.Random(seed)
    kills = 0
    with running_server(database_url, tmp_path, ForkedServer) as server:
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
            typist.compare_with_database()
    print(f"{kills} kills, {typist.acknowledged} acknowledged, {typist.lost} lost")
    assert typist.lost == 0
