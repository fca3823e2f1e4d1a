"""Tests of the search in words, of the public list and of the staff's."""

from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sqlalchemy import delete, event, select, text, update

from tests.client import case_references, commitment_references, link_address, spanish_client
from tests.examples import examples
from tests.factories import add_published, add_submission, staff_client
from tests.integration.submissions.test_proposals import ask, correct
from wizard import clock
from wizard.accounts.audit import Actor
from wizard.db.engine import db, reading, writing
from wizard.db.models import Contact, SearchEntry, StaffNote, Submission
from wizard.db.promises import Progress
from wizard.forms.search_words import index_words, parse_query
from wizard.staff import case_lists, cases, erasure
from wizard.submissions import search
from wizard.submissions.cases import change_status, locked_case
from wizard.submissions.events import record_event
from wizard.submissions.filters import Filters
from wizard.submissions.hits import find_hits
from wizard.submissions.messages import Mail
from wizard.web.query import PageStart

EDITOR = Actor("editor@example.gov")
QUOTED = "“Every stop” is counted. Coeur d’Alene’s use-of-force data come yearly. That is all."


def found(app, query: str, index: search.Index = "public") -> list[str]:
    with app.app_context(), reading() as session:
        wanted = select(Submission.reference).where(search.matches(query, index))
        return sorted(session.scalars(wanted))


def public(client, query: str) -> list[str]:
    return commitment_references(client.page(f"/commitments?q={quote(query)}"))


@pytest.fixture
def viewer(app):
    return staff_client(app, "viewer")


def staff(viewer, query: str) -> list[str]:
    return case_references(viewer.page(f"/staff/submissions?q={quote(query)}"))


def test_public_answer_is_found_with_its_sentence(app, client):
    reference = add_published(app, commitment_description=QUOTED)
    add_published(app)
    page = client.page("/commitments?q=coeur+d%27alene+yearly")
    assert commitment_references(page) == [reference]
    assert page.text(".hit bdi") == "Coeur d’Alene’s use-of-force data come yearly ."  # marked
    assert [mark.text for mark in page.all(".hit mark")][0] == "Coeur"


def test_question_is_named_in_language_of_visitor(app, client):
    add_published(app, commitment_title="Zanzibar")
    english = client.page("/commitments?q=zanzibar").text(".hit .hint")
    spanish = spanish_client(app).page("/commitments?q=zanzibar").text(".hit .hint")
    assert english and spanish and english != spanish


def test_private_and_unpublished_words_are_not_found_by_public(app, client):
    add_published(app, contact_name="Zanzibar Private", delegate_name="Zanzibar")
    waiting = add_submission(app, commitment_title="Zanzibar")
    assert public(client, "zanzibar") == []
    assert waiting in found(app, "zanzibar", "staff")


def test_staff_find_contacts_notes_and_references(app, viewer):
    reference = add_submission(app, contact_email="zanzibar@city.example", contact_name="Ann")
    add_submission(app)
    with app.app_context():
        cases.add_note(reference, "They will call about Quetzalcoatl.", EDITOR)
    for query in ("zanzibar@city.example", "zanzibar@ci", "quetzalc", reference, reference.lower()):
        assert staff(viewer, query) == [reference], query
    page = viewer.page("/staff/submissions?q=quetzalcoatl")
    assert page.text(".hit .hint") == "Note by editor@example.gov:"


def add_words(app, where: str, text: str) -> str:
    """Store a submission that has a text in one place; return its reference."""
    if where in ("contact_name", "contact_email", "commitment_title", "reference"):
        return add_submission(app, **{where: text})
    reference = add_submission(app, status="accepted" if where == "correction" else "in_review")
    with app.app_context():
        if where == "note":
            cases.add_note(reference, text, EDITOR)
        elif where == "correction":
            correct(reference, text, city="Tampa")
        elif where == "asked":
            ask(reference, city=text)
        elif where == "report":
            with locked_case(reference) as submission:
                db.session.add(
                    Progress(submission_id=submission.id, entry_id="x", outcome="dropped",
                             words=text, promised_on=clock.today())
                )  # fmt: skip
                record_event(submission, "progress_reported", EDITOR)
        elif where == "second contact":
            with locked_case(reference) as submission:
                db.session.add(
                    Contact(submission_id=submission.id, role="second", name=text,
                            email="records@example.org", confirmed_at=clock.now())
                )  # fmt: skip
                record_event(submission, "contact_confirmed", EDITOR)
        else:
            with locked_case(reference) as submission:
                mail = Mail(text if where == "email" else "")
                data = {"reason": text if where == "reason" else "Too late."}
                change_status(submission, "declined", EDITOR, mail, **data)
    return reference


@pytest.mark.parametrize(
    ("where", "label"),
    [
        ("commitment_title", "Title of your commitment:"),
        ("contact_name", "Name:"),
        ("second contact", "Contact:"),
        ("note", "Note by editor@example.gov:"),
        ("asked", "History:"),
        ("correction", "History:"),
        ("reason", "History:"),
        ("email", "Email:"),
        ("report", "Progress update:"),
    ],
)
def test_words_are_found_wherever_staff_read_them(app, viewer, where, label):
    text = "It is late. They said “Peña‑Muñoz” of Coeur d’Alene’s ﬁles. That is all."
    reference = add_words(app, where, text)
    add_submission(app)
    for query in ("pena munoz", "PEÑA-MUÑOZ", "coeur d'alene", "“d’alene’s files”", "alene fil"):
        page = viewer.page(f"/staff/submissions?q={quote(query)}")
        assert case_references(page) == [reference], query
        assert page.text(".hit .hint") == label
        assert page.all(".hit mark"), query
    hit = viewer.page("/staff/submissions?q=munoz").text(".hit bdi")
    assert "Muñoz" in hit and "That is all" not in hit


def test_address_and_reference_are_found_and_highlighted(app, viewer):
    reference = add_submission(app, contact_email="jose.nunez@city.example")
    add_submission(app)
    for query, marked in [
        ("jose.nunez@city.example", "jose"),
        ("José Núñez", "jose"),
        (reference.lower(), reference.split("-")[0]),
        (reference.replace("-", "‑"), reference.split("-")[0]),
    ]:
        page = viewer.page(f"/staff/submissions?q={quote(query)}")
        assert case_references(page) == [reference], query
        assert page.all(".hit mark")[0].text == marked


def test_case_is_found_only_while_it_is_public(app, client):
    reference = add_submission(app, status="accepted", commitment_title="Zanzibar")

    def change(to: str) -> list[str]:
        with app.app_context(), locked_case(reference) as submission:
            change_status(submission, to, EDITOR)
        return found(app, "zanzibar")

    assert change("published") == [reference]
    assert change("accepted") == []
    change("published")
    assert change("withdrawn") == [reference]  # its page has a title
    assert public(client, "zanzibar") == []
    assert change("in_review") == []


def test_erased_case_leaves_no_word(app):
    reference = add_published(app, commitment_title="Zanzibar", contact_name="Quetzalcoatl")
    with app.app_context():
        cases.add_note(reference, "Xylophone", EDITOR)
        with locked_case(reference) as submission:
            change_status(submission, "accepted", EDITOR, Mail("Yggdrasil"), reason="Qoheleth")
        assert found(app, "yggdrasil qoheleth", "staff") == [reference]
        db.session.rollback()
        erasure.erase(reference, EDITOR)
        for word in ("zanzibar", "quetzalcoatl", "xylophone", "yggdrasil", "qoheleth"):
            for index in ("public", "staff"):
                assert found(app, word, index) == []
        assert found(app, reference, "staff") == [reference]
        if db.engine.dialect.name == "sqlite":
            stored = Path(db.engine.url.database).read_bytes().lower()
            db.session.rollback()
            for word in (b"zanzibar", b"quetzal", b"xylophone"):
                assert word not in stored


def test_indexed_submission_is_not_stale_beside_a_newer_one(app):
    for _ in range(2):
        add_published(app)
    with app.app_context():
        with writing() as session:
            session.execute(delete(SearchEntry))
        assert (search.index_stale(), search.index_stale()) == (2, 0)


def test_words_of_version_before_are_indexed_once(app):
    reference = add_published(app, commitment_title="Zanzibar")
    with app.app_context():
        with writing() as session:
            session.execute(delete(SearchEntry))
        assert found(app, "zanzibar") == []
        assert (search.index_stale(), search.index_stale()) == (1, 0)
        assert found(app, "zanzibar") == [reference]
        with writing() as session:  # as the previous version erases
            of_it = update(Submission).where(Submission.reference == reference)
            session.execute(of_it.values(answers={}, lock_version=9))
        assert search.index_stale() == 1
        assert found(app, "zanzibar") == []
        with writing() as session:
            (found_id,) = session.scalars(select(Submission.id))
            session.add(StaffNote(submission_id=found_id, author="a", text="Xylophone"))
        assert search.index_stale() == 1
        assert found(app, "xylophone", "staff") == [reference]


def test_deleted_submission_is_not_found(app):
    add_published(app, commitment_title="Zanzibar")
    with app.app_context():
        with writing() as session:
            session.execute(delete(Contact))
            session.execute(delete(Submission))
        assert found(app, "zanzibar") == []


def test_search_combines_with_filters_pages_and_exports(app, client, viewer):
    past = datetime(2026, 3, 1, tzinfo=UTC)
    wanted = [
        add_published(app, at=past, state="FL", commitment_title="Zanzibar") for _ in range(21)
    ]
    add_published(app, state="GA", commitment_title="Zanzibar")
    add_published(app, state="FL")
    page = client.page("/commitments?q=zanzibar&state=FL")
    assert page.text("#found").startswith("21 ")
    assert len(commitment_references(page)) == 20
    older = client.page("/commitments?q=zanzibar&state=FL&last=1")
    assert len({*commitment_references(page), *commitment_references(older)}) == 21
    admin = staff_client(app, "admin")
    rows = admin.get("/staff/export/submissions.csv?q=zanzibar&state=FL").text.splitlines()
    assert sum(any(each in row for each in wanted) for row in rows) == 21


def test_address_of_version_before_still_searches(app, client):
    reference = add_published(app, commitment_title="Zanzibar")
    add_published(app)
    assert commitment_references(client.page("/commitments?text=zanzibar")) == [reference]


def list_pages(viewer, address: str, link: str) -> list[str]:
    """Return the references of a page and of those that a link leads to, in order."""
    page = viewer.page(address)
    seen = case_references(page)
    while link in [each.text for each in page.all("a")]:
        page = viewer.page(link_address(page, link))
        more = case_references(page)
        seen = seen + more if link == "Next" else more + seen
    return seen


@pytest.mark.parametrize(
    "size", [2, *(pytest.param(each, marks=pytest.mark.slow) for each in (1, 50))]
)
@pytest.mark.parametrize(
    ("most", "near"),
    [
        (-1, case_lists.PORTIONS),
        pytest.param(search.MAX_LOOKED_UP, (), marks=pytest.mark.slow),
        (4_000, (3, 6)),
    ],
)
def test_search_with_filters_is_the_same_whether_many_have_the_words(
    app, viewer, monkeypatch, most, near, size
):
    monkeypatch.setattr(search, "MAX_LOOKED_UP", most)
    monkeypatch.setattr(search, "MAX_FEW", 3)
    monkeypatch.setattr(case_lists, "PORTIONS", near)
    monkeypatch.setattr(case_lists, "SHORT_PAGE_SIZE", size)
    made = [add_submission(app, commitment_title=f"Zanzibar Road {place}") for place in range(2)]
    for _ in range(6):  # more than the portions that are looked through first
        add_submission(app, commitment_title="Road Zanzibar")
    made.append(add_submission(app, commitment_title="Zanzibar Road"))
    declined = add_submission(app, commitment_title="Zanzibar Road", status="declined")
    sorts = ({"sort": order} for order in ("oldest", "changed", "due"))
    for order in ({}, *sorts, {"todo": "yes"}):
        filters = Filters(q='"Zanzibar Road"', **order)
        expected = [*made, *([] if "todo" in order else [declined])]
        address = f"/staff/submissions?{urlencode(filters)}"
        seen = list_pages(viewer, address, "Next")
        assert sorted(seen) == sorted(expected), order
        assert list_pages(viewer, f"{address}&last=1", "Previous") == seen, order
        with app.app_context():
            after = [case_lists.find_neighbor(each, filters) for each in seen]
            before = [case_lists.find_neighbor(each, filters, backwards=True) for each in seen]
        assert (before, after) == (["", *seen[:-1]], [*seen[1:], ""]), order
    page = viewer.page('/staff/submissions?q="zanzibar road"&status=declined')
    assert case_references(page) == [declined]


@pytest.mark.parametrize("most", [2, 100], ids=["many", "few"])
def test_list_of_word_whose_number_is_unknown_has_all(app, viewer, monkeypatch, most):
    monkeypatch.setattr(search, "_estimate", lambda condition: 1)
    monkeypatch.setattr(search, "MAX_LOOKED_UP", most)
    monkeypatch.setattr(search, "MAX_FEW", 1)
    made = [add_submission(app, commitment_title="Zanzibar") for _ in range(4)]
    add_submission(app)
    page = viewer.page("/staff/submissions?q=zanzibar&sort=oldest")
    assert case_references(page) == made


def test_length_of_found_list_is_counted_up_to_a_limit(app, viewer, monkeypatch):
    monkeypatch.setattr(case_lists, "SHORT_PAGE_SIZE", 1)
    monkeypatch.setattr(case_lists, "MAX_FOUND", 2)
    for place in range(3):
        add_submission(app, commitment_title="Zanzibar", city=("Tampa", "Miami", "Miami")[place])
    assert "More than 2" in viewer.page("/staff/submissions?q=zanzibar").text("main")
    assert "More than" not in viewer.page("/staff/submissions?q=miami").text("main")
    with app.app_context():
        assert case_lists.read_page(Filters(q="zanzibar"), PageStart()).count == 3
        assert (
            case_lists.read_page(Filters(q="zanzibar", status="received"), PageStart()).count == 3
        )
        assert case_lists.read_page(Filters(q="miami", sort="oldest"), PageStart()).count == 2
        assert (
            case_lists.read_page(Filters(q="zanzibar", status="declined"), PageStart()).count == 0
        )
        monkeypatch.setattr(search, "MAX_FEW", 0)
        for limit, count in ((2, 3), (1, 2), (0, 1), (5, 3)):
            monkeypatch.setattr(case_lists, "MAX_FOUND", limit)
            for chosen in (
                Filters(q="zanzibar", status="received"),
                Filters(q="zanzibar", todo="yes"),
            ):
                assert case_lists.read_page(chosen, PageStart()).count == count, (limit, chosen)


def test_sentences_of_a_page_are_read_at_once(app):
    references = [add_submission(app, contact_name="Zanzibar") for _ in range(5)]
    with app.app_context():
        for reference in references:
            cases.add_note(reference, f"Quetzalcoatl of {reference}", EDITOR)
        read = list[str]()
        event.listen(db.engine, "before_cursor_execute", lambda *called: read.append(called[2]))
        with reading() as session:
            submissions = session.scalars(select(Submission)).all()
            read.clear()
            find_hits("zanzibar quetzal", "staff", submissions[:1])
            few = sum(each.startswith("SELECT") for each in read)
            hits = find_hits("quetzalcoatl of", "staff", submissions)
        assert sum(each.startswith("SELECT") for each in read) == 2 * few > 0
        texts = {key: "".join(text for text, _ in hit.pieces) for key, hit in hits.items()}
        assert texts == {each: f"Quetzalcoatl of {each}" for each in references}


@pytest.mark.second_store_slow
@pytest.mark.parametrize("query", ["x" * 201, "a " * 33, "x" * 10_000])
def test_too_long_query_is_400(client, query):
    assert client.page(f"/commitments?q={quote(query)}").status == 400


WORDS = st.sampled_from(
    ["use", "of", "force", "forces", "d’Alene", "dalene", "peña", "PENA", "東京", "京", "NEAR",
     "AND", "OR", "NOT", "a-b", "x@y.org", "1,000", "हिन्दी", "שלום", "ß", "'", '"']
)  # fmt: skip
TEXTS = st.lists(st.one_of(WORDS, st.text(max_size=8)), max_size=12).map(" ".join)


@given(texts=st.lists(TEXTS, min_size=1, max_size=4), queries=st.lists(TEXTS, max_size=6))
@examples(25, suppress_health_check=list(HealthCheck))
def test_found_is_what_a_scan_of_words_finds(app, monkeypatch, texts, queries):
    with app.app_context():
        with writing() as session:
            session.execute(delete(SearchEntry))
            session.execute(delete(Submission))
        ids = {}
        for place, each in enumerate(texts):
            reference = add_submission(app)
            with writing() as session:
                of_it = select(Submission.id).where(Submission.reference == reference)
                ids[place] = session.scalars(of_it).one()
                entry = update(SearchEntry).where(SearchEntry.submission_id == ids[place])
                session.execute(entry.values(public=" ".join(index_words([each]))))
        for query in queries:
            terms = parse_query(query)
            words = [index_words([each]) for each in texts]
            scanned = [
                ids[place]
                for place, each in enumerate(words)
                if terms and all(term.matches(each) for term in terms)
            ]
            for most in (-1, search.MAX_LOOKED_UP):  # PostgreSQL looks at each row, or them up
                monkeypatch.setattr(search, "MAX_LOOKED_UP", most)
                with reading() as session:
                    wanted = select(Submission.id).where(search.matches(query, "public"))
                    assert sorted(session.scalars(wanted)) == scanned, query
            with reading() as session:
                assert search.count(query, "public", 3) == min(len(scanned), 3)
                compared = select(Submission.id).where(search.has_words(query, "public"))
                assert sorted(session.scalars(compared)) == scanned, query


@given(query=st.text(max_size=200))
@examples(60, suppress_health_check=list(HealthCheck))
def test_no_query_fails(app, query):
    with app.app_context(), reading() as session:
        session.scalars(select(Submission.id).where(search.matches(query, "public"))).all()
        assert search.count(query, "public", 1) == 0


@pytest.mark.one_store
def test_sqlite_overwrites_deleted_words(app):
    with app.app_context(), reading() as session:
        for name in ("public", "staff"):
            stored = session.execute(text(f"SELECT k, v FROM search_{name}_config")).all()
            assert dict(stored).get("secure-delete") == 1


@pytest.mark.parametrize(
    ("answer", "text", "query"),
    [
        ("contact_phone", "746-555-0163", "7465550163"),
        ("contact_phone", "746-555-0163", "+17465550163"),
        ("commitment_description", "Call 7465550163.", "7465550163"),
        ("website", "https://www.orlando.example.gov/data", "http://www.orlando.example.gov/data"),
        ("website", "http://tampa.example.gov/", "https://tampa.example.gov"),
    ],
)
def test_pasted_number_reference_and_address_are_found(app, viewer, answer, text, query):
    reference = add_submission(app, **{answer: text})
    add_submission(app)
    assert staff(viewer, query) == [reference]


def test_reference_without_hyphens_is_found(app, viewer):
    reference = add_submission(app)
    add_submission(app)
    assert staff(viewer, reference.replace("-", "").lower()) == [reference]
