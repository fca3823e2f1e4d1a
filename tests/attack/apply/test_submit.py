"""Try to submit incomplete, extra or concurrent answers, and to abuse the confirmation."""

import email
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email import policy

from sqlalchemy import select

from tests.attack.browser import Browser
from tests.attack.conftest import messages_to, rows_of_draft
from tests.complete_form import complete_form, draft_path, form_data, start_draft
from tests.conftest import load_case
from wizard import clock
from wizard.apply import submit
from wizard.apply.submit import new_reference
from wizard.db.engine import db
from wizard.db.models import Draft, MailMessage, Submission
from wizard.flows.commitment import COMMITMENT
from wizard.notify import outbox

SUBMIT = {"authorized": "yes", "action": "continue"}


def test_review_post_skips_no_step(browser, server_app):
    case = load_case("agency")
    path = draft_path(start_draft(browser, case))
    everything = {}
    for step in COMMITMENT.steps.values():
        everything |= form_data(step, case)
    for posted in (SUBMIT, SUBMIT | everything, SUBMIT | {"posted": list(COMMITMENT.steps)}):
        answer = browser.post(f"{path}/review", posted)
        assert (answer.status_code, answer.location) == (303, f"{path}/organization")
    last = browser.post(f"{path}/community", form_data(COMMITMENT.steps["community"], case))
    assert last.location == f"{path}/organization"
    browser.post(f"{path}/review", SUBMIT)
    assert rows_of_draft(server_app, Submission, path) == []
    assert browser.get(f"{path}/done").location == f"{path}/organization"


def test_extra_fields_are_not_stored(browser, server_app):
    case = load_case("agency")
    extra = {
        "id": "1", "reference": "PDI-0000-0000", "status": "published", "role": "admin",
        "published_at": "2027-01-01", "submitted_at": "2020-01-01", "branch": "partner",
        "flow_version": "0", "link_version": "9", "__class__": "x", "answers": "{}",
        "milestones-0-what": "x", "goals": "x",
    }  # fmt: skip
    page = start_draft(browser, case)
    while not page.path.endswith("/review"):
        name = page.path.rsplit("/", 1)[1]
        page = browser.send(page.path, form_data(COMMITMENT.steps[name], case) | extra)
    browser.send(page.path, SUBMIT | extra)
    (submission,) = rows_of_draft(server_app, Submission, draft_path(page))
    assert set(submission.answers) <= set(COMMITMENT.fields)
    assert "goals" not in submission.answers and "milestones" not in submission.answers
    kept = (submission.status, submission.published_at, submission.branch)
    assert kept == ("received", None, "jurisdiction")
    assert submission.reference != "PDI-0000-0000"


def test_concurrent_submit_delete_edit_is_consistent(server, server_app):
    case = load_case("partner")
    for _ in range(3):
        owner = Browser(server)
        path = draft_path(complete_form(owner, case, until="review"))
        owner.token()

        def act(number: int, owner=owner, path=path) -> int:
            address, data = (
                (f"{path}/review", SUBMIT),
                (f"{path}/delete", {"action": "delete"}),
                (f"{path}/organization", form_data(COMMITMENT.steps["organization"], case)
                 | {"organization_name": f"Renamed {number}"}),
                (f"{path}/kind", {"organization_kind": "city"}),
            )[number % 4]  # fmt: skip
            return owner.post(address, data).status_code

        with ThreadPoolExecutor(8) as threads:
            statuses = list(threads.map(act, range(16)))
        assert set(statuses) <= {303, 404, 409, 422}, statuses
        submitted, drafts = (
            rows_of_draft(server_app, Submission, path),
            rows_of_draft(server_app, Draft, path),
        )
        assert len(submitted) <= 1
        if submitted:
            (one,) = submitted
            assert drafts, "a submission keeps its draft"
            assert one.branch == "partner" and one.answers["organization_kind"] != "city"
            with server_app.app_context():
                of_it = MailMessage.submission_id == one.id
                assert len(db.session.scalars(select(MailMessage).where(of_it)).all()) == 1
                db.session.close()
        else:
            assert 303 in statuses


def test_references_are_random(server, server_app):
    with server_app.app_context():
        drawn = [new_reference() for _ in range(200)]
    assert len(set(drawn)) == 200
    for place in (4, 5, 6, 7, 9, 10, 11, 12):  # each letter is drawn anew
        assert len({reference[place] for reference in drawn}) > 15


def test_confirmations_to_one_address_are_delayed(browser, server_app):
    case = load_case("partner") | {"contact_email": "bombed@example.org"}
    for _ in range(submit.CONFIRMATIONS_PER_HOUR + 2):
        assert "We received your commitment" in complete_form(browser, case).text("h1")
    messages = messages_to(server_app, "bombed@example.org")
    waiting = [
        each for each in messages if each.next_attempt_at > clock.now() + timedelta(minutes=50)
    ]
    assert len(messages) - len(waiting) == submit.CONFIRMATIONS_PER_HOUR
    assert len(waiting) == 2


def test_typed_text_adds_no_confirmation_header(browser, server_app):
    case = load_case("partner") | {
        "contact_name": "Ada\r\nBcc: victim@example.org",
        "contact_email": "confirmed@example.org",
        "organization_name": "X\r\nSubject: pills",
        "commitment_title": "=?utf-8?q?pills?=",
    }
    complete_form(browser, case)
    (message,) = messages_to(server_app, "confirmed@example.org")
    with server_app.app_context():
        written = outbox.render_email(message).as_bytes()
    parsed = email.message_from_bytes(written, policy=policy.default)
    assert parsed["To"] == "confirmed@example.org"
    assert parsed["From"].addresses[0].addr_spec == server_app.config["MAIL_FROM"]
    assert parsed["Bcc"] is None and parsed["Cc"] is None and parsed["Reply-To"] is None
    assert "pills" not in parsed["Subject"] and len(parsed.get_all("Subject")) == 1
