"""Tests of the checks that a flow runs on its own declaration."""

import pytest

from wizard.forms.conditions import Answered, Has, Not
from wizard.forms.fields import YES_NO, Choice, Choices, Group, Option, Text
from wizard.forms.flow import Branch, Flow, FlowError, Section, Step

FIRST = Choice("first", "First", noun="the first", options=YES_NO)
REVIEW = Step("review", "Review", (), short="Review")


def make_flow(*fields, when=None, **options) -> Flow:
    """Return a flow with a fixed first section and these fields in the second."""
    sections = (
        Section("One", (Step("one", "One", (FIRST,), short="One"),)),
        Section("Two", (Step("two", "Two", fields, short="Two"),), when),
    )
    return Flow("test", 1, options.pop("sections", sections), REVIEW, **options)


def text_field(name, **options) -> Text:
    return Text(name, name, noun=name, **options)


def group_field(name, *fields, **options) -> Group:
    limits = {"min_entries": 1, "max_entries": 2, "required": True} | options
    return Group(name, name, noun=name, entry="Entry", fields=fields, **limits)


@pytest.mark.parametrize(
    ("declare", "names"),
    [
        (lambda: make_flow(text_field("a", when=Answered("nobody"))), "nobody"),
        (
            lambda: make_flow(text_field("a", when=Answered("b")), text_field("b")),
            "“b”, not asked before",
        ),
        (lambda: make_flow(text_field("a", when=Answered("a"))), "“a”, not asked before"),
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
        (lambda: make_flow(text_field("csrf_token")), "“csrf_token” cannot be the name"),
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
