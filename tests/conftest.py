"""What every test may ask for: a store of each kind, the program on it, a browser-like client."""

import json
import os
import shutil
import socket
import subprocess
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg
import pytest
from flask import Flask
from flask_migrate import upgrade
from jinja2 import FileSystemBytecodeCache

from tests.client import Client
from wizard import create_app
from wizard.db.engine import db

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
"""Settings with which an office may serve the open internet."""

numbers = count()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory):
    """A real PostgreSQL of this test process alone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pgserver

        server = pgserver.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="delete")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")  # no test cuts the power
        connection.execute("SELECT pg_reload_conf()")
    yield server
    server.cleanup()


def create_database(server, name: str) -> None:
    """Makes a database; `name` may go on with options."""
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")


def postgres_url(server, database: str) -> str:
    """The address of a database on that server, for SQLAlchemy."""
    return server.get_uri(database).replace("postgresql://", "postgresql+psycopg://")


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory) -> Path:
    """A migrated store to copy."""
    folder = tmp_path_factory.mktemp("migrated")
    migrate(f"sqlite:///{folder / 'wizard.sqlite'}", folder)
    return folder / "wizard.sqlite"


@pytest.fixture(scope="session")
def migrated_postgres(postgres, tmp_path_factory) -> str:
    """The name of a migrated database to copy."""
    create_database(postgres, "migrated")
    migrate(postgres_url(postgres, "migrated"), tmp_path_factory.mktemp("migrated"))
    return "migrated"


def migrate(url: str, folder: Path) -> None:
    """Brings an empty store to the newest version."""
    app = create_app({"DATABASE_URL": url, "INSTANCE_PATH": str(folder)})
    with app.app_context():
        upgrade()
        db.engine.dispose()


@pytest.fixture
def sqlite_url(migrated_sqlite, tmp_path) -> str:
    """A fresh, migrated store in a file."""
    shutil.copy(migrated_sqlite, tmp_path / "wizard.sqlite")
    return f"sqlite:///{tmp_path / 'wizard.sqlite'}"


@pytest.fixture(params=STORES)
def database_url(request) -> str:
    """A fresh, migrated store: every test that asks for it runs on both kinds."""
    if request.param == "sqlite":
        return request.getfixturevalue("sqlite_url")
    server = request.getfixturevalue("postgres")
    template = request.getfixturevalue("migrated_postgres")
    name = f"test_{next(numbers)}"
    create_database(server, f"{name} TEMPLATE {template} STRATEGY FILE_COPY")
    return postgres_url(server, name)


@dataclass
class Redis:
    """A server of the test's own."""

    url: str
    process: subprocess.Popen


@pytest.fixture
def redis(tmp_path) -> Iterator[Redis]:
    """A real Redis."""
    if not shutil.which("redis-server"):
        missing("redis-server")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    process = subprocess.Popen([*command, "--dir", str(tmp_path)], stdout=subprocess.DEVNULL)
    for _ in range(100):
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    yield Redis(f"redis://127.0.0.1:{port}/0", process)
    process.kill()
    process.wait()


def missing(package: str) -> None:
    """Skips what a machine cannot do, which never happens in CI."""
    if os.environ.get("CI"):
        pytest.fail(f"there is no {package} here")
    pytest.skip(f"there is no {package} on this machine")


@pytest.fixture(scope="session")
def compiled(tmp_path_factory) -> FileSystemBytecodeCache:
    """The templates, compiled once for all the programs that the tests make."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("compiled")))


@pytest.fixture
def make_app(database_url, tmp_path, compiled) -> Iterator:
    """Makes the program on the test's store, with settings of the test's own."""
    made: list[Flask] = []

    def make(**options) -> Flask:
        flow = {"flow": options.pop("flow")} if "flow" in options else {}
        settings = {
            "TESTING": True,
            "RATELIMIT_ENABLED": False,
            "DATABASE_URL": database_url,
            "INSTANCE_PATH": str(tmp_path),
            "PUBLIC_URL": "http://commitments.example.org",
        }
        app = create_app(settings | options, **flow)
        app.test_client_class = Client
        app.jinja_env.bytecode_cache = compiled
        made.append(app)
        return app

    yield make
    for app in made:
        with app.app_context():
            db.engine.dispose()


@pytest.fixture
def app(make_app) -> Flask:
    """The program as it comes."""
    return make_app()


@pytest.fixture
def client(app) -> Client:
    """A browser without JavaScript, which looks at the HTML of every page it gets."""
    return app.test_client()


@pytest.fixture(params=["agency", "partner"])
def case(request) -> dict:
    """A realistic set of answers of each branch."""
    return load_case(request.param)


def load_case(name: str) -> dict:
    """The answers of one case, by field name."""
    return json.loads((CASES / f"{name}.json").read_text(encoding="utf-8"))["answers"]
