"""Tests of the public pages."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select, update

from tests.client import SPANISH_HEADERS, commitment_references
from tests.complete_form import complete_form
from tests.factories import (
    PUBLISHED_AT,
    add_old_report,
    add_published,
    add_submission,
    events_of,
    staff_client,
)
from tests.integration.public.conftest import (
    FILES,
    OFFICE,
    add_commitment,
    age_changes,
    csv_rows,
    file_text,
    json_records,
    update_columns,
)
from tests.integration.public.test_promise_data import report
from tests.integration.test_custom_flow import PETS, WITH_PET
from tests.reference_rules import NEVER_PUBLIC
from wizard import clock
from wizard.accounts.audit import ORGANIZATION, Actor
from wizard.db.engine import db, writing
from wizard.db.models import Event, Submission
from wizard.db.promises import Promise
from wizard.flows.commitment import COMMITMENT
from wizard.forms.dates import format_day
from wizard.forms.flow import Pages
from wizard.forms.journey import Journey
from wizard.forms.outputs import public_record
from wizard.staff import cases as staff_cases
from wizard.staff import erasure
from wizard.submissions import cases
from wizard.submissions.cases import find_by_reference, locked_case
from wizard.submissions.events import record_event
from wizard.submissions.versions import store_version
from wizard.web import languages

EARLIER = datetime(2026, 3, 1, tzinfo=UTC)

pytestmark = pytest.mark.second_store_slow


def change_status(app, reference: str, to: str) -> None:
    """Change the status as an editor."""
    editor = staff_client(app, "editor", f"editor-{to}")
    path = f"/staff/submissions/{reference}"
    version = editor.page(path).values()["version"][0]
    assert editor.send(f"{path}/status", {"to": to, "version": version}).status == 200


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_empty_list_says_so(client, htmx):
    page = client.page("/commitments", htmx=htmx)
    assert "Nothing is published yet" in page.text(".staff")


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_list_pages_newest_first(app, client, htmx):
    made = [add_published(app, at=PUBLISHED_AT + timedelta(days=n)) for n in range(45)][::-1]
    page = client.page("/commitments", htmx=htmx)
    seen = commitment_references(page)
    while older := [a for a in page.all(".pages a") if a.text == "Next"]:
        page = client.page(older[0].attrs["href"], htmx=htmx)
        seen += commitment_references(page)
    assert seen == made


def test_map_tile_adds_state_to_filters(app, client):
    add_published(app, state="FL")
    add_published(app, "partner", state="FL")
    page = client.page("/commitments?branch=partner")
    (tile,) = page.all(".tiles a")
    chosen = client.page(tile.attrs["href"])
    assert commitment_references(chosen) == commitment_references(page)
    assert "branch=partner" in tile.attrs["href"] and "state=FL" in tile.attrs["href"]
    assert chosen.all(".tiles a")[0].attrs["aria-current"] == "true"


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_commitment_page_shows_every_answer(app, client, case, htmx):
    name = "agency" if "data_sets" in case else "partner"
    reference = add_published(app, name)
    page = client.page(f"/commitments/{reference}", htmx=htmx)
    text = page.text(".told")
    for each in (case["commitment_title"], case["organization_name"], case["city"], reference):
        assert each in text
    group = case.get("data_sets") or case["milestones"]
    for entry in group:
        assert (entry.get("title") or entry["what"]) in text
    assert len(page.all(".told .promise")) == len(group)


def test_address_in_public_answers_is_a_link(app, client):
    reference = add_published(app, publishes_now="yes", portal_url="https://data.example.gov/p")
    (link,) = client.page(f"/commitments/{reference}").all(
        'dd a[href="https://data.example.gov/p"]'
    )
    assert "ugc" in link.attrs["rel"]


def test_reason_of_delay_stays_until_the_date_is_another(app, client):
    reference = add_commitment(app)
    report(app, reference, 0, "delayed", day=date(2031, 1, 1), words="No vendor yet.")
    own = ".promise blockquote"
    assert [each.text for each in client.page(f"/commitments/{reference}").all(own)] == [
        "No vendor yet."
    ]
    report(app, reference, 0, "on_track", words="Still fine.")
    page = client.page(f"/commitments/{reference}")
    assert [each.text for each in page.all(own)] == ["No vendor yet.", "Still fine."]
    (why, _) = page.all(".promise .said")
    assert why.text.startswith("Why it is delayed, as the organization wrote on ")
    report(app, reference, 0, "delayed", day=date(2032, 1, 1), words="A vendor left.")
    page = client.page(f"/commitments/{reference}")
    assert [each.text for each in page.all(own)] == ["A vendor left."]


def test_overdue_promise_says_since_when_without_judging(app, client, monkeypatch):
    entries = [
        {"what": "One", "measure": "x", "due": "2027-03-01"},
        {"what": "Two", "measure": "x", "due": "2027-03-02"},
    ]
    reference = add_published(app, "partner", milestones=entries)
    monkeypatch.setattr(clock, "now", lambda: datetime(2027, 3, 2, 20, tzinfo=UTC))
    page = client.page(f"/commitments/{reference}")
    first, second = [each.text for each in page.all(".promise")]
    assert "! Overdue" in first and "1 day overdue" in first
    assert "The organization has not reported that it is done." in first
    assert "○ Due soon" in second and "It is due within 30 days." in second
    assert page.text(".progress").strip() == "0 of 2 done, 1 overdue"


def test_data_set_released_before_has_its_day_and_is_not_due(app, client):
    entries = [
        {"category": "stops", "title": "Old", "release_on": "2020-05-04"},
        {"category": "stops", "title": "New", "release_on": "2090-05-04"},
    ]
    reference = add_published(app, data_sets=entries)
    old, new = [each.text for each in client.page(f"/commitments/{reference}").all(".promise .due")]
    assert (old, new) == ("Since May 4, 2020", "Due May 4, 2090")
    withdraw(app, reference)
    rows = [each.text for each in client.page(f"/commitments/{reference}").all("tbody tr")]
    assert rows == ["Old May 4, 2020 May 4, 2020", "New May 4, 2090"]


@pytest.mark.parametrize(
    ("done_on", "says"),
    [
        (date(2015, 3, 1), "Done March 1, 2015"),
        (date(2027, 3, 1), "Done March 1, 2027, on time"),
        (date(2027, 5, 3), "Done May 3, 2027, 2 days late"),
    ],
)
def test_promise_done_before_it_was_made_has_its_day_alone(app, client, done_on, says):
    entries = [{"what": "One", "measure": "x", "due": "2027-05-01"}]
    reference = add_published(app, "partner", milestones=entries)
    set_promise(app, reference, done_on=done_on)
    due = client.page(f"/commitments/{reference}").text(".promise .due").replace(" ,", ",")
    assert due == f"Due May 1, 2027 · {says}"


@pytest.mark.parametrize(
    ("done_on", "says"),
    [
        (date(2027, 4, 20), "on time"),
        (date(2027, 4, 21), "by the new date, 1 day after the first date"),
        (date(2027, 11, 29), "by the new date, 223 days after the first date"),
        (date(2028, 1, 16), "1 day late, 271 days after the first date"),
    ],
)
def test_delayed_promise_says_how_long_after_its_first_date_it_was_done(app, client, done_on, says):
    entries = [{"what": "One", "measure": "x", "due": "2027-04-20"}]
    reference = add_published(app, "partner", milestones=entries)
    set_promise(app, reference, done_on=done_on, due_on=date(2028, 1, 15))
    due = client.page(f"/commitments/{reference}").text(".promise .due").replace(" ,", ",")
    assert due.endswith(f"{format_day(done_on)}, {says}")


def set_promise(app, reference: str, **columns) -> None:
    """Change the stored columns of the promises of a commitment."""
    with app.app_context(), writing() as session:
        of_it = select(Submission.id).where(Submission.reference == reference)
        query = update(Promise).where(Promise.submission_id.in_(of_it))
        session.execute(query.values(columns))


def test_commitment_page_has_canonical_and_description(app, client):
    reference = add_published(app, organization_name='The "Quoted" <City> & Co.')
    page = client.page(f"/commitments/{reference}")
    (canonical,) = page.all('link[rel="canonical"]')
    assert canonical.attrs["href"] == f"http://commitments.example.org/commitments/{reference}"
    (description,) = page.all('meta[name="description"]')
    assert 'The "Quoted" <City> & Co.' in description.attrs["content"]


@pytest.mark.parametrize("status", ["received", "in_review", "accepted", "declined", "withdrawn"])
def test_unpublished_is_404_like_unknown(app, client, status):
    reference = add_submission(app, status=status)
    missing = client.page("/commitments/PDI-AAAA-AAAA")
    page = client.page(f"/commitments/{reference}")
    assert (page.status, page.text("main")) == (404, missing.text("main"))
    for path in ("/commitments/%00", "/commitments/..%2f", "/commitments/é"):
        assert client.get(path).status_code == 404


@pytest.mark.parametrize(("to", "status"), [("withdrawn", 200), ("accepted", 404)])
def test_unlisted_is_removed_from_every_list(app, client, to, status):
    reference = add_published(app)
    assert commitment_references(client.page("/commitments")) == [reference]
    assert commitment_references(client.page("/")) == [reference]
    change_status(app, reference, to)
    assert commitment_references(client.page("/commitments")) == []
    assert commitment_references(client.page("/")) == []
    assert client.get(f"/commitments/{reference}").status_code == status


def withdraw(app, reference: str, **data: str) -> None:
    """Withdraw a commitment as staff; `data` is that of the event."""
    with app.app_context(), locked_case(reference) as submission:
        cases.change_status(submission, "withdrawn", OFFICE, **data)


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_withdrawn_page_shows_promises_day_and_reason_alone(app, client, case, language, htmx):
    name = "agency" if "data_sets" in case else "partner"
    reference = add_published(app, name)
    withdraw(app, reference, reason="<b>Merged</b> with\nthe county")
    with app.app_context(), writing() as session:
        session.execute(update(Event).values(at=datetime(2027, 6, 2, 12, tzinfo=UTC)))
    if language == "es":
        client.environ_base["HTTP_ACCEPT_LANGUAGE"] = SPANISH_HEADERS["Accept-Language"]
    page = client.page(f"/commitments/{reference}", htmx=htmx)
    text = page.text(".told")
    day = "June 2, 2027" if language == "en" else "2 de junio de 2027"
    group = case.get("data_sets") or case["milestones"]
    titles = [entry.get("title") or entry["what"] for entry in group]
    for each in (case["commitment_title"], case["organization_name"], case["city"], day,
                 "<b>Merged</b> with", *titles):  # fmt: skip
        assert each in text
    assert len(page.all(".told tbody tr")) == len(group)
    others = public_record(COMMITMENT, case).items()
    shown = {"commitment_title", "organization_name", "city"}
    for name, value in others:
        if name not in shown and isinstance(value, str) and len(value) > 12:
            assert value not in text, name
    for entry in group:
        assert entry.get("measure", "Nobody says this") not in text
    if not htmx:
        assert page.all('meta[name="robots"]')[0].attrs["content"] == "noindex"
        assert page.all('link[rel="canonical"]') == []


def test_withdrawn_page_needs_no_reason(app, client):
    reference = add_published(app)
    withdraw(app, reference)
    assert "Why it was withdrawn" not in client.page(f"/commitments/{reference}").text("main")


def test_withdrawn_page_shows_the_same_promises_as_the_files(app, client):
    reference = add_published(app)
    with app.app_context():
        entries = find_by_reference(reference).answers["data_sets"]
    replace_answers(app, reference, "corrected", OFFICE, data_sets=entries[1:])
    withdraw(app, reference)
    rows = client.page(f"/commitments/{reference}").all(".told tbody tr")
    (record,) = client.get("/commitments.json").json["withdrawn"]
    assert len(rows) == len(record["promises"]) == len(entries)
    removed = record["promises"][-1]
    assert removed["id"] == entries[0]["id"]
    day = format_day(date.fromisoformat(removed["dropped_on"]))
    assert f"Dropped {day}" in rows[-1].text
    assert ["dropped_on" in each for each in record["promises"][:-1]] == [False] * len(rows[:-1])
    table = csv_rows(client, "/commitments/data-sets.csv")
    assert [each["dropped_on"] for each in table] == [""] * len(rows[:-1]) + [removed["dropped_on"]]
    assert {(each["entry"], each["last_report"]) for each in table} == {("", "")}


def test_withdrawn_page_shows_newest_withdrawal(app, client):
    reference = add_published(app)
    withdraw(app, reference, reason="For now")
    for to in ("in_review", "accepted", "published"):
        change_status(app, reference, to)
    assert "For now" not in client.page(f"/commitments/{reference}").text("main")
    withdraw(app, reference, reason="For good")
    text = client.page(f"/commitments/{reference}").text("main")
    assert "For good" in text and "For now" not in text


@pytest.mark.parametrize("known", [True, False], ids=["", "published by the previous version"])
def test_withdrawn_after_publication_has_page_until_erased(app, client, known):
    reference = add_published(app)
    if not known:
        update_columns(app, reference, first_published_at=None)
    withdraw(app, reference, reason="Secret no more")
    assert client.page(f"/commitments/{reference}").status == 200
    with app.app_context():
        erasure.erase(reference, OFFICE)
    page = client.page(f"/commitments/{reference}")
    assert (page.status, page.text("h1")) == (410, "This page was deleted")
    assert [event.data for event in events_of(app)] == [{}, {}]
    for secret in ("Secret no more", reference, "Orlando"):
        assert secret not in page.text("main")


def test_unpublished_and_erased_is_410_only_if_it_was_public(app, client):
    public, private = add_published(app), add_submission(app, status="accepted")
    change_status(app, public, "accepted")
    for reference, status in ((public, 410), (private, 404)):
        assert client.get(f"/commitments/{reference}").status_code == 404
        with app.app_context():
            erasure.erase(reference, OFFICE)
        assert client.get(f"/commitments/{reference}").status_code == status


def test_withdrawn_before_pages_stayed_is_404(app, client):
    """An earlier version clears the only time that it knows."""
    reference = add_published(app)
    update_columns(app, reference, status="withdrawn", published_at=None, first_published_at=None)
    assert client.get(f"/commitments/{reference}").status_code == 404


def test_withdrawn_without_consent_is_404(app, client):
    reference = add_published(app, publish_consent="no")
    withdraw(app, reference)
    assert client.get(f"/commitments/{reference}").status_code == 404


def replace_answers(app, reference: str, kind: str, actor: Actor, data=None, **answers) -> None:
    """Store a new version with some answers changed, as an event of that kind tells."""
    with app.app_context(), locked_case(reference) as submission:
        given = {**submission.answers, **answers}
        journey = Journey(COMMITMENT, given, list(COMMITMENT.steps), today=date(2026, 11, 22))
        store_version(submission, journey)
        record_event(submission, kind, actor, **data or {})


@pytest.mark.parametrize("language", ["en", "es"])
def test_corrections_say_who_when_and_what_changed(app, client, case, language):
    reference = add_published(app, "agency" if "data_sets" in case else "partner", at=EARLIER)
    by_staff = {"reason": "secret-reason", "words": "secret-words", "proposed_by": "staff"}
    replace_answers(app, reference, "corrected", OFFICE, by_staff, organization_name="Alpha")
    proposed = {"words": "secret-words", "reason": "", "proposed_by": "organization"}
    replace_answers(app, reference, "corrected", OFFICE, proposed, organization_name="Beta")
    replace_answers(app, reference, "resubmitted", ORGANIZATION, city="Springfield")
    if language == "es":
        client.environ_base["HTTP_ACCEPT_LANGUAGE"] = SPANISH_HEADERS["Accept-Language"]
    page = client.page(f"/commitments/{reference}")
    told = [each.text for each in page.all("li.corrected")]
    who = {"en": ("by the organization", "by program staff"),
           "es": ("por la organización", "por el personal del programa")}[language]  # fmt: skip
    for text, by, after in zip(told, (0, 0, 1), ("Springfield", "Beta", "Alpha"), strict=True):
        assert who[by] in text and after in text
    assert "Alpha" in told[1] and case["organization_name"] in told[2]
    assert "secret-" not in page.response.text
    with app.app_context(), languages.force_locale(language):
        day = languages.translate(format_day(clock.today()))
    assert all(day in each for each in (*told, page.text(".rail")))


def test_private_or_earlier_change_is_no_correction(app, client, case):
    reference = add_submission(app, "agency" if "data_sets" in case else "partner")
    replace_answers(app, reference, "resubmitted", ORGANIZATION, city="Before Publication")
    for to in ("accepted", "published"):
        change_status(app, reference, to)
    replace_answers(app, reference, "corrected", OFFICE, contact_name="Secret Name")
    page = client.page(f"/commitments/{reference}")
    assert page.all("details.correction") == [] and "Corrected" not in page.text("main")
    assert "Secret Name" not in page.response.text
    assert "Corrected: " not in file_text(client, "/commitments.atom")
    replace_answers(app, reference, "corrected", OFFICE, city="After Publication")
    assert file_text(client, "/commitments.atom").count("Corrected: ") == 1


def test_correction_changes_files_and_their_tag(app, client):
    reference = add_published(app, at=EARLIER)
    age_changes(app)
    tags = {address: client.get(address).headers["ETag"] for address in FILES}
    before = json_records(client)[0]
    replace_answers(app, reference, "corrected", OFFICE, organization_name="Dept. One")
    assert all(client.get(address).headers["ETag"] != tag for address, tag in tags.items())
    after = json_records(client)[0]
    assert after["organization_name"] == "Dept. One"
    assert after["updated_at"] > before["updated_at"]
    feed = file_text(client, "/commitments.atom")
    assert feed.count(f"<updated>{after['updated_at']}</updated>") == 1
    assert "Corrected: " in feed
    assert f"<published>{before['published_at']}</published>" in feed


@pytest.mark.parametrize("approved", [True, False])
def test_approved_report_is_a_public_change(app, client, approved):
    reference = add_published(app, at=EARLIER)
    before = json_records(client)[0]["updated_at"]
    report = add_old_report(app, reference, {"data_sets": {"0": {"done": True}}})
    with app.app_context():
        staff_cases.decide_report(reference, report, approved, OFFICE)
    assert (json_records(client)[0]["updated_at"] > before) == approved


def test_first_publication_is_shown_after_another(app, client):
    reference = add_published(app)
    change_status(app, reference, "accepted")
    change_status(app, reference, "published")
    for path in ("/", "/commitments", f"/commitments/{reference}"):
        assert "Published March 1, 2027" in client.page(path).text("main")


def test_landing_shows_newest_and_totals(app, client):
    made = [add_published(app, at=PUBLISHED_AT + timedelta(days=n), state="FL") for n in range(4)]
    page = client.page("/")
    assert commitment_references(page) == made[-1:]
    assert "4 commitments in 1 state" in page.text("#map-title")
    assert page.text(".totals .sum").split() == ["4", "Commitments"]


def test_empty_landing_and_list_say_what_to_do(client):
    for path in ("/", "/commitments", "/progress"):
        page = client.page(path)
        assert "Yours can be the first." in page.text("main")
        assert "/respond/" in [link.attrs["href"] for link in page.all("main a")]


def test_missing_page_leads_on(client):
    page = client.page("/nowhere")
    assert page.all("main [role=search] input")[0].attrs["name"] == "q"
    ways = [link.attrs["href"] for link in page.all(".ways a")]
    assert ways == ["/commitments", "/lost", "/respond/"]
    assert client.page("/staff/nowhere").all(".ways a") == []


PRIVATE = {name: f"secret-{name.replace('_', '-')}" for name in NEVER_PUBLIC}


def test_public_pages_hold_no_private_answers(app, client):
    """Request every address without sign-in or draft, with a marker in each private answer."""
    marked = {
        "contact_name": PRIVATE["contact_name"],
        "contact_role": PRIVATE["contact_role"],
        "contact_email": "secret-contact@example.org",
        "delegate_is_contact": "no",
        "delegate_name": PRIVATE["delegate_name"],
        "delegate_email": "secret-delegate@example.org",
    }
    reference = add_published(app, **marked)
    add_submission(app, organization_name="secret-unpublished", commitment_title="secret-title")
    with app.app_context():
        found = db.session.scalars(
            select(Submission).where(Submission.reference == reference)
        ).one()
        draft = str(found.draft_id)
    editor = staff_client(app, "editor")
    editor.send(f"/staff/submissions/{reference}/note", {"text": "secret-note"})
    addresses = [
        rule.rule.replace("<reference>", reference)
        for rule in app.url_map.iter_rules()
        if "GET" in rule.methods
        and not rule.rule.startswith(("/staff", "/respond/<", "/static", "/updates", "/resume"))
    ]
    assert "/commitments" in addresses and f"/commitments/{reference}" in addresses
    for address in addresses:
        with client.get(address) as response:
            text = response.get_data().decode(errors="replace")  # one is an image
        assert "secret-" not in text and draft not in text, address


def test_flow_without_facets_and_pages_has_public_pages(make_app):
    plain = replace(PETS, facets=(), programs=(), pages=Pages())
    client = make_app(flow=plain).test_client()
    complete_form(client, WITH_PET, flow=plain)
    for path in ("/", "/commitments", "/respond/exit"):
        assert client.page(path).status == 200


def test_question_list_is_complete(client):
    assert client.page("/").text("h1").startswith("Make a data commitment")
    page = client.page("/questions")
    for field in COMMITMENT.fields.values():
        assert field.label in page.response.text


def test_robots_and_social_metadata_are_served(app, client):
    robots = client.get("/robots.txt")
    assert robots.mimetype == "text/plain"
    secret = {"/acting/", "/contact/", "/resume/", "/unsubscribe/", "/updates/"}
    closed = set(re.findall("^Disallow: (.*)$", robots.text, re.MULTILINE))
    assert closed == secret | {"/staff/", "/staff/welcome/"}
    reference = add_submission(app, status="published")
    for path in ("/", "/commitments", f"/commitments/{reference}"):
        page = client.page(path)
        (image,) = page.all('meta[property="og:image"]')
        address = image.attrs["content"].removeprefix("http://commitments.example.org")
        assert client.get(address).mimetype == "image/png"
        (canonical,) = page.all('link[rel="canonical"]')
        assert canonical.attrs["href"] == f"http://commitments.example.org{path}"


def test_accessibility_page_names_contact(make_app):
    page = make_app(PROGRAM_EMAIL="office@example.org").test_client().page("/accessibility")
    assert "office@example.org" in page.text("main")
