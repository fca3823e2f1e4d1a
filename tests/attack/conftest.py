"""Fixtures of the attacks: one server without settings of its own, and access to its database."""

import json
import shutil
import uuid

import pytest
from sqlalchemy import inspect, select

from tests.attack.browser import Browser
from tests.complete_form import complete_form, draft_path
from tests.conftest import load_case
from tests.factories import staff_client
from tests.server import Server, running_server
from wizard import create_app
from wizard.db.accounts import StaffUser
from wizard.db.engine import db
from wizard.db.models import Draft, MailMessage, Proposal, Report, Submission

ORGANIZATION_DATA = {"city": "Elsewhere", "organization_name": "X", "state": "FL"}


@pytest.fixture(scope="session")
def server(migrated_sqlite, tmp_path_factory):
    """Run the program as `make run` serves it."""
    folder = tmp_path_factory.mktemp("attacked")
    shutil.copy(migrated_sqlite, folder / "wizard.sqlite")
    with running_server(f"sqlite:///{folder / 'wizard.sqlite'}", folder) as started:
        yield started


@pytest.fixture(scope="session")
def server_app(server):
    """Return the same program in this process; it shares the database and the secret key."""
    app = app_of(server)
    yield app
    with app.app_context():
        db.engine.dispose()


def app_of(server: Server):
    """Create a program on the database of a server."""
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
    """Return a new browser."""
    return Browser(server)


def staff_browser(server: Server, app, role: str, name: str) -> Browser:
    """Return a browser in which a new account of that role is signed in."""
    staff_client(app, role, name)
    browser = Browser(server)
    browser.cookies["staff"] = f'"token of {name}@example.gov"'
    return browser


def messages_to(app, *words: str) -> list[MailMessage]:
    """Return the messages whose recipient contains one of the given words."""
    with app.app_context():
        found = list(db.session.scalars(select(MailMessage)))
        db.session.close()
    return [each for each in found if any(word in each.recipient for word in words)]


@pytest.fixture(scope="module")
def submitted_draft(server) -> tuple[Browser, str, str]:
    """Submit a draft; return its browser, its id and its reference."""
    browser = Browser(server)
    receipt = complete_form(browser, load_case("partner"))
    return browser, draft_path(receipt).rsplit("/", 1)[1], receipt.text(".reference")


def stored_rows(app) -> list:
    """Return all stored rows, without delivery bookkeeping and audit events."""
    with app.app_context():
        kept = []
        for model in (Draft, Submission, Proposal, MailMessage, Report, StaffUser):
            for row in db.session.scalars(select(model)):
                values = {a.key: getattr(row, a.key) for a in inspect(model).column_attrs}
                for bookkeeping in ("attempts", "sent_at", "next_at", "next_attempt_at"):
                    values.pop(bookkeeping, None)
                kept.append(json.dumps(values, default=str, sort_keys=True))
        return sorted(kept)


def draft_id(path: str) -> str:
    """Return the draft id in a path."""
    return path.rsplit("/", 1)[1]


def rows_of_draft(app, model, path: str) -> list:
    """Return the stored rows of a model that belong to a draft."""
    column = Draft.id if model is Draft else Submission.draft_id
    with app.app_context():
        query = select(model).where(column == uuid.UUID(draft_id(path)))
        found = list(db.session.scalars(query))
        db.session.close()
    return found
