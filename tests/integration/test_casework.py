"""The office at work: a list to find things in, a case to read and decide, an end to it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from sqlalchemy import select

from tests.client import Page
from tests.conftest import load_case
from tests.staff import add_submission, colleague, events
from tests.walk import draft_path, walk
from wizard import clock
from wizard.accounts import audit
from wizard.accounts.audit import Actor
from wizard.db.engine import db
from wizard.db.models import CASE_STATUSES, Draft, MailMessage, Report, StaffNote, Submission
from wizard.notify import email
from wizard.notify.outbox import deliver_due
from wizard.staff import cases, dashboard
from wizard.submissions import cases as submission_cases
from wizard.submissions import progress_reports

START = datetime(2027, 3, 1, 9, tzinfo=UTC)


def references(page: Page) -> list[str]:
    """What the list shows, from its top."""
    return [each.to_text().strip() for each in page.all(".list tbody th")]


def link(page: Page, name: str) -> str:
    """Where the link of that name leads."""
    (found,) = [each for each in page.all("a") if each.to_text().strip() == name]
    return found.attrs["href"]


@pytest.fixture
def viewer(app):
    return colleague(app, "viewer")


@pytest.fixture
def editor(app):
    return colleague(app, "editor")


# The list


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_an_empty_list_says_so(viewer, htmx):
    page = viewer.page("/staff/submissions", htmx=htmx)
    assert "Nothing came in yet" in page.text("main" if not htmx else ".staff")


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_a_long_list_is_read_page_by_page_in_both_directions(app, viewer, htmx):
    made = [add_submission(app, at=START + timedelta(hours=n // 2)) for n in range(120)]
    with app.app_context():
        query = select(Submission.reference)
        newest_first = list(
            db.session.scalars(
                query.order_by(Submission.submitted_at.desc(), Submission.reference.desc())
            )
        )
    assert set(newest_first) == set(made)
    page = viewer.page("/staff/submissions", htmx=htmx)
    seen = references(page)
    pages = 1
    while page.all(".pages a") and "Older" in page.text(".pages"):
        page = viewer.page(link(page, "Older"), htmx=htmx)
        seen += references(page)
        pages += 1
    assert (seen, pages) == (newest_first, 3)
    back = viewer.page(link(page, "Newer"), htmx=htmx)
    assert references(back) == newest_first[50:100]
    assert references(viewer.page(link(back, "Newest"), htmx=htmx)) == newest_first[:50]
    last = viewer.page(link(back, "Oldest"), htmx=htmx)
    assert references(last) == newest_first[70:]
    assert "Older" not in last.text(".pages")


def test_each_filter_shows_what_matches_and_nothing_else(app, viewer):
    agency = add_submission(app, at=START, status="accepted")
    partner = add_submission(
        app, "partner", at=START + timedelta(days=2), commitment_title="Año de datos"
    )
    case = load_case("agency")
    for query, expected in [
        ("branch=jurisdiction", [agency]),
        ("branch=partner", [partner]),
        (f"kind={case['organization_kind']}", [agency]),
        (f"state={case['state']}&status=accepted", [agency]),
        ("status=received", [partner]),
        ("status=declined", []),
        ("program=opportunity_project", [partner]),
        ("program=police_data_initiative&branch=jurisdiction", [agency]),
        ("first_day=2027-03-02", [partner]),
        ("last_day=2027-03-01", [agency]),
        ("first_day=2027-03-01&last_day=2027-03-03", [partner, agency]),
        ("since=2027-03-01T09:00:00Z", [partner]),
        ("text=ano+DE+datos", [partner]),
        (f"text={agency.lower()}", [agency]),
        ("text=%25", []),
        ("text=_", []),
        ("", [partner, agency]),
    ]:
        page = viewer.page(f"/staff/submissions?{query}")
        found = [each for each in references(page) if each in (agency, partner)]
        assert found == expected or query.startswith("program=opp"), query
    assert "Nothing matches" in viewer.page("/staff/submissions?status=declined").text("main")


@pytest.mark.parametrize(
    "since",
    [
        "2026-03-01T09:00:00+00:00",
        "2026-03-01T09:00:00%2B00:00",
        "2026-03-01+09:00:00+00:00",
        "2026-03-01T10:00:00+01:00",
        "20260301T090000+0000",
        "2026-03-01+09:00",
    ],
)
def test_offset_with_unescaped_plus_is_read(app, viewer, since):
    at = START.replace(year=2026)
    add_submission(app, at=at)
    later = add_submission(app, at=at + timedelta(microseconds=1))
    assert references(viewer.page(f"/staff/submissions?since={since}")) == [later]
    assert later in viewer.get(f"/staff/export/submissions.csv?since={since}").text
    key = "2026-03-01T09:00:00+00:00_ZZZ"
    assert references(viewer.page(f"/staff/submissions?newer={key}")) == [later]


def test_day_as_written_in_the_us_is_kept_as_iso(app, viewer):
    add_submission(app, at=START)
    page = viewer.page("/staff/submissions?first_day=3/2/2027")
    assert references(page) == []
    assert page.values()["first_day"] == ["2027-03-02"]


def test_with_htmx_a_filter_leaves_a_clean_address(viewer):
    path = "/staff/submissions?text=&status=received&branch=&kind=&state=&program="
    headers = {"HX-Request": "true", "HX-Current-URL": "http://localhost/staff/submissions"}
    answer = viewer.get(path, headers=headers)
    assert answer.headers["HX-Replace-Url"] == "/staff/submissions?status=received"


@pytest.mark.parametrize(
    ("query", "what"),
    [
        ("state=XX", "The filter “state” cannot be “XX”."),
        ("stat=FL", "There is no filter “stat”."),
        ("state=FL&state=GA", "more than once"),
        ("state=XX", "It can be: AL, AK,"),
        ("first_day=2027-02-30", "The filter “first_day” cannot be “2027-02-30”."),
        ("first_day=2027-02-30", "a real day, like 2027-03-31"),
        ("last_day=9999-12-31", "9999 cannot be right"),
        ("last_day=yesterday", "The filter “last_day” cannot be “yesterday”."),
        ("since=soon", "The filter “since” cannot be “soon”."),
        ("since=soon", "like 2027-03-31T17:05:00Z"),
        ("since=0001-01-01T00:00:00%2B23:00", "The filter “since” cannot be"),
        ("text=%00", "a character that cannot be kept (U+0000)"),
        ("text=" + "x" * 201, "Shorten the value to 200 characters"),
        ("older=soon_PDI", "names no page"),
        ("newer=2027-03-01T09:00:00Z_';--", "names no page"),
        ("%00=1", "There is no filter"),
    ],
)
def test_a_malformed_filter_is_400_and_says_what_is_wrong(viewer, query, what):
    for path in ("/staff/submissions", "/staff/export/submissions.csv"):
        if "older" in query or "newer" in query:
            path = "/staff/submissions"
        page = viewer.page(f"{path}?{query}")
        assert page.status == 400
        assert what in page.text("main")


# One submission


def test_all_answers_and_the_messages_are_there(app, client, viewer, case):
    reference = walk(client, case).text(".reference")
    with app.app_context():
        deliver_due()
    page = viewer.page(f"/staff/submissions/{reference}")
    text = page.text("main")
    assert case["organization_name"] in page.text("h1")
    for answer in (case["contact_name"], case["contact_email"], case["commitment_title"]):
        assert " ".join(answer.split()) in text
    assert "✓ Sent" in text and f"To {case['contact_email']}" in text


def test_reading_one_is_on_the_log_without_an_answer(app, client, viewer, case):
    reference = walk(client, case).text(".reference")
    viewer.page(f"/staff/submissions/{reference}")
    (event,) = events(app, "viewed")
    assert (event.actor, event.subject, event.details) == ("viewer@example.gov", reference, {})


def test_view_is_recorded_before_the_page_is_drawn(app, viewer, monkeypatch):
    from wizard.staff import views

    reference = add_submission(app)
    drawn = []

    def render(*args, **kwargs):
        audit.record_event(Actor("somebody else"), "exported")  # waits for no lock
        drawn.append([event.action for event in events(app)])
        return original(*args, **kwargs)

    original = views.render_page
    monkeypatch.setattr(views, "render_page", render)
    assert viewer.page(f"/staff/submissions/{reference}").status == 200
    assert viewer.page("/staff/submissions/PDI-AAAA-AAAA").status == 404
    assert drawn == [["viewed", "exported"]]
    assert len(events(app, "viewed")) == 1


def test_case_is_read_as_of_one_moment(app, monkeypatch):
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
    assert (case.submission.status, case.history) == ("received", [])
    with app.app_context():
        case = cases.get_case(reference)
    assert (case.submission.status, len(case.history)) == ("in_review", 1)


@pytest.mark.parametrize("reference", ["PDI-AAAA-AAAA", "x", "%00", "..", "🐈"])
def test_a_reference_that_is_not_there_is_404(viewer, editor, reference):
    for client in (viewer, editor):
        assert client.page(f"/staff/submissions/{reference}").status == 404
    for action in ("status", "note", "resend"):
        data = {"version": "1", "message": "1", "text": "x"}
        assert editor.send(f"/staff/submissions/{reference}/{action}", data).status == 404


def move(client, path: str, to: str, version: str | None = None) -> Page:
    """Decides, as the page would."""
    if version is None:
        version = client.page(path).values()["version"][0]
    return client.send(f"{path}/status", {"to": to, "version": version})


def test_a_case_goes_its_way_and_its_history_tells(app, editor):
    path = f"/staff/submissions/{add_submission(app)}"
    for to in ("in_review", "accepted", "published"):
        page = move(editor, path, to)
        assert page.status == 200
    history = page.text("aside")
    for words in ("Received → In review", "In review → Accepted", "Accepted → Published"):
        assert words in history
    assert "editor@example.gov" in history
    details = [event.details for event in events(app, "moved")]
    assert details[0] == {"before": "received", "after": "in_review"}
    with app.app_context():
        assert db.session.scalars(select(Submission)).one().published_at is not None
    move(editor, path, "accepted")
    with app.app_context():
        assert db.session.scalars(select(Submission)).one().published_at is None


@pytest.mark.parametrize("before", list(submission_cases.TRANSITIONS))
def test_from_each_state_only_its_ways_are_open(app, editor, before):
    path = f"/staff/submissions/{add_submission(app, status=before)}"
    page = editor.page(path)
    offered = [button.attrs["value"] for button in page.all("button[name=to]")]
    assert offered == list(submission_cases.TRANSITIONS[before])
    for to in {*submission_cases.TRANSITIONS, "nonsense", ""} - set(offered):
        assert move(editor, path, to).status == 422
    with app.app_context():
        assert db.session.scalars(select(Submission)).one().status == before


def test_every_status_has_its_sign_transitions_and_button():
    assert set(CASE_STATUSES) == set(submission_cases.TRANSITIONS)
    assert len({status.sign for status in CASE_STATUSES.values()}) == len(CASE_STATUSES)
    reachable = {to for following in submission_cases.TRANSITIONS.values() for to in following}
    assert reachable == {code for code, status in CASE_STATUSES.items() if status.verb}


def act_at_random(random: Random, reference: str) -> None:
    """Do something with a case that its status allows."""
    case = cases.get_case(reference)
    actor = Actor("editor")
    if case.allowed_transitions and random.random() < 0.7:
        to = random.choice(case.allowed_transitions)
        cases.decide(reference, to, case.submission.lock_version, actor)
    elif progress_reports.can_withdraw(case.submission) and random.random() < 0.7:
        progress_reports.submit_report(reference, {}, withdraws=True)
        number = db.session.scalars(select(Report.id).order_by(Report.id.desc())).first()
        db.session.rollback()
        cases.decide_report(reference, number, random.random() < 0.7, actor)
    elif random.random() < 0.1:
        cases.erase(reference, actor)


@pytest.mark.parametrize("consent", ["yes", "no"])
def test_case_has_a_day_of_publication_exactly_while_it_is_published(app, consent):
    reached = set()
    for seed in range(12):
        random = Random(seed)
        reference = add_submission(app, publish_consent=consent)
        with app.app_context():
            for _ in range(12):
                try:
                    act_at_random(random, reference)
                except submission_cases.CaseErased:
                    break
                it = cases.get_case(reference).submission
                assert (it.published_at is not None) == (it.status == "published")
                reached.add(it.status)
            history = [e for e in cases.get_case(reference).history if e.action == "moved"]
            steps = [(event.details["before"], event.details["after"]) for event in history]
            assert [before for before, _ in steps] == ["received", *(a for _, a in steps)][:-1]
            assert cases.get_case(reference).submission.status == steps[-1][1]
    assert reached == set(submission_cases.TRANSITIONS) - (
        {"published"} if consent == "no" else set()
    )


def test_lock_rereads_what_was_read_before(app):
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


def test_nothing_is_published_without_consent(app, editor):
    reference = add_submission(app, status="accepted", publish_consent="no")
    path = f"/staff/submissions/{reference}"
    page = editor.page(path)
    assert "published" not in [button.attrs["value"] for button in page.all("button[name=to]")]
    assert "does not want to be listed" in page.text("aside")
    assert move(editor, path, "published").status == 422


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_of_two_editors_the_second_sees_what_the_first_did(app, editor, htmx):
    other = colleague(app, "editor", "bob")
    path = f"/staff/submissions/{add_submission(app, status='in_review')}"
    version = other.page(path).values()["version"][0]
    move(editor, path, "declined")
    late = other.send(f"{path}/status", {"to": "accepted", "version": version}, htmx=htmx)
    assert late.status == 409
    text = late.text(".staff")
    assert "Somebody was quicker" in text
    assert "In review → Declined" in text and "editor@example.gov" in text
    assert len(events(app, "moved")) == 1
    assert late.values()["version"] == ["2"]


def test_of_many_decisions_at_once_one_counts(app):
    reference = add_submission(app, status="in_review")

    def decide(number: int) -> bool:
        to = ("accepted", "declined", "withdrawn")[number % 3]
        with app.app_context():
            try:
                cases.decide(reference, to, 1, Actor(f"editor {number}"))
            except cases.StaleVersion:
                return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(decide, range(16))).count(True) == 1
    assert len(events(app, "moved")) == 1


def test_a_note_that_is_half_written_outlives_a_decision(app, editor):
    path = f"/staff/submissions/{add_submission(app)}"
    data = {"to": "in_review", "version": "1", "text": "Half a thou"}
    for _ in range(2):  # decided, and then too late
        page = editor.send(f"{path}/status", data)
        assert page.values()["text"][0].strip() == "Half a thou"
    assert page.status == 409


@pytest.mark.parametrize("version", ["", "x", "-1", "²", "9" * 30])
def test_a_version_that_no_page_sends_is_400(app, editor, version):
    path = f"/staff/submissions/{add_submission(app)}"
    assert move(editor, path, "in_review", version).status == 400


def test_a_note_is_for_the_staff_alone(app, client, editor, viewer, case):
    receipt = walk(client, case)
    path = f"/staff/submissions/{receipt.text('.reference')}"
    editor.send(f"{path}/note", {"text": "  Called them.\nWill <b>send</b> more. "})
    assert "Will <b>send</b> more." in viewer.page(path).text(".note")
    assert "Called them" not in client.page(receipt.path).response.text
    (event,) = events(app, "noted")
    assert event.details == {}


@pytest.mark.parametrize("text", ["", "   ", "x" * 5001])
def test_a_note_that_cannot_be_kept_stays_in_its_page(app, editor, text):
    path = f"/staff/submissions/{add_submission(app)}"
    page = editor.send(f"{path}/note", {"text": text})
    assert (page.status, list(page.errors())) == (422, ["text"])
    assert page.values()["text"][0].strip() == text.strip()


def test_a_message_that_could_not_be_sent_is_on_the_dashboard_until_it_is_sent_again(
    app, client, editor, case, monkeypatch
):
    reference = walk(client, case).text(".reference")

    def refuse(email, check):
        raise email.Refused("550 no such person")

    assert "could not be sent" not in editor.page("/staff/").text("main")
    with app.app_context(), monkeypatch.context() as patched:
        patched.setattr(email, "send", refuse)
        deliver_due()
    page = editor.page("/staff/")
    assert "Messages that could not be sent" in page.text("main")
    assert page.all(f'a[href="/staff/submissions/{reference}"]')
    path = f"/staff/submissions/{reference}"
    assert "550" in editor.page(path).text("#messages")
    editor.send(f"{path}/resend", {"message": editor.page(path).values()["message"][0]})
    assert "could not be sent" not in editor.page("/staff/").text("main")


def test_a_message_is_sent_again_as_a_message_of_its_own(app, client, editor, case):
    path = f"/staff/submissions/{walk(client, case).text('.reference')}"
    with app.app_context():
        deliver_due()
    message = editor.page(path).values()["message"][0]
    page = editor.send(f"{path}/resend", {"message": message})
    assert editor.send(f"{path}/resend", {"message": message}).status == 422
    assert "● Waits to be sent" in page.text("aside")
    with app.app_context():
        assert deliver_due() == 1
        first, second = db.session.scalars(select(MailMessage).order_by(MailMessage.id))
        assert first.message_id != second.message_id
        assert (first.kind, first.recipient) == (second.kind, second.recipient)
        assert first.sent_at is not None and second.sent_at is not None


def test_a_message_of_another_submission_is_not_sent_again(app, client, editor, case):
    walk(client, case)
    other = f"/staff/submissions/{add_submission(app)}"
    assert editor.send(f"{other}/resend", {"message": "1"}).status == 404


def test_a_deletion_on_request_leaves_the_bare_fact(app, client, case):
    admin = colleague(app, "admin")
    receipt = walk(client, case)
    reference = receipt.text(".reference")
    path = f"/staff/submissions/{reference}"
    admin.send(f"{path}/note", {"text": f"A word about {case['contact_name']}"})
    asked = admin.page(f"{path}/erase")
    assert "cannot be undone" in asked.text("main")
    after = admin.send(f"{path}/erase")
    assert "deleted on request" in after.text("main")
    with app.app_context():
        kept = db.session.scalars(select(Submission)).one()
        assert (kept.reference, kept.answers, kept.branch != "") == (reference, {}, True)
        for table in (Draft, MailMessage, StaffNote):
            assert db.session.scalars(select(table)).all() == []
        rows = [tuple(row) for row in db.session.execute(select(Submission.__table__))]
    for secret in (case["contact_name"], case["organization_name"], case["city"]):
        assert secret not in str(rows) and secret not in str([e.details for e in events(app)])
    assert admin.page("/staff/submissions").text(".list tbody .pill").endswith("Deleted")
    assert client.page(draft_path(receipt) + "/done").status == 404
    for address, data in [("status", {"to": "in_review", "version": str(kept.lock_version)}),
                          ("note", {"text": "Too late"}), ("erase", {})]:  # fmt: skip
        late = admin.send(f"{path}/{address}", data)
        assert (late.status, list(late.errors())) == (422, ["case"])
    with app.app_context():
        assert db.session.scalars(select(StaffNote)).all() == []


def test_what_was_published_is_off_the_public_page_once_deleted(app):
    admin = colleague(app, "admin")
    path = f"/staff/submissions/{add_submission(app, status='published')}"
    admin.send(f"{path}/erase")
    with app.app_context():
        kept = db.session.scalars(select(Submission)).one()
        assert (kept.status, kept.published_at) == ("withdrawn", None)


def test_answers_under_an_option_of_long_ago_are_still_read(app, viewer):
    reference = add_submission(app, organization_kind="agency", state="ZZ", help_wanted=["gone"])
    text = viewer.page(f"/staff/submissions/{reference}").text(".given")
    assert "ZZ" in text and "gone" in text


# The dashboard


def test_an_empty_dashboard_says_that_nothing_waits(viewer):
    assert "Nothing waits for you" in viewer.page("/staff/").text("main")


def test_the_dashboard_counts_what_there_is(app, monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: START + timedelta(days=40))
    oldest = add_submission(app, at=START, organization_name="The one that waits")
    for status in ("accepted", "published", "declined", "received"):
        add_submission(app, at=START + timedelta(days=35), status=status)
    with app.app_context():
        sums = dashboard.count_submissions()
        assert sums.statuses == {"received": 2, "accepted": 1, "published": 1, "declined": 1}
        assert (sums.states, sums.kinds) == ({"FL": 5}, {"agency": 5})
        months = dashboard.count_by_month()
        assert len(months) == 12
        assert months[-2:] == [("Mar 2027", 1), ("Apr 2027", 4)]
    page = colleague(app, "viewer").page("/staff/")
    waiting = page.text(".waiting")
    assert waiting.startswith("The one that waits") and "40 days" in waiting
    assert oldest in str(page.response.data)


def test_the_dashboard_tells_where_drafts_are_left_without_their_answers(app, client, viewer, case):
    walk(client, case, until="contact")
    walk(app.test_client(), case, until="organization")
    walk(app.test_client(), case)  # submitted: not left
    with app.app_context():
        assert dashboard.count_drafts_by_step() == [("Who", 1), ("Organization", 1)]
    assert case["organization_name"] not in viewer.page("/staff/").text("#drafts-left")


def test_what_was_done_is_said_once_and_takes_the_focus(app):
    reference = add_submission(app)
    editor = colleague(app, "editor")
    path = f"/staff/submissions/{reference}"
    version = editor.page(path).values()["version"][0]
    decided = editor.send(f"{path}/status", {"to": "in_review", "version": version})
    assert decided.text("#said") == "✓ Decided: In review."
    assert "autofocus" in decided.all("#said")[0].attrs
    assert editor.send(f"{path}/note", {"text": "Read."}).text("#said") == "✓ The note is added."
    assert not editor.page(path).all("#said")


def test_the_way_back_from_a_submission_keeps_the_filters_of_the_list(app):
    reference = add_submission(app, state="FL")
    viewer = colleague(app, "viewer")
    path = f"/staff/submissions/{reference}"
    query = "?branch=jurisdiction&state=FL"
    filtered = viewer.page("/staff/submissions?state=FL&branch=jurisdiction")
    assert link(filtered, reference) == path + query
    (back,) = viewer.page(link(filtered, reference)).all("a.back")
    assert back.attrs["href"] == f"/staff/submissions{query}"
    whole = viewer.page("/staff/submissions")
    (back,) = viewer.page(link(whole, reference)).all("a.back")
    assert back.attrs["href"] == "/staff/submissions"


def test_way_back_differs_between_two_tabs(app):
    reference = add_submission(app, state="FL")
    viewer = colleague(app, "viewer")
    tabs = [viewer.page(f"/staff/submissions?{query}") for query in ("state=FL", "text=a&last=1")]
    pages = [viewer.page(link(tab, reference)) for tab in tabs]
    backs = [page.all("a.back")[0].attrs["href"] for page in pages]
    assert backs == ["/staff/submissions?state=FL", "/staff/submissions?text=a&last=1"]


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_way_back_outlives_what_is_done_on_the_case(app, htmx):
    reference = add_submission(app, state="FL")
    admin = colleague(app, "admin")
    page = admin.page(f"/staff/submissions/{reference}?state=FL", htmx=htmx)
    actions = [
        form.attrs["action"] for form in page.all("form") if "submissions" in str(form.attrs)
    ]
    assert [action.rpartition("/")[2] for action in actions] == ["status?state=FL", "note?state=FL"]
    decided = admin.send(actions[0], {"to": "in_review", "version": "1"}, htmx=htmx)
    assert decided.all("a.back")[0].attrs["href"] == "/staff/submissions?state=FL"
    refused = admin.send(actions[1], {"text": ""}, htmx=htmx)
    assert refused.all("a.back")[0].attrs["href"] == "/staff/submissions?state=FL"
    asked = admin.page(link(refused, "Delete the answers on request"), htmx=htmx)
    (form,) = [each for each in asked.all("form") if "erase" in each.attrs["action"]]
    erased = admin.send(form.attrs["action"], htmx=htmx)
    assert erased.all("a.back")[0].attrs["href"] == "/staff/submissions?state=FL"


@pytest.mark.parametrize(
    "query", ["state=XX", "back=//evil.example", "state=FL&state=GA", "text=%00", "first_day=x"]
)
def test_way_back_that_the_list_refuses_leads_to_the_whole_list(app, viewer, query):
    page = viewer.page(f"/staff/submissions/{add_submission(app)}?{query}")
    assert page.status == 200
    assert page.all("a.back")[0].attrs["href"] == "/staff/submissions"


def test_the_audit_log_reads_as_words(app):
    reference = add_submission(app)
    admin = colleague(app, "admin")
    path = f"/staff/submissions/{reference}"
    version = admin.page(path).values()["version"][0]
    admin.send(f"{path}/status", {"to": "in_review", "version": version})
    log = admin.page("/staff/audit").text(".list")
    assert "before: received; after: in_review" in log and "{" not in log
