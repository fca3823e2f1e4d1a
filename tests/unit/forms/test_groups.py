"""Tests of groups: the ids of their entries, their schema and what they refuse."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import without_ids
from tests.examples import examples
from wizard.flows.commitment import COMMITMENT
from wizard.forms.fields import Text
from wizard.forms.groups import ENTRY_ID_SCHEMA, Group, add_entry_ids, derive_entry_id
from wizard.forms.text import Invalid

GROUPS = COMMITMENT.groups
NAMES = [group.name for group in GROUPS]
IDS = st.sampled_from([derive_entry_id("key", name, place) for name in NAMES for place in range(4)])
ENTRIES = st.lists(
    st.one_of(st.just({}), st.builds(lambda id: {"id": id}, IDS)).map(lambda e: {**e, "what": "x"}),
    max_size=5,
)
ANSWERS = st.fixed_dictionaries(
    {"city": st.just("Orlando"), "programs": st.just(["a", "b"])},
    optional={
        **dict.fromkeys(NAMES, ENTRIES),
        "milestones:removed": st.tuples(st.just(1), IDS.map(lambda id: {"id": id})).map(list),
    },
)


def entry_ids(answers: dict[str, Any]) -> list[str]:
    """Return the ids of all entries."""
    return [entry["id"] for name in NAMES for entry in answers.get(name, ())]


def test_id_is_start_of_a_hash_of_key_group_and_place():
    assert derive_entry_id("PDI-AAAA-AAAA", "data_sets", 0) == "1b8edad9"
    texts = [(key, name, place) for key in ("a", "b") for name in NAMES for place in range(20)]
    assert len({derive_entry_id(*text) for text in texts}) == len(texts)
    assert derive_entry_id("a", "b", 0, 1) != derive_entry_id("a", "b", 0)


@examples(300)
@given(ANSWERS)
def test_entries_get_ids_of_their_own_and_keep_them(answers):
    named = add_entry_ids(GROUPS, answers, "key")
    ids, before = entry_ids(named), [each.get("id") for n in NAMES for each in answers.get(n, ())]
    assert len(ids) == len(set(ids))
    for place, given_id in enumerate(before):
        if given_id and given_id not in before[:place]:
            assert ids[place] == given_id
    assert without_ids(named) == without_ids(answers)
    assert add_entry_ids(GROUPS, named, "other key") is named
    assert add_entry_ids(GROUPS, answers, "key") == named
    removed = answers.get("milestones:removed")
    assert named.get("milestones:removed") == removed
    if removed:
        assert removed[1]["id"] in before or removed[1]["id"] not in ids


def test_value_without_entries_stays():
    for value in (None, "text", 3):
        answers = {"milestones": value}
        assert add_entry_ids(GROUPS, answers, "key") is answers


def test_new_id_is_that_of_its_place_or_of_the_next_attempt():
    used = [derive_entry_id("key", NAMES[0], 1, attempt) for attempt in range(3)]
    answers = {NAMES[0]: [{"id": used[1]}, {}, {}], NAMES[1]: [{"id": used[0]}, {"id": used[2]}]}
    named = add_entry_ids(GROUPS, answers, "key")
    expected = [derive_entry_id("key", NAMES[0], 1, 3), derive_entry_id("key", NAMES[0], 2)]
    assert [entry["id"] for entry in named[NAMES[0]]] == [used[1], *expected]


@pytest.fixture
def goals() -> Group:
    title = Text("title", "Title", noun="the title", required=True, public=True)
    note = Text("note", "Note", noun="a note", public=True)
    inside = (title, note, Text("phone", "Phone", noun="the number"))
    return Group(
        "goals", "Goals", noun="your goals", entry="Goal", min_entries=1, max_entries=2,
        fields=inside,
    )  # fmt: skip


def test_group_holds_up_to_its_most_entries(goals):
    entries = [{"title": "A"}, {"title": "B"}]
    assert goals.clean(entries, date(2026, 11, 29)) == entries
    with pytest.raises(Invalid) as refused:
        goals.clean([*entries, {}], date(2026, 11, 29))
    assert str(refused.value) == "You can add up to 2. You now have 3. Remove or combine some."


def test_schema_of_group_has_its_public_questions(goals):
    text = {each.name: {"title": each.label, **each.schema()} for each in goals.fields[:2]}
    assert goals.schema() == {
        "type": "array",
        "minItems": 1,
        "maxItems": 2,
        "items": {
            "title": "Goal",
            "type": "object",
            "properties": {"id": ENTRY_ID_SCHEMA, **text},
            "required": ["id", "title"],
            "additionalProperties": False,
        },
    }


@pytest.mark.parametrize(("raw", "kept"), [("a\r\nb", "a\nb"), ("", None), ({}, {})])
def test_other_value_than_entries_is_kept_for_its_error(goals, raw, kept):
    assert goals.without_blanks(raw) == kept
