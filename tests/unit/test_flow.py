"""A flow that contradicts itself fails where it is declared, and the message names the fault."""

import pytest

from wizard.flows.commitment import COMMITMENT
from wizard.forms.conditions import Answered, Has, Not
from wizard.forms.fields import YES_NO, Choice, Choices, Group, Option, Text
from wizard.forms.flow import Branch, Flow, FlowError, Section, Step

FIRST = Choice("first", "First", noun="the first", options=YES_NO)
REVIEW = Step("review", "Review", (), short="Review")


def flow(*fields, when=None, **options) -> Flow:
    sections = (
        Section("One", (Step("one", "One", (FIRST,), short="One"),)),
        Section("Two", (Step("two", "Two", fields, short="Two"),), when),
    )
    return Flow("test", 1, options.pop("sections", sections), REVIEW, **options)


def text(name, **options) -> Text:
    return Text(name, name, noun=name, **options)


def group(name, *fields, **options) -> Group:
    limits = {"min_entries": 1, "max_entries": 2, "required": True} | options
    return Group(name, name, noun=name, entry="Entry", fields=fields, **limits)


@pytest.mark.parametrize(
    ("declare", "names"),
    [
        (lambda: flow(text("a", when=Answered("nobody"))), "nobody"),
        (lambda: flow(text("a", when=Answered("b")), text("b")), "“b”, not asked before"),
        (lambda: flow(text("a", when=Answered("a"))), "“a”, not asked before"),
        (lambda: flow(text("a", required=Answered("later"))), "later"),
        (lambda: flow(text("a", when=Has("first", frozenset({"perhaps"})))), "perhaps"),
        (lambda: flow(text("a", when=Not(Has("first", frozenset({"perhaps"}))))), "perhaps"),
        (lambda: flow(when=Has("second", frozenset({"yes"}))), "section “Two”"),
        (lambda: flow(ineligible_when=Has("first", frozenset({"never"}))), "never"),
        (lambda: flow(branches=(Branch("b", "B", Answered("gone")),)), "branch “b”"),
        (lambda: flow(text("first")), "“first” is declared twice"),
        (lambda: flow(Choice("c", "C", noun="c", options=())), "“c” has no options"),
        (
            lambda: flow(Choice("c", "C", noun="c", options=(Option("x", "X"),) * 2)),
            "“c” has no options, or one twice",
        ),
        (
            lambda: flow(Choices("c", "C", noun="c", options=YES_NO, exclusive="none")),
            "no option “none”",
        ),
        (lambda: flow(group("g", text("a"), min_entries=3)), "min_entries"),
        (lambda: flow(group("g", text("a"), unique=("b",))), "no field “b”"),
        (lambda: flow(group("g", text("first"))), "“first” in group “g”"),
        (lambda: flow(group("g", group("h", text("a")))), "holds a group"),
        (lambda: flow(group("g", text("a")), group("h", text("b"))), "more than one group"),
        (lambda: flow(group("g", text("a", when=Answered("first")))), "“first”, not asked"),
        (lambda: flow(group("g", text("a"), required=False)), "always be asked and required"),
        (lambda: flow(group("g", text("a"), when=Answered("first"))), "always be asked"),
        (lambda: flow(text("csrf_token")), "“csrf_token” cannot be the name"),
        (lambda: flow(text("Not-A-Name")), "“Not-A-Name” cannot be the name"),
        (lambda: flow(group("g", text("page"))), "“page” cannot be the name"),
        (lambda: flow(sections=()), "no step"),
        (lambda: flow(sections=(Section("Empty", ()),)), "no step"),
        (
            lambda: flow(sections=(Section("A", (Step("done", "D", (), short="D"),)),)),
            "“done” is taken",
        ),
        (
            lambda: flow(sections=(Section("A", (Step("a", "A", (), short="A"),) * 2),)),
            "“a” is taken",
        ),
        (
            lambda: flow(sections=(Section("A", (Step("a", "A", (), short="A"),), Answered("x")),)),
            "first section",
        ),
    ],
)
def test_a_contradiction_is_named(declare, names):
    with pytest.raises(FlowError) as caught:
        declare()
    assert names in str(caught.value)


def test_the_commitment_asks_what_the_question_list_asks():
    sizes = {name: len(step.fields) for name, step in COMMITMENT.steps.items()}
    assert sizes == {
        "kind": 1, "organization": 4, "contact": 4, "involvement": 2, "commitment": 4,
        "milestones": 1, "current_data": 3, "data_sets": 1, "plan": 3, "community": 5,
        "opportunity": 3, "publication": 1, "review": 1,
    }  # fmt: skip
    assert len(COMMITMENT.fields["state"].options) == 56
    assert len(COMMITMENT.fields["data_sets"].fields[0].options) == 18
