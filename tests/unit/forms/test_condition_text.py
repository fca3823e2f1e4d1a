"""Tests of conditions in words."""

import pytest

from wizard.flows.commitment import COMMITMENT
from wizard.forms.condition_text import describe_condition
from wizard.forms.conditions import Answered, Either, Has, Not


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (
            Has("programs", frozenset({"opportunity_project"})),
            "your answer to “Which program is this commitment part of?” is “Opportunity Project”",
        ),
        (
            Has("organization_kind", frozenset({"company", "city", "nonprofit"})),
            "your answer to “What kind of organization do you represent?” is “A private-sector "
            "company”, “A nonprofit organization” or “A city, county or other local government”",
        ),
        (
            Not(Has("works_with", frozenset({"none_yet"}))),
            "your answer to “Who or what do you work with now?” is not “None of these yet”",
        ),
        (Answered("opportunity_actions"), "you answered “What will you do?”"),
        (
            Either((Answered("website"), Answered("contact_phone"))),
            "you answered “Website”, or if you answered “Phone number”",
        ),
    ],
)
def test_condition_reads_as_words(condition, words):
    assert describe_condition(condition, COMMITMENT.fields.values()) == words


def test_unknown_condition_is_an_error():
    with pytest.raises(TypeError, match="no words for None"):
        describe_condition(None, COMMITMENT.fields.values())
