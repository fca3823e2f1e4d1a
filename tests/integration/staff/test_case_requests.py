"""Tests of what waits on a case: corrections, withdrawals, and acting for the organization."""

from datetime import date, timedelta
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select, update

from tests.factories import (
    add_old_report,
    add_old_withdrawal,
    add_published,
    add_submission,
    audit_events,
    events_of,
    staff_client,
)
from tests.integration.submissions.test_proposals import ask, correct, send
from wizard import clock
from wizard.accounts.audit import ORGANIZATION, Actor
from wizard.db.engine import db, reading, writing
from wizard.db.models import Contact, MailMessage, Proposal, StaffNote, Submission
from wizard.db.promises import Progress, Promise
from wizard.submissions import contact_changes, proposals, withdrawals
from wizard.submissions.cases import NotAllowed, change_status, locked_case
from wizard.submissions.versions import raise_version
from wizard.web import links

EDITOR = Actor("bob@example.gov")
pytestmark = pytest.mark.second_store_slow


def path_of(reference: str) -> str:
    return f"/staff/submissions/{reference}"


def add_correction(app, **answers) -> str:
    """Store a published submission with a correction that waits; return its reference."""
    reference = add_published(app)
    with app.app_context():
        correct(reference, "We moved.", **answers or {"city": "Tampa"})
    return reference


def add_withdrawal(app, status: str = "published") -> str:
    reference = add_submission(app, status=status)
    with app.app_context():
        withdrawals.request_withdrawal(reference, "Ana Peña left.", ORGANIZATION)
    return reference


def read(app, reference: str) -> Submission:
    with app.app_context():
        row = select(Submission).where(Submission.reference == reference)
        return db.session.scalars(row).one()


def mails(app) -> list[tuple[str, str | None]]:
    """Return kind and words of the messages to the contact."""
    with app.app_context():
        query = select(MailMessage).where(~MailMessage.kind.startswith("office"))
        return [(each.kind, each.words) for each in db.session.scalars(query)]


def test_correction_shows_differences(app, editor, viewer):
    reference = add_correction(app)
    for client in (editor, viewer):
        shown = client.page(path_of(reference)).text("#correction")
        assert "We moved." in shown and "Orlando" in shown and "Tampa" in shown
    assert not viewer.page(path_of(reference)).all("#correction button")


def test_correction_is_approved_with_reason_and_message(app, editor):
    reference = add_correction(app)
    data = {"action": "approve", "key": "correct", "version": "2", "words": "Dear Ana",
            "reason": "A typo."}  # fmt: skip
    page = editor.send(f"{path_of(reference)}/correction", data)
    assert page.status == 200 and not page.all("#correction")
    stored = read(app, reference)
    assert (stored.answers["city"], stored.answers_version) == ("Tampa", 2)
    (event,) = events_of(app, "corrected")
    assert (event.actor, event.data["reason"]) == ("editor@example.gov", "A typo.")
    assert ("corrected", "Dear Ana") in mails(app)
    assert "A typo." in page.text("#history") and "Compare the versions" in page.text("main")


def add_moved_date(app) -> tuple[str, str]:
    """Store a correction that moves the date of a data set; return the reference and its id."""
    reference = add_published(app)
    with app.app_context():
        first, *others = read(app, reference).answers["data_sets"]
        moved = {**first, "release_on": "2031-05-01"}
        correct(reference, "The wrong year.", data_sets=[moved, *others])
        entry_id = db.session.scalars(select(Promise.entry_id).order_by(Promise.id)).first()
    return reference, entry_id


@pytest.mark.parametrize("is_slip", [True, False])
def test_moved_date_counts_as_a_delay_unless_it_was_a_slip(app, editor, viewer, is_slip):
    reference, entry_id = add_moved_date(app)
    page = editor.page(path_of(reference))
    (box,) = page.all("#correction input[name=slips-correct]")
    assert (box.attrs["value"], "checked" in box.attrs) == (entry_id, False)
    assert "The earlier date was a mistake" in page.text("#correction")
    assert not viewer.page(path_of(reference)).all("input[name^=slips]")
    data = {"action": "approve", "key": "correct", "version": "2", "words": "Dear Ana",
            "slips": [entry_id] if is_slip else []}  # fmt: skip
    assert editor.send(f"{path_of(reference)}/correction", data).status == 200
    (event,) = events_of(app, "corrected")
    assert event.data.get("slips", []) == ([entry_id] if is_slip else [])
    with app.app_context():
        found = select(Promise).where(Promise.entry_id == entry_id)
        promise = db.session.scalars(found).one()
    assert promise.due_on == date(2031, 5, 1)
    assert (promise.first_due_on == promise.due_on) == is_slip


def test_moved_promise_has_the_number_of_its_new_place(app, editor):
    reference = add_published(app)
    first, second, *others = read(app, reference).answers["data_sets"]
    moved = {**second, "release_on": "2031-05-01"}
    with app.app_context():
        correct(reference, "Later.", data_sets=[*others, first, moved])
    card = editor.page(path_of(reference)).text("#correction")
    title = f"Data set {len(others) + 2}: {second['title']}"
    assert card.count(title) == 2 and card.count(f": {second['title']}") == 2


def test_slip_is_not_asked_about_a_delay_that_was_approved(app, editor):
    reference = add_published(app)
    row = add_report(app, reference)
    with app.app_context(), locked_case(reference) as submission:
        stored = db.session.get_one(Progress, row.id)
        stored.outcome, stored.day, stored.approved = "delayed", date(2031, 5, 1), True
        raise_version(submission)
    with app.app_context():
        correct(reference, city="Tampa")
    page = editor.page(path_of(reference))
    assert page.all("#correction .decision") and not page.all("input[name^=slips]")


def test_slip_is_not_asked_about_if_no_date_moves(app, editor):
    page = editor.page(path_of(add_correction(app)))
    assert page.all("#correction button") and not page.all("input[name^=slips]")


def add_report(app, reference: str) -> Progress:
    """Store a report that waits, on the first promise of a submission."""
    with app.app_context(), writing() as session:
        promise = session.scalars(select(Promise).order_by(Promise.id)).first()
        columns = {"entry_id": promise.entry_id, "promised_on": promise.due_on}
        row = Progress(submission_id=promise.submission_id, outcome="on_track", **columns)
        session.add(row)
    return row


def change_to(app, reference: str, status: str) -> None:
    with app.app_context(), locked_case(reference) as submission:
        change_status(submission, status, EDITOR, reason="Enough")


CLOSED = {"declined": "in_review", "withdrawn": "published"}


@pytest.mark.parametrize("status", CLOSED)
def test_requests_of_closed_case_wait_once_it_is_reopened(app, editor, status):
    reference, path = add_submission(app, status=CLOSED[status]), "/staff/submissions?todo=yes"
    with app.app_context():
        correct(reference, "We moved.", city="Tampa")
    report, before = add_report(app, reference), read(app, reference).answers
    change_to(app, reference, status)
    page = editor.page(path_of(reference))
    assert not page.all("#correction") and "Not decided" in page.text("#reports")
    assert not page.all("#reports .decision")
    assert reference not in editor.page(path).text("main")
    assert reference not in editor.page("/staff/").text("main")
    version = str(read(app, reference).lock_version)
    number = str(report.id)
    posts = {
        "correction": {"action": "approve", "key": "correct"},
        "progress": {"key": f"progress_approved-{number}", "offered": number, "approve": number},
    }
    for name, data in posts.items():
        refused = editor.send(f"{path_of(reference)}/{name}", {**data, "version": version})
        assert refused.status == 422 and "This case is closed." in refused.text("main")
    assert read(app, reference).answers == before
    change_to(app, reference, "in_review")
    page = editor.page(path_of(reference))
    assert page.all("#correction .decision") and page.all("#reports .decision")
    assert reference in editor.page(path).text("main")


def test_old_report_of_a_closed_case_waits_only_if_it_asks_to_withdraw(app, editor):
    reference = add_submission(app, status="declined")
    progress, withdrawal = add_old_report(app, reference, {}), add_old_withdrawal(app, reference)
    page = editor.page(path_of(reference))
    assert "Not decided" in page.text("#reports") and "Waiting for you" in page.text("#reports")
    assert reference in editor.page("/staff/submissions?todo=yes").text("main")
    posts = {progress: "This case is closed.", withdrawal: "Update approved."}
    for number, said in posts.items():
        data = {"report": str(number), "action": "approve"}
        assert said in editor.send(f"{path_of(reference)}/report", data).text("main")
    assert read(app, reference).status == "withdrawn"
    assert reference not in editor.page("/staff/submissions?todo=yes").text("main")


def test_removal_that_came_without_words_is_approved_with_a_reason_only(app, editor):
    reference = add_published(app)
    entries = read(app, reference).answers["data_sets"]
    with app.app_context():
        correct(reference, "Nobody collects it.", data_sets=entries[:-1])
        with writing() as session:  # as an earlier version stored it
            session.execute(update(Proposal).values(words=""))
    data = {"action": "approve", "key": "correct", "version": "2"}
    for text in ("", " "):
        page = editor.send(f"{path_of(reference)}/correction", {**data, "reason": text})
        assert page.status == 422 and list(page.errors()) == ["reason-correct"]
    with app.app_context(), pytest.raises(NotAllowed):
        proposals.approve_correction(reference, 2, EDITOR)
    editor.send(f"{path_of(reference)}/correction", {**data, "reason": "No one collects it."})
    public = editor.page(f"/commitments/{reference}").text(".promise.dropped")
    assert "No one collects it." in public


def test_correction_of_the_contact_alone_tells_of_no_correction(app, editor):
    reference = add_correction(app, contact_name="Lee", contact_email="lee@example.org")
    page = editor.page(path_of(reference))
    assert not page.all("#words-correct, #reason-correct")
    data = {"action": "approve", "key": "correct", "version": "2"}
    page = editor.send(f"{path_of(reference)}/correction", data)
    assert page.status == 200 and not page.all("#correction")
    assert read(app, reference).answers_version == 1
    assert {kind for kind, _ in mails(app)} == {"contact_changed", "confirm_contact"}
    assert events_of(app, "corrected") == []


def test_every_version_says_who_made_it_and_how(app, editor):
    reference = add_correction(app)
    with app.app_context():
        version = read(app, reference).lock_version
        proposals.approve_correction(reference, version, EDITOR)
        answers = read(app, reference).answers
        named = {name: answers[name] for name in answers if name.startswith("contact_")}
        contact_changes.change_contact(reference, {**named, "contact_name": "Lee"}, EDITOR)
        contact_changes.name_second(reference, "Ann", "ann@example.org", EDITOR)
        confirm_contact(reference)
        other = {**named, "contact_email": "lee@example.org"}
        contact_changes.change_contact(reference, other, EDITOR)
        confirm_contact(reference)
    versions = editor.page(f"{path_of(reference)}/versions").all("ol.next li")
    labels = [each.text.partition(": ")[2] for each in versions]
    expected = ("Submitted", "Corrected", "Contact details changed", "New contact confirmed")
    assert len(labels) == len(expected)
    assert all(map(str.startswith, labels, expected))


def confirm_contact(reference: str) -> None:
    """Confirm the contact that waits."""
    with reading() as session:
        waiting = session.scalars(select(Contact.id).where(Contact.confirmed_at.is_(None))).one()
    assert contact_changes.confirm(reference, waiting)


@pytest.mark.parametrize("status", ["published", "accepted"])
def test_card_says_that_a_correction_takes_back_the_consent(app, editor, status):
    reference = add_submission(app, status=status)
    with app.app_context():
        correct(reference, publish_consent="no")
    page = editor.page(path_of(reference))
    says_so = "stays public" in page.text("#correction")
    assert says_so == (status == "published")
    assert "Its page shows" not in page.text("#correction")


def test_correction_is_declined(app, editor):
    reference = add_correction(app)
    data = {"action": "decline", "key": "leave", "version": "2", "reason": "Not so."}
    assert editor.send(f"{path_of(reference)}/correction", data).status == 200
    assert read(app, reference).answers["city"] == "Orlando"
    assert events_of(app, "correction_declined")[0].data["reason"] == "Not so."


def test_decision_on_correction_that_changed_is_409(app, editor):
    reference = add_correction(app)
    with app.app_context():
        correct(reference, "No, there.", city="Miami")
    data = {"action": "approve", "key": "correct", "version": "2", "words": "Dear Ana"}
    late = editor.send(f"{path_of(reference)}/correction", data)
    assert late.status == 409
    assert late.text("#words-correct") == "Dear Ana" and "Miami" in late.text("#correction")
    assert read(app, reference).answers["city"] == "Orlando"


def test_correction_that_is_gone_is_422(app, editor):
    reference = add_submission(app)
    data = {"action": "approve", "version": "1"}
    page = editor.send(f"{path_of(reference)}/correction", data)
    assert (page.status, list(page.errors())) == (422, ["case"])


@pytest.mark.parametrize("address", ["correction", "withdrawal"])
@pytest.mark.parametrize("data", [{"action": "x", "version": "1"}, {"action": "approve"}])
def test_malformed_decision_is_400(app, editor, address, data):
    reference = add_submission(app)
    assert editor.send(f"{path_of(reference)}/{address}", data).status == 400


def test_withdrawal_is_confirmed_with_edited_public_reason(app, editor):
    reference = add_withdrawal(app)
    page = editor.page(path_of(reference))
    assert "Ana Peña left." in page.text("#withdrawal")
    assert page.text("#reason-withdraw") == "Ana Peña left."
    assert not page.all("#reason-withdrawn")
    data = {"action": "approve", "key": "withdraw", "version": "2", "reason": "They have no staff."}
    after = editor.send(f"{path_of(reference)}/withdrawal", data)
    assert after.status == 200 and not after.all("#withdrawal")
    assert read(app, reference).status == "withdrawn"
    assert events_of(app, "withdrawn")[0].data == {"reason": "They have no staff."}
    assert "withdrawn" in dict(mails(app))


def test_withdrawal_without_consent_promises_no_public_page(app, editor):
    reference = add_correction(app, publish_consent="no")
    path = path_of(reference)
    with app.app_context():
        withdrawals.request_withdrawal(reference, "Ana Peña left.", ORGANIZATION)
    before = editor.page(path)
    assert "a page with the organization" in before.text("#withdrawal")
    assert "everyone on its public page" in before.text("#withdrawal")
    data = {"action": "approve", "version": before.values()["version"][0]}
    editor.send(f"{path}/correction", {**data, "key": "correct"})
    page = editor.page(path)
    assert "Ana Peña left." in page.text("#withdrawal")
    assert "public page" not in page.text("#withdrawal")
    assert "a page with the organization" not in page.text("#withdrawal")
    data |= {"key": "withdraw", "version": page.values()["version"][0]}
    editor.send(f"{path}/withdrawal", data)
    page = editor.page(path)
    assert read(app, reference).status == "withdrawn"
    assert "Reopen" in page.text("#decide") and "public page" not in page.text("#decide")


def test_withdrawal_is_declined(app, editor):
    reference = add_withdrawal(app)
    data = {"action": "decline", "key": "stay", "version": "2", "words": "Let us talk."}
    assert editor.send(f"{path_of(reference)}/withdrawal", data).status == 200
    stored = read(app, reference)
    assert (stored.status, stored.withdrawal_requested_at) == ("published", None)
    assert ("withdrawal_declined", "Let us talk.") in mails(app)


def test_withdrawal_that_was_taken_back_is_409(app, editor):
    reference = add_withdrawal(app)
    with app.app_context():
        withdrawals.cancel_withdrawal(reference, ORGANIZATION)
    data = {"action": "approve", "key": "withdraw", "version": "2", "reason": "Gone"}
    late = editor.send(f"{path_of(reference)}/withdrawal", data)
    assert late.status == 409 and "Gone" in late.text("#stale")
    assert read(app, reference).status == "published"


@pytest.mark.parametrize("reason", ["x" * 5001, "\x00"])
def test_invalid_public_reason_is_422_and_stays(app, editor, reason):
    reference = add_withdrawal(app)
    data = {"action": "approve", "key": "withdraw", "version": "2", "reason": reason}
    page = editor.send(f"{path_of(reference)}/withdrawal", data)
    assert (page.status, list(page.errors())) == (422, ["reason-withdraw"])
    assert page.text("#reason-withdraw") == reason.replace("\x00", "\ufffd")


def test_versions_are_compared(app, viewer):
    reference = add_submission(app, status="in_review")
    with app.app_context():
        ask(reference, city="Which one?")
        send(reference, "The other.", city="Tampa")
        correct(reference, city="Miami")
    page = viewer.page(f"{path_of(reference)}/versions")
    assert "from version 1 to version 2" in page.text("main")
    assert "Orlando" in page.text(".differences") and "Tampa" in page.text(".differences")
    same = viewer.page(f"{path_of(reference)}/versions?from=1&to=1")
    assert not same.all(".differences") and "Nothing." in same.text("main")
    back = viewer.page(f"{path_of(reference)}/versions?from=2&to=1")
    assert back.text(".differences del").endswith("Tampa")
    assert len(audit_events(app, "viewed")) == 3


def test_only_version_says_so(app, viewer):
    page = viewer.page(f"{path_of(add_submission(app))}/versions")
    assert "only one version" in page.text("main")


@pytest.mark.parametrize("query", ["from=1&to=2", "from=0", "to=9", "from=1&to=1000"])
def test_unknown_version_is_404(app, viewer, query):
    assert viewer.page(f"{path_of(add_submission(app))}/versions?{query}").status == 404


@pytest.mark.parametrize("query", ["from=x", "to=%00", "from=-1", "nonsense=1", "to=²"])
def test_malformed_versions_show_the_last(app, viewer, query):
    assert viewer.page(f"{path_of(add_submission(app))}/versions?{query}").status == 200


def test_acting_is_noted_and_opens_pages_of_organization(app, editor):
    reference = add_submission(app)
    data = {"how": "By phone, Ana Peña"}
    response = editor.post(f"{path_of(reference)}/act", data={"csrf_token": editor.token(), **data})
    assert response.status_code == 303
    token = urlsplit(response.location).path.rpartition("/")[2]
    with app.app_context():
        assert links.parse_acting_token(token) == (reference, "editor@example.gov")
        (note,) = db.session.scalars(select(StaffNote))
        assert (note.author, "By phone, Ana Peña" in note.text) == ("editor@example.gov", True)
    (event,) = audit_events(app, "acted")
    assert (event.subject, event.details) == (reference, {})


def test_acting_ends_with_its_time_and_with_flag_out(app, editor, monkeypatch):
    reference, now = add_submission(app), clock.now()
    own = f"/commitments/{reference}/yours"
    page = editor.send(f"{path_of(reference)}/act", {"how": "By phone"})
    assert (page.status, page.path) == (200, own)
    assert "editor@example.gov" in page.text(".notice")
    assert not page.all('[value*="/updates/"]')
    with monkeypatch.context() as patched:
        patched.setattr(clock, "now", lambda: now + timedelta(hours=2, minutes=1))
        assert editor.page(own).status == 404
    assert editor.page(own).status == 200
    editor.send("/staff/logout")
    assert editor.page(own).status == 404


def test_withdrawal_asked_by_staff_for_organization_has_their_name(app, editor):
    reference = add_submission(app)
    editor.send(f"{path_of(reference)}/act", {"how": "By letter"})
    editor.send(f"/commitments/{reference}/withdraw", {"reason": "No staff.", "sure": "yes"})
    (event,) = events_of(app, "withdrawal_requested")
    assert (event.actor_kind, event.actor) == ("organization", "editor@example.gov")
    shown = editor.page(path_of(reference)).text("#history")
    assert "editor@example.gov for the organization" in shown


@pytest.mark.parametrize("how", ["", "x" * 501])
def test_acting_needs_how_they_asked(app, editor, how):
    page = editor.send(f"{path_of(add_submission(app))}/act", {"how": how})
    assert (page.status, list(page.errors())) == (422, ["how"])
    assert page.all("#how")[0].attrs["value"] == how
    assert audit_events(app, "acted") == []


def test_link_is_shown_once_and_logged(app, editor):
    reference, other = add_submission(app), add_submission(app)
    assert not editor.page(path_of(reference)).all("#link")
    shown = editor.send(f"{path_of(reference)}/link").all("#link")[0].attrs["value"]
    token = shown.rpartition("/")[2]
    with app.app_context():
        assert links.parse_submission_token(token) == (reference, 1)
    (event,) = audit_events(app, "link_shown")
    assert (event.actor, event.subject, event.details) == ("editor@example.gov", reference, {})
    assert not editor.page(path_of(reference)).all("#link")
    editor.send(f"{path_of(reference)}/link", follow=False)
    assert not editor.page(path_of(other)).all("#link")


def test_erased_case_has_no_link_and_nobody_acts_for_it(app):
    admin = staff_client(app, "admin")
    reference = add_correction(app)
    admin.send(f"{path_of(reference)}/erase")
    for address, data in [
        ("act", {"how": "By phone"}), ("link", {}), ("correction", {"action": "approve"}),
        ("withdrawal", {"action": "approve"}), ("changes", {"open": "city"}),
    ]:  # fmt: skip
        page = admin.send(f"{path_of(reference)}/{address}", {"version": "3", **data})
        assert (page.status, list(page.errors())) == (422, ["case"]), address
    assert admin.page(f"{path_of(reference)}/versions").status == 200
    assert admin.page(f"{path_of(reference)}/changes").status == 422
    assert audit_events(app, "acted") == audit_events(app, "link_shown") == []


def test_resubmission_shows_changes_until_decision(app, editor):
    reference = add_submission(app, status="in_review")
    with app.app_context():
        ask(reference, city="Which one?")
        send(reference, "We moved.", city="Tampa")
    shown = editor.page(path_of(reference)).text("#resubmitted")
    for text in ("City or town: Which one?", "We moved.", "removed: Orlando", "added: Tampa"):
        assert text in shown
    page = editor.page(path_of(reference))
    editor.press(page, "#decide button[value=accepted]")
    assert not editor.page(path_of(reference)).all("#resubmitted")


@pytest.mark.parametrize("kind", ["progress_approved", "progress_declined"])
@pytest.mark.parametrize("reason", ["", "Where is it?"])
def test_decision_on_progress_that_comes_twice_is_answered_as_taken(app, editor, kind, reason):
    reference = add_submission(app, status="published")
    key = f"{kind}-{add_report(app, reference).id}"
    page = editor.page(path_of(reference))
    for _ in range(2):
        done = editor.press(page, f"#reports button[value={key}]", **{f"reason-{key}": reason})
        assert (done.status, done.text("#said")[:9]) == (200, "✓ Update ")
    assert len(events_of(app, kind)) == 1


def test_unchecked_reports_stay_unchecked(app, editor):
    reference = add_submission(app, status="published")
    number = add_report(app, reference).id
    page = editor.page(path_of(reference))
    fields = {**page.values(), "text": "Call them."}
    del fields[f"approve-progress_approved-{number}"]
    noted = editor.send(f"{path_of(reference)}/note", fields)
    assert noted.text(".note") and "checked" not in noted.all(f"#approve-{number}")[0].attrs


def test_decision_on_another_report_is_not_the_same(app, editor):
    reference = add_submission(app, status="published")
    first, second = add_report(app, reference).id, add_report(app, reference).id
    page = editor.page(path_of(reference))
    editor.press(page, f"#reports button[value=progress_approved-{first}]")
    late = editor.press(page, f"#reports button[value=progress_approved-{second}]")
    assert late.status == 409 and len(events_of(app, "progress_approved")) == 1


def test_correction_that_ends_consent_is_approved_twice_as_once(app, editor):
    reference = add_correction(app, publish_consent="no")
    page = editor.page(path_of(reference))
    for _ in range(2):
        done = editor.press(page, "#correction button[value=correct]")
        assert (done.status, done.text("#said")) == (200, "✓ Answers corrected.")
    assert len(events_of(app, "corrected")) == len(events_of(app, "unpublished")) == 1


@pytest.mark.parametrize(("day", "is_early"), [(date(2015, 12, 5), True), (None, False)])
def test_day_before_the_promise_is_a_flag(app, editor, day, is_early):
    reference = add_submission(app, status="published")
    number = add_report(app, reference).id
    with app.app_context(), writing() as session:
        session.execute(update(Progress).values(outcome="done", day=day or clock.today()))
    page = editor.page(path_of(reference))
    assert ("done on December 5, 2015, before it was promised" in page.text("main")) == is_early
    editor.press(page, f"#reports button[value=progress_approved-{number}]")
    assert "before it was promised" not in editor.page(path_of(reference)).text("main")
