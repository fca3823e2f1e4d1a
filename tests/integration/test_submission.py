"""A draft becomes one submission, however often and from wherever it is posted."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from tests.conftest import load_case
from tests.walk import draft_path, walk
from wizard import clock
from wizard.db.engine import db
from wizard.db.models import Draft, MailMessage, Submission

REFERENCE = re.compile(r"PDI(-[2-9A-HJKMNP-TV-Z]{4}){2}")


def counts(app) -> tuple[int, int]:
    """How many submissions and messages there are."""
    with app.app_context():
        return db.session.query(Submission).count(), db.session.query(MailMessage).count()


def test_twenty_posts_at_once_give_one_submission_one_reference_one_message(app, client, case):
    review = walk(client, case, until="review")
    cookie = client.get_cookie("session").value
    token = client.token()

    def post(_) -> str:
        other = app.test_client()
        other.set_cookie("session", cookie)
        data = {"csrf_token": token, "authorized": "yes"}
        response = other.post(review.path, data=data)
        assert response.status_code == 303
        return other.page(response.location).text(".reference")

    with ThreadPoolExecutor(20) as threads:
        references = set(threads.map(post, range(20)))
    assert len(references) == 1
    assert REFERENCE.fullmatch(references.pop())
    assert counts(app) == (1, 1)


def test_the_office_gets_a_message_where_it_has_an_address(make_app, case):
    app = make_app(PROGRAM_EMAIL="office@example.gov")
    walk(app.test_client(), case)
    with app.app_context():
        recipients = set(db.session.scalars(select(MailMessage.recipient)))
    assert recipients == {case["contact_email"], "office@example.gov"}


def test_without_the_declaration_nothing_is_submitted(client, app, case):
    review = walk(client, case, until="review")
    page = client.send(review.path, {})
    assert (page.status, set(page.errors())) == (422, {"authorized"})
    assert counts(app) == (0, 0)
    with app.app_context():
        draft = db.session.scalars(select(Draft)).one()
        assert "review" not in draft.completed_steps and "authorized" not in draft.answers


def test_a_submission_that_cannot_be_kept_whole_is_not_kept_at_all(client, app, case, monkeypatch):
    review = walk(client, case, until="review")
    monkeypatch.setattr("wizard.apply.submit._queue", lambda *args: 1 / 0)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    assert client.send(review.path, {"authorized": "yes"}).status == 500
    assert counts(app) == (0, 0)
    monkeypatch.undo()
    assert client.send(review.path, {"authorized": "yes"}).path.endswith("/done")
    assert counts(app) == (1, 1)


def test_what_lapsed_since_the_review_was_opened_is_asked_again(make_app, monkeypatch):
    app = make_app(DRAFT_DAYS=1000)
    client = app.test_client()
    review = walk(client, load_case("partner"), until="review")
    monkeypatch.setattr(clock, "now", lambda: datetime(2027, 12, 1, 12, tzinfo=UTC))
    page = client.send(review.path, {"authorized": "yes"})
    assert page.path == f"{draft_path(review)}/milestones"
    assert list(page.errors()) == ["milestones-0-due"]
    assert counts(app) == (0, 0)


def test_a_day_counts_as_today_until_it_is_over_in_samoa(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: datetime(2027, 1, 1, 10, 59, tzinfo=UTC))
    assert clock.today().isoformat() == "2026-12-31"
    monkeypatch.setattr(clock, "now", lambda: datetime(2027, 1, 1, 11, tzinfo=UTC))
    assert clock.today().isoformat() == "2027-01-01"


def test_a_reference_that_is_taken_is_drawn_again(app, monkeypatch, case):
    drawn = iter("AAAAAAAA" + "AAAAAAAA" + "BBBBBBBB")
    monkeypatch.setattr("wizard.apply.submit.secrets.choice", lambda letters: next(drawn))
    assert walk(app.test_client(), case).text(".reference") == "PDI-AAAA-AAAA"
    assert walk(app.test_client(), case).text(".reference") == "PDI-BBBB-BBBB"


def test_a_receipt_shows_what_was_submitted_long_after(make_app, monkeypatch):
    client = make_app(DRAFT_DAYS=1000).test_client()
    receipt = walk(client, load_case("partner"))
    monkeypatch.setattr(clock, "now", lambda: datetime(2028, 12, 1, 12, tzinfo=UTC))
    page = client.page(receipt.path)
    assert "September 30, 2027" in page.response.text


@pytest.mark.parametrize("consent", ["yes", "no"])
def test_the_receipt_says_whether_it_will_be_listed(client, case, consent):
    text = walk(client, case | {"publish_consent": consent}).text("main")
    assert ("is listed for all to read" in text) == (consent == "yes")
    assert ("is not listed publicly" in text) == (consent == "no")
