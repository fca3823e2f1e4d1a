"""Tests of changes that an organization makes to what it submitted."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, update

from tests.client import Page, spanish_client
from tests.complete_form import autosave, form_data, page_fields, submit_page
from tests.conftest import advance_clock
from tests.factories import add_published, add_submission, events_of, staff_client, update_path
from tests.integration.submissions.test_proposals import correct
from wizard.accounts.audit import Actor
from wizard.db.engine import db, writing
from wizard.db.models import MailMessage, Proposal, Submission, SubmissionVersion
from wizard.flows.commitment import COMMITMENT
from wizard.forms.changes import last_step
from wizard.notify import outbox
from wizard.submissions import proposals
from wizard.submissions.cases import change_status, locked_case
from wizard.submissions.messages import STANDARD, Mail

pytestmark = pytest.mark.second_store_slow

EDITOR = Actor("editor@example.gov")


def ask(app, reference: str, **opened: str) -> None:
    """Ask an organization for changes."""
    with app.app_context(), locked_case(reference) as submission:
        proposals.request_changes(submission, opened, EDITOR)


def decide(app, reference: str, status: str) -> None:
    """Change the status of a case."""
    with app.app_context(), locked_case(reference) as submission:
        change_status(submission, status, EDITOR, reason="Not now")


def owner(app, reference: str, client=None):
    """Return a browser in which the organization opened its link."""
    client = client or app.test_client()
    client.get(update_path(app, reference))
    return client


def address(reference: str, step: str = "") -> str:
    """Return the address of changes, or of one of their steps."""
    return f"/commitments/{reference}/changes/{step}"


def stored(app, table=Submission):
    """Return the only row of a table, or None."""
    with app.app_context():
        return db.session.scalars(select(table)).one_or_none()


def questions(page: Page) -> set[str]:
    """Return the names of the questions that can be changed on a page."""
    own = {"csrf_token", "page", "turn", "based_on", "shown", "pass", "asked"}
    return {name.partition("-")[0] for name in page.values()} - own


def steps_in_line(page: Page) -> list[str]:
    """Return the steps that the line shows."""
    return [each.all(".link, a, span")[-2].text for each in page.all("#line li")]


@pytest.fixture(params=["agency", "partner"])
def asked(app, request):
    """Return the reference of a submission with a step and two questions to change."""
    reference = add_submission(app, request.param)
    ask(
        app,
        reference,
        contact="Whom do we call?",
        city="Is this the city?",
        commitment_title="Shorter, please.",
    )
    return reference


def test_message_with_request_for_changes_is_on_its_page(app):
    reference, shown = add_submission(app), []
    for mail in (STANDARD, Mail("Please add detail.\nThanks!"), Mail(skip=True)):
        with app.app_context(), locked_case(reference) as submission:
            proposals.request_changes(submission, {"city": "Which?"}, EDITOR, mail)
        page = owner(app, reference).page(address(reference))
        shown.append([each.text for each in page.all("#message")])
    assert shown == [[], ["From program staff: Please add detail. Thanks!"], []]


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_requested_changes_are_made_and_sent(app, asked, htmx):
    client = owner(app, asked)
    page = client.page(address(asked))
    assert "Whom do we call?" in page.text("main")
    page = client.page(page.all("#continue")[0].attrs["href"], htmx=htmx)
    seen = []
    while not page.path.endswith("/review"):
        seen.append(page.path.rsplit("/", 1)[1])
        changes = {"contact_name": "Ann"} if "contact_name" in page.values() else {}
        changes |= {"city": "Tampa"} if "city" in page.values() else {}
        page = submit_page(client, page, htmx, **changes)
        assert len(seen) < 5, page.errors()
    title_step = "plan" if stored(app).branch == "jurisdiction" else "commitment"
    assert seen == ["organization", "contact", title_step]
    assert "Check and send" in page.text("h1") and "Ann" in page.response.text
    assert "publish this commitment" not in page.response.text
    invalid = submit_page(client, page, htmx)
    assert (invalid.status, list(invalid.errors())) == (422, ["authorized"])
    page = submit_page(client, page, htmx, authorized="yes", words="The contact.")
    assert page.path == f"/commitments/{asked}/yours"
    assert "We received your changes" in page.text(".sent")
    found = stored(app)
    assert (found.status, found.answers_version) == ("in_review", 2)
    assert (found.answers["contact_name"], found.answers["city"]) == ("Ann", "Tampa")
    assert found.place == "Tampa" and "words" not in found.answers
    assert stored(app, Proposal) is None
    assert events_of(app, "resubmitted")[0].data == {"words": "The contact.", "from": 1, "to": 2}


def test_only_opened_steps_and_questions_can_be_changed(app, asked):
    client = owner(app, asked)
    page = client.page(address(asked, "organization"))
    assert questions(page) == {"city"}
    assert "Is this the city?" in page.text("#city-note")
    assert "city-note" in page.all("#city")[0].attrs["aria-describedby"]
    assert stored(app).answers["organization_name"] in page.text(".answers")
    assert len(page.all("#line li")) == 4
    whole = client.page(address(asked, "contact"))
    assert len(questions(whole)) == 4 and "Whom do we call?" in whole.text("#asked")
    closed = client.get(address(asked, "review"))
    assert (closed.status_code, closed.location) == (303, address(asked, "organization"))
    closed = client.get(address(asked, "publication"))
    assert (closed.status_code, closed.location) == (303, address(asked, "organization"))


def test_forged_answer_to_closed_question_changes_nothing(app, asked):
    client, before = owner(app, asked), stored(app).answers
    data = {"organization_name": "Mallory", "state": "TX", "city": "Tampa", "authorized": "yes"}
    client.send(address(asked, "organization"), data)
    client.send(address(asked, "publication"), {"publish_consent": "no"})
    autosave(client, address(asked, "publication"), {"publish_consent": "no"})
    autosave(client, address(asked, "organization"), {"city": "Tampa", "state": "TX"})
    forged = {"authorized": "yes", "publish_consent": "no", "organization_name": "Mallory"}
    for name in ("contact", "plan", "commitment"):
        step = COMMITMENT.steps[name]
        client.send(address(asked, name), form_data(step, before))
    client.send(address(asked, "review"), forged)
    found = stored(app)
    assert found.answers_version == 2
    assert found.answers == {**before, "city": "Tampa"}


@pytest.mark.parametrize("path", ["", "contact", "review", "exit", "discard"])
def test_changes_need_the_link(app, client, asked, path):
    assert client.get(address(asked, path)).status_code == 404
    if path != "exit":
        assert client.send(address(asked, path), {"authorized": "yes"}).status == 404
    assert autosave(client, address(asked, path or "x"), {}).status_code == 404


def test_page_can_be_posted_after_the_session_has_ended(app, asked):
    page = owner(app, asked).page(address(asked, "contact"))
    fresh = app.test_client()
    answer = fresh.send(
        page.path, {**page_fields(page), "contact_name": "Ann", "contact_email": "a@b.org"}
    )
    assert answer.status == 200
    assert stored(app, Proposal).answers["contact_name"] == "Ann"
    other = add_submission(app)
    ask(app, other, contact="Whom?")
    forged = {**page_fields(page), "contact_name": "Eve"}
    assert app.test_client().send(address(other, "contact"), forged).status == 404


def test_expired_token_asks_to_confirm(app, asked):
    client = owner(app, asked)
    page = client.page(address(asked, "contact"))
    again = client.send(page.path, {**page_fields(page), "contact_name": "Ann", "csrf_token": "x"})
    assert again.status == 400
    assert again.values()["contact_name"] == ["Ann"]
    assert stored(app, Proposal).answers["contact_name"] != "Ann"
    stranger = app.test_client()
    for path in (page.path, address(asked, "nowhere"), address("PDI-0000-0000", "contact")):
        assert stranger.send(path, {"contact_name": "Eve", "csrf_token": "x"}).status == 400
    decide(app, asked, "declined")
    closed = client.send(page.path, {**page_fields(page), "contact_name": "Ann", "csrf_token": "x"})
    assert closed.status == 400 and "Ann" in closed.text(".answers")


def test_autosave_keeps_what_is_typed_and_review_asks_again(app, asked):
    client = owner(app, asked)
    page = client.page(address(asked, "contact"))
    answer = autosave(client, page.path, {"contact_name": "Ann", "contact_email": "no"}, page)
    assert answer.status_code == 200
    page = owner(app, asked).page(address(asked, "contact"))
    assert page.values()["contact_email"] == ["no"]
    assert "contact_email" in submit_page(client, page).errors()
    review = client.get(address(asked, "review"))
    assert review.location == address(asked, "organization")


def test_conflict_of_two_people_offers_both_answers(app, asked):
    first, second = owner(app, asked), owner(app, asked)
    pages = [each.page(address(asked, "organization")) for each in (first, second)]
    submit_page(first, pages[0], city="Tampa")
    conflict = submit_page(second, pages[1], city="Miami")
    assert conflict.status == 409
    assert "Tampa" in conflict.text("main") and "Miami" in conflict.text("main")
    kept = submit_page(second, conflict, **{"keep-city": "here"})
    assert kept.path == address(asked, "contact")
    assert stored(app, Proposal).answers["city"] == "Miami"


def test_older_turn_of_a_page_changes_nothing(app, asked):
    client = owner(app, asked)
    page = client.page(address(asked, "organization"))
    assert autosave(client, page.path, {"city": "Tampa", "turn": "2"}, page).status_code == 200
    autosave(client, page.path, {"city": "Miami", "turn": "1"}, page)
    submit_page(client, page, city="Miami", turn="1")
    assert stored(app, Proposal).answers["city"] == "Tampa"


def complete(client, reference: str, **changes) -> Page:
    """Continue through the steps with changed answers; return the review."""
    page = client.page(address(reference, "review"))
    while not page.path.endswith("/review"):
        own = {name: value for name, value in changes.items() if name in page.values()}
        page = submit_page(client, page, **own)
        assert page.status == 200, page.errors()
    return page


def test_review_of_changed_answers_is_409(app, asked):
    client = owner(app, asked)
    review = complete(client, asked)
    complete_again = owner(app, asked)
    submit_page(complete_again, complete_again.page(address(asked, "organization")), city="Tampa")
    page = submit_page(client, review, authorized="yes")
    assert (page.status, stored(app).answers_version) == (409, 1)
    assert "Tampa" in page.text("main")


@pytest.mark.parametrize("words", ["x" * 1_001, "a\x00b"])
def test_bad_words_are_422_and_stay_on_the_page(app, asked, words):
    client = owner(app, asked)
    page = submit_page(client, complete(client, asked), authorized="yes", words=words)
    assert (page.status, list(page.errors())) == (422, ["words"])
    assert len(page.values()["words"][0]) == len(words)
    assert stored(app).answers_version == 1


def test_too_long_answer_is_refused_and_stays_on_the_page(app):
    reference = add_submission(app)
    ask(app, reference, access_plan="More")
    client = owner(app, reference)
    page = client.page(address(reference, "plan"))
    page = submit_page(client, page, access_plan="x" * 5_001)
    assert (page.status, list(page.errors())) == (422, ["access_plan"])
    assert page.values()["access_plan"] == ["x" * 5_001]
    assert stored(app).answers_version == 1


def test_step_opens_when_an_answer_makes_it_necessary(app):
    reference = add_submission(app, "partner", programs=["police_data_initiative"])
    ask(app, reference, programs="Which one?")
    client = owner(app, reference)
    page = client.page(address(reference, "programs"))
    assert len(page.all("#line li")) == 2
    both = ["police_data_initiative", "opportunity_project"]
    page = submit_page(client, page, programs=both)
    assert page.path == address(reference, "opportunity") and len(page.all("#line li")) == 3


@pytest.mark.parametrize("status", ["declined", "withdrawn"])
def test_closed_changes_show_what_was_typed(app, asked, status):
    client = owner(app, asked)
    page = client.page(address(asked, "contact"))
    autosave(client, page.path, {"contact_role": "Desk officer"}, page)
    decide(app, asked, status)
    answer = autosave(client, page.path, {"contact_name": "Ann"}, page)
    assert answer.status_code == 409
    closed = submit_page(client, page, contact_name="Ann from the desk")
    assert closed.status == 409
    assert "Ann from the desk" in closed.text("main")
    kept = client.page(address(asked))
    assert "Desk officer" in kept.text("main")
    assert client.page(address(asked, "contact")).path == address(asked)
    assert client.send(address(asked)).status == 422


def test_correction_of_withdrawn_commitment_is_shown_and_not_continued(app):
    reference = add_submission(app, status="accepted")
    client, yours = owner(app, reference), f"/commitments/{reference}/yours"
    client.send(address(reference))
    assert "Continue your correction" in client.page(yours).text(".rail")
    decide(app, reference, "withdrawn")
    rail = client.page(yours).text(".rail")
    assert "Continue your correction" not in rail and "See your correction" in rail
    assert "It was withdrawn." in client.page(address(reference)).text("main")


def test_sent_correction_of_withdrawn_commitment_is_not_taken_back(app):
    reference = add_submission(app, status="accepted")
    client = owner(app, reference)
    with app.app_context():
        correct(reference, city="Tampa")
    assert "Take back and change" in client.page(address(reference)).text("main")
    decide(app, reference, "withdrawn")
    page = client.page(address(reference))
    assert "Take back and change" not in page.text("main")
    assert "It was withdrawn. You can’t change your answers now." in page.text("main")
    assert "no longer waits for a decision" in page.text("main")
    assert "haven’t decided" not in page.text("main")
    assert "waiting for a decision" not in client.page(f"/commitments/{reference}/yours").text(
        "main"
    )
    decide(app, reference, "in_review")
    assert "Take back and change" in client.page(address(reference)).text("main")


def test_changes_become_a_correction_when_accepted_meanwhile(app, asked):
    client = owner(app, asked)
    page = client.page(address(asked, "contact"))
    decide(app, asked, "accepted")
    submit_page(client, page, contact_name="Ann")
    review = complete(client, asked)
    assert "Send correction" in review.text("#continue")
    page = submit_page(client, review, authorized="yes")
    assert "Program staff will decide on it next" in page.text(".sent")
    found, proposal = stored(app), stored(app, Proposal)
    assert (found.status, found.answers_version) == ("accepted", 1)
    assert proposal.sent_at and proposal.answers["contact_name"] == "Ann"


def test_expired_changes_can_be_sent_as_a_correction(app, asked, monkeypatch):
    client = owner(app, asked)
    page = client.page(address(asked, "contact"))
    advance_clock(monkeypatch, days=32)
    with app.app_context():
        assert proposals.expire_changes() == 1
    submit_page(client, page, contact_name="Ann")
    overview = client.page(address(asked))
    assert "The time to make the changes ended. You can still send" in overview.text(".notice")
    submit_page(client, complete(client, asked), authorized="yes")
    assert stored(app, Proposal).answers["contact_name"] == "Ann"
    assert [each.kind for each in events_of(app)][-2:] == ["changes_expired", "correction_proposed"]


def end_request(app, reference: str, way: str, monkeypatch) -> None:
    """Let a request for changes end before anything was sent."""
    if way == "expired":
        advance_clock(monkeypatch, days=32)
        with app.app_context():
            assert proposals.expire_changes() == 1
    else:
        decide(app, reference, way)


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
@pytest.mark.parametrize("way", ["in_review", "expired", "accepted"])
def test_changes_that_nobody_waits_for_open_every_question(app, way, htmx, monkeypatch):
    reference = add_submission(app, website="https://orlando.example.gov")
    ask(app, reference, city="Is this the city?", contact="Whom do we call?")
    client, before = owner(app, reference), stored(app).answers
    before = {name: value for name, value in before.items() if name != "authorized"}
    page = client.page(address(reference, "organization"))
    autosave(client, page.path, {"city": "Miami"}, page)
    end_request(app, reference, way, monkeypatch)
    overview = client.page(address(reference)).text("main")
    assert "Is this the city?" not in overview and "can still send" in overview
    review = submit_page(client, page, htmx, city="Tampa")
    assert review.path == address(reference, "review")
    assert stored(app, Proposal).answers == {**before, "city": "Tampa"}
    again = client.page(page.path)
    assert {"city", "organization_name", "state", "website"} <= questions(again)
    assert "Is this the city?" not in again.text("main")
    submit_page(client, client.page(address(reference, "plan")), access_plan="Every week.")
    sent = submit_page(client, client.page(review.path), authorized="yes")
    assert sent.path == f"/commitments/{reference}/yours"
    answers = stored(app, Proposal).answers
    assert (answers["city"], answers["access_plan"]) == ("Tampa", "Every week.")


def test_correction_is_sent_taken_back_and_approved(app):
    reference = add_submission(app, status="published")
    client = owner(app, reference)
    review = client.send(address(reference))
    assert review.path == address(reference, "review")
    page = client.page(address(reference, "organization"))
    assert len(questions(page)) == 4 and page.all("#line li button, #line li a")
    submit_page(client, page, city="Tampa")
    review = client.page(address(reference, "review"))
    page = submit_page(client, review, authorized="yes", words="We moved.")
    assert page.path == f"/commitments/{reference}/yours"
    assert "You sent a correction" in client.page(address(reference)).text("main")
    review = client.send(address(reference))
    assert review.path == address(reference, "review") and "Tampa" in review.text("main")
    (taken_back,) = events_of(app, "correction_cancelled")
    assert (taken_back.actor_kind, taken_back.data) == ("organization", {})
    yours = client.page(f"/commitments/{reference}/yours").text("main")
    assert "You took back your correction." in yours
    history = staff_client(app, "viewer").page(f"/staff/submissions/{reference}").text("main")
    assert "Correction taken back" in history
    submit_page(client, review, authorized="yes")
    version = stored(app).lock_version
    with app.app_context():
        proposals.approve_correction(reference, version, EDITOR)
    assert (stored(app).answers["city"], stored(app).status) == ("Tampa", "published")
    assert "Start a correction" in client.page(address(reference)).text("main")


@pytest.mark.parametrize("way", ["correction", "asked"])
def test_removal_of_a_public_promise_is_sent_with_words_only(app, way):
    reference = add_published(app)
    client = owner(app, reference)
    if way == "asked":
        decide(app, reference, "accepted")
        decide(app, reference, "in_review")
        ask(app, reference, data_sets="Only three, please.")
    else:
        client.send(address(reference))
    page = client.page(address(reference, "data_sets"))
    page = submit_page(client, page, action="remove-0")
    review = submit_page(client, page, action="continue")
    assert review.path == address(reference, "review")
    refused = submit_page(client, review, authorized="yes")
    assert refused.status == 422 and list(refused.errors()) == ["words"]
    assert "Say why you removed something" in refused.errors()["words"]
    sent = submit_page(client, refused, authorized="yes", words="Nobody collects it.")
    assert sent.path == f"/commitments/{reference}/yours"


@pytest.mark.parametrize("of_version_before", [False, True])
def test_removed_answer_is_shown_to_staff_and_removed_with_the_correction(app, of_version_before):
    reference = add_published(app)
    client, before = owner(app, reference), stored(app).answers
    client.send(address(reference))
    submit_page(client, client.page(address(reference, "current_data")), portal_url="")
    review = client.page(address(reference, "review"))
    submit_page(client, review, authorized="yes")
    if of_version_before:
        answers = {name: value for name, value in before.items() if name != "portal_url"}
        with app.app_context(), writing() as session:
            session.execute(update(Proposal).values(answers=answers))
    case = staff_client(app, "editor").page(f"/staff/submissions/{reference}")
    assert before["portal_url"] in case.text("#correction")
    with app.app_context():
        proposals.approve_correction(reference, stored(app).lock_version, EDITOR)
    assert "portal_url" not in stored(app).answers
    assert f'"{before["portal_url"]}"' not in client.get("/commitments.json").text


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
@pytest.mark.parametrize("way", ["begun", "declined", "taken back"])
def test_correction_that_was_not_sent_is_discarded(app, way, htmx):
    reference = add_submission(app, status="published")
    client = owner(app, reference)
    client.send(address(reference))
    submit_page(client, client.page(address(reference, "organization")), city="Tampa")
    if way != "begun":
        submit_page(client, client.page(address(reference, "review")), authorized="yes")
        page = client.page(f"/commitments/{reference}/yours")
        assert "Discard" not in page.text("main")
        assert client.send(address(reference, "discard")).path == address(reference)
        assert stored(app, Proposal).sent_at is not None
    if way == "declined":
        with app.app_context():
            proposals.decline_correction(reference, stored(app).lock_version, EDITOR)
    if way == "taken back":
        client.send(address(reference))
    for path in (address(reference), address(reference, "review")):
        assert client.page(path).all(f"a[href='{address(reference, 'discard')}']")
    asks = client.page(f"/commitments/{reference}/yours").all("a[href$='/discard']")
    assert asks and client.page(address(reference, "discard")).text("h1")[:7] == "Discard"
    assert stored(app, Proposal) is not None
    page = client.send(address(reference, "discard"), htmx=htmx)
    assert page.path == f"/commitments/{reference}/yours"
    assert page.text(".sent").startswith("We discarded your correction.")
    assert stored(app, Proposal) is None and stored(app).answers["city"] != "Tampa"
    assert client.send(address(reference, "discard")).path == address(reference)


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
@pytest.mark.parametrize("way", ["begun", "declined", "taken back"])
def test_correction_discarded_in_another_tab_is_not_received(app, way, htmx):
    reference = add_submission(app, status="published")
    client = owner(app, reference)
    client.send(address(reference))
    submit_page(client, client.page(address(reference, "organization")), city="Tampa")
    review = client.page(address(reference, "review"))
    step = client.page(address(reference, "organization"))
    if way != "begun":
        submit_page(client, review, authorized="yes")
        assert submit_page(client, review, authorized="yes").path == address(reference)
    if way == "taken back":
        client.send(address(reference))
    if way == "declined":
        with app.app_context():
            proposals.decline_correction(reference, stored(app).lock_version, EDITOR)
    client.send(address(reference, "discard"))
    page = submit_page(client, review, htmx, authorized="yes", words="We moved.")
    assert page.status == 409 and "We moved." in page.text(".answers")
    assert "Your correction was discarded. We didn’t save" in page.response.text
    page = submit_page(client, step, htmx, city="Miami")
    assert page.status == 409 and "Miami" in page.text(".answers")
    assert "Your correction was discarded. We didn’t save" in page.response.text


def test_correction_that_was_made_is_received_once(app):
    reference = add_submission(app, status="published")
    client = owner(app, reference)
    client.send(address(reference))
    submit_page(client, client.page(address(reference, "organization")), city="Tampa")
    review = client.page(address(reference, "review"))
    submit_page(client, review, authorized="yes")
    with app.app_context():
        proposals.approve_correction(reference, stored(app).lock_version, EDITOR)
    assert submit_page(client, review, authorized="yes").path == address(reference)


def test_changes_that_staff_wait_for_are_not_discarded(app, asked):
    client = owner(app, asked)
    assert "Discard" not in client.page(address(asked)).text("main")
    for page in (client.page(address(asked, "discard")), client.send(address(asked, "discard"))):
        assert page.path == address(asked)
    assert stored(app, Proposal) is not None


def test_words_of_staff_are_text_only(app):
    words = "{{ 7 * 7 }} %(noun)s <script>alert(1)</script>\r\nBcc: eve@example.org"
    reference = add_submission(app)
    ask(app, reference, city=words, contact=words)
    client = owner(app, reference)
    for path, place in (("", "main"), ("organization", "#city-note"), ("contact", "#asked")):
        page = client.page(address(reference, path))
        assert "{{ 7 * 7 }} %(noun)s <script>alert(1)</script>" in page.text(place)
        assert not [each for each in page.all("script") if "src" not in each.attrs]
    with app.app_context():
        message = db.session.scalars(select(MailMessage)).one()
        mail = outbox.render_email(message)
    assert mail["Bcc"] is None and mail["To"] == message.recipient
    body = mail.get_body(("plain",)).get_content()
    assert "{{ 7 * 7 }} %(noun)s <script>" in body
    assert "/updates/" in body and "?then=changes" in body
    assert "<script>" not in mail.get_body(("html",)).get_content()


def test_erased_submission_is_410(app, asked):
    client = owner(app, asked)
    with app.app_context(), locked_case(asked) as submission:
        submission.erased_at = submission.submitted_at
    for path in ("", "contact", "exit", "discard"):
        assert client.get(address(asked, path)).status_code == 410
    assert client.send(address(asked, "contact"), {"contact_name": "Ann"}).status == 410
    assert client.send(address(asked)).status == 410


def test_individual_is_shown_the_exit_and_nothing_is_stored(app):
    reference = add_submission(app)
    ask(app, reference, organization_kind="Really an agency?")
    client = owner(app, reference)
    page = client.page(address(reference, "kind"))
    page = submit_page(client, page, organization_kind="individual")
    assert page.path == address(reference, "exit")
    assert stored(app, Proposal).answers["organization_kind"] == "agency"


def test_individual_can_change_the_answer_back(app):
    reference = add_published(app)
    client = owner(app, reference)
    client.send(address(reference))
    page = client.page(address(reference, "kind"))
    assert submit_page(client, page, organization_kind="individual").path.endswith("/exit")
    autosave(client, address(reference, "kind"), {"organization_kind": "individual"})
    for path in ("", "kind", "organization", "review", "exit"):
        assert client.page(address(reference, path)).status == 200
    page = client.page(address(reference, "kind"))
    assert submit_page(client, page, organization_kind="agency").path.endswith("/review")


def test_buttons_of_a_page_without_javascript(app, asked):
    client = owner(app, asked)
    page = client.page(address(asked, "organization"))
    paused = submit_page(client, page, action="save", city="Tampa")
    assert paused.path == address(asked) and "Your answers are saved" in paused.text(".sent")
    page = client.page(address(asked, "organization"))
    spanish = submit_page(client, page, action="language-es")
    assert spanish.all("html")[0].attrs["lang"] == "es"
    assert submit_page(client, page, action="leave-privacy", city="Tampa").path == "/privacy"
    assert stored(app, Proposal).answers["city"] == "Tampa"


def test_pages_are_in_spanish(app, asked):
    client = owner(app, asked, spanish_client(app))
    for path in ("", "organization", "contact"):
        page = client.page(address(asked, path))
        assert "Program staff" not in page.text("main")


def test_twenty_parallel_sends_make_one_version(app, asked):
    client = owner(app, asked)
    review = complete(client, asked, city="Tampa")
    data = {**review.values(), "authorized": "yes"}
    clients = [owner(app, asked) for _ in range(20)]
    tokens = [{**data, "csrf_token": each.token()} for each in clients]
    with ThreadPoolExecutor(20) as pool:
        codes = pool.map(
            lambda each: each[0].post(review.path, data=each[1]).status_code,
            zip(clients, tokens, strict=True),
        )
        assert set(codes) == {303}
    assert stored(app).answers_version == 2
    assert stored(app, SubmissionVersion).number == 1
    assert len(events_of(app, "resubmitted")) == 1


def test_last_page_asks_what_the_review_asks_and_a_few_words():
    names = [field.name for field in last_step(COMMITMENT).fields]
    assert names == ["words", *(field.name for field in COMMITMENT.review.fields)]
