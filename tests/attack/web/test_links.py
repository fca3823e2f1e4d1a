"""Forge and alter link tokens."""

import string
import uuid

import pytest

from tests.attack.browser import Browser
from tests.complete_form import draft_path, start_draft
from tests.conftest import load_case
from wizard.db.models import Draft
from wizard.web import links
from wizard.web.links import serializer


@pytest.fixture
def left_draft(browser) -> tuple[str, str]:
    """Save a draft; return its path and the token of its resume link."""
    path = draft_path(start_draft(browser, load_case("agency")))
    link = browser.page(f"{path}/save").all("#link")[0].attrs["value"]
    return path, link.rsplit("/", 1)[1]


def opens_draft(server, token: str) -> bool:
    """Return True if the token opens a draft in a new browser."""
    answer = Browser(server).get(f"/resume/{token}")
    assert answer.status_code in (303, 404)
    return answer.status_code == 303


def test_altered_token_opens_no_draft(server, left_draft):
    _, token = left_draft
    letters = string.ascii_letters + string.digits + "-_"
    assert opens_draft(server, token)
    for place in range(0, len(token), 3):
        letter = letters[letters.find(token[place]) ^ 32]  # a bit that no base64 leaves out
        assert not opens_draft(server, token[:place] + letter + token[place + 1 :]), place
    for other in (token[:-1], token[: token.rindex(".")], token + "A", token * 2, "A" * 4000, "."):
        assert not opens_draft(server, other)


def test_token_of_other_purpose_opens_no_draft(server, server_app, left_draft):
    path, token = left_draft
    named = [path.rsplit("/", 1)[1].replace("-", ""), 1]
    with server_app.app_context():
        assert serializer("draft-resume").dumps(named) == token
        for purpose in ("draft-page", "submission-update", "staff-browser", "staff-totp", "x"):
            assert not opens_draft(server, serializer(purpose).dumps(named)), purpose


def test_token_of_other_secret_opens_no_draft(server, server_app, left_draft):
    path, _ = left_draft
    inside_key = server_app.secret_key
    with server_app.app_context():
        server_app.config["SECRET_KEY"] = "guessed" * 8
        try:
            draft = Draft(id=uuid.UUID(path.rsplit("/", 1)[1]), link_version=1)
            forged = links.draft_token(draft.id, draft.link_version, "resume")
        finally:
            server_app.config["SECRET_KEY"] = inside_key
    assert not opens_draft(server, forged)


def test_resume_link_redirects_without_token(server, left_draft):
    answer = Browser(server).get(f"/resume/{left_draft[1]}")
    assert left_draft[1] not in answer.location
    assert answer.headers["Referrer-Policy"] == "strict-origin"
    assert answer.headers["Cache-Control"] == "no-store"
