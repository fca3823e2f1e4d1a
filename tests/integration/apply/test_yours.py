"""Tests of the way back: the link, *Your commitment*, withdrawing, and acting for others."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, update

from tests.client import link_address
from tests.complete_form import complete_form
from tests.conftest import AGENCY
from tests.factories import (
    add_published,
    add_submission,
    events_of,
    staff_client,
    update_client,
    update_path,
)
from tests.integration.submissions.test_proposals import correct
from tests.mail import render_message
from wizard.accounts.audit import ORGANIZATION, Actor
from wizard.apply import access
from wizard.db.accounts import StaffUser
from wizard.db.engine import db, reading, writing
from wizard.db.models import MailMessage, Proposal, Submission
from wizard.staff import cases, erasure
from wizard.submissions import proposals, withdrawals
from wizard.submissions.cases import NotAllowed, find_by_reference, locked_case
from wizard.submissions.events import record_event
from wizard.submissions.messages import Mail
from wizard.web import links

pytestmark = pytest.mark.second_store_slow

EDITOR = Actor("editor@example.gov")
MARKUP = "{{ 7*7 }} <b>x</b>\r\nBcc: x@example.org"


def version_of(app, reference: str) -> int:
    """Return the version by which a decision is recognized as late."""
    with app.app_context():
        return find_by_reference(reference).lock_version


def queued(app, kind: str) -> list[MailMessage]:
    """Return the queued messages of a kind, oldest first."""
    with app.app_context():
        query = select(MailMessage).where(MailMessage.kind == kind).order_by(MailMessage.id)
        return list(db.session.scalars(query))


def send_withdrawal(client, reference: str, reason: str = "We moved.", htmx: bool = False):
    """Ask to withdraw."""
    data = {"action": "withdraw", "reason": reason}
    return client.send(f"/commitments/{reference}/withdraw", data, htmx=htmx)


def old_path(app, reference: str) -> str:
    """Return the path of a link that an earlier version mailed."""
    with app.app_context():
        return f"/updates/{links.serializer('submission-update').dumps(reference)}"


@pytest.mark.parametrize("path_of", [update_path, old_path])
def test_link_opens_page_until_it_is_replaced(app, path_of):
    reference = add_published(app)
    path, owner = path_of(app, reference), update_client(app, reference)
    assert app.test_client().page(path).path == f"/commitments/{reference}/yours"
    asked = owner.page(f"/commitments/{reference}/link")
    assert "will stop working" in asked.text("main")
    assert version_of(app, reference) == 1
    assert "no longer works" in owner.send(asked.path).text(".sent")
    stranger = app.test_client()
    lost = stranger.page(path)
    assert (lost.status, lost.text("h1")) == (404, "This link no longer works")
    assert stranger.page(f"/commitments/{reference}/yours").status == 404
    assert app.test_client().page(update_path(app, reference)).status == 200
    assert owner.page(f"/commitments/{reference}/yours").status == 200
    assert [event.kind for event in events_of(app)] == ["link_renewed"]


@pytest.mark.parametrize("is_older", [False, True], ids=["this", "before"])
def test_browser_of_replaced_link_is_told_what_to_do(app, is_older):
    reference = add_published(app)
    colleague, owner = update_client(app, reference), update_client(app, reference)
    if is_older:  # its session is of a version of the program before
        with colleague.session_transaction() as session:
            del session["links"]
    colleague.send(f"/commitments/{reference}/changes/")
    step = colleague.page(f"/commitments/{reference}/changes/contact")
    owner.send(f"/commitments/{reference}/link")
    pages = [
        colleague.page(f"/commitments/{reference}/{each}")
        for each in ("yours", "update", "withdraw", "contacts", "link", "changes/", "reminders")
    ]
    pages += [
        colleague.send(step.path, step.values() | {"contact_name": "Eve"}, htmx=htmx)
        for htmx in (False, True)
    ]
    for page in pages:
        assert (page.status, page.text("h1")) == (404, "This link no longer works"), page.path
        assert page.all("form[action='/lost']")
    assert colleague.page(f"/commitments/{reference}/yours.pdf").status == 404
    with app.app_context(), reading():
        typed = db.session.scalars(select(Proposal)).one().answers
    assert typed["contact_name"] != "Eve"
    assert colleague.page(update_path(app, reference)).status == 200
    assert colleague.page(f"/commitments/{reference}/yours").status == 200


def test_receipt_and_draft_link_open_nothing_once_link_was_replaced(app, client):
    receipt = complete_form(client, AGENCY)
    reference = receipt.text(".reference")
    owner = update_client(app, reference)
    owner.send(f"/commitments/{reference}/link")
    for path in (receipt.path, f"/commitments/{reference}/yours"):
        page = client.page(path)
        assert (page.status, page.text("h1")) == (404, "This link no longer works")
    assert owner.page(f"/commitments/{reference}/yours").status == 200


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        ("in_review", "Program staff are reviewing your commitment."),
        ("accepted", "We accepted your commitment."),
        ("published", "We accepted your commitment, and it is public."),
        ("declined", "We didn’t accept your commitment."),
        ("withdrawn", "Your commitment is withdrawn."),
    ],
)
def test_own_page_begins_with_what_was_decided(app, status, sentence):
    reference = add_submission(app, status=status)
    page = update_client(app, reference).page(f"/commitments/{reference}/yours")
    assert sentence in page.text("main").partition("What you can do")[0]


def test_replaced_link_of_deleted_answers_is_410(app):
    reference = add_published(app)
    colleague, owner = update_client(app, reference), update_client(app, reference)
    owner.send(f"/commitments/{reference}/link")
    with app.app_context():
        erasure.erase(reference, EDITOR)
    assert colleague.page(f"/commitments/{reference}/yours").status == 410


@pytest.mark.parametrize("path_of", [update_path, old_path])
def test_link_of_deleted_answers_is_410(app, path_of):
    reference = add_published(app)
    path = path_of(app, reference)
    with app.app_context():
        erasure.erase(reference, EDITOR)
    page = app.test_client().page(path)
    assert (page.status, page.text("h1")) == (410, "These answers were deleted")


@pytest.mark.parametrize("given", ["x", "x.y", "%00", "\U0001f600", "x" * 3000])
def test_altered_link_shows_how_to_get_a_new_one(client, given):
    for address in ("updates", "contact"):
        page = client.page(f"/{address}/{given}")
        assert (page.status, page.text("h1")) == (404, "This link no longer works")


def test_page_holds_answers_timeline_and_what_can_be_done(app, client, case):
    receipt = complete_form(client, case)
    reference = receipt.text(".reference")
    page = client.page(f"/commitments/{reference}/yours")
    assert case["organization_name"] in page.text("main")
    assert "You submitted your answers." in page.text(".next")
    offered = {link.attrs["href"].rpartition("/")[2] for link in page.all("main li a")}
    assert {"yours.pdf", "contacts", "withdraw"} <= offered and "update" not in offered
    link = next(each for each in page.all("input") if each.attrs.get("id") == "link")
    assert link.attrs["value"].endswith(update_path(app, reference))


def test_timeline_tells_no_note_and_no_staff_account(app):
    reference = add_submission(app)
    with app.app_context():
        cases.add_note(reference, "Only for staff", EDITOR)
        cases.decide(reference, "in_review", 1, EDITOR)
        version = find_by_reference(reference).lock_version
        db.session.rollback()
        cases.decide(reference, "declined", version, EDITOR, reason="Your plan has no dates.")
    timeline = update_client(app, reference).page(f"/commitments/{reference}/yours").text("main")
    assert "Program staff started the review." in timeline
    assert "decided not to accept it. Your plan has no dates." in timeline
    assert "Only for staff" not in timeline and "editor@" not in timeline


def test_timeline_tells_what_staff_wrote(app):
    reference = add_submission(app)
    with app.app_context(), locked_case(reference) as submission:
        mail = Mail("Call us about the plan.\n<b>Ada</b>")
        record_event(submission, "accepted", EDITOR, mail)
        record_event(submission, "written", EDITOR, Mail("We look forward to it."))
    page = update_client(app, reference).page(f"/commitments/{reference}/yours")
    timeline = page.text("main")
    assert "Call us about the plan. <b>Ada</b>" in timeline and not page.all("li b")
    assert timeline.count("Program staff wrote to you. We look forward to it.") == 1


def test_message_of_another_kind_leads_to_its_page(app):
    path = update_path(app, add_published(app))
    for then, page in (("update", "/update/review"), ("stop", "/reminders"), ("other", "/yours")):
        assert app.test_client().page(f"{path}?then={then}").path.endswith(page)


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_withdrawal_is_asked_for_and_taken_back(app, htmx):
    reference = add_submission(app, status="accepted")
    own = update_client(app, reference)
    assert "We received your request" in send_withdrawal(own, reference, htmx=htmx).text(".sent")
    page = own.page(f"/commitments/{reference}/withdraw")
    assert page.path.endswith("/yours") and "Take back my request" in page.text("#withdrawal")
    assert send_withdrawal(own, reference, htmx=htmx).path.endswith("/yours")  # a second click
    page = own.send(f"/commitments/{reference}/withdraw", {"action": "cancel"}, htmx=htmx)
    assert page.text(".sent") == "You took back your request to withdraw."
    assert not own.page(f"/commitments/{reference}/yours").all("#withdrawal")
    own.send(f"/commitments/{reference}/withdraw", {"action": "cancel"})
    asked, taken_back = events_of(app)
    assert (asked.kind, asked.data) == ("withdrawal_requested", {"reason": "We moved."})
    assert (taken_back.kind, taken_back.actor_kind) == ("withdrawal_cancelled", "organization")
    assert len(queued(app, "withdrawal_requested")) == 1


@pytest.mark.parametrize("reason", ["", " \n", "x" * 5001, "a\x00b"])
def test_withdrawal_without_a_clear_reason_is_422(app, reason):
    reference = add_published(app)
    own = update_client(app, reference)
    page = send_withdrawal(own, reference, reason)
    assert (page.status, list(page.errors())) == (422, ["reason"])
    assert len(page.values()["reason"][0].strip()) == len(reason.strip())
    assert events_of(app) == []


def test_reason_is_text_in_mail_and_pages(make_app):
    app = make_app(PROGRAM_EMAIL="office@example.gov")
    reference = add_published(app)
    own = update_client(app, reference)
    send_withdrawal(own, reference, MARKUP)
    shown = own.page(f"/commitments/{reference}/yours")
    assert "{{ 7*7 }} <b>x</b>" in shown.text("main") and not shown.all("main b")
    for kind in ("withdrawal_requested", "office_withdrawal_requested"):
        (message,) = queued(app, kind)
        letter = render_message(app, message)
        assert ("{{ 7*7 }} <b>x</b>" in letter.text) == (kind == "withdrawal_requested")
        assert "<b>x" not in letter.html and "Bcc" not in letter.subject


@pytest.mark.parametrize(
    ("status", "stays"), [("received", False), ("accepted", False), ("published", True)]
)
def test_page_that_stays_is_told_of_before(app, status, stays):
    add = add_published if stays else add_submission
    reference = add(app) if stays else add(app, status=status)
    page = update_client(app, reference).page(f"/commitments/{reference}/withdraw")
    assert ("a short page will remain" in page.text("main")) == stays


def test_no_page_is_told_of_after_it_was_taken_off_the_list(app):
    reference = add_published(app)
    with app.app_context():
        cases.decide(reference, "accepted", version_of(app, reference), EDITOR)
    page = update_client(app, reference).page(f"/commitments/{reference}/withdraw")
    assert page.status == 200 and "a short page will remain" not in page.text("main")


def test_consent_taken_back_by_correction_leaves_no_page_and_no_word_of_one(app, client):
    reference = add_published(app)
    with app.app_context():
        correct(reference, publish_consent="no")
        proposals.approve_correction(reference, version_of(app, reference), EDITOR)
    own, yours = update_client(app, reference), f"/commitments/{reference}/yours"
    before = own.page(f"/commitments/{reference}/withdraw")
    assert (before.status, "a short page will remain" in before.text("main")) == (200, False)
    with app.app_context():
        cases.decide(reference, "withdrawn", version_of(app, reference), EDITOR)
    assert client.page(f"/commitments/{reference}").status == 404
    assert "See the public page" not in own.page(yours).text("main")


def test_parallel_requests_to_withdraw_are_one(app):
    reference = add_published(app)

    def ask(_) -> bool:
        with app.app_context():
            try:
                withdrawals.request_withdrawal(reference, "We moved.", ORGANIZATION)
            except NotAllowed:
                return False
            return True

    with ThreadPoolExecutor(20) as threads:
        assert sum(threads.map(ask, range(20))) == 1
    assert [event.kind for event in events_of(app)] == ["withdrawal_requested"]


@pytest.mark.parametrize("approved", [True, False])
def test_decision_on_withdrawal_is_told(app, approved):
    reference = add_published(app)
    own = update_client(app, reference)
    send_withdrawal(own, reference)
    with app.app_context():
        version = find_by_reference(reference).lock_version
        db.session.rollback()
        withdrawals.decide_withdrawal(
            reference, approved, version, EDITOR, public_reason="They moved to Texas."
        )
        with pytest.raises(NotAllowed):
            withdrawals.decide_withdrawal(reference, approved, version + 1, EDITOR)
    kind = "withdrawn" if approved else "withdrawal_declined"
    assert [event.kind for event in events_of(app)] == ["withdrawal_requested", kind]
    assert len(queued(app, kind)) == 1
    late = own.send(f"/commitments/{reference}/withdraw", {"action": "cancel"})
    assert "Program staff decided on your request before you took it back." in late.text("main")
    page = own.page(f"/commitments/{reference}/yours")
    assert "They moved to Texas." in page.text("main") and not page.all("#withdrawal")
    assert ("Withdraw" in page.text(".rail")) != approved
    assert len(events_of(app)) == 2


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("withdrawn", "Your commitment is already withdrawn."),
        ("accepted", "Your organization has already asked to withdraw."),
    ],
)
def test_withdrawal_that_comes_too_late_shows_its_reason_to_copy(app, status, reason):
    reference = add_submission(app, status=status)
    own = update_client(app, reference)
    if status == "accepted":
        send_withdrawal(own, reference, "We closed.")
    before = events_of(app)
    page = send_withdrawal(own, reference, MARKUP)
    shown = page.text("main")
    assert (page.status, reason in shown, "Copy it if you need it" in shown) == (409, True, True)
    assert "{{ 7*7 }} <b>x</b>" in page.text("dl dd") and not page.all("main b")
    assert len(events_of(app)) == len(before)


def test_staff_who_act_are_named_in_the_record(app):
    reference = add_submission(app, status="accepted")
    with app.app_context():
        path = links.acting_url(reference, EDITOR.name).partition("example.org")[2]
    helper = staff_client(app, "editor")
    page = helper.page(path)
    assert EDITOR.name in page.text(".notice")
    send_withdrawal(helper, reference)
    event = events_of(app, "withdrawal_requested")[0]
    assert (event.actor_kind, event.actor) == ("organization", EDITOR.name)
    timeline = update_client(app, reference).page(f"/commitments/{reference}/yours").text("main")
    assert "Program staff did this for you." in timeline and EDITOR.name not in timeline


def acting_client(app, reference: str):
    """Return a browser in which staff act for an organization."""
    staff_client(app, "editor")
    with app.app_context():
        path = links.acting_url(reference, EDITOR.name).partition("example.org")[2]
    client = app.test_client()
    client.page(path)
    return client


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_every_page_says_that_staff_act(app, htmx):
    reference = add_submission(app, status="published")
    helper, own = acting_client(app, reference), f"/commitments/{reference}"
    review = helper.send(f"{own}/changes/", htmx=htmx)
    pages = [review, helper.send(review.path, review.values() | {"words": "x\0"}, htmx=htmx)]
    paths = ("yours", "changes/", "changes/contact", "changes/discard", "update", "withdraw",
             "contacts", "contacts/contact", "contacts/second", "link", "reminders")  # fmt: skip
    pages += [helper.page(f"{own}/{path}", htmx=htmx) for path in paths]
    for page in pages:
        (notice,) = page.all("#acting")
        assert EDITOR.name in notice.text, page.path
        assert page.all(f"#acting a[href='/staff/submissions/{reference}']")
    assert not helper.page(own, htmx=htmx).all("#acting")
    assert not update_client(app, reference).page(f"{own}/yours").all("#acting")


def test_pages_with_a_copy_button_load_its_script(app):
    reference = add_submission(app)
    editor, case = staff_client(app, "editor"), f"/staff/submissions/{reference}"
    shown = editor.send(f"{case}/link")
    for page in (shown, update_client(app, reference).page(f"/commitments/{reference}/yours")):
        assert page.all("[data-copy]") and page.all("script[src*='copy.js']"), page.path


def test_acting_ends_by_itself(app, monkeypatch):
    staff_client(app, "editor")
    with app.test_request_context():
        access.act_for("PDI-AAAA-AAAA", EDITOR.name)
        assert access.actor("PDI-AAAA-AAAA").name == EDITOR.name
        assert access.actor("PDI-BBBB-BBBB") == ORGANIZATION
        later = access.clock.now() + access.MAX_ACTING
        monkeypatch.setattr(access.clock, "now", lambda: later)
        assert access.actor("PDI-AAAA-AAAA") == ORGANIZATION


def test_page_says_why_acting_ended(app, monkeypatch):
    reference = add_submission(app)
    client = acting_client(app, reference)
    later = access.clock.now() + access.MAX_ACTING
    monkeypatch.setattr(access.clock, "now", lambda: later)
    page = client.page(f"/commitments/{reference}/yours")
    assert (page.status, page.text("h1")) == (404, "You’re no longer acting for this organization")


@pytest.mark.parametrize("change", ["disabled", "viewer", "gone"])
def test_acting_ends_with_the_right_to_decide(app, change):
    reference = add_submission(app)
    client = acting_client(app, reference)
    with app.app_context(), writing() as session:
        account = session.scalars(select(StaffUser)).one()
        if change == "disabled":
            account.disabled_at = access.clock.now()
        elif change == "viewer":
            account.role = "viewer"
        else:
            session.delete(account)
    page = client.page(f"/commitments/{reference}/yours")
    assert (page.status, page.text("h1")) == (404, "You’re no longer acting for this organization")
    assert send_withdrawal(client, reference).status == 404


@pytest.mark.parametrize(("setting", "copied"), [("yes", True), ("no", False)])
def test_mail_holds_answers_unless_forbidden(make_app, case, setting, copied):
    app = make_app(PROGRAM_EMAIL="office@example.gov", MAIL_ANSWERS=setting)
    receipt = complete_form(app.test_client(), case)
    path = update_path(app, receipt.text(".reference"))
    (confirmation,), (notice,) = queued(app, "confirmation"), queued(app, "notice")
    for message in (confirmation, notice):
        letter = render_message(app, message)
        assert (case["contact_name"] in letter.text) == copied
        assert (case["contact_name"] in letter.html) == copied
    letter = render_message(app, confirmation)
    assert path in letter.text and path in letter.html


@pytest.mark.parametrize(
    ("status", "reviewed", "public", "reminded"),
    [
        ("received", True, False, True),
        ("in_review", True, False, True),
        ("accepted", False, False, True),
        ("published", False, True, True),
        ("declined", False, False, False),
        ("withdrawn", False, True, False),
    ],
)
def test_page_says_where_things_stand(app, status, reviewed, public, reminded):
    reference = add_submission(app, status="published" if public else "received")
    with app.app_context(), writing() as session:
        is_it = Submission.reference == reference
        session.execute(update(Submission).where(is_it).values(status=status))
        if status == "withdrawn":
            session.execute(update(Submission).where(is_it).values(published_at=None))
    page = update_client(app, reference).page(f"/commitments/{reference}/yours")
    shown = page.text("main")
    assert ("are reviewing your commitment" in shown) is reviewed
    assert ("See the public page" in shown) is public
    assert ("Stop the reminders" in shown) is reminded
    if public:
        assert app.test_client().page(link_address(page, "See the public page")).status == 200


def test_page_says_that_a_correction_waits(app):
    reference = add_submission(app, status="accepted")
    with app.app_context():
        correct(reference, city="Miami")
    page = update_client(app, reference).page(f"/commitments/{reference}/yours")
    assert "Your correction is waiting for a decision." in page.text("main")
