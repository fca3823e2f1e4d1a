"""Tests of decisions with the message that goes with each."""

import pytest
from sqlalchemy import select

from tests.factories import add_submission, events_of, set_language, staff_client
from wizard.accounts.audit import ORGANIZATION
from wizard.db.engine import db
from wizard.db.models import MailMessage, Submission
from wizard.notify.outbox import deliver_due, render_email
from wizard.submissions.cases import locked_case
from wizard.submissions.events import record_event
from wizard.submissions.messages import OFFICE_MESSAGES

pytestmark = pytest.mark.second_store_slow


def decide(client, reference: str, to: str, **typed: str):
    """Decide as the form of the page does."""
    page = client.page(f"/staff/submissions/{reference}")
    named = {f"{name}-{to}": text for name, text in typed.items()}
    return client.press(page, f"#decide button[value={to}]", **named)


def messages_of(app) -> list[MailMessage]:
    with app.app_context():
        return list(db.session.scalars(select(MailMessage).order_by(MailMessage.id)))


def mail_text(app, message: MailMessage) -> str:
    with app.app_context():
        return render_email(message).get_body(("plain",)).get_content()


def status_of(app, reference: str) -> str:
    with app.app_context():
        row = select(Submission.status).where(Submission.reference == reference)
        return db.session.scalars(row).one()


def test_standard_message_is_shown_in_language_of_submission(app, editor):
    reference = add_submission(app, status="in_review")
    set_language(app, reference, "es")
    page = editor.page(f"/staff/submissions/{reference}")
    (text,) = page.all("#words-accepted")
    assert text.attrs["lang"] == "es"
    assert "Buenas noticias" in text.text
    assert reference in page.text("#decide")
    assert page.all("#skip-accepted") and not page.all("#words-in_review")


def test_one_click_sends_standard_message(app, editor):
    reference = add_submission(app, status="in_review")
    page = editor.page(f"/staff/submissions/{reference}")
    shown = page.text("#words-accepted")
    assert decide(editor, reference, "accepted", words=f"{shown}\r\n").status == 200
    (message,) = messages_of(app)
    assert (message.kind, message.words, message.event_id) == (
        "accepted",
        None,
        events_of(app, "accepted")[0].id,
    )
    assert shown in " ".join(mail_text(app, message).split())


def test_own_words_are_sent_as_text(app, editor):
    reference = add_submission(app, status="in_review")
    words = "Dear <b>Ana</b>, {{ config }} %(noun)s\r\nBcc: all@example.org\r\n\r\nSee you."
    assert decide(editor, reference, "accepted", words=words).status == 200
    (message,) = messages_of(app)
    assert message.words == words.replace("\r\n", "\n")
    text = mail_text(app, message)
    assert "Dear <b>Ana</b>, {{ config }} %(noun)s\nBcc: all@example.org" in text
    with app.app_context():
        email = render_email(message)
        assert email["Bcc"] is None
        assert "&lt;b&gt;Ana&lt;/b&gt;" in email.get_body(("html",)).get_content()
    page = editor.page(f"/staff/submissions/{reference}")
    assert "Dear <b>Ana</b>" in page.text("#history")


def test_skipped_message_is_logged(app, editor):
    reference = add_submission(app, status="in_review")
    assert decide(editor, reference, "accepted", words="", skip="yes").status == 200
    assert messages_of(app) == []
    skipped, _ = sorted(events_of(app), key=lambda event: event.kind, reverse=True)
    assert (skipped.kind, skipped.data) == ("message_skipped", {"of": "accepted"})
    assert "Sent no email" in editor.page(f"/staff/submissions/{reference}").text("#history")


@pytest.mark.parametrize("words", ["x" * 5001, "  ", "nul \x00", "e" + "\u0301" * 40])
def test_invalid_message_is_422_and_stays_on_page(app, editor, words):
    reference = add_submission(app, status="in_review")
    page = decide(editor, reference, "accepted", words=words)
    assert (page.status, list(page.errors())) == (422, ["words-accepted"])
    (text,) = page.all("#words-accepted")
    assert text.raw_text.strip() == words.replace("\x00", "\ufffd").strip()
    assert page.all("details[open] #words-accepted")
    assert status_of(app, reference) == "in_review"
    assert messages_of(app) == [] == events_of(app)


@pytest.mark.parametrize(("reason", "status"), [("", 422), ("x" * 5001, 422), ("Too vague.", 200)])
def test_decline_needs_reason(app, editor, reason, status):
    reference = add_submission(app, status="in_review")
    page = decide(editor, reference, "declined", words="Dear Ana", reason=reason)
    assert page.status == status
    if status == 422:
        assert list(page.errors()) == ["reason-declined"]
        assert page.text("#words-declined") == "Dear Ana"
        assert page.text("#reason-declined") == reason
        assert status_of(app, reference) == "in_review"
        return
    (message,) = messages_of(app)
    assert "Dear Ana" in mail_text(app, message) and "Too vague." in mail_text(app, message)
    assert "Too vague." in editor.page(f"/staff/submissions/{reference}").text("#history")


@pytest.mark.parametrize(
    ("status", "to", "kind"),
    [("published", "accepted", "unpublished"), ("accepted", "withdrawn", "withdrawn")],
)
def test_reason_may_be_left_out(app, editor, status, to, kind):
    reference = add_submission(app, status=status)
    assert decide(editor, reference, to, reason="").status == 200
    (event,) = events_of(app, kind)
    assert event.data == {}


def test_published_message_links_to_public_page(app, editor):
    reference = add_submission(app, status="accepted")
    decide(editor, reference, "published")
    (message,) = messages_of(app)
    assert f"http://commitments.example.org/commitments/{reference}\n" in mail_text(app, message)


def test_typed_text_stays_after_conflict(app, editor):
    reference = add_submission(app, status="in_review")
    path = f"/staff/submissions/{reference}"
    stale = {"version": "1", "words": "Dear Ana", "skip": "yes"}
    editor.send(f"{path}/status", {"to": "declined", "version": "1", "reason": "Too vague."})
    late = editor.send(f"{path}/status", stale | {"to": "withdrawn", "key": "withdrawn"})
    assert late.status == 409
    assert late.text("#words-withdrawn") == "Dear Ana"
    assert "checked" in late.all("#skip-withdrawn")[0].attrs
    gone = editor.send(f"{path}/status", stale | {"to": "accepted", "key": "accepted"})
    assert gone.status == 409
    happened, written = gone.all("#stale .versions > section")
    assert "Declined" in happened.text and "Too vague." in happened.text
    assert "Dear Ana" in written.text


def test_message_without_address_is_not_offered(app, editor):
    reference = add_submission(app, status="in_review", contact_email="")
    page = editor.page(f"/staff/submissions/{reference}")
    assert not page.all("#words-accepted")
    assert decide(editor, reference, "accepted").status == 200
    assert messages_of(app) == []


def test_viewer_is_offered_no_decision(app, viewer):
    reference = add_submission(app, status="in_review")
    page = viewer.page(f"/staff/submissions/{reference}")
    assert not page.all(".decision")


def test_delivered_message_shows_its_state(app, editor):
    reference = add_submission(app, status="in_review")
    decide(editor, reference, "accepted")
    with app.app_context():
        deliver_due()
    assert "✓ Sent" in editor.page(f"/staff/submissions/{reference}").text("#messages")


@pytest.mark.parametrize("kind", list(OFFICE_MESSAGES))
def test_office_message_leads_to_the_case(make_app, kind):
    app = make_app(PROGRAM_EMAIL="office@example.gov")
    reference = add_submission(app, status="published")
    with app.app_context():
        with locked_case(reference) as submission:
            record_event(submission, kind, ORGANIZATION, reason="<b>{{ config }}</b>")
        query = select(MailMessage).where(MailMessage.kind == f"office_{kind}")
        message = db.session.scalars(query).one()
        assert message.recipient == "office@example.gov"
        mail = render_email(message)
    assert reference in mail["Subject"]
    text = mail.get_body(("plain",)).get_content()
    assert f"http://commitments.example.org/staff/submissions/{reference}\n" in text
    assert "The organization" in text and "{{" not in text


TYPED = {"text": "Call them.", "how": "By phone.", "reason-declined": "Too vague."}


@pytest.mark.parametrize(
    "button",
    ["#assign button[name=to]", "#assign button[value=other]", "#messages button",
     "button[formaction$=link]", "button[formaction$=note]", "#decide button[value=accepted]"],
)  # fmt: skip
def test_text_in_other_boxes_stays_after_every_button(app, editor, button):
    reference = add_submission(app, status="in_review")
    if "messages" in button:
        decide(editor, reference, "accepted")
        with app.app_context():
            deliver_due()
    page = editor.page(f"/staff/submissions/{reference}")
    done = editor.press(page, button, **TYPED)
    assert done.status == 200 and done.all("#said")
    stored = {"text"} if "note" in button else set()
    kept = [*sum(done.values().values(), []), done.text("#main")]
    for name in TYPED.keys() - stored:
        assert any(TYPED[name] in each for each in kept)
    assert ("Call them." in done.values()["text"][0]) == ("note" not in button)
    assert done.all("#assign details[open]") == []
    assert "data-unsaved" in done.all("#main form[data-guarded]")[0].attrs


def test_text_stays_after_conflict_over_assignment(app, editor):
    page = editor.page(f"/staff/submissions/{add_submission(app, status='in_review')}")
    colleague = staff_client(app, "editor", "bob")
    path = page.all("#assign button[name=to]")[0].attrs["formaction"]
    colleague.send(path, {"to": "bob@example.gov"})
    late = editor.press(page, "#assign button[name=to]", **TYPED)
    assert late.status == 409
    assert late.text("#reason-declined") == "Too vague." and late.text("#text") == "Call them."


def test_text_whose_box_is_gone_is_shown(app, editor):
    page = editor.page(f"/staff/submissions/{add_submission(app, status='in_review')}")
    done = editor.press(page, "#decide button[value=accepted]", **TYPED)
    assert "Reason: Too vague." in done.text("#written")
    assert "Message" not in done.text("#written")  # the standard message was not touched


def test_acting_is_refused_while_text_is_unsaved(app, editor):
    page = editor.page(f"/staff/submissions/{add_submission(app, status='in_review')}")
    refused = editor.press(page, "button[formaction$=act]", **TYPED)
    assert (refused.status, list(refused.errors())) == (422, ["how"])
    assert refused.text("#text") == "Call them."


def test_enter_in_a_box_presses_a_button_that_does_nothing(app, editor):
    page = editor.page(f"/staff/submissions/{add_submission(app)}")
    first = page.all("form[data-guarded] button")[0]
    assert {"disabled", "hidden"} <= first.attrs.keys()


def test_page_that_keeps_a_text_has_the_address_of_the_case(app, editor):
    path = f"/staff/submissions/{add_submission(app, status='in_review')}"
    fields = {**editor.page(path).values(), "key": "accepted", "text": "Call them."}
    headers = {"HX-Request": "true", "HX-Target": "main#main", "HX-Current-URL": path}
    response = editor.post(f"{path}/status", data=fields, headers=headers)
    assert response.status_code == 200
    assert response.headers["HX-Replace-Url"] == path
    assert "HX-Reswap" not in response.headers


def test_decision_that_comes_twice_is_answered_as_taken(app, editor):
    page = editor.page(f"/staff/submissions/{add_submission(app, status='in_review')}")
    declined = {"reason-declined": "Too vague.", "words-declined": "Dear Ana"}
    for _ in range(2):
        done = editor.press(page, "#decide button[value=declined]", **declined)
        assert (done.status, "Status changed to Declined." in done.text("#said")) == (200, True)
    assert len(events_of(app, "declined")) == len(messages_of(app)) == 1


@pytest.mark.parametrize("name", ["reason-declined", "words-declined"])
def test_decision_with_other_words_is_not_taken_twice(app, editor, name):
    page = editor.page(f"/staff/submissions/{add_submission(app, status='in_review')}")
    declined = {"reason-declined": "Too vague.", "words-declined": "Dear Ana"}
    editor.press(page, "#decide button[value=declined]", **declined)
    late = editor.press(page, "#decide button[value=declined]", **declined | {name: "Other"})
    assert late.status == 409
    assert "You changed this in another window." in late.text("#stale")


def test_same_decision_of_a_colleague_is_409(app, editor):
    page = editor.page(f"/staff/submissions/{add_submission(app, status='in_review')}")
    colleague = staff_client(app, "editor", "bob@example.gov")
    colleague.press(page, "#decide button[value=accepted]", csrf_token=colleague.token())
    late = editor.press(page, "#decide button[value=accepted]")
    assert late.status == 409 and "Someone else changed this." in late.text("#stale")


def test_conflict_shows_the_event_that_conflicts(app, editor):
    path = f"/staff/submissions/{add_submission(app, status='in_review')}"
    page = editor.page(path)
    colleague = staff_client(app, "editor", "bob")
    colleague.send(f"{path}/assign", {"to": "bob@example.gov"})
    editor.send(f"{path}/note", {"text": "Call them."})
    editor.press(page, "#decide button[value=accepted]")
    editor.send(f"{path}/note", {"text": "Called."})
    late = editor.press(page, "#decide button[value=withdrawn]")
    assert "Accepted" in late.all("#stale section")[0].text
    late = editor.press(page, "#assign button[name=to]")
    assert "Assigned" in late.all("#stale section")[0].text
    assert "it was not assigned" in late.text("#stale")


def test_choices_stay_after_conflict_and_beside_other_buttons(app, editor):
    path = f"/staff/submissions/{add_submission(app, status='in_review')}"
    page = editor.page(path)
    noted = editor.press(page, "button[formaction$=note]", text="Call.", **{"skip-accepted": "yes"})
    assert "checked" in noted.all("#skip-accepted")[0].attrs and noted.text(".note")
    editor.send(f"{path}/status", {"to": "accepted", "version": "1"})
    late = editor.press(page, "#decide button[value=declined]", **{"skip-withdrawn": "yes"})
    assert late.status == 409 and "checked" in late.all("#skip-withdrawn")[0].attrs


def test_other_choice_is_not_taken_twice(app, editor):
    page = editor.page(f"/staff/submissions/{add_submission(app, status='in_review')}")
    editor.press(page, "#decide button[value=accepted]")
    late = editor.press(page, "#decide button[value=accepted]", **{"skip-accepted": "yes"})
    assert late.status == 409


def test_note_on_deleted_case_is_shown(app, editor):
    path = f"/staff/submissions/{add_submission(app)}"
    staff_client(app, "admin").send(f"{path}/erase")
    refused = editor.send(f"{path}/note", {"text": "Call them."})
    assert refused.status == 422 and "Call them." in refused.text("#written")


def test_assignment_to_the_same_person_is_no_conflict(app, editor):
    path = f"/staff/submissions/{add_submission(app)}"
    page = editor.page(path)
    editor.send(f"{path}/assign", {"to": "editor@example.gov"})
    again = editor.press(page, "#assign button[name=to]")
    assert again.status == 200 and len(events_of(app, "assigned")) == 1
