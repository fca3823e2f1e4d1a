"""Measure moving 500 cases with their messages on SQLite. See README.md."""

import re
import tempfile
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from time import perf_counter, process_time

from tests.load.page_times import make_app, new_database, signed_in_client
from tools import demo
from wizard.db.engine import WriteLock

COUNT, CPU_GOAL_SECONDS, HELD_GOAL_MS = 500, 20, 50
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
    with tempfile.TemporaryDirectory() as made:
        app = make_app(new_database(Path(made)), made)
        with app.app_context():
            demo.fill(COUNT)
        client = signed_in_client(app)
        with timed_lock(app) as lock:
            started, page, posts = process_time(), client.get(MANY).text, 0
            while 'name="run"' in page:
                inputs = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
                form = {name: unescape(value) for name, value in inputs}
                words = re.findall(r'name="(words-\w+)"[^>]*>\n([^<]*)<', page)
                form |= {name: unescape(text) for name, text in words}
                page, posts = client.post(MANY, data=form).text, posts + 1
            taken = process_time() - started
        print(re.search(r'id="progress">([^<]*)<', page)[1])
        print(f"{posts} posts, {taken:.1f} s of CPU time; goal {CPU_GOAL_SECONDS} s")
        held = sorted(lock.held)
        most = held[len(held) * 99 // 100]
        print(f"held {most:.0f} ms for 99%, {held[-1]:.0f} at most; goal {HELD_GOAL_MS} ms")


if __name__ == "__main__":
    main()
