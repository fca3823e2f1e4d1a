"""Tests of asking the organization for changes."""

import pytest
from sqlalchemy import select

from tests.factories import add_submission, events_of, staff_client
from tests.integration.submissions.test_proposals import enter, read_proposal
from wizard.db.engine import db
from wizard.db.models import MailMessage
from wizard.forms.dates import format_day
from wizard.notify.outbox import render_email


def ask(client, reference: str, version: str = "", **typed):
    """Ask for changes as the form of the page does."""
    path = f"/staff/submissions/{reference}/changes"
    version = version or client.page(path).values()["version"][0]
    return client.send(path, {"version": version, "key": "changes", **typed})


def proposal_of(app, reference: str):
    with app.app_context():
        return read_proposal(reference)


def test_page_lists_steps_and_questions_with_answers(app, editor):
    reference = add_submission(app, status="in_review")
    page = editor.page(f"/staff/submissions/{reference}/changes")
    offered = [each.attrs["value"] for each in page.all("input[name=open]")]
    assert {"organization", "city", "data_sets", "plan", "website"} <= set(offered)
    assert "review" not in offered and "milestones" not in offered
    assert len(offered) == len(set(offered))
    assert "Orlando" in page.text("#answer-city")
    assert page.text("#answer-data_sets") == "Data set: 4"
    assert page.all(f'a[href="/staff/submissions/{reference}"]')


def test_changes_are_requested_and_told(app, editor):
    reference = add_submission(app, status="in_review")
    page = ask(
        editor, reference, open=["city", "data_sets"], words="Dear Ana, almost there.",
        **{"about-city": "Name the county, too.", "about-data_sets": ""},
    )  # fmt: skip
    assert (page.status, page.path) == (200, f"/staff/submissions/{reference}")
    assert proposal_of(app, reference).opened == {"city": "Name the county, too.", "data_sets": ""}
    (event,) = events_of(app, "changes_requested")
    assert event.actor == "editor@example.gov"
    assert "Changes requested" in page.text(".facts")
    for shown in (page.text("#asked"), page.text("#history")):
        assert "Name the county, too." in shown and "City or town" in shown
    assert "Dear Ana, almost there." in page.text("#history")
    with app.app_context():
        (message,) = db.session.scalars(select(MailMessage))
        text = render_email(message).get_body(("plain",)).get_content()
        last_day = format_day(proposal_of(app, reference).last_day)
    assert f"Please send the changes by {last_day}." in text
    asked = "\n- City or town\n  Name the county, too.\n\n- Data sets\n\n"
    assert f"Dear Ana, almost there.\n{asked}" in text.replace("\r", "")


def test_asking_again_adds_and_keeps_what_was_entered(app, editor):
    reference = add_submission(app, status="received")
    ask(editor, reference, open="city", **{"about-city": "Which one?"})
    with app.app_context():
        enter(reference, city="A secret draft")
    page = editor.page(f"/staff/submissions/{reference}/changes")
    assert page.text("h1") == "Ask for changes again"
    assert page.text("#about-city") == "Which one?"
    assert "You already asked for changes" in page.text("main")
    again = ask(editor, reference, open="website", **{"about-city": "Which one, please?"})
    assert again.status == 200
    proposal = proposal_of(app, reference)
    assert proposal.opened == {"city": "Which one, please?", "website": ""}
    assert proposal.answers["city"] == "A secret draft"
    for shown in (page, again, editor.page(f"/staff/submissions/{reference}/changes")):
        assert "A secret draft" not in shown.response.text


@pytest.mark.second_store_slow
@pytest.mark.parametrize(
    ("typed", "errors"),
    [
        ({"about-city": "Not ticked"}, ["questions"]),
        ({"open": "nonsense"}, ["questions"]),
        ({"open": "city", "about-city": "x" * 5001}, ["about-city"]),
        ({"open": "city", "words": "x" * 5001}, ["words-changes"]),
        ({"open": "city", "words": " "}, ["words-changes"]),
        ({"open": "city", "about-city": "\x00", "words": "y" * 5001},
         ["about-city", "words-changes"]),
    ],
)  # fmt: skip
def test_invalid_request_is_422_and_stays_on_page(app, editor, typed, errors):
    reference = add_submission(app, status="in_review")
    page = ask(editor, reference, **{"about-website": "Kept"}, **typed)
    assert (page.status, list(page.errors())) == (422, errors)
    assert page.text("#about-website") == "Kept"
    for name, value in typed.items():
        if name == "open" and value == "city":
            assert "checked" in page.all("#open-city")[0].attrs
        elif name.startswith("about"):
            assert page.text(f"#{name}") == value.replace("\x00", "\ufffd")
    assert proposal_of(app, reference) is None and events_of(app) == []


def test_stale_request_is_409_and_stays_on_page(app, editor):
    reference = add_submission(app, status="in_review")
    other = staff_client(app, "editor", "bob")
    ask(other, reference, open="website")
    typed = {"open": "city", "about-city": "Which one?", "words": "Dear Ana"}
    late = ask(editor, reference, "1", **typed)
    assert late.status == 409
    assert "Someone else changed this" in late.text("#stale")
    assert late.text("#about-city") == "Which one?" and late.text("#words-changes") == "Dear Ana"
    assert list(proposal_of(app, reference).opened) == ["website"]
    assert ask(editor, reference, late.values()["version"][0], **typed).status == 200
    assert set(proposal_of(app, reference).opened) == {"website", "city"}


@pytest.mark.second_store_slow
@pytest.mark.parametrize("status", ["accepted", "declined", "published", "withdrawn"])
def test_changes_are_not_requested_after_decision(app, editor, status):
    reference = add_submission(app, status=status)
    path = f"/staff/submissions/{reference}"
    assert not editor.page(path).all(f'a[href="{path}/changes"]')
    page = ask(editor, reference, open="city")
    assert (page.status, list(page.errors())) == (422, ["questions"])


def test_request_without_message_is_logged(app, editor):
    reference = add_submission(app, status="in_review")
    assert ask(editor, reference, open="city", skip="yes", words="").status == 200
    assert [each.data for each in events_of(app, "message_skipped")] == [
        {"of": "changes_requested"}
    ]


def test_changes_are_not_requested_by_status_alone(app, editor):
    reference = add_submission(app, status="in_review")
    path = f"/staff/submissions/{reference}"
    assert editor.send(f"{path}/status", {"to": "changes_requested", "version": "1"}).status == 422
    assert events_of(app) == []


@pytest.mark.second_store_slow
@pytest.mark.parametrize("version", ["", "x", "-1", "9" * 30])
def test_invalid_version_is_400(app, editor, version):
    reference = add_submission(app)
    path = f"/staff/submissions/{reference}/changes"
    assert editor.send(path, {"version": version, "open": "city"}).status == 400


def test_request_that_comes_twice_is_sent_once(app, editor):
    reference = add_submission(app, status="in_review")
    typed = {"page": "1" * 16, "open": "city", "about-city": "Which one?", "words": "Dear Ana"}
    for _ in range(2):
        page = ask(editor, reference, "1", **typed)
        assert (page.status, page.text("#said")) == (200, "✓ Changes requested.")
    assert len(events_of(app, "changes_requested")) == 1
    assert ask(editor, reference, "1", **typed | {"about-city": "Where?"}).status == 409
