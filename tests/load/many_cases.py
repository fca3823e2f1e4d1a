"""Measure moving 500 cases with their messages on SQLite. See README.md."""

import argparse
import gc
import re
import tempfile
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from time import perf_counter, process_time

from tests.load.page_times import make_app, new_database, signed_in_client
from tools import demo
from wizard.db.engine import WriteLock

CPU_GOAL_SECONDS, HELD_GOAL_MS = 20, 50
MANY = "/staff/submissions/many?action=withdrawn&all=1"


class TimedLock(WriteLock):
    """The lock of the database, which notes how long it is held."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[float] = []

    def __enter__(self) -> None:
        super().__enter__()
        self.started = perf_counter()

    def __exit__(self, *error: object) -> None:
        self.held.append(1000 * (perf_counter() - self.started))
        super().__exit__(*error)


@contextmanager
def timed_lock(app):
    """Put a timed lock in place of the program's."""
    lock = app.extensions["sqlite_write_lock"] = TimedLock()
    yield lock


def main() -> None:
    """Withdraw every case, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=500, help="cases")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        app = make_app(new_database(Path(made)), made)
        with app.app_context():
            demo.fill(chosen.count)
            gc.freeze()  # as `serve` does
        client = signed_in_client(app)
        with timed_lock(app) as lock:
            started, page, posts = process_time(), client.get(MANY).text, 0
            while 'name="run"' in page:
                inputs = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
                form = {name: unescape(value) for name, value in inputs}
                boxes = re.findall(r'<textarea [^>]*name="([^"]+)"[^>]*>\n([^<]*)<', page)
                form |= {name: unescape(text) for name, text in boxes}
                answer = client.post(MANY, data=form)
                assert answer.status_code == 200, answer.status
                page, posts = answer.text, posts + 1
            taken = process_time() - started
        print(re.search(r'id="progress">([^<]*)<', page)[1])
        print(f"{posts} posts, {taken:.1f} s of CPU time; goal {CPU_GOAL_SECONDS} s")
        held = sorted(lock.held)
        most = held[len(held) * 99 // 100]
        print(f"held {most:.0f} ms for 99%, {held[-1]:.0f} at most; goal {HELD_GOAL_MS} ms")


if __name__ == "__main__":
    main()
