"""A morning at the office: three people decide forty cases, two of them on the same one."""

import csv
import io
from collections import Counter
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from tests.browser.conftest import PASSWORD
from tests.browser.test_queue import QUEUE, open_queue
from tests.browser.test_staff import hold_second
from tests.factories import add_submission, audit_events, events_of
from tests.integration.staff.test_queue import add_many
from tests.integration.submissions.test_proposals import correct
from wizard import clock
from wizard.accounts import accounts
from wizard.accounts.audit import COMMAND_LINE
from wizard.db.engine import db, writing
from wizard.db.models import STATUSES, MailMessage, Submission
from wizard.db.promises import Progress, Promise

pytestmark = [pytest.mark.second_store_slow, pytest.mark.slow]

OF_BOB, OF_ADA = 28, 9
DECISIONS = ("accepted", "declined", "changes_requested", "corrected", "progress_approved")
DECLINED_WORDS = "Dear Ana, please say more."
NAMES = {name: f"{name}@example.gov" for name in ("ada", "bob", "cleo")}


def add_report(app, reference: str) -> list[str]:
    """Store a report on the first two promises of a commitment; return their titles."""
    with app.app_context(), writing() as session:
        of_it, now = Submission.reference == reference, clock.now()
        found = select(Promise).join(Submission, Submission.id == Promise.submission_id)
        first_two = session.scalars(found.where(of_it).order_by(Promise.place).limit(2)).all()
        for promise, outcome in zip(first_two, ("done", "dropped"), strict=True):
            session.add(
                Progress(submission_id=promise.submission_id, entry_id=promise.entry_id,
                         outcome=outcome, promised_on=promise.due_on, words="As told by phone.",
                         day=now.date() if outcome == "done" else None, reported_at=now)
            )  # fmt: skip
        return [promise.title for promise in first_two]


def open_case(page: Page, reference: str, address: str = QUEUE) -> None:
    """Open a case from a list."""
    page.goto(address)
    page.get_by_role("link", name=reference).click()
    expect_case(page, reference)


def expect_case(page: Page, reference: str) -> None:
    expect(page.locator(".facts .reference")).to_have_text(reference)


def expect_focus(page: Page) -> None:
    """Wait until the page has moved the focus, which it would take from what a key moves it to."""
    expect(page.locator("h1:focus, #said:focus")).to_be_visible()


def export(page: Page, address: str) -> list[dict[str, str]]:
    """Download the table of a list."""
    page.goto(address)
    with page.expect_download() as download:
        page.get_by_role("link", name="submissions.csv", exact=True).click()
    text = download.value.path().read_text(encoding="utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def assign_many(bob: Page) -> None:
    """Filter the queue, and take all that is found."""
    bob.get_by_label("State").select_option("GA")
    expect(bob.locator("#found")).to_contain_text(f"{OF_BOB} submissions match")
    bob.get_by_label(f"Select all {OF_BOB} on this page").check()
    bob.get_by_label("Selected submissions").select_option("assign-bob@example.gov")
    bob.get_by_role("button", name="Preview").click()
    expect(bob.locator("h1")).to_have_text(f"Assign to bob@example.gov: {OF_BOB} submissions")
    bob.locator("button.primary").click()
    expect(bob.locator("#progress")).to_have_text(f"{OF_BOB} done, 0 not changed.")


def start_to_accept_many(bob: Page) -> list:
    """Accept them with a message of his own; return the requests, of which the second is held."""
    bob.goto(f"{QUEUE}&assigned=me")
    bob.get_by_label(f"Select all {OF_BOB} on this page").check()
    bob.get_by_label("Selected submissions").select_option("accepted")
    bob.get_by_role("button", name="Preview").click()
    expect(bob.locator("h1")).to_have_text(f"Accept: {OF_BOB} submissions")
    bob.get_by_text(f"Email in English about {OF_BOB} submissions").click()
    bob.locator("#words-en-many").fill("Welcome to the program.")
    held: list = []
    bob.route("**/staff/submissions/many?**", lambda route: hold_second(held, route))
    bob.locator("button.primary").click()
    expect(bob.locator("h1")).to_have_text(f"Accept: 25 of {OF_BOB}")
    return held


def decide_by_keys(ada: Page, references: list[str]) -> None:
    """Accept the cases of the queue one after the other, but decline the first."""
    ada.goto(f"{QUEUE}&assigned=nobody")
    expect(ada.locator("#found")).to_contain_text(f"{OF_ADA} submissions match")
    ada.keyboard.press("j")
    ada.keyboard.press("Enter")
    for place, reference in enumerate(references):
        expect_case(ada, reference)
        expect_focus(ada)
        if place == 0:
            decline_by_keys(ada, "It is public already.")
        else:
            ada.keyboard.press("a")
            expect(ada.get_by_role("button", name="Accept", exact=True)).to_be_focused()
            ada.keyboard.press("Enter")


def decline_by_keys(page: Page, reason: str) -> None:
    page.keyboard.press("d")
    expect(page.locator("#reason-declined")).to_be_focused()
    page.keyboard.type(reason)
    for _ in ("message", "no email", "button"):
        page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Decline", exact=True)).to_be_focused()
    page.keyboard.press("Enter")


def take(cleo: Page, references: list[str]) -> None:
    """Take some cases, so that nobody else begins them."""
    for reference in references:
        open_case(cleo, reference)
        cleo.get_by_role("button", name="Assign to me").click()
        expect(cleo.locator(".facts")).to_contain_text("Assigned to cleo@example.gov")


def ask_for_changes(cleo: Page, reference: str) -> None:
    open_case(cleo, reference, f"{QUEUE}&assigned=me")
    cleo.get_by_label("New note").fill("They called: the city is wrong.")
    cleo.get_by_role("button", name="Add the note").click()
    expect(cleo.locator(".note")).to_contain_text("They called")
    cleo.get_by_role("link", name="Ask for changes").click()
    cleo.get_by_label("City or town", exact=True).check()
    cleo.locator("#about-city").fill("Which one?")
    cleo.get_by_role("button", name="Ask for changes").click()
    expect(cleo.locator("#said")).to_contain_text(reference)


def approve_in_part(cleo: Page, reference: str, kept: str, left_out: str) -> None:
    open_case(cleo, reference, f"{QUEUE}&assigned=me")
    expect(cleo.get_by_role("checkbox", name=kept)).to_be_checked()
    cleo.get_by_role("checkbox", name=left_out).uncheck()
    cleo.get_by_role("button", name="Approve what is checked").click()
    expect(cleo.locator("#said")).to_contain_text(reference)


def approve_correction(cleo: Page, reference: str) -> None:
    open_case(cleo, reference, f"{QUEUE}&assigned=me")
    expect(cleo.locator("#correction")).to_contain_text("Tampa")
    cleo.get_by_role("button", name="Approve the correction").click()
    expect(cleo.locator("#said")).to_contain_text(reference)
    expect(cleo.locator("main")).to_contain_text("Nothing matches")


def decide_too_late(cleo: Page) -> None:
    """Decline what somebody else accepted meanwhile."""
    cleo.locator("summary", has_text="Decline").click()
    cleo.locator("#reason-declined").fill("Too vague.")
    cleo.locator("#words-declined").fill(DECLINED_WORDS)
    with cleo.expect_response(lambda response: response.request.method == "POST") as response:
        cleo.get_by_role("button", name="Decline", exact=True).click()
    assert response.value.status == 409
    expect(cleo.locator("#stale")).to_contain_text("Someone else changed this")
    expect(cleo.locator("#stale blockquote")).to_have_text(["Too vague.", DECLINED_WORDS])
    expect(cleo.locator("#history")).to_contain_text("ada@example.gov")


@pytest.mark.long
def test_three_people_decide_forty_cases_in_a_morning(open_browser, office):
    with office.app_context():
        accounts.add_account(NAMES["cleo"], "editor", COMMAND_LINE, PASSWORD)
    queue = add_many(office, OF_ADA)
    of_bob = [add_submission(office, state="GA") for _ in range(OF_BOB)]
    unclear = add_submission(office)
    reported, corrected = (add_submission(office, status="published") for _ in range(2))
    kept, left_out = add_report(office, reported)
    with office.app_context():
        correct(corrected, "We moved.", city="Tampa")
    everything = [*queue, *of_bob, unclear, reported, corrected]

    ada, bob, cleo = open_browser(), open_browser(), open_browser(javascript=False)
    for page, name in ((ada, "ada"), (bob, "bob"), (cleo, "cleo")):
        open_queue(page, name)
    take(cleo, [unclear, reported, corrected])
    assign_many(bob)
    held = start_to_accept_many(bob)

    shared = queue[-1]
    decide_by_keys(ada, queue[:-1])
    expect_case(ada, shared)
    open_case(cleo, shared)
    expect(cleo.locator(".facts")).to_contain_text("Opened by ada@example.gov")
    ada.get_by_role("button", name="Accept", exact=True).press("Enter")
    expect(ada.locator("main")).to_contain_text("Nothing matches")
    decide_too_late(cleo)

    ada.goto(f"{QUEUE}&assigned=bob@example.gov")
    expect(ada.locator("[data-row]")).to_have_count(OF_BOB - 25)  # his run has not reached them
    (his, *_) = ada.locator("[data-row]").all_inner_texts()
    ada.get_by_role("link", name=his).click()
    expect_case(ada, his)
    expect_focus(ada)
    decline_by_keys(ada, "They are in another state.")
    expect(ada.locator("#said")).to_contain_text("Status changed to Declined.")
    held[1].continue_()
    expect(bob.locator("h1")).to_have_text("Accept: finished")
    expect(bob.locator("#progress")).to_have_text(f"{OF_BOB - 1} done, 1 not changed.")
    expect(bob.locator("main")).to_contain_text("It changed after this page was opened.")

    ask_for_changes(cleo, unclear)
    approve_in_part(cleo, reported, kept, left_out)
    approve_correction(cleo, corrected)
    bob.goto(QUEUE)
    expect(bob.locator("main")).to_contain_text("Nothing waits for you.")

    check_decisions(office, everything)
    check_messages(office)
    rows = export(bob, "/staff/submissions")
    check_dashboard(ada, rows)
    check_audit_log(office, ada, everything)


def check_decisions(office, references: list[str]) -> None:
    """Every case has one decision, by the person who took it."""
    decided = [each for each in events_of(office) if each.kind in DECISIONS]
    assert len({each.submission_id for each in decided}) == len(decided) == len(references) == 40
    assert Counter((each.actor, each.kind) for each in decided) == {
        (NAMES["bob"], "accepted"): OF_BOB - 1,
        (NAMES["ada"], "accepted"): OF_ADA - 1,
        (NAMES["ada"], "declined"): 2,
        (NAMES["cleo"], "changes_requested"): 1,
        (NAMES["cleo"], "progress_approved"): 1,
        (NAMES["cleo"], "corrected"): 1,
    }
    with office.app_context():
        approved = db.session.scalars(select(Progress.approved).order_by(Progress.id)).all()
    assert approved == [True, False]


def check_messages(office) -> None:
    """Every decision is told once to its contact."""
    with office.app_context():
        queued = db.session.scalars(select(MailMessage)).all()
    decided = [each.id for each in events_of(office) if each.kind in DECISIONS]
    told = [each for each in queued if each.event_id in decided]
    assert sorted(each.event_id for each in told) == decided
    assert [each.words for each in told if each.words] == ["Welcome to the program."] * (OF_BOB - 1)
    assert [each.kind for each in told].count("progress_partly_approved") == 1


def check_dashboard(ada: Page, rows: list[dict[str, str]]) -> None:
    """The dashboard has the numbers of the file, and the decisions of these days."""
    counts = Counter(row["status"] for row in rows)
    today = clock.now().date()
    days = f"first_day={today - timedelta(days=1)}&last_day={today + timedelta(days=1)}"
    ada.goto(f"/staff/?{days}")
    statuses = ada.locator(".sums:not(.figures) li").all_inner_texts()
    shown = {label: int(number) for number, label in (each.split(maxsplit=1) for each in statuses)}
    assert shown == {label: counts[code] for code, label in STATUSES.items()}
    happened = ada.locator(".happened tbody tr").all_inner_texts()
    for label, number in (("Accepted", 35), ("Declined", 2), ("Changes requested", 1)):
        assert f"{label} {number} 0" in [" ".join(each.split()) for each in happened]


def check_audit_log(office, ada: Page, references: list[str]) -> None:
    """It names who opened which case, and who exported."""
    opened = {(each.actor, each.subject) for each in audit_events(office, "viewed")}
    assert {subject for _, subject in opened} <= {*references}
    assert (NAMES["ada"], references[0]) in opened and (NAMES["cleo"], references[-1]) in opened
    ada.goto("/staff/audit?action=exported")
    expect(ada.locator(".list tbody tr")).to_have_count(1)
    expect(ada.locator(".list")).to_contain_text("bob@example.gov exported submissions.csv")
