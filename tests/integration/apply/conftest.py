"""Fixtures and helpers of the draft tests."""

import pytest

from tests.complete_form import complete_form, resume_path
from tests.conftest import AGENCY
from wizard.flows.commitment import COMMITMENT

AGENCY_STEPS = [
    name
    for name in COMMITMENT.steps
    if name not in ("kind", "programs", "involvement", "commitment", "milestones")
]


@pytest.fixture
def left_draft(client):
    """Save a draft at its contact step; return its path and its resume link."""
    page = complete_form(client, AGENCY, until="contact")
    return page.path, resume_path(client.send(page.path, {"action": "save"}))


def purge_drafts(app) -> str:
    return app.test_cli_runner().invoke(args=["drafts", "purge"]).output
