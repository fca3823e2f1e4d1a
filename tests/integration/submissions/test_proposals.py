"""Tests of changes that staff ask for, and of corrections."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from tests.conftest import advance_clock
from tests.factories import add_submission, events_of
from wizard import clock
from wizard.accounts.audit import ORGANIZATION, Actor
from wizard.db.engine import db, reading, writing
from wizard.db.models import Contact, MailMessage, Submission
from wizard.notify import outbox, unsent
from wizard.ops.serve import JOBS
from wizard.staff import cases
from wizard.staff.history import describe_data
from wizard.submissions import contact_changes, contacts, proposals
from wizard.submissions.cases import (
    NotAllowed,
    StaleVersion,
    change_status,
    find_by_reference,
    locked_case,
)
from wizard.submissions.messages import Mail
from wizard.submissions.versions import list_versions

EDITOR = Actor("editor@example.gov")
pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def app_context(app):
    """Keep an application context open."""
    with app.app_context():
        yield


def read(reference: str) -> Submission:
    """Return a submission as it is stored."""
    with reading():
        return find_by_reference(reference)


def read_proposal(reference: str):
    """Return the proposal of a submission, if there is one."""
    with reading():
        return proposals.find_proposal(find_by_reference(reference))


def ask(reference: str, **opened: str) -> None:
    """Ask for changes."""
    with locked_case(reference) as submission:
        proposals.request_changes(submission, opened, EDITOR)


def enter(reference: str, **answers) -> None:
    """Enter answers to a proposal, as the form does."""
    with locked_case(reference) as submission:
        proposal = proposals.find_proposal(submission, lock=True)
        proposal.answers = {**proposal.answers, **answers}


def send(reference: str, words: str = "", actor: Actor = ORGANIZATION, **answers) -> None:
    """Send a proposal with changed answers."""
    with locked_case(reference) as submission:
        proposal = proposals.find_proposal(submission, lock=True)
        entered = proposals.newest_answers(submission, proposal)
        answers = {**entered, **answers, "authorized": True, "words": words}
        journey = proposals.build_journey(
            submission,
            proposals.find_opened(submission, proposal),
            answers,
            [*submission_steps(), "review"],
        )
        assert journey.complete
        proposals.send(submission, proposal, journey, actor)


def submission_steps() -> list[str]:
    """Return the names of all steps."""
    return list(proposals.current_flow().steps)


def correct(reference: str, words: str = "", actor: Actor = ORGANIZATION, **answers) -> None:
    """Propose a correction, and send it."""
    with locked_case(reference) as submission:
        proposals.propose_correction(submission, actor)
    send(reference, words, actor, **answers)


def queued() -> list[str]:
    """Return the kinds of the queued messages."""
    with reading():
        return list(db.session.scalars(select(MailMessage.kind).order_by(MailMessage.id)))


def kinds(app) -> list[str]:
    """Return the kinds of all events."""
    return [event.kind for event in events_of(app)]


def test_requested_changes_open_what_was_asked_for(app):
    reference = add_submission(app)
    ask(reference, access_plan="How often?", contact="Whom do we call?")
    found, proposal = read(reference), read_proposal(reference)
    assert (found.status, proposal.kind) == ("changes_requested", "changes")
    assert proposal.opened == {"access_plan": "How often?", "contact": "Whom do we call?"}
    assert proposal.answers == found.answers
    assert {"plan", "contact"}.isdisjoint(proposal.completed_steps)
    assert {"kind", "organization", "data_sets"} <= set(proposal.completed_steps)
    assert kinds(app) == ["review_started", "changes_requested"]
    assert queued() == ["changes_requested"]


def test_second_request_keeps_what_was_typed_and_asked(app):
    reference = add_submission(app)
    ask(reference, access_plan="How often?", contact="Whom?")
    enter(reference, access_plan="Every week")
    ask(reference, access_plan="On which days?", city="Which one?")
    proposal = read_proposal(reference)
    assert proposal.answers["access_plan"] == "Every week"
    assert proposal.opened == {
        "access_plan": "On which days?",
        "contact": "Whom?",
        "city": "Which one?",
    }


@pytest.mark.parametrize("opened", [{}, {"no_question": "x"}])
def test_request_without_a_question_is_not_allowed(app, opened):
    reference = add_submission(app)
    with pytest.raises(NotAllowed):
        ask(reference, **opened)
    assert (read(reference).status, read_proposal(reference)) == ("received", None)


def test_sent_changes_are_a_new_version_in_review(app):
    reference = add_submission(app)
    ask(reference, access_plan="How often?")
    before = read(reference)
    send(reference, "Added how often.", access_plan="Every week", city="Miami")
    found = read(reference)
    assert (found.status, found.answers_version) == ("in_review", 2)
    assert found.answers == {**before.answers, "access_plan": "Every week"}
    assert read_proposal(reference) is None
    assert [each.answers for each in list_versions(found)] == [before.answers, found.answers]
    (sent,) = events_of(app, "resubmitted")
    assert (sent.actor_kind, sent.version) == ("organization", 2)
    assert sent.data == {"words": "Added how often.", "from": 1, "to": 2}


def test_correction_waits_until_staff_approve_it(app):
    reference = add_submission(app, status="published")
    correct(reference, "A typo.", commitment_title="Open data")
    found, proposal = read(reference), read_proposal(reference)
    assert (found.answers_version, proposal.words) == (1, "A typo.")
    assert proposal.sent_at is not None
    with pytest.raises(StaleVersion):
        proposals.approve_correction(reference, found.lock_version - 1, EDITOR)
    proposals.approve_correction(reference, found.lock_version, EDITOR, reason="Typo")
    found = read(reference)
    assert (found.status, found.title) == ("published", "Open data")
    assert found.answers_version == 2 and found.updated_at is not None
    assert read_proposal(reference) is None
    (event,) = events_of(app, "corrected")
    expected = {"proposed_by": "organization", "words": "A typo.", "from": 1, "to": 2}
    assert event.data == {"reason": "Typo", **expected}
    with pytest.raises(NotAllowed):
        proposals.approve_correction(reference, found.lock_version, EDITOR)


def test_correction_of_staff_says_so(app):
    reference = add_submission(app, status="published")
    correct(reference, "A typo.", Actor("bob@example.gov", "organization"), city="Tampa")
    proposals.approve_correction(reference, read(reference).lock_version, EDITOR)
    (event,) = events_of(app, "corrected")
    assert (event.data["proposed_by"], event.data["words"]) == ("staff", "A typo.")
    assert ("Staff wrote for it", "A typo.") in list(describe_data(event))


def recipients(kind: str) -> list[str]:
    """Return whom messages of a kind are queued for."""
    query = select(MailMessage).where(MailMessage.kind == kind).order_by(MailMessage.id)
    with reading():
        return [each.recipient for each in db.session.scalars(query)]


NEW_CONTACT = {"contact_name": "Lee Chen", "contact_email": "lee@example.org"}


@pytest.mark.parametrize("way", ["changes", "correction"])
def test_new_address_counts_once_its_mailbox_confirms(app, way):
    reference = add_submission(app)
    old = read(reference).answers
    address = old["contact_email"]
    if way == "changes":
        ask(reference, contact="Who?", city="Which?")
        send(reference, city="Tampa", **NEW_CONTACT)
    else:
        correct(reference, city="Tampa", **NEW_CONTACT)
        assert recipients("confirm_contact") == []
        proposals.approve_correction(reference, read(reference).lock_version, EDITOR)
    found = read(reference)
    contact = {name: old[name] for name in NEW_CONTACT}
    assert found.answers == old | {"city": "Tampa"} | contact
    assert recipients("contact_changed") == [address]
    assert recipients("confirm_contact") == ["lee@example.org"]
    assert recipients("resubmitted" if way == "changes" else "corrected") == [address]
    with reading():
        (pending,) = db.session.scalars(select(Contact).where(Contact.confirmed_at.is_(None)))
    assert contact_changes.confirm(reference, pending.id)
    found = read(reference)
    assert found.answers == old | {"city": "Tampa"} | NEW_CONTACT
    assert found.answers_version == 3
    with reading():
        assert contacts.list_recipients(found) == ["lee@example.org"]


def test_other_details_of_same_contact_count_at_once(app):
    reference = add_submission(app)
    ask(reference, contact="Who?")
    send(reference, contact_name="Lee Chen")
    assert read(reference).answers["contact_name"] == "Lee Chen"
    assert queued() == ["changes_requested", "resubmitted"]


def test_new_address_over_the_limit_is_asked_later(app):
    reference = add_submission(app)
    for number in range(contacts.MAX_PER_HOUR + 1):
        ask(reference, contact="Who?")
        send(reference, contact_name=f"Lee {number}", contact_email="lee@example.org")
    query = select(MailMessage).where(MailMessage.kind == "confirm_contact")
    with reading():
        *first, last = db.session.scalars(query.order_by(MailMessage.id))
        (pending,) = db.session.scalars(select(Contact).where(Contact.confirmed_at.is_(None)))
    assert all(each.next_attempt_at < clock.now() for each in first)
    assert last.next_attempt_at > clock.now() + timedelta(minutes=55)
    assert pending.answers["contact_name"] == f"Lee {contacts.MAX_PER_HOUR}"


def test_declined_correction_can_be_changed_and_sent_again(app):
    reference = add_submission(app, status="accepted")
    correct(reference, city="Miami")
    version = read(reference).lock_version
    proposals.decline_correction(reference, version, EDITOR, reason="It is in Orlando.")
    proposal = read_proposal(reference)
    assert (proposal.sent_at, proposal.answers["city"]) == (None, "Miami")
    assert read(reference).answers_version == 1
    assert events_of(app, "correction_declined")[0].data["reason"] == "It is in Orlando."
    send(reference, city="Tampa")
    assert kinds(app)[-1] == "correction_proposed"


def test_correction_that_takes_back_consent_unpublishes(app):
    reference = add_submission(app, status="published")
    correct(reference, publish_consent="no")
    proposals.approve_correction(reference, read(reference).lock_version, EDITOR)
    found = read(reference)
    assert (found.status, found.published_at) == ("accepted", None)
    assert [event.kind for event in events_of(app)][-2:] == ["corrected", "unpublished"]


@pytest.mark.parametrize("skip", [True, False])
def test_correction_that_takes_back_consent_sends_no_email_if_staff_say_so(app, skip):
    reference = add_submission(app, status="published")
    correct(reference, publish_consent="no")
    mail = Mail(skip=skip)
    proposals.approve_correction(reference, read(reference).lock_version, EDITOR, mail)
    assert queued() == ([] if skip else ["corrected", "unpublished"])


def test_correction_that_is_taken_back_cannot_be_approved(app):
    reference = add_submission(app, status="accepted")
    correct(reference, city="Miami")
    version = read(reference).lock_version
    for _ in range(2):
        with locked_case(reference) as submission:
            proposals.propose_correction(submission, ORGANIZATION)
    assert kinds(app) == ["correction_proposed", "correction_cancelled"]
    with pytest.raises(StaleVersion):
        proposals.approve_correction(reference, version, EDITOR)
    with pytest.raises(NotAllowed):
        proposals.approve_correction(reference, read(reference).lock_version, EDITOR)


def test_correction_with_words_alone_is_not_sent(app):
    reference = add_submission(app, status="accepted")
    with pytest.raises(AssertionError):
        correct(reference, words="Call me first.")


def test_words_alone_of_version_before_are_declined_and_not_approved(app, monkeypatch):
    reference = add_submission(app)
    ask(reference, access_plan="How often?")
    advance_clock(monkeypatch, days=31)
    proposals.expire_changes()
    with locked_case(reference) as submission:
        proposal = proposals.find_proposal(submission, lock=True)
        proposal.sent_at, proposal.words = clock.now(), "Call me first."
    case = cases.get_case(reference)
    assert [each.key for each in case.correction.decisions] == ["leave"]
    with pytest.raises(NotAllowed, match="changes nothing"):
        proposals.approve_correction(reference, read(reference).lock_version, EDITOR)


@pytest.mark.parametrize("status", ["declined", "withdrawn", "changes_requested"])
def test_correction_is_not_allowed_in_other_statuses(app, status):
    reference = add_submission(app, status=status)
    with locked_case(reference) as submission, pytest.raises(NotAllowed):
        proposals.propose_correction(submission, ORGANIZATION)


def test_request_keeps_open_what_a_correction_changed(app):
    reference = add_submission(app, status="in_review")
    correct(reference, city="Miami")
    ask(reference, contact="Whom?")
    proposal = read_proposal(reference)
    assert (proposal.kind, proposal.sent_at) == ("changes", None)
    assert proposal.opened == {"city": "", "contact": "Whom?"}
    assert proposal.answers["city"] == "Miami"


def test_expired_changes_are_kept_as_a_correction(app, monkeypatch):
    reference = add_submission(app)
    ask(reference, access_plan="How often?")
    enter(reference, access_plan="Every week")
    advance_clock(monkeypatch, days=29)
    assert proposals.expire_changes() == 0
    advance_clock(monkeypatch, days=2)
    assert (proposals.expire_changes(), proposals.expire_changes()) == (1, 0)
    found, proposal = read(reference), read_proposal(reference)
    assert (found.status, proposal.kind) == ("in_review", "correction")
    assert proposals.is_open(found, proposal)
    assert kinds(app)[-1] == "changes_expired" and queued()[-1] == "changes_expired"
    send(reference, access_plan="Every week")
    assert kinds(app)[-1] == "correction_proposed"


def test_request_that_is_taken_back_leaves_a_correction(app, monkeypatch):
    reference = add_submission(app)
    ask(reference, access_plan="How often?", city="Which one?")
    enter(reference, access_plan="Every week")
    cases.decide(reference, "in_review", read(reference).lock_version, EDITOR)
    found, proposal = read(reference), read_proposal(reference)
    assert (found.status, proposals.is_requested(found, proposal)) == ("in_review", False)
    assert found.returned_at == read(reference).returned_at is not None
    assert kinds(app)[-1] == "changes_cancelled" and queued()[-1] == "changes_cancelled"
    assert proposals.find_opened(found, proposal) == {}
    ask(reference, contact="Whom?")
    assert read_proposal(reference).opened == {"access_plan": "", "contact": "Whom?"}
    cases.decide(reference, "in_review", read(reference).lock_version, EDITOR)
    advance_clock(monkeypatch, days=40)
    assert (proposals.remind(), proposals.expire_changes()) == (0, 0)
    send(reference, access_plan="Every week")
    assert kinds(app)[-1] == "correction_proposed"


def test_request_that_is_taken_back_is_sent_as_any_correction(app):
    reference = add_submission(app)
    ask(reference, city="Which one?")
    cases.decide(reference, "in_review", read(reference).lock_version, EDITOR)
    with pytest.raises(AssertionError):
        send(reference, words="It is this one.")
    send(reference, commitment_title="Another title", words="A better title.")
    found, proposal = read(reference), read_proposal(reference)
    assert (proposal.kind, proposal.opened) == ("correction", {})
    journey = proposals.correction_journey(found, proposal)
    assert journey.complete and journey.answers["commitment_title"] == "Another title"


def test_changes_of_another_flow_are_left_alone(app, monkeypatch):
    ours, others = add_submission(app), add_submission(app)
    for reference in (ours, others):
        ask(reference, access_plan="How often?")
    with writing() as session:
        is_it = Submission.reference == others
        session.execute(update(Submission).where(is_it).values(flow="other"))
    advance_clock(monkeypatch, days=24)
    assert proposals.remind() == 1
    advance_clock(monkeypatch, days=7)
    assert proposals.expire_changes() == 1


@pytest.mark.parametrize("status", ["accepted", "declined", "withdrawn"])
def test_changes_are_kept_when_staff_decide_meanwhile(app, monkeypatch, status):
    reference = add_submission(app)
    ask(reference, access_plan="How often?")
    enter(reference, access_plan="Every week")
    with locked_case(reference) as submission:
        change_status(submission, status, EDITOR, reason="Enough")
    found, proposal = read(reference), read_proposal(reference)
    assert proposals.is_open(found, proposal) == (status == "accepted")
    assert proposal.answers["access_plan"] == "Every week"
    advance_clock(monkeypatch, days=40)
    assert (proposals.remind(), proposals.expire_changes()) == (0, 0)
    assert (read(reference).status, read_proposal(reference).kind) == (status, "correction")


def test_one_reminder_is_sent_a_week_before_the_end(app, monkeypatch):
    reference = add_submission(app)
    ask(reference, access_plan="How often?")
    advance_clock(monkeypatch, days=22)
    assert proposals.remind() == 0
    advance_clock(monkeypatch, days=2)
    assert (proposals.remind(), proposals.remind()) == (1, 0)
    assert queued() == ["changes_requested", "changes_reminder"]
    ask(reference, city="Which one?")
    advance_clock(monkeypatch, days=25)
    assert proposals.remind() == 1


@pytest.mark.parametrize("days", [1, 7])
def test_short_request_is_not_repeated(app, monkeypatch, days):
    monkeypatch.setitem(app.config, "CHANGES_DAYS", days)
    ask(add_submission(app), city="Which one?")
    assert proposals.remind() == 0


def test_request_that_ended_is_not_repeated(app, monkeypatch):
    ask(add_submission(app), city="Which one?")
    advance_clock(monkeypatch, days=40)
    assert [(name, job()) for name, job in JOBS.items() if "changes" in name] == [
        ("requests for changes ended", 1),
        ("requests for changes reminded", 0),
    ]
    assert queued() == ["changes_requested", "changes_expired"]


def test_reminder_is_not_sent_after_changes_were_sent(app, monkeypatch):
    reference = add_submission(app)
    ask(reference, city="Which one?")
    advance_clock(monkeypatch, days=25)
    assert proposals.remind() == 1
    enter(reference, city="Miami")
    send(reference)
    outbox.deliver_due()
    with reading():
        query = select(MailMessage).where(MailMessage.kind == "changes_reminder")
        assert db.session.scalars(query).all() == []
        assert unsent.queue_stats().failed == 0


def test_answers_that_staff_corrected_meanwhile_are_not_undone(app):
    reference = add_submission(app)
    ask(reference, plan="More, please", contact="Whom?")
    enter(reference, access_plan="Every week")
    with locked_case(reference) as submission:
        answers = {**submission.answers, "contact_name": "Ann", "authorized": True}
        journey = proposals.build_journey(submission, (), answers, submission_steps())
        proposals.store_version(submission, journey)
    send(reference)
    found = read(reference)
    assert (found.answers["contact_name"], found.answers["access_plan"]) == ("Ann", "Every week")
    assert found.answers_version == 3
