"""Link tokens and references: what opens a draft, and everything that must not."""

import string
import uuid

import pytest

from tests.attack.browser import Browser
from tests.conftest import load_case
from tests.walk import draft_path, start, walk
from wizard.apply.submit import new_reference
from wizard.db.models import Draft
from wizard.web import links
from wizard.web.signing import serializer


@pytest.fixture
def left(browser) -> tuple[str, str]:
    """A draft that somebody left: its path and the token of its resume link."""
    path = draft_path(start(browser, load_case("agency")))
    link = browser.page(f"{path}/save").all("#link")[0].attrs["value"]
    return path, link.rsplit("/", 1)[1]


def opens(server, token: str) -> bool:
    """Whether a token opens something in a stranger's browser."""
    answer = Browser(server).get(f"/resume/{token}")
    assert answer.status_code in (303, 404)
    return answer.status_code == 303


def test_no_token_but_the_exact_one_opens_the_draft(server, left):
    _, token = left
    letters = string.ascii_letters + string.digits + "-_"
    assert opens(server, token)
    for place in range(0, len(token), 3):
        letter = letters[letters.find(token[place]) ^ 32]  # a bit that no base64 leaves out
        assert not opens(server, token[:place] + letter + token[place + 1 :]), place
    for other in (token[:-1], token[: token.rindex(".")], token + "A", token * 2, "A" * 4000, "."):
        assert not opens(server, other)


def test_what_was_signed_for_something_else_opens_nothing(server, inside, left):
    path, token = left
    named = [path.rsplit("/", 1)[1].replace("-", ""), 1]
    with inside.app_context():
        assert serializer("draft-resume").dumps(named) == token
        for purpose in ("draft-page", "submission-update", "staff-browser", "staff-totp", "x"):
            assert not opens(server, serializer(purpose).dumps(named)), purpose


def test_a_token_of_another_secret_opens_nothing(server, inside, left):
    path, _ = left
    inside_key = inside.secret_key
    with inside.app_context():
        inside.config["SECRET_KEY"] = "guessed" * 8
        try:
            draft = Draft(id=uuid.UUID(path.rsplit("/", 1)[1]), link_version=1)
            forged = links.draft_token(draft.id, draft.link_version, "resume")
        finally:
            inside.config["SECRET_KEY"] = inside_key
    assert not opens(server, forged)


def test_the_link_leaves_the_address_bar_and_goes_to_nobody(server, left):
    answer = Browser(server).get(f"/resume/{left[1]}")
    assert left[1] not in answer.location
    assert answer.headers["Referrer-Policy"] == "strict-origin"
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_id_of_a_draft_and_a_reference_open_nothing(server, browser):
    receipt = walk(browser, load_case("partner"))
    reference, path = receipt.text(".reference"), draft_path(receipt)
    stranger = Browser(server)
    for address in (
        f"{path}/done", f"{path}/organization", f"{path}/save", f"{path}/delete",
        f"/resume/{reference}", f"/updates/{reference}", f"/respond/{reference}/done",
        f"/commitments/{reference}", f"/commitments/{reference}/update",
        f"/commitments/{reference}/reminders",
    ):  # fmt: skip
        answer = stranger.get(address)
        assert answer.status_code == 404, address
        assert load_case("partner")["contact_email"] not in answer.text


def test_references_are_drawn_and_not_counted(server, inside):
    with inside.app_context():
        drawn = [new_reference() for _ in range(200)]
    assert len(set(drawn)) == 200
    for place in (4, 5, 6, 7, 9, 10, 11, 12):  # each letter is drawn anew
        assert len({reference[place] for reference in drawn}) > 15
