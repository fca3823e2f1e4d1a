"""The store fails, in the ways that stores do: what was acknowledged is there afterwards."""

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import load_case, migrate, postgres_url
from tests.faults.browser import Browser, Typist, held, stored
from tests.server import ROOT, serving

pytestmark = pytest.mark.slow

TYPISTS = 4


@contextmanager
def typing(server):
    """Several people who type and save, as fast as they can, until the block ends."""
    typists = [Typist(server, seed=number) for number in range(TYPISTS)]
    ended = False

    def type_on(typist: Typist) -> None:
        while not ended:
            typist.save()

    with ThreadPoolExecutor(TYPISTS) as threads:
        working = [threads.submit(type_on, typist) for typist in typists]
        try:
            yield typists
        finally:
            ended = True
    for each in working:
        each.result()


def nothing_was_lost(typists: list[Typist]) -> None:
    """Prints what became of their saves, and holds the store to it."""
    for typist in typists:
        typist.look()
    statuses = [status for typist in typists for status in typist.statuses]
    counted = {status: statuses.count(status) for status in sorted(set(statuses))}
    lost = sum(typist.lost for typist in typists)
    print(f"answers by status {counted}, acknowledged saves that were lost: {lost}")
    assert lost == 0
    assert set(counted) <= {0, 200, 303, 503}


@pytest.fixture
def own_postgres(tmp_path_factory):
    """A PostgreSQL that a test may break."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pgserver

        server = pgserver.get_server(tmp_path_factory.mktemp("own"), cleanup_mode="delete")
    yield server
    server.cleanup()


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "immediate"])
def test_postgresql_is_restarted_under_load(own_postgres, tmp_path, kind):
    url = postgres_url(own_postgres, "postgres")
    migrate(url, tmp_path)
    with serving(url, tmp_path) as server:
        with typing(server) as typists:
            for _ in range(3):
                time.sleep(1)
                os.kill(own_postgres.get_pid(), kind)  # pg_ctl(1): what these modes send
                time.sleep(0.5)
                own_postgres.ensure_postgres_running()
            time.sleep(1)
        assert all(typist.save() in (200, 303) for typist in typists)
        nothing_was_lost(typists)


NEXT = '''
"""A next version, as ours are: it only adds."""

import sqlalchemy as sa
from alembic import op

revision = "next"
down_revision = "{newest}"


def upgrade() -> None:
    op.add_column("draft", sa.Column("later", sa.String()))
    op.create_index("ix_draft_later", "draft", ["later"])
    op.create_table("later", sa.Column("id", sa.Integer(), primary_key=True))
'''


def test_a_store_is_migrated_while_the_version_before_serves(database_url, tmp_path):
    migrations = tmp_path / "migrations"
    shutil.copytree(ROOT / "wizard/migrations", migrations)
    newest = max(path.name[:4] for path in (migrations / "versions").glob("[0-9]*.py"))
    (migrations / "versions/next.py").write_text(NEXT.format(newest=newest))
    command = [sys.executable, "-m", "flask", "--app", "wizard", "db", "upgrade", "-d"]
    with serving(database_url, tmp_path) as server:
        with typing(server) as typists:
            time.sleep(1)
            settings = {
                "WIZARD_DATABASE_URL": database_url,
                "WIZARD_INSTANCE_PATH": str(tmp_path),
            }
            subprocess.run(
                [*command, str(migrations)], cwd=ROOT, check=True, env=os.environ | settings
            )
            time.sleep(1)
        assert stored(server, "later") == []
        assert Browser(server).open("GET", "/readyz")[0] == 200
        assert {status for each in typists for status in each.statuses} == {200, 303}
        nothing_was_lost(typists)


@contextmanager
def full_disk(server, store: Path):
    """No file of the server may grow, as on a disk that is full (setrlimit(2), RLIMIT_FSIZE)."""
    most = Path(f"{store}-wal").stat().st_size
    _, hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (hard, hard))


def test_on_a_full_disk_nobody_gets_a_false_receipt(sqlite_url, tmp_path):
    case, store = load_case("partner"), tmp_path / "wizard.sqlite"
    with serving(sqlite_url, tmp_path) as server:
        browser = Browser(server)
        path, authorized = browser.ready(case)
        with full_disk(server, store):
            for _ in range(3):
                status, _, page = browser.open("POST", f"{path}/review", authorized)
                assert (status, "Try again" in page) == (503, True)
        assert stored(server, "submission") == stored(server, "message") == []
        assert browser.open("POST", f"{path}/review", authorized)[:2] == (303, f"{path}/done")
        assert len(stored(server, "submission")) == len(stored(server, "message")) == 1
    with sqlite3.connect(store) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_a_disk_that_is_full_now_and_then_loses_nothing(sqlite_url, tmp_path):
    with serving(sqlite_url, tmp_path) as server:
        with typing(server) as typists:
            for _ in range(4):
                time.sleep(0.5)
                with full_disk(server, tmp_path / "wizard.sqlite"):
                    time.sleep(0.5)
            time.sleep(0.5)
        assert 503 in {status for typist in typists for status in typist.statuses}
        assert all(typist.save() in (200, 303) for typist in typists)
        nothing_was_lost(typists)


def test_a_writer_that_holds_the_store_too_long_delays_and_loses_nothing(database_url, tmp_path):
    with serving(database_url, tmp_path) as server:
        typist = Typist(server, seed=1)
        assert typist.save() in (200, 303)
        with held(database_url):
            assert typist.save() == 503
        assert typist.save() in (200, 303)
        nothing_was_lost([typist])
