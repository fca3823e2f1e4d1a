"""Tests of the checks that a flow runs on its own declaration."""

from copy import deepcopy
from dataclasses import replace
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.forms.choices import YES_NO, Choice, Choices, Option
from wizard.forms.conditions import Answered, Has, Not
from wizard.forms.field_checks import FlowError
from wizard.forms.fields import Text
from wizard.forms.flow import Branch, Facet, Flow, Program, Roles, Section, Step
from wizard.forms.groups import Group

FIRST = Choice("first", "First", noun="the first", options=YES_NO)
PUBLIC = Choice("open", "Open", noun="it", public=True, options=YES_NO)
REVIEW = Step("review", "Review", (), short="Review")


def make_flow(*fields, when=None, **options) -> Flow:
    """Return a flow with a fixed first section and these fields in the second."""
    sections = (
        Section("One", (Step("one", "One", (FIRST,), short="One"),)),
        Section("Two", (Step("two", "Two", fields, short="Two"),), when),
    )
    return Flow("test", 1, options.pop("sections", sections), REVIEW, **options)


def upgrade_nothing(answers, completed_steps):
    return answers, completed_steps


def text_field(name, **options) -> Text:
    return Text(name, name, noun=name, **options)


def group_field(name, *fields, **options) -> Group:
    limits = {"min_entries": 1, "max_entries": 2, "required": True} | options
    return Group(name, name, noun=name, entry="Entry", fields=fields, **limits)


def test_question_may_be_declared_twice_if_it_is_the_same():
    again = [replace(FIRST), group_field("many", text_field("a"))]
    again = replace(FIRST)
    assert make_flow(again).fields["first"] is again


def test_group_may_have_one_number_of_entries():
    group = group_field("g", text_field("a"), min_entries=2, max_entries=2)
    assert make_flow(group).fields["g"] is group


@pytest.mark.parametrize(
    ("declare", "names"),
    [
        (lambda: make_flow(text_field("a", when=Answered("nobody"))), "nobody"),
        (
            lambda: make_flow(text_field("a", when=Answered("b")), text_field("b")),
            "“b”, not asked before",
        ),
        (
            lambda: make_flow(text_field("a", when=Answered("a"))),
            "field “a” looks at “a”, not asked before",
        ),
        (lambda: make_flow(text_field("a", required=Answered("later"))), "later"),
        (lambda: make_flow(text_field("a", when=Has("first", frozenset({"perhaps"})))), "perhaps"),
        (
            lambda: make_flow(text_field("a", when=Not(Has("first", frozenset({"perhaps"}))))),
            "perhaps",
        ),
        (lambda: make_flow(when=Has("second", frozenset({"yes"}))), "section “Two”"),
        (lambda: make_flow(ineligible_when=Has("first", frozenset({"never"}))), "never"),
        (lambda: make_flow(branches=(Branch("b", "B", Answered("gone")),)), "branch “b”"),
        (lambda: make_flow(text_field("first")), "“first” is declared twice"),
        (lambda: make_flow(Choice("c", "C", noun="c", options=())), "“c” has no options"),
        (
            lambda: make_flow(Choice("c", "C", noun="c", options=(Option("x", "X"),) * 2)),
            "“c” has no options, or one twice",
        ),
        (
            lambda: make_flow(Choices("c", "C", noun="c", options=YES_NO, exclusive="none")),
            "no option “none”",
        ),
        (lambda: make_flow(group_field("g", text_field("a"), min_entries=3)), "min_entries"),
        (lambda: make_flow(group_field("g", text_field("a"), unique=("b",))), "no field “b”"),
        (lambda: make_flow(group_field("g", text_field("first"))), "“first” in group “g”"),
        (lambda: make_flow(group_field("g", text_field("id"))), "cannot ask “id”"),
        (lambda: make_flow(group_field("g", text_field("promise_id"))), "cannot be the name"),
        (lambda: make_flow(group_field("g", group_field("h", text_field("a")))), "holds a group"),
        (
            lambda: make_flow(group_field("g", text_field("a")), group_field("h", text_field("b"))),
            "more than one group",
        ),
        (
            lambda: make_flow(group_field("g", text_field("a", when=Answered("first")))),
            "“first”, not asked",
        ),
        (
            lambda: make_flow(group_field("g", text_field("a"), required=False)),
            "always be asked and required",
        ),
        (
            lambda: make_flow(group_field("g", text_field("a"), when=Answered("first"))),
            "always be asked",
        ),
        (lambda: make_flow(roles=Roles(title="gone")), "“gone”"),
        (lambda: make_flow(text_field("a"), roles=Roles(title="a")), "“a” needs a field"),
        (lambda: make_flow(text_field("a"), roles=Roles(contact="a")), "no email address"),
        (lambda: make_flow(roles=Roles(consent=Answered("gone"))), "the consent"),
        (lambda: make_flow(facets=(Facet("first", "First", "first"),)), "“first” needs a public"),
        (lambda: make_flow(PUBLIC, facets=(Facet("text", "T", "open"),)), "“text” is taken"),
        (lambda: make_flow(PUBLIC, facets=(Facet("sort", "S", "open"),)), "“sort” is taken"),
        (lambda: make_flow(PUBLIC, facets=(Facet("x", "X", "open"),) * 2), "“x” is taken"),
        (lambda: make_flow(PUBLIC, facets=(Facet("x", "X", "open"),) * 5), "more than 4 facets"),
        (lambda: make_flow(facets=(Facet("x", "X", chart="By x"),)), "“x” cannot have a chart"),
        (lambda: make_flow(programs=(Program("p", "P", Answered("first")),)), "need a facet"),
        (lambda: make_flow(upgrades={1: upgrade_nothing}), "from version 1 of 1"),
        (lambda: make_flow(group_field("g", text_field("a"), title="b")), "no field “b”"),
        (lambda: make_flow(group_field("g", text_field("a"), due="a")), "no field “a”, or of"),
        (lambda: make_flow(text_field("csrf_token")), "“csrf_token” cannot be the name"),
        (lambda: make_flow(text_field("url")), "only groups may ask it"),
        (lambda: make_flow(text_field("a"), retired=(text_field("a"),)), "“a” is retired"),
        (lambda: make_flow(text_field("Not-A-Name")), "“Not-A-Name” cannot be the name"),
        (lambda: make_flow(group_field("g", text_field("page"))), "“page” cannot be the name"),
        (lambda: make_flow(sections=()), "no step"),
        (lambda: make_flow(sections=(Section("Empty", ()),)), "no step"),
        (
            lambda: make_flow(sections=(Section("A", (Step("done", "D", (), short="D"),)),)),
            "“done” is taken",
        ),
        (
            lambda: make_flow(sections=(Section("A", (Step("a", "A", (), short="A"),) * 2),)),
            "“a” is taken",
        ),
        (
            lambda: make_flow(
                sections=(Section("A", (Step("a", "A", (), short="A"),), Answered("x")),)
            ),
            "first section",
        ),
    ],
)
def test_contradiction_raises_flow_error(declare, names):
    with pytest.raises(FlowError) as caught:
        declare()
    assert names in str(caught.value)


def upgrade_to(version: int):
    """Return an upgrade that renames a question and splits a step."""

    def upgrade(answers, completed_steps):
        renamed = {f"{name}.{version}": value for name, value in answers.items()}
        return renamed, (*completed_steps, f"step-{version}")

    return upgrade


VERSIONED = replace(
    make_flow(), version=5, upgrades={older: upgrade_to(older + 1) for older in (1, 2, 4)}
)
ANSWERS = st.dictionaries(st.sampled_from("abc"), st.text() | st.lists(st.text()))
STEPS = st.lists(st.sampled_from(["one", "two"]), unique=True)


@given(ANSWERS, STEPS, st.integers(1, 7))
def test_upgrade_applies_each_later_version_in_order(answers, completed_steps, version):
    before = deepcopy((answers, completed_steps))
    upgraded = VERSIONED.upgrade(version, answers, completed_steps)
    assert (answers, completed_steps) == before
    later = [upgrade for older, upgrade in VERSIONED.upgrades.items() if older >= version]
    state = answers, tuple(completed_steps)
    assert upgraded == reduce(
        lambda state, upgrade: upgrade(*state), later if answers else [], state
    )


@given(ANSWERS, STEPS, st.integers(1, 5))
def test_upgrade_of_current_version_changes_nothing(answers, completed_steps, version):
    upgraded = VERSIONED.upgrade(version, answers, completed_steps)
    assert VERSIONED.upgrade(VERSIONED.version, *upgraded) == upgraded


def test_facet_codes_are_those_of_the_answers():
    kinds = Choices("kinds", "Kinds", noun="kinds", public=True, options=YES_NO)
    group = group_field("g", replace(PUBLIC, name="inside"), public=True)
    facets = (
        Facet("open", "Open", "open"), Facet("kinds", "Kinds", "kinds"),
        Facet("inside", "Inside", "g.inside"), Facet("program", "Program"),
    )  # fmt: skip
    programs = (Program("p", "P", Answered("open")), Program("q", "Q", Answered("kinds")))
    flow = make_flow(PUBLIC, kinds, group, facets=facets, programs=programs)
    answers = {"open": "no", "kinds": ["yes", "no"], "g": [{"inside": "yes"}, {}]}
    codes = [flow.facet_codes(facet, answers) for facet in facets]
    assert codes == [["no"], ["no", "yes"], ["yes"], ["p", "q"]]
    assert [flow.facet_codes(facet, {}) for facet in facets] == [[], [], [], []]
    assert [flow.is_joined(facet) for facet in facets] == [False, True, True, True]


def test_charted_facets_are_places_or_kinds_and_one_has_the_map():
    state, kind = replace(PUBLIC, name="state"), replace(PUBLIC, name="kind")
    facets = (
        Facet("state", "State", "state", chart="By state", is_map=True),
        Facet("open", "Open", "open"),
        Facet("kind", "Kind", "kind", chart="By kind"),
    )
    flow = make_flow(state, PUBLIC, kind, facets=facets, roles=Roles(place=("state",)))
    assert flow.charted == (facets[0], facets[2])
    assert (flow.places, flow.kinds) == ((facets[0],), (facets[2],))
    assert flow.mapped == facets[0]
    assert make_flow(kind, facets=facets[2:]).mapped is None


def test_consent_is_that_of_the_role_alone():
    flow = make_flow(roles=Roles(consent=Has("first", frozenset({"yes"}))))
    assert [flow.consents({"first": code}) for code in ("yes", "no")] == [True, False]
    assert not make_flow().consents({"first": "yes"})
