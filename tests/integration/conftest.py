"""Fixtures of the integration tests: signed-in staff."""

import pytest

from tests.client import Client
from tests.factories import staff_client


@pytest.fixture
def viewer(app):
    """Return a client signed in as a viewer."""
    return staff_client(app, "viewer")


@pytest.fixture
def editor(app):
    """Return a client signed in as an editor."""
    return staff_client(app, "editor")


@pytest.fixture
def admin(app) -> Client:
    """Return a client signed in as an admin."""
    return staff_client(app, "admin")
