"""Nothing typed is ever lost: autosave, resume links, two tabs, sessions that end, an end."""

import logging
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from tests.client import Page, headers
from tests.conftest import load_case
from tests.letters import drawn
from tests.walk import draft_path, form_data, start, walk
from wizard import clock
from wizard.db.engine import db
from wizard.db.models import Draft, MailMessage
from wizard.flows.commitment import COMMITMENT
from wizard.notify.email import mail_folder
from wizard.notify.outbox import deliver_due

AGENCY = load_case("agency")
STEPS = [name for name in COMMITMENT.steps if name not in ("kind", "involvement", "commitment",
                                                            "milestones")]  # fmt: skip


def autosave(client, path: str, data: dict, page: Page | None = None):
    """What the script of a page posts while one types."""
    own = own_fields(page) if page else {}
    return client.post(f"{path}/autosave", data={"csrf_token": client.token(), **own, **data})


def own_fields(page: Page) -> dict[str, str]:
    """What a page says of itself when it posts."""
    names = ("page", "turn", "based_on", "pass")
    return {name: page.values()[name][0] for name in names if name in page.values()}


def link_on(page: Page) -> str:
    """The path of the resume link that a save page shows."""
    url = page.all("#link")[0].attrs["value"]
    assert url.startswith("http://commitments.example.org/resume/")
    return url.removeprefix("http://commitments.example.org")


def move_clock(monkeypatch, **delta) -> None:
    moved = clock.now() + timedelta(**delta)
    monkeypatch.setattr(clock, "now", lambda: moved)


# Autosave


@pytest.mark.parametrize("name", [name for name in STEPS if name != "review"])
def test_what_is_typed_is_kept_valid_or_not(client, name):
    page = walk(client, AGENCY, until=name)
    typed = form_data(COMMITMENT.steps[name], AGENCY)
    field = next(
        (key for key in typed if key.endswith(("-title", "email", "city", "description"))), None
    )
    if field:
        typed[field] = "half a thought @"
    saved = autosave(client, page.path, typed)
    assert (saved.status_code, saved.mimetype) == (200, "text/html")
    assert "Saved at" in saved.text and len(saved.text) < 200
    shown = client.page(page.path).values()
    for key, value in typed.items():
        assert sorted(shown[key]) == sorted(value if isinstance(value, list) else [value]), key


def test_what_is_kept_alone_completes_no_step(client):
    page = walk(client, AGENCY, until="contact")
    autosave(client, page.path, form_data(COMMITMENT.steps["contact"], AGENCY))
    assert client.page(f"{draft_path(page)}/current_data").path.endswith("/contact")


def test_a_step_that_was_complete_is_open_again_when_its_answer_is_wrong(client):
    page = walk(client, AGENCY, until="review")
    organization = f"{draft_path(page)}/organization"
    autosave(client, organization, {"organization_name": "A", "city": "", "state": "FL"})
    page = client.page(page.path)
    assert page.path == organization
    assert set(page.errors()) == {"city"}


def test_a_stranger_a_wrong_step_and_the_review_keep_nothing(app, client):
    page = walk(client, AGENCY, until="review")
    path = draft_path(page)
    assert autosave(client, f"{path}/review", {"authorized": "yes"}).status_code == 404
    assert autosave(client, f"{path}/nothing", {"city": "x"}).status_code == 404
    assert autosave(app.test_client(), f"{path}/organization", {"city": "x"}).status_code == 404
    assert client.page(f"{path}/organization").values()["city"] == ["Orlando"]


def test_an_answer_that_ends_the_journey_can_be_taken_back(client):
    page = walk(client, AGENCY, until="contact")
    kind = f"{draft_path(page)}/kind"
    assert autosave(client, kind, {"organization_kind": "individual"}).status_code == 200
    assert client.page(page.path).path == kind
    again = client.send(kind, {"organization_kind": "agency"})
    assert again.path == page.path


def test_an_older_save_of_the_same_page_never_overtakes_a_newer_one(client):
    page = walk(client, AGENCY, until="organization")
    assert autosave(client, page.path, {"city": "New", "turn": "7"}, page).status_code == 200
    assert autosave(client, page.path, {"city": "Old", "turn": "3"}, page).status_code == 200
    assert client.page(page.path).values()["city"] == ["New"]


def test_after_the_submission_an_autosave_changes_nothing(client):
    receipt = walk(client, AGENCY)
    refused = autosave(client, f"{draft_path(receipt)}/organization", {"city": "Elsewhere"})
    assert refused.status_code == 409
    assert "Elsewhere" not in client.page(receipt.path).response.text


# Save and leave


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
@pytest.mark.parametrize("name", STEPS)
def test_every_step_can_be_left_and_keeps_what_was_typed(client, name, htmx):
    page = walk(client, AGENCY, until=name)
    assert page.all('button[value="save"]')
    typed = {"city": "Half a ci"} if name == "organization" else {}
    saved = client.send(page.path, {"action": "save", **typed}, htmx=htmx)
    assert saved.text("h1") == "Your answers are saved"
    assert "works until" in saved.text("main" if not htmx else ".measure")
    resumed = client.page(link_on(saved))
    assert resumed.path == page.path
    if typed:
        assert resumed.values()["city"] == ["Half a ci"]


def test_the_link_is_mailed_and_the_answer_is_the_same_whatever_the_address(
    app, client, monkeypatch
):
    page = walk(client, AGENCY, until="contact")
    path = f"{draft_path(page)}/save"
    answers = [client.send(path, {"address": "desk@example.org"}) for _ in range(4)]
    answers.append(client.send(path, {"address": "nobody@nowhere.example"}))
    texts = {re.sub(r"/resume/[\w.-]+", "", answer.text("main")) for answer in answers}
    assert len(texts) == 1
    with app.app_context():
        # Three in an hour to one address, however often they were asked for.
        assert deliver_due() == 4
    move_clock(monkeypatch, hours=1, seconds=1)
    client.send(path, {"address": "desk@example.org"})
    with app.app_context():
        assert deliver_due() == 1
        message = next(mail_folder().glob("resume.*.eml")).read_text(encoding="utf-8")
    flat = message.replace("=\n", "").replace("=3D", "=")
    assert link_on(answers[0]) in flat
    assert "Orlando" not in flat and "agency" not in flat


def test_an_address_that_is_none_is_told_so(client):
    page = walk(client, AGENCY, until="contact")
    for typed in ("", "desk", "a@example.org\r\nBcc: b@example.org"):
        page = client.send(f"{draft_path(page)}/save", {"address": typed})
        assert (page.status, set(page.errors())) == (422, {"address"})


def test_one_sender_can_have_so_many_mailed_in_an_hour(make_app):
    client = make_app(RATELIMIT_ENABLED=True).test_client()
    path = f"{draft_path(walk(client, AGENCY, until='contact'))}/save"
    for number in range(20):
        assert client.send(path, {"address": f"a{number}@example.org"}).status == 200
    refused = client.send(path, {"address": "b@example.org"})
    assert refused.status == 429
    assert int(refused.response.headers["Retry-After"]) > 0


def test_leaving_takes_the_draft_out_of_this_browser(client):
    page = walk(client, AGENCY, until="contact")
    saved = client.send(page.path, {"action": "save"})
    left = client.send(saved.path, {"action": "leave"})
    assert left.path == "/" and "You left" in left.text(".notice[role=status]")
    assert client.get(page.path).status_code == 404
    assert client.page(link_on(saved)).path == page.path


# Resume


@pytest.fixture
def left(client):
    """A draft that was left at its contact page: its path and its link."""
    page = walk(client, AGENCY, until="contact")
    return page.path, link_on(client.send(page.path, {"action": "save"}))


def test_the_link_opens_this_draft_anywhere_as_often_as_wanted(app, left):
    path, link = left
    for _ in range(3):
        other = app.test_client()
        assert other.head(link).status_code == 303
        response = other.get(link)
        assert (response.status_code, response.location) == (303, path)
        assert other.page(path).status == 200


def test_both_drafts_stay_open_under_their_own_addresses(app, left):
    path, link = left
    other = app.test_client()
    own = walk(other, load_case("partner"), until="contact").path
    other.page(link)
    assert other.page(own).path == own
    assert other.page(path).path == path


def test_the_link_of_a_submitted_draft_opens_its_receipt(app, client, left):
    path, link = left
    client.send(path, form_data(COMMITMENT.steps["contact"], AGENCY))
    page = client.page(path)
    for name in ("contact", "current_data", "data_sets", "plan", "community", "opportunity",
                 "publication", "review"):  # fmt: skip
        page = client.send(f"{draft_path(page)}/{name}", form_data(COMMITMENT.steps[name], AGENCY))
    assert page.path.endswith("/done")
    assert app.test_client().page(link).text(".reference") == page.text(".reference")


@pytest.mark.parametrize("fault", ["revoked", "altered", "expired", "invented", "deleted", "page"])
def test_a_link_that_opens_nothing_gives_one_and_the_same_page(app, client, left, fault,
                                                               monkeypatch):  # fmt: skip
    path, link = left
    with app.app_context():
        draft = db.session.scalars(select(Draft)).one()
        if fault == "revoked":
            draft.link_version += 1
            db.session.commit()
        if fault == "deleted":
            db.session.delete(draft)
            db.session.commit()
    if fault == "altered":
        link = link[:-9] + ("A" if link[-9] != "A" else "B") + link[-8:]
    if fault == "invented":
        link = "/resume/WyIwIiwxXQ.abc"
    if fault == "page":  # the token that a page carries is no link
        link = f"/resume/{client.page(path).values()['pass'][0]}"
    if fault == "expired":
        move_clock(monkeypatch, days=60, seconds=1)
    page = app.test_client().page(link)
    assert page.status == 404
    assert page.text("h1") == "This link does not open a draft"


def test_the_token_is_in_no_log_and_not_in_the_store(app, client, left, caplog, monkeypatch):
    path, link = left
    token = link.rsplit("/", 1)[1]
    client.send(f"{draft_path_of(path)}/save", {"address": "desk@example.org"})
    with caplog.at_level(logging.DEBUG):
        app.test_client().get(link)
        app.config["PROPAGATE_EXCEPTIONS"] = False
        monkeypatch.setattr("wizard.apply.drafts.find_by_token", lambda *args: 1 / 0)
        assert app.test_client().get(link).status_code == 500
    assert token not in caplog.text and "ZeroDivisionError" in caplog.text
    with app.app_context():
        for table in db.metadata.tables:
            for row in db.session.execute(text(f"SELECT * FROM {table}")):  # noqa: S608
                assert token not in str(row)


def draft_path_of(path: str) -> str:
    return path.rsplit("/", 1)[0]


# Two tabs, two people


@pytest.fixture
def tabs(client):
    """The same step, opened in two tabs."""
    page = walk(client, AGENCY, until="review")
    path = f"{draft_path(page)}/organization"
    return client.page(path), client.page(path)


def send(client, tab: Page, htmx: bool = False, **changes) -> Page:
    """What a tab posts with some of its fields changed."""
    return client.send(tab.path, {**tab.values(), **changes}, htmx=htmx)


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_the_second_of_two_tabs_sees_both_versions_and_chooses(client, tabs, htmx):
    first, second = tabs
    assert send(client, first, city="Tampa", website="").path.endswith("/review")
    conflict = send(client, second, htmx=htmx, city="Miami")
    assert conflict.status == 409
    assert conflict.is_fragment == htmx
    shown = conflict.response.text
    assert "Tampa" in shown and "Miami" in shown
    assert len(conflict.all("fieldset")) == 2  # city and website differ, nothing else
    assert client.page(first.path).values()["city"] == ["Tampa"]
    done = client.send(
        conflict.path, conflict.values() | {"keep-city": "here", "keep-website": "saved"}
    )
    assert done.path.endswith("/review")
    values = client.page(first.path).values()
    assert (values["city"], values["website"]) == (["Miami"], [""])
    assert values["organization_name"] == [AGENCY["organization_name"]]


def test_a_conflict_about_entries_shows_and_keeps_them_whole(client):
    page = walk(client, AGENCY, until="review")
    path = f"{draft_path(page)}/data_sets"
    first, second = client.page(path), client.page(path)
    send(client, first, **{"data_sets-0-title": "From the first"})
    conflict = send(client, second, **{"data_sets-1-title": "From the second"})
    assert conflict.status == 409
    assert "Data set 1: officer-involved shootings; From the first" in conflict.text("main")
    client.send(conflict.path, conflict.values() | {"keep-data_sets": "here"})
    values = client.page(path).values()
    assert values["data_sets-1-title"] == ["From the second"]
    assert values["data_sets-0-title"] == [AGENCY["data_sets"][0]["title"]]


def test_two_tabs_on_different_steps_both_win(client):
    page = walk(client, AGENCY, until="review")
    path = draft_path(page)
    first, second = client.page(f"{path}/organization"), client.page(f"{path}/contact")
    assert send(client, first, city="Tampa").status == 200
    assert send(client, second, contact_name="Someone else").status == 200
    assert client.page(f"{path}/organization").values()["city"] == ["Tampa"]
    assert client.page(f"{path}/contact").values()["contact_name"] == ["Someone else"]


def test_the_same_post_twice_is_one_save_and_no_conflict(client, tabs):
    first, second = tabs
    for tab in (first, first, second):
        assert send(client, tab, city="Tampa").path.endswith("/review")


def test_a_page_that_saves_itself_does_not_conflict_with_itself(client, tabs):
    tab, _ = tabs
    for number in range(3):
        typed = {**tab.values(), "city": f"City {number}", "turn": str(number)}
        assert autosave(client, tab.path, typed).status_code == 200
    assert send(client, tab, city="Tampa", turn="4").path.endswith("/review")


def test_an_autosave_over_newer_answers_of_another_tab_keeps_these(client, tabs):
    first, second = tabs
    send(client, first, city="Tampa")
    refused = autosave(client, second.path, {**second.values(), "city": "Miami"})
    assert refused.status_code == 409 and "another window" in refused.text
    assert client.page(first.path).values()["city"] == ["Tampa"]


def test_what_is_posted_after_the_branch_changed_elsewhere_is_kept_for_later(client):
    page = walk(client, load_case("partner"), until="milestones")
    path = draft_path(page)
    client.send(f"{path}/kind", {"organization_kind": "city"})
    moved = send(client, page, **{"milestones-0-what": "Typed in the other tab"})
    assert moved.path.endswith("/current_data")
    client.send(f"{path}/kind", {"organization_kind": "company"})
    kept = client.page(f"{path}/milestones").values()
    assert kept["milestones-0-what"] == ["Typed in the other tab"]


# Sessions that end


def test_only_an_answer_that_changes_the_session_sets_its_cookie(client):
    page = walk(client, AGENCY, until="contact")
    for path in (page.path, "/", "/questions", "/static/site.css", "/static/icon.svg"):
        with client.get(path) as response:
            assert "Set-Cookie" not in response.headers, path


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
@pytest.mark.parametrize("name", STEPS)
def test_a_session_that_ran_out_loses_nothing(app, client, name, htmx):
    page = walk(client, AGENCY, until=name)
    typed = page.values() | form_data(COMMITMENT.steps[name], AGENCY)
    later = app.test_client()
    response = later.post(page.path, data=typed, headers=headers(htmx))
    again = Page(response)
    assert again.status == 400
    assert "Nothing that you typed is lost" in again.text("#confirm")
    for key, value in form_data(COMMITMENT.steps[name], AGENCY).items():
        if name != "review":
            assert sorted(again.values()[key]) == sorted(
                value if isinstance(value, list) else [value]
            )
    done = Page(
        later.post(page.path, data=again.values() | {"authorized": "yes"}, follow_redirects=True)
    )
    assert done.status == 200
    assert later.page(page.path).status == 200


def test_a_secret_that_was_rotated_loses_nothing(make_app):
    before = make_app(SECRET_KEY="old-secret-old-secret-old-secret").test_client()
    page = walk(before, AGENCY, until="organization")
    saved = before.send(page.path, {"action": "save"})
    after = make_app(
        SECRET_KEY="new-secret-new-secret-new-secret",
        SECRET_KEY_FALLBACKS="old-secret-old-secret-old-secret",
    ).test_client()
    after.set_cookie("session", before.get_cookie("session").value)
    typed = page.values() | {"city": "Typed before the change"}
    again = Page(after.post(page.path, data=typed))
    assert (again.status, again.values()["city"]) == (400, ["Typed before the change"])
    assert after.page(link_on(saved)).path == page.path


def test_a_page_of_someone_else_confirms_nothing(app, client):
    page = walk(client, AGENCY, until="organization")
    other = walk(app.test_client(), AGENCY, until="organization")
    stolen = page.values() | {"pass": other.values()["pass"][0]}
    refused = Page(app.test_client().post(page.path, data=stolen))
    assert refused.status == 400
    assert refused.text("h1") == "This page was open for too long"
    assert "Orlando" not in refused.response.text


def test_the_first_page_too_comes_again_with_its_answer(app):
    stale = app.test_client().post("/respond/", data={"organization_kind": "city"})
    again = Page(stale)
    assert (again.status, again.values()["organization_kind"]) == (400, ["city"])


# An end to a draft


def queued(app) -> list[MailMessage]:
    with app.app_context():
        return list(db.session.scalars(select(MailMessage)))


def purge(app) -> str:
    return app.test_cli_runner().invoke(args=["drafts", "purge"]).output


def test_a_draft_ends_60_days_after_its_last_change_with_its_link(app, client, left, monkeypatch):
    path, link = left
    move_clock(monkeypatch, days=59)
    autosave(client, path, {"contact_name": "Still here"})
    move_clock(monkeypatch, days=59)
    assert purge(app).startswith("0 deleted")
    assert app.test_client().page(link).path == path
    move_clock(monkeypatch, days=1, seconds=1)
    assert app.test_client().page(link).status == 404
    assert purge(app).startswith("1 deleted")
    with app.app_context():
        assert db.session.query(Draft).count() == 0


def test_one_reminder_goes_out_a_week_before_where_an_address_is_known(app, client, monkeypatch):
    known = walk(client, AGENCY, until="current_data")
    walk(app.test_client(), AGENCY, until="contact")  # no address yet
    walk(app.test_client(), AGENCY)  # submitted
    sent = len(queued(app))
    move_clock(monkeypatch, days=52, hours=23)
    assert purge(app) == "0 deleted, 0 reminded\n"
    move_clock(monkeypatch, hours=2)
    assert purge(app) == "0 deleted, 1 reminded\n"
    assert purge(app) == "0 deleted, 0 reminded\n"
    message = queued(app)[sent]
    assert message.recipient == AGENCY["contact_email"]
    text = drawn(app, message).text
    assert "deleted in about a week" in text and "Orlando" not in text
    # A change gives it another 60 days, and another reminder.
    autosave(client, known.path, {"publishes_now": "no"})
    move_clock(monkeypatch, days=54)
    assert "1 reminded" in purge(app)


def test_the_address_that_the_link_was_mailed_to_is_known_too(app, client, left, monkeypatch):
    path, _ = left
    client.send(f"{draft_path_of(path)}/save", {"address": "desk@example.org"})
    move_clock(monkeypatch, days=54)
    assert "1 reminded" in purge(app)
    assert queued(app)[-1].recipient == "desk@example.org"


def test_deleting_a_draft_asks_first_and_then_leaves_nothing(app, client, left):
    path, link = left
    base = draft_path_of(path)
    client.send(f"{base}/save", {"address": "desk@example.org"})
    asked = client.page(f"{link}?then=delete")
    assert asked.path == f"{base}/delete"
    assert client.send(f"{base}/delete").text("h1") == "Delete this draft?"
    assert client.page(path).status == 200
    gone = client.send(f"{base}/delete", {"action": "delete"})
    assert gone.path == "/" and "was deleted" in gone.text(".notice[role=status]")
    assert client.get(path).status_code == 404
    assert app.test_client().get(link).status_code == 404
    with app.app_context():
        assert deliver_due() == 0
        assert db.session.query(Draft).count() == 0


def test_a_submission_cannot_be_deleted_as_a_draft(client):
    receipt = walk(client, AGENCY)
    page = client.send(f"{draft_path(receipt)}/delete", {"action": "delete"})
    assert page.path == receipt.path


# Several drafts, and starting over


def test_the_first_page_lists_what_is_under_way_in_this_browser(client):
    first = walk(client, AGENCY, until="contact")
    second = walk(client, load_case("partner"), until="involvement")
    walk(client, AGENCY | {"organization_name": "Submitted"})
    page = client.page("/")
    links = [link.attrs["href"] for link in page.all("#drafts a")]
    assert links == [second.path, first.path]
    assert "Orlando Police Department" in page.text("#drafts")
    assert "Submitted" not in page.text("#drafts")
    assert "under way" in client.page("/respond/").text(".notice")


def test_three_quick_clicks_make_one_draft(app, client):
    page = client.page("/respond/")
    data = page.values() | {"organization_kind": "city"}
    places = {client.post("/respond/", data=data).location for _ in range(3)}
    assert len(places) == 1
    changed = client.send("/respond/", data | {"organization_kind": "agency"})
    assert changed.path in places
    with app.app_context():
        (draft,) = db.session.scalars(select(Draft))
        assert draft.answers["organization_kind"] == "agency"


def test_many_clicks_at_the_same_moment_make_one_draft(app, client):
    page = client.page("/respond/")
    data = page.values() | {"organization_kind": "city"}
    cookie = client.get_cookie("session").value

    def click(_) -> str:
        other = app.test_client()
        other.set_cookie("session", cookie)
        return other.post("/respond/", data=data).location

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(click, range(16)))) == 1


def test_the_start_page_of_one_browser_names_no_draft_of_another(app, client):
    page = client.page("/respond/")
    walked = start(client, AGENCY)
    other = app.test_client()
    data = {"csrf_token": other.token(), "page": page.values()["page"][0]}
    response = other.post("/respond/", data=data | {"organization_kind": "city"})
    assert draft_path(walked) not in response.location
