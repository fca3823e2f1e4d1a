"""One server for all attacks that need no settings of their own, and a look into its store."""

import shutil

import pytest

from tests.attack.browser import Browser
from tests.server import Server, serving
from tests.staff import colleague
from wizard import create_app
from wizard.db.engine import db


@pytest.fixture(scope="session")
def server(migrated_sqlite, tmp_path_factory):
    """The program as `make run` serves it."""
    folder = tmp_path_factory.mktemp("attacked")
    shutil.copy(migrated_sqlite, folder / "wizard.sqlite")
    with serving(f"sqlite:///{folder / 'wizard.sqlite'}", folder) as started:
        yield started


@pytest.fixture(scope="session")
def inside(server):
    """The same program in this process: it shares the store and the secret."""
    app = inside_of(server)
    yield app
    with app.app_context():
        db.engine.dispose()


def inside_of(server: Server):
    """A program on the store of a server."""
    return create_app(
        {
            "TESTING": True,
            "DATABASE_URL": server.database_url,
            "INSTANCE_PATH": str(server.folder),
            "PUBLIC_URL": server.url,
        }
    )


@pytest.fixture
def browser(server) -> Browser:
    """Somebody's browser."""
    return Browser(server)


def signed_in(server: Server, app, role: str, name: str) -> Browser:
    """A browser in which somebody of that role is signed in."""
    colleague(app, role, name)
    browser = Browser(server)
    browser.cookies["staff"] = f'"token of {name}@example.gov"'
    return browser
