"""Tests of acting on many cases at once."""

from collections import Counter
from datetime import UTC, datetime
from hashlib import sha256
from threading import Barrier, Thread

import pytest
from sqlalchemy import select, update

from tests.client import case_references, link_address
from tests.factories import add_submission, events_of, set_language, staff_client
from wizard.db.engine import db, writing
from wizard.db.models import Contact, Event, MailMessage, Submission
from wizard.notify.outbox import render_email
from wizard.staff import bulk_actions, case_lists
from wizard.submissions import contacts
from wizard.web.security import MAX_FIELDS

pytestmark = pytest.mark.second_store_slow

MANY = "/staff/submissions/many"


def preview(client, references, action: str, query: str = ""):
    """Open the preview of an action on some cases."""
    boxes = "&".join(f"reference={each}" for each in references)
    return client.page(f"{MANY}?action={action}&{boxes}&{query}")


def press(client, page, **typed: str):
    """Press the button of a page with what it holds."""
    return client.send(MANY, {"run": page.values()["run"][0], **typed})


def press_until_done(client, page, **typed: str):
    """Press the button until nothing is left; return the last page and the number of posts."""
    posts = 1
    page = press(client, page, **typed)
    while page.all("input[name=run]"):
        page, posts = press(client, page), posts + 1
    return page, posts


def statuses(app) -> dict[str, str]:
    with app.app_context():
        rows = db.session.execute(select(Submission.reference, Submission.status))
        return {reference: status for reference, status in rows}


def messages_of(app) -> list[MailMessage]:
    with app.app_context():
        return list(db.session.scalars(select(MailMessage).order_by(MailMessage.id)))


def words_of(page) -> dict[str, str]:
    """Return the texts of the messages on a preview."""
    return {each.attrs["name"]: each.text for each in page.all("textarea[name^=words-]")}


def test_cases_are_assigned_and_nobody_is_told(app, editor):
    made = [add_submission(app) for _ in range(3)]
    editor.send(f"/staff/submissions/{made[0]}/assign", {"to": "editor@example.gov", "before": ""})
    listed = editor.page("/staff/submissions?then=stay")
    options = {each.attrs["value"] for each in listed.all("#many option")}
    assert {"assign-", "assign-editor@example.gov"} <= options
    page = preview(editor, made, "assign-editor@example.gov", "then=stay")
    assert page.text("h1") == "Assign to editor@example.gov: 2 submissions"
    last = press(editor, page)
    assert last.text("#progress") == "2 done, 1 not changed."
    page = preview(editor, made, "assign-gone@example.org")
    assert "That person can’t decide on submissions." in page.text("main")
    press(editor, preview(editor, made, "assign-"))
    assert [each.actor for each in events_of(app, "assigned")] == ["editor@example.gov"] * 6
    assert messages_of(app) == []


def test_cases_are_moved_with_their_messages_in_portions(app, editor):
    made = [add_submission(app, status="in_review") for _ in range(60)]
    for reference in made[:10]:
        set_language(app, reference, "es")
    page = preview(editor, made, "accepted")
    assert page.text("h1") == "Accept: 60 submissions"
    assert set(statuses(app).values()) == {"in_review"}
    first = press(editor, page, **words_of(page))
    assert first.text("h1") == "Accept: 25 of 60"
    assert Counter(statuses(app).values()) == {"accepted": 25, "in_review": 35}
    last, posts = press_until_done(editor, first)
    assert posts == 2
    assert last.text("#progress") == "60 done, 0 not changed."
    assert {link.text for link in last.all(".references a")} == set(made)
    assert {name.text for name in last.all(".references bdi")} == {"Orlando Police Department"}
    assert set(statuses(app).values()) == {"accepted"}
    sent = messages_of(app)
    assert Counter((each.kind, each.language) for each in sent) == {
        ("accepted", "en"): 50,
        ("accepted", "es"): 10,
    }
    assert {each.words for each in sent} == {None}
    assert len(events_of(app, "accepted")) == 60 == len({each.submission_id for each in sent})


def test_each_case_follows_its_own_rules(app, editor):
    published = add_submission(app, status="published")
    silent = add_submission(app, status="accepted", publish_consent="no")
    allowed = add_submission(app, status="accepted")
    page = preview(editor, [published, silent, allowed], "published")
    assert page.text("h1") == "Publish: 1 submission"
    assert case_references(page)[0] == allowed  # what changes is first
    table = page.text("#refused + .list")
    assert "Its status is Published." in table and published in table
    assert "didn’t agree to publication" in table and silent in table
    last, _ = press_until_done(editor, page, **words_of(page))
    assert last.text("#progress") == "1 done, 2 not changed."
    assert "didn’t agree to publication" in last.text("main")
    assert statuses(app)[silent] == "accepted"


def test_own_words_replace_message_in_one_language(app, editor):
    english, spanish = (add_submission(app, status="in_review") for _ in range(2))
    set_language(app, spanish, "es")
    page = preview(editor, [english, spanish], "accepted")
    standard = words_of(page)
    assert "Buenas noticias" in standard["words-es-many"]
    assert "Good news" in standard["words-en-many"]
    press(editor, page, **standard | {"words-en-many": "Well done."})
    assert {each.language: each.words for each in messages_of(app)} == {
        "en": "Well done.",
        "es": None,
    }


def test_skipped_messages_are_recorded(app, editor):
    made = [add_submission(app, status="in_review") for _ in range(2)]
    press(editor, preview(editor, made, "accepted"), skip="yes")
    assert messages_of(app) == []
    assert len(events_of(app, "message_skipped")) == 2
    assert set(statuses(app).values()) == {"accepted"}


def test_reason_is_required_and_what_was_typed_stays(app, editor):
    made = [add_submission(app, status="in_review") for _ in range(2)]
    page = preview(editor, made, "declined")
    refused = press(editor, page, **{"words-en-many": "Sorry."})
    assert (refused.status, list(refused.errors())) == (422, ["reason-en-many"])
    assert words_of(refused) == {"words-en-many": "Sorry."}
    assert set(statuses(app).values()) == {"in_review"}
    press(editor, refused, **{"words-en-many": "Sorry.", "reason-en-many": "Too late."})
    assert set(statuses(app).values()) == {"declined"}
    assert {each.data["reason"] for each in events_of(app, "declined")} == {"Too late."}


def test_refused_preview_keeps_the_order_and_names_each_message(app, editor):
    days = (datetime(2026, 11, day, tzinfo=UTC) for day in (1, 2))
    made = [add_submission(app, at=day, status="in_review") for day in days]
    set_language(app, made[0], "es")
    page = preview(editor, made, "declined", "sort=oldest")
    run = page.values()["run"][0]
    refused = editor.send(f"{MANY}?sort=oldest", {"run": run})
    assert list(refused.errors().values()) == [
        "Enter the reason in Spanish. The organizations will read it.",
        "Enter the reason in English. The organizations will read it.",
        "Write the message in Spanish.",
        "Write the message in English.",
    ]
    assert case_references(page) == case_references(refused) == made


def test_reason_is_in_the_language_of_each_case(app, editor):
    english, spanish = (add_submission(app, status="in_review") for _ in range(2))
    set_language(app, spanish, "es")
    page = preview(editor, [english, spanish], "declined")
    labels = [each.text for each in page.all("label[for^=reason]")]
    assert sorted(labels) == ["Reason in English", "Reason in Spanish"]
    reasons = {"reason-en-many": "Too late.", "reason-es-many": "Llegó tarde."}
    press(editor, page, **words_of(page), **reasons)
    with app.app_context():
        told = select(Submission.reference, Event.data).join_from(Submission, Event)
        rows = db.session.execute(told.where(Event.kind == "declined"))
        found = {reference: data["reason"] for reference, data in rows}
    assert found == {english: "Too late.", spanish: "Llegó tarde."}


def test_case_that_is_left_out_stays_as_it_is(app, editor):
    kept, left = (add_submission(app, status="in_review") for _ in range(2))
    page = preview(editor, [kept, left], "accepted")
    refused = press(editor, page, leave=left, **{"words-en-many": ""})
    assert [each.attrs["value"] for each in refused.all("input[name=leave][checked]")] == [left]
    last = press(editor, refused, leave=left, **words_of(page))
    assert last.text("#progress") == "1 done, 1 not changed."
    assert bulk_actions.LEFT_OUT in last.text("main")
    assert statuses(app) == {kept: "accepted", left: "in_review"}


def test_reference_of_another_case_leaves_nothing_out(app, editor):
    made = [add_submission(app, status="in_review") for _ in range(2)]
    last = press(editor, preview(editor, made[:1], "accepted"), leave=made[1], skip="yes")
    assert last.text("#progress") == "1 done, 0 not changed."


def test_language_of_left_out_cases_needs_no_reason(app, editor):
    english, spanish = (add_submission(app, status="in_review") for _ in range(2))
    set_language(app, spanish, "es")
    page = preview(editor, [english, spanish], "declined")
    typed = {"reason-en-many": "Too late.", "words-en-many": "No."}
    assert press(editor, page, leave=spanish, **typed).text("#progress").startswith("1 done")


def test_letter_that_was_changed_goes_again(app, editor):
    page = preview(editor, [add_submission(app)], "written")
    for words in ("Hello.", "Hello.", "Hello again."):
        press(editor, page, **{"words-en-many": words})
    assert [each.words for each in messages_of(app)] == ["Hello.", "Hello again."]


def test_case_that_a_colleague_took_is_not_taken_away(app, editor):
    reference = add_submission(app)
    page = preview(editor, [reference], "assign-editor@example.gov")
    staff_client(app, "editor", "bob")
    editor.send(f"/staff/submissions/{reference}/assign", {"to": "bob@example.gov"})
    assert bulk_actions.CHANGED in press(editor, page).text("main")
    assert len(events_of(app, "assigned")) == 1


def test_contacts_are_written_to(app, editor):
    reference, erased = add_submission(app), add_submission(app)
    staff_client(app, "admin").send(f"/staff/submissions/{erased}/erase")
    with app.app_context(), writing() as session:
        it = session.scalars(select(Submission).where(Submission.reference == reference)).one()
        session.add(
            Contact(submission_id=it.id, role="second", email="b@x.example",
                    confirmed_at=it.submitted_at)
        )  # fmt: skip
    page = preview(editor, [reference, erased], "written")
    assert words_of(page) == {"words-en-many": ""}
    assert "deleted on request" in page.text("#refused + .list")
    assert press(editor, page, **{"words-en-many": " "}).status == 422
    last = press(editor, page, **{"words-en-many": "We meet on Monday."})
    assert last.text("#progress") == "1 done, 1 not changed."
    sent = messages_of(app)
    assert len({each.recipient for each in sent}) == 2 == len(sent)
    with app.app_context():
        email = render_email(sent[0])
        assert reference in email["Subject"]
        assert "We meet on Monday." in email.get_body(("plain",)).get_content()
    case = editor.page(f"/staff/submissions/{reference}")
    assert "Wrote to the organization" in case.text("#history")
    assert "We meet on Monday." in case.text("#history")


def test_case_that_changed_since_preview_is_left(app, editor):
    changed, other = (add_submission(app, status="in_review") for _ in range(2))
    page = preview(editor, [changed, other], "accepted")
    press(
        editor,
        preview(editor, [changed], "declined"),
        **{"reason-en-many": "Late.", "words-en-many": "No."},
    )
    last = press(editor, page, **words_of(page))
    assert last.text("#progress") == "1 done, 1 not changed."
    assert bulk_actions.CHANGED in last.text("main") and changed in last.text("main")
    assert statuses(app) == {changed: "declined", other: "accepted"}


@pytest.mark.parametrize("action", ["accepted", "written"])
def test_portion_posted_again_changes_nothing_twice(app, editor, action):
    made = [add_submission(app, status="in_review") for _ in range(30)]
    page = preview(editor, made, action)
    typed = {"words-en-many": "Hello."}
    first = press(editor, page, **typed)
    again = press(editor, page, **typed)
    assert (
        again.text("#progress") == first.text("#progress") == ("25 done, 0 not changed, 5 to go.")
    )
    last, _ = press_until_done(editor, again)
    assert press(editor, first).text("#progress") == last.text("#progress")
    assert len(messages_of(app)) == len(events_of(app, action)) == 30


def test_two_posts_at_once_change_nothing_twice(app):
    made = [add_submission(app, status="in_review") for _ in range(20)]
    editor = staff_client(app, "editor")
    page, barrier = preview(editor, made, "accepted"), Barrier(2)
    data = {"run": page.values()["run"][0], **words_of(page), "csrf_token": editor.token()}
    cookies = editor._cookies
    answers = []

    def post() -> None:
        client = app.test_client()
        client._cookies = dict(cookies)
        barrier.wait()
        answers.append(client.post(MANY, data=data))

    threads = [Thread(target=post) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each.status_code for each in answers] == [200, 200]
    assert all("20 done, 0 not changed." in each.text for each in answers)
    assert len(messages_of(app)) == len(events_of(app, "accepted")) == 20


def test_two_people_at_once_share_the_cases(app):
    made = [add_submission(app, status="in_review") for _ in range(10)]
    people = [staff_client(app, "editor", name) for name in ("ada", "ben")]
    pages = [preview(people[0], made, "accepted"), preview(people[1], made, "accepted")]
    first, second = (
        press(person, page, **words_of(page)) for person, page in zip(people, pages, strict=True)
    )
    assert first.text("#progress") == "10 done, 0 not changed."
    assert second.text("#progress") == "0 done, 10 not changed."
    assert len(messages_of(app)) == 10


def test_portion_that_was_cut_off_is_finished_by_another_post(app, editor, monkeypatch):
    made = [add_submission(app, status="in_review") for _ in range(30)]
    page = preview(editor, made, "accepted")
    work, acted = bulk_actions._act_on_one, []

    def dies(*args):
        if len(acted) == 7:
            raise KeyboardInterrupt
        acted.append(args)
        return work(*args)

    monkeypatch.setattr(bulk_actions, "_act_on_one", dies)
    with pytest.raises(KeyboardInterrupt):
        press(editor, page, **words_of(page))
    monkeypatch.undo()
    assert Counter(statuses(app).values()) == {"accepted": 7, "in_review": 23}
    last, _ = press_until_done(editor, page, **words_of(page))
    assert last.text("#progress") == "30 done, 0 not changed."
    assert len(messages_of(app)) == 30


def test_all_of_filter_are_those_of_the_preview(app, editor, monkeypatch):
    made = [add_submission(app, status="in_review") for _ in range(5)]
    other = add_submission(app, status="received")
    page = editor.page(f"{MANY}?action=accepted&all=1&status=in_review")
    late = add_submission(app, status="in_review")
    press_until_done(editor, page, **words_of(page))
    found = statuses(app)
    assert {found[each] for each in made} == {"accepted"}
    assert (found[other], found[late]) == ("received", "in_review")


@pytest.mark.parametrize("query", ["", "&q=zanzibar", "&seen=unread", "&todo=yes"])
def test_all_of_filter_has_a_bound(app, editor, monkeypatch, query):
    for _ in range(5):
        add_submission(app, commitment_title="Zanzibar")
    monkeypatch.setattr(case_lists, "MAX_FOUND", 1)
    for most, are_cut in ((3, True), (5, False)):
        monkeypatch.setattr(bulk_actions, "MAX_CASES", most)
        page = editor.page(f"{MANY}?action=accepted&all=1{query}")
        assert page.text("h1") == f"Accept: {most} submissions"
        assert [each.text for each in page.all(".notice")] == are_cut * [
            "Only the first 3 are here. Act on these, then select the rest."
        ]


def test_all_of_page_are_selected_without_boxes(app, editor):
    made = [add_submission(app) for _ in range(3)]
    listed = editor.page("/staff/submissions")
    (box,) = listed.all("#many-page")
    page = editor.page(f"{MANY}?action=accepted&page={box.attrs['value']}&reference={made[0]}")
    assert page.text("h1") == "Accept: 3 submissions"


def test_preview_without_selection_says_so(app, editor):
    for action in ("accepted", "export"):
        page = editor.page(f"{MANY}?action={action}")
        assert page.status == 200 and "Nothing is selected" in page.text("main")
        assert not page.all("input[name=run]")


def test_viewer_exports_selection_and_no_more(app, viewer):
    made = [add_submission(app) for _ in range(3)]
    listed = viewer.page("/staff/submissions")
    assert [each.attrs["value"] for each in listed.all("#many-action option")] == ["export"]
    page = preview(viewer, made[:2], "export")
    for name in ("submissions.csv", "submissions.xlsx", "submissions.jsonl"):
        answer = viewer.get(link_address(page, name))
        assert answer.status_code == 200
        if name != "submissions.xlsx":
            assert made[0] in answer.text and made[1] in answer.text
            assert made[2] not in answer.text
    assert viewer.get(f"{MANY}?action=accepted&reference={made[0]}").status_code == 403


def test_way_back_keeps_filter_and_page(app, editor):
    reference = add_submission(app)
    page = editor.page(f"{MANY}?action=accepted&reference={reference}&status=received&last=1")
    assert link_address(page, "Cancel") == "/staff/submissions?status=received&last=1"
    done = press(editor, page, **words_of(page))
    assert link_address(done, reference).startswith(f"/staff/submissions/{reference}")


@pytest.mark.parametrize(
    "query",
    ["action=eat", "reference=" + "x" * 1001, "reference=%00", "page=%00", "stat=FL", "sort=up"],
)
def test_bad_address_is_400(app, editor, query):
    assert editor.get(f"{MANY}?{query}").status_code == 400


def test_unknown_action_is_shown_without_control_characters(editor):
    assert "“a\ufffdb” isn’t an action." in editor.page(f"{MANY}?action=a%00b").text("main")


def test_contacts_of_many_are_read_at_once(app, editor, monkeypatch):
    made = [add_submission(app) for _ in range(3)]
    monkeypatch.setattr(contacts, "list_recipients", None)  # of one submission
    assert preview(editor, made, "written").text("h1") == "Write to the contacts: 3 submissions"


@pytest.mark.parametrize("damage", ["", "x", "cut", "other", "longer"])
def test_forged_or_truncated_state_is_400(app, editor, damage):
    reference = add_submission(app, status="in_review")
    state = preview(editor, [reference], "accepted").values()["run"][0]
    given = {
        "cut": state[:-4],
        "other": ("A" if state[0] != "A" else "B") + state[1:],
        "longer": state + "A",
    }.get(damage, damage)
    page = editor.send(MANY, {"run": given, "words-en-many": "We meet at nine.", "skip": "yes"})
    assert page.status == 400
    assert page.text("dl") == "Message We meet at nine."
    assert statuses(app) == {reference: "in_review"}


def test_state_of_most_cases_fits_a_form(app):
    left = {
        f"PDI-{sha256(bytes([n % 256, n // 256])).hexdigest()[:8]}": 12
        for n in range(bulk_actions.MAX_CASES)
    }
    outcomes = {"": list(left)}
    with app.app_context():
        one = bulk_actions.Run("0" * 16, "accepted", left, words={"en": "", "es": ""})
        other = bulk_actions.Run(
            "0" * 16, "accepted", {}, outcomes, {"en": "é" * 5000}, {"en": "x" * 5000}
        )
        for run in (one, other):
            assert bulk_actions.load_run(run.dump()) == run
            assert len(run.dump()) < 30_000
    assert bulk_actions.BATCH_SIZE < MAX_FIELDS


@pytest.mark.parametrize(
    ("action", "heading", "caption"),
    [
        ("written", "These get the message", "Submissions whose contacts get the message"),
        ("accepted", "These change", "Submissions that change"),
    ],
)
def test_caption_of_preview_fits_its_heading(app, editor, action, heading, caption):
    page = preview(editor, [add_submission(app)], action)
    assert heading in [each.text for each in page.all("main h2")]
    assert page.text("main caption") == caption


def test_erased_between_preview_and_post_is_left(app, editor):
    reference = add_submission(app, status="in_review")
    page = preview(editor, [reference], "accepted")
    staff_client(app, "admin").send(f"/staff/submissions/{reference}/erase")
    last = press(editor, page, **words_of(page))
    assert bulk_actions.ERASED in last.text("main")


def test_request_to_withdraw_is_decided_on_its_page(app, editor):
    reference = add_submission(app, status="published")
    with app.app_context(), writing() as session:
        session.execute(update(Submission).values(withdrawal_requested_at=Submission.submitted_at))
    page = preview(editor, [reference], "withdrawn")
    assert bulk_actions.ASKS_TO_WITHDRAW in page.text("main")
