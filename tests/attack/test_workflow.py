"""The order of the form: what a raw post can skip, slip in or overwrite, alone and in a race."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from tests.attack.browser import Browser
from tests.conftest import load_case
from tests.walk import draft_path, form_data, start, walk
from wizard.db.engine import db
from wizard.db.models import Draft, MailMessage, Submission
from wizard.flows.commitment import COMMITMENT

SUBMIT = {"authorized": "yes", "action": "continue"}


def number_of(path: str) -> str:
    """The id of the draft at a path."""
    return path.rsplit("/", 1)[1]


def stored(app, model, path: str) -> list:
    """What the store has of a draft."""
    column = Draft.id if model is Draft else Submission.draft_id
    with app.app_context():
        query = select(model).where(column == uuid.UUID(number_of(path)))
        found = list(db.session.scalars(query))
        db.session.close()
    return found


def test_no_step_is_skipped_however_the_review_is_posted(browser, inside):
    case = load_case("agency")
    path = draft_path(start(browser, case))
    everything = {}
    for step in COMMITMENT.steps.values():
        everything |= form_data(step, case)
    for posted in (SUBMIT, SUBMIT | everything, SUBMIT | {"posted": list(COMMITMENT.steps)}):
        answer = browser.post(f"{path}/review", posted)
        assert (answer.status_code, answer.location) == (303, f"{path}/organization")
    last = browser.post(f"{path}/community", form_data(COMMITMENT.steps["community"], case))
    assert last.location == f"{path}/organization"
    browser.post(f"{path}/review", SUBMIT)
    assert stored(inside, Submission, path) == []
    assert browser.get(f"{path}/done").location == f"{path}/organization"


def test_what_no_page_asks_is_in_no_answer(browser, inside):
    case = load_case("agency")
    extra = {
        "id": "1", "reference": "PDI-0000-0000", "status": "published", "role": "admin",
        "published_at": "2027-01-01", "submitted_at": "2020-01-01", "branch": "partner",
        "flow_version": "0", "link_version": "9", "__class__": "x", "answers": "{}",
        "milestones-0-what": "x", "goals": "x",
    }  # fmt: skip
    page = start(browser, case)
    while not page.path.endswith("/review"):
        name = page.path.rsplit("/", 1)[1]
        page = browser.send(page.path, form_data(COMMITMENT.steps[name], case) | extra)
    browser.send(page.path, SUBMIT | extra)
    (submission,) = stored(inside, Submission, draft_path(page))
    assert set(submission.answers) <= set(COMMITMENT.fields)
    assert "goals" not in submission.answers and "milestones" not in submission.answers
    kept = (submission.status, submission.published_at, submission.branch)
    assert kept == ("received", None, "jurisdiction")
    assert submission.reference != "PDI-0000-0000"


def test_nobody_overwrites_the_draft_of_another_by_its_id(server, inside):
    owner, stranger = Browser(server), Browser(server)
    path = draft_path(walk(owner, load_case("agency"), until="review"))
    own = draft_path(start(stranger, load_case("agency")))
    (before,) = stored(inside, Draft, path)
    named = {"draft": number_of(path), "draft_id": number_of(path), "id": number_of(path)}
    page = stranger.page(f"{own}/organization").values()
    theft = {
        "city": "Stolen",
        "state": "FL",
        "organization_name": "Stolen",
        "pass": page["pass"][0],
    }
    for name in (*COMMITMENT.steps, "save", "delete"):
        for end in ("", "/autosave"):
            answer = stranger.post(f"{path}/{name}{end}", theft | {"action": "delete"})
            assert answer.status_code in (404, 405), (name, end)
    stranger.post(f"{own}/organization", theft | named)
    stranger.post("/respond/", {"organization_kind": "city", "page": page["page"][0]} | named)
    (after,) = stored(inside, Draft, path)
    assert (after.answers, after.updated_at) == (before.answers, before.updated_at)


def test_of_submitting_deleting_and_editing_at_once_one_story_is_kept(server, inside):
    case = load_case("partner")
    for _ in range(3):
        owner = Browser(server)
        path = draft_path(walk(owner, case, until="review"))
        owner.token()

        def act(number: int, owner=owner, path=path) -> int:
            address, data = (
                (f"{path}/review", SUBMIT),
                (f"{path}/delete", {"action": "delete"}),
                (f"{path}/organization", form_data(COMMITMENT.steps["organization"], case)
                 | {"organization_name": f"Renamed {number}"}),
                (f"{path}/kind", {"organization_kind": "city"}),
            )[number % 4]  # fmt: skip
            return owner.post(address, data).status_code

        with ThreadPoolExecutor(8) as threads:
            statuses = list(threads.map(act, range(16)))
        assert set(statuses) <= {303, 404, 409, 422}, statuses
        submitted, drafts = stored(inside, Submission, path), stored(inside, Draft, path)
        assert len(submitted) <= 1
        if submitted:
            (one,) = submitted
            assert drafts, "a submission keeps its draft"
            assert one.branch == "partner" and one.answers["organization_kind"] != "city"
            with inside.app_context():
                of_it = MailMessage.submission_id == one.id
                assert len(db.session.scalars(select(MailMessage).where(of_it)).all()) == 1
                db.session.close()
        else:
            assert 303 in statuses


@pytest.mark.parametrize("has_session", [True, False], ids=["session", "no session"])
@pytest.mark.parametrize(
    "data",
    [
        {},
        {"csrf_token": ""},
        {"page": "\x00", "turn": "9" * 5000, "based_on": "\x00", "pass": "\x00.\xe9"},
        {"page": ["a", "b"], "turn": "-1", "asked": ["\x00", "", "city"], "pass": "W10.x"},
        {"turn": "\xb2", "action": "remove-\xb2", "keep-city": "saved", "keep-data_sets": "saved"},
        {"action": "add", "data_sets-999-title": "x", "data_sets-\xb2-title": "x"},
        {"action": "remove-0", "data_sets": "x", "data_sets-0": "x", "data_sets--title": "x"},
    ],
)
def test_malformed_post_to_a_step_is_no_fault(server, has_session, data):
    owner = Browser(server)
    path = draft_path(walk(owner, load_case("agency"), until="review"))
    sender = owner if has_session else Browser(server)
    for name in (*COMMITMENT.steps, "nothing"):
        for end in ("", "/autosave"):
            for with_token in (True, False):
                token = {} if with_token else {"csrf_token": ""}
                answer = sender.post(f"{path}/{name}{end}", data | token)
                assert answer.status_code < 500, (name, end, answer.status_code)
    for token in ({}, {"csrf_token": ""}):
        assert sender.post("/respond/", data | token).status_code < 500
