"""Tests of work on a case: status, notes, resend, erase."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import select

from tests.client import Page
from tests.complete_form import complete_form, draft_path
from tests.factories import (
    add_old_report,
    add_submission,
    audit_events,
    events_of,
    staff_client,
)
from tests.integration.submissions.test_proposals import correct, read
from wizard.accounts import audit
from wizard.accounts.audit import ORGANIZATION, Actor
from wizard.db.engine import db, reading, writing
from wizard.db.models import CASE_STATUSES, Draft, MailMessage, Report, StaffNote, Submission
from wizard.notify.outbox import deliver_due
from wizard.staff import cases, dashboard, erasure
from wizard.submissions import cases as submission_cases
from wizard.submissions import proposals, withdrawals
from wizard.submissions.events import KINDS

pytestmark = pytest.mark.second_store_slow


def test_view_is_audited_without_answers(app, client, viewer, case):
    reference = complete_form(client, case).text(".reference")
    viewer.page(f"/staff/submissions/{reference}")
    (event,) = audit_events(app, "viewed")
    assert (event.actor, event.subject, event.details) == ("viewer@example.gov", reference, {})


def test_view_is_audited_before_page_is_rendered(app, viewer, monkeypatch):
    from wizard.staff import views

    reference = add_submission(app)
    drawn = []

    def render(*args, **kwargs):
        audit.record_event(Actor("somebody else"), "exported")  # waits for no lock
        drawn.append([event.action for event in audit_events(app)])
        return original(*args, **kwargs)

    original = views.render_page
    monkeypatch.setattr(views, "render_page", render)
    assert viewer.page(f"/staff/submissions/{reference}").status == 200
    assert viewer.page("/staff/submissions/PDI-AAAA-AAAA").status == 404
    assert drawn == [["viewed", "exported"]]
    assert len(audit_events(app, "viewed")) == 1


def test_case_page_is_consistent_during_change(app, monkeypatch):
    reference = add_submission(app)
    original = submission_cases.find_by_reference

    def move() -> None:
        with app.app_context():
            cases.decide(reference, "in_review", 1, Actor("editor"))

    def find(reference: str, *, lock: bool = False) -> Submission | None:
        found = original(reference, lock=lock)
        if not lock:
            with ThreadPoolExecutor(1) as thread:
                thread.submit(move).result()
        return found

    with app.app_context(), monkeypatch.context() as patched:
        patched.setattr(submission_cases, "find_by_reference", find)
        case = cases.get_case(reference)
    assert (case.submission.status, len(case.history)) == ("received", 1)
    with app.app_context():
        case = cases.get_case(reference)
    assert (case.submission.status, len(case.history)) == ("in_review", 2)


def change_status(client, path: str, to: str, version: str | None = None) -> Page:
    """Change the status as the page does."""
    if version is None:
        version = client.page(path).values()["version"][0]
    return client.send(f"{path}/status", {"to": to, "version": version, "reason": "Too vague."})


def test_status_changes_are_in_history(app, editor):
    path = f"/staff/submissions/{add_submission(app)}"
    for to in ("in_review", "accepted", "published"):
        page = change_status(editor, path, to)
        assert page.status == 200
    history = page.text("#history")
    for words in ("Submitted", "Taken into review", "Accepted", "Published"):
        assert words in history
    assert "editor@example.gov" in history
    assert [event.kind for event in events_of(app)] == ["review_started", "accepted", "published"]
    assert audit_events(app, "moved") == []
    with app.app_context():
        assert db.session.scalars(select(Submission)).one().published_at is not None
    change_status(editor, path, "accepted")
    with app.app_context():
        assert db.session.scalars(select(Submission)).one().published_at is None


OFFERED = {
    "received": ["in_review", "accepted", "declined", "withdrawn"],
    "in_review": ["accepted", "declined", "withdrawn"],
    "changes_requested": ["accepted", "in_review", "declined", "withdrawn"],
    "accepted": ["published", "in_review", "withdrawn"],
    "published": ["accepted", "withdrawn"],
    "declined": ["in_review", "withdrawn"],
    "withdrawn": ["in_review"],
}
"""The statuses to which a button of the case leads."""


@pytest.mark.parametrize("before", list(OFFERED))
def test_only_allowed_transitions(app, editor, before):
    path = f"/staff/submissions/{add_submission(app, status=before)}"
    page = editor.page(path)
    offered = [each.attrs["value"] for each in page.all("#decide button[name=key]")]
    assert offered == OFFERED[before]
    asked = {"changes_requested"} if before in ("received", "in_review") else set()
    again = {"changes_requested"} if before == "changes_requested" else set()
    for to in {*OFFERED, "nonsense", ""} - set(offered) - asked - again:
        assert change_status(editor, path, to).status == 422
    with app.app_context():
        assert db.session.scalars(select(Submission)).one().status == before


def test_every_status_has_badge_and_is_reached():
    transitions = submission_cases.TRANSITIONS
    assert set(CASE_STATUSES) == {status for each in transitions for status in each.sources}
    assert len({status.icon for status in CASE_STATUSES.values()}) == len(CASE_STATUSES)
    assert {each.to for each in transitions} == set(CASE_STATUSES) - {"received"}
    assert {each.event for each in transitions} <= set(KINDS)


def test_no_side_has_two_transitions_between_two_statuses():
    ways = [
        (source, each.to, side)
        for each in submission_cases.TRANSITIONS
        for source in each.sources
        for side in each.by
    ]
    assert len(ways) == len(set(ways))


def read_submission(reference: str) -> Submission:
    """Return a submission alone, in a hundredth of the time of its case."""
    with reading():
        found = submission_cases.find_by_reference(reference)
    assert found is not None
    return found


def act_at_random(random: Random, reference: str) -> None:
    """Do something with a case that its status allows."""
    submission = read_submission(reference)
    actor = Actor("editor")
    transitions = submission_cases.allowed_transitions(submission)
    if transitions and random.random() < 0.7:
        to = random.choice(transitions).to
        if to == "changes_requested":
            with submission_cases.locked_case(reference) as locked:
                proposals.request_changes(locked, {"city": ""}, actor)
            return
        cases.decide(reference, to, submission.lock_version, actor, reason="A reason.")
    elif withdrawals.can_withdraw(submission) and random.random() < 0.7:
        withdrawals.request_withdrawal(reference, "A reason.", ORGANIZATION)
        version = read_submission(reference).lock_version
        withdrawals.decide_withdrawal(reference, random.random() < 0.7, version, actor)
    elif random.random() < 0.1:
        erasure.erase(reference, actor)


@pytest.mark.parametrize("consent", ["yes", "no"])
def test_published_at_is_set_exactly_while_published(app, consent):
    reached = set()
    for seed in range(8):
        random = Random(seed)
        reference = add_submission(app, publish_consent=consent)
        with app.app_context():
            for _ in range(12):
                try:
                    act_at_random(random, reference)
                except submission_cases.CaseErased:
                    break
                it = read_submission(reference)
                assert (it.published_at is not None) == (it.status == "published")
                reached.add(it.status)
            to_of = {each.event: each.to for each in submission_cases.TRANSITIONS}
            history = cases.get_case(reference).history
            reached_by = [to_of[event.kind] for event in history if event.kind in to_of]
            assert cases.get_case(reference).submission.status == reached_by[-1]
    assert reached == set(OFFERED) - ({"published"} if consent == "no" else set())


def test_lock_rereads_loaded_case(app):
    reference = add_submission(app)
    with app.app_context():
        old = submission_cases.find_by_reference(reference)
        db.session.commit()
        with ThreadPoolExecutor(1) as thread:
            thread.submit(decide_elsewhere, app, reference).result()
        with submission_cases.locked_case(reference) as locked:
            assert (locked is old, locked.status, locked.lock_version) == (True, "in_review", 2)


def decide_elsewhere(app, reference: str) -> None:
    """Change a case as another request does."""
    with app.app_context():
        cases.decide(reference, "in_review", 1, Actor("editor"))


def test_publish_without_consent_is_422(app, editor):
    reference = add_submission(app, status="accepted", publish_consent="no")
    path = f"/staff/submissions/{reference}"
    page = editor.page(path)
    assert "published" not in [each.attrs["value"] for each in page.all("#decide button[name=key]")]
    assert "didn’t agree to publication" in page.text("aside")
    assert change_status(editor, path, "published").status == 422


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_stale_version_is_409(app, editor, htmx):
    other = staff_client(app, "editor", "bob")
    path = f"/staff/submissions/{add_submission(app, status='in_review')}"
    version = other.page(path).values()["version"][0]
    change_status(editor, path, "declined")
    late = other.send(f"{path}/status", {"to": "accepted", "version": version}, htmx=htmx)
    assert late.status == 409
    text = late.text(".staff")
    assert "Someone else changed this" in text
    assert "Declined" in text and "editor@example.gov" in text
    assert [event.kind for event in events_of(app)] == ["declined"]
    assert set(late.values()["version"]) == {"2"}


def test_concurrent_status_changes_apply_once(app):
    reference = add_submission(app, status="in_review")

    def decide(number: int) -> bool:
        to = ("accepted", "declined", "withdrawn")[number % 3]
        with app.app_context():
            try:
                cases.decide(reference, to, 1, Actor(f"editor {number}"), reason="A reason.")
            except submission_cases.StaleVersion:
                return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(decide, range(16))).count(True) == 1
    assert len(events_of(app)) == 1


def test_unsaved_note_survives_status_change(app, editor):
    path = f"/staff/submissions/{add_submission(app)}"
    data = {"to": "in_review", "version": "1", "text": "Half a thou"}
    for _ in range(2):  # decided, and then too late
        page = editor.send(f"{path}/status", data)
        assert page.values()["text"][0].strip() == "Half a thou"
    assert page.status == 409


@pytest.mark.parametrize("is_approved", [True, False])
@pytest.mark.parametrize("kind", ["correction", "withdrawal", "report"])
def test_unsaved_note_survives_decision(app, editor, kind, is_approved):
    reference = add_submission(app, status="published")
    if kind == "report":
        add_old_report(app, reference, {"data_sets": {"0": {"done": True}}})
    with app.app_context():
        if kind == "correction":
            correct(reference, city="Tampa")
        elif kind == "withdrawal":
            withdrawals.request_withdrawal(reference, "No staff.", ORGANIZATION)
    path = f"/staff/submissions/{reference}"
    values = editor.page(path).values()
    data = {"version": values["version"][0], "report": values.get("report-approve-1", [""])[0]}
    data |= {"action": "approve" if is_approved else "decline", "reason": "We agreed by phone."}
    page = editor.send(f"{path}/{kind}", data | {"text": "Half a thou"})
    assert (page.status, page.values()["text"][0].strip()) == (200, "Half a thou")
    assert page.all(".notice")


def test_report_of_a_removed_entry_is_shown_as_it_was_submitted(app, editor):
    reference = add_submission(app, status="published")
    with app.app_context():
        entries = read(reference).answers["data_sets"]
    last = len(entries) - 1
    add_old_report(app, reference, {"data_sets": {str(last): {"done": True, "note": "It is out."}}})
    with app.app_context():
        correct(reference, "Nobody collects it.", data_sets=entries[:last])
        version = read(reference).lock_version
        proposals.approve_correction(reference, version, Actor("editor"))
    page = editor.page(f"/staff/submissions/{reference}")
    assert page.status == 200
    assert f"Data set {last + 1}: {entries[last]['title']}: done. It is out." in page.text(
        "#reports"
    )


@pytest.mark.parametrize("key", ["", "progress", "approve-1", "correct"])
def test_progress_decision_of_unknown_kind_is_400(app, editor, key):
    reference = add_submission(app, status="published")
    data = {"key": key, "offered": "1", "version": "1", "reason": "Typed."}
    assert editor.send(f"/staff/submissions/{reference}/progress", data).status == 400


@pytest.mark.parametrize("version", ["", "x", "-1", "²", "9" * 30])
def test_invalid_version_is_400(app, editor, version):
    path = f"/staff/submissions/{add_submission(app)}"
    assert change_status(editor, path, "in_review", version).status == 400


def test_note_is_visible_to_staff_only(app, client, editor, viewer, case):
    receipt = complete_form(client, case)
    path = f"/staff/submissions/{receipt.text('.reference')}"
    editor.send(f"{path}/note", {"text": "  Called them.\nWill <b>send</b> more. "})
    assert "Will <b>send</b> more." in viewer.page(path).text(".note")
    assert "Called them" not in client.page(receipt.path).response.text
    (event,) = events_of(app, "noted")
    assert event.data == {}


@pytest.mark.parametrize("text", ["", "   ", "x" * 5001])
def test_invalid_note_is_422_and_stays_on_page(app, editor, text):
    path = f"/staff/submissions/{add_submission(app)}"
    page = editor.send(f"{path}/note", {"text": text})
    assert (page.status, list(page.errors())) == (422, ["text"])
    assert page.values()["text"][0].strip() == text.strip()


def write(client, path: str, words: str) -> Page:
    """Write to the contacts as the page does."""
    page = client.page(path)
    return client.press(page, "#messages button[value=written]", **{"words-written": words})


def test_letter_goes_to_contacts_once(app, editor):
    path = f"/staff/submissions/{add_submission(app)}"
    page = editor.page(path)
    for _ in range(2):
        typed = {"words-written": "We meet on Monday."}
        done = editor.press(page, "#messages button[value=written]", **typed)
        assert (done.status, done.text("#said")) == (200, "✓ Email queued.")
    write(editor, path, "We meet on Monday.")
    assert len(events_of(app, "written")) == 2
    with app.app_context():
        words = list(db.session.scalars(select(MailMessage.words)))
    assert words == ["We meet on Monday."] * 2


def test_note_that_comes_twice_is_added_once(app, editor):
    page = editor.page(f"/staff/submissions/{add_submission(app)}")
    for _ in range(2):
        done = editor.press(page, "button[formaction$=note]", text="No answer.")
        assert done.status == 200 and len(done.all(".note")) == 1


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("", "Write the message."),
        ("x" * 5001, "Use 5,000 characters"),
        ("  ", "Write the message."),
    ],
)
def test_invalid_letter_is_422_and_stays_on_page(app, editor, words, error):
    page = write(editor, f"/staff/submissions/{add_submission(app)}", words)
    assert page.status == 422 and page.errors()["words-written"].startswith(error)
    assert page.values()["words-written"][0].strip() == words.strip()
    assert events_of(app, "written") == []


def test_letter_without_address_is_refused(app, editor):
    reference = add_submission(app, contact_email="")
    path = f"/staff/submissions/{reference}"
    assert not editor.page(path).all("#words-written")
    data = {"key": "written", "words-written": "We meet on Monday."}
    page = editor.send(f"{path}/letter", data)
    assert (page.status, page.errors()) == (422, {"messages": "There is no address to write to."})
    assert "We meet on Monday." in page.text("#written")


def test_resend_queues_new_message(app, client, editor, case):
    path = f"/staff/submissions/{complete_form(client, case).text('.reference')}"
    with app.app_context():
        deliver_due()
    (button,) = editor.page(path).all("button[name=message]")
    message = button.attrs["value"]
    page = editor.send(f"{path}/resend", {"message": message})
    assert editor.send(f"{path}/resend", {"message": message}).status == 422
    assert "● Waiting to be sent" in page.text("#messages")
    with app.app_context():
        assert deliver_due() == 1
        first, second = db.session.scalars(select(MailMessage).order_by(MailMessage.id))
        assert first.message_id != second.message_id
        assert (first.kind, first.recipient) == (second.kind, second.recipient)
        assert first.sent_at is not None and second.sent_at is not None


def test_resend_of_other_submission_is_404(app, client, editor, case):
    complete_form(client, case)
    other = f"/staff/submissions/{add_submission(app)}"
    assert editor.send(f"{other}/resend", {"message": "1"}).status == 404


def test_erase_keeps_reference_and_audit(app, client, case):
    admin = staff_client(app, "admin")
    receipt = complete_form(client, case)
    reference = receipt.text(".reference")
    path = f"/staff/submissions/{reference}"
    admin.send(f"{path}/note", {"text": f"A word about {case['contact_name']}"})
    asked = admin.page(f"{path}/erase")
    assert "can’t undo this" in asked.text("main")
    after = admin.send(f"{path}/erase")
    assert "deleted on request" in after.text("main")
    with app.app_context():
        kept = db.session.scalars(select(Submission)).one()
        assert (kept.reference, kept.answers, kept.branch != "") == (reference, {}, True)
        for table in (Draft, MailMessage, StaffNote):
            assert db.session.scalars(select(table)).all() == []
        rows = [tuple(row) for row in db.session.execute(select(Submission.__table__))]
    for secret in (case["contact_name"], case["organization_name"], case["city"]):
        assert secret not in str(rows) and secret not in str([e.details for e in audit_events(app)])
    assert admin.page("/staff/submissions").text(".list tbody .pill").endswith("Answers deleted")
    assert client.page(draft_path(receipt) + "/done").status == 404
    for address, data in [("status", {"to": "in_review", "version": str(kept.lock_version)}),
                          ("note", {"text": "Too late"}), ("erase", {})]:  # fmt: skip
        late = admin.send(f"{path}/{address}", data)
        assert (late.status, list(late.errors())) == (422, ["case"])
    with app.app_context():
        assert db.session.scalars(select(StaffNote)).all() == []


def test_erase_withdraws_published_case(app):
    admin = staff_client(app, "admin")
    path = f"/staff/submissions/{add_submission(app, status='published')}"
    admin.send(f"{path}/erase")
    with app.app_context():
        kept = db.session.scalars(select(Submission)).one()
        assert (kept.status, kept.published_at) == ("withdrawn", None)


def test_accepted_case_without_consent_is_not_published(app):
    reference = add_submission(app, status="accepted", publish_consent="no")
    editor = staff_client(app, "editor")
    path = f"/staff/submissions/{reference}"
    version = editor.page(path).values()["version"][0]
    assert editor.send(f"{path}/status", {"to": "published", "version": version}).status == 422


def test_erase_leaves_no_bytes_of_answers(app, client, tmp_path, case):
    admin = staff_client(app, "admin")
    reference = complete_form(client, case).text(".reference")
    with app.app_context():
        deliver_due()
    assert list((tmp_path / "mail").glob("*.eml"))
    path = f"/staff/submissions/{reference}"
    assert "backups" in admin.page(f"{path}/erase").text("main")
    admin.send(f"{path}/erase")
    with app.app_context():
        file = Path(db.engine.url.database)
    kept = b"".join(each.read_bytes() for each in file.parent.glob(f"{file.name}*"))
    for name in ("contact_name", "contact_email"):
        assert case[name].encode() not in kept, name
    mail = [each.read_bytes() for each in (tmp_path / "mail").iterdir()]
    assert not any(reference.encode() in each for each in mail)


def test_leftovers_of_erased_case_are_deleted_daily(app):
    reference, other = add_submission(app, status="accepted"), add_submission(app)
    with app.app_context():
        erasure.erase(reference, Actor("editor"))
        with writing() as session:
            for submission in session.scalars(select(Submission)).all():
                session.add(Report(submission_id=submission.id, entries={}, withdraws=True))
                session.add(StaffNote(submission_id=submission.id, author="editor", text="late"))
        db.session.rollback()
        assert erasure.purge_after_erasure() == 2
        assert [each.reference for each in dashboard.list_requests()] == [other]
