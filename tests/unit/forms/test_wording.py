"""Tests of conditions in words."""

import pytest

from wizard.flows.commitment import COMMITMENT
from wizard.forms.conditions import Answered, Either, Has, Not
from wizard.forms.wording import describe_condition


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (
            Has("programs", frozenset({"opportunity_project"})),
            "“It belongs to” is “the Opportunity Project”",
        ),
        (
            Has("organization_kind", frozenset({"company", "city", "nonprofit"})),
            "“I answer for” is “a private-sector company”, “a nonprofit organization” or "
            "“a city or other local government”",
        ),
        (
            Not(Has("works_with", frozenset({"none_yet"}))),
            "“We work with” is not “none of these yet”",
        ),
        (Answered("opportunity_actions"), "“What will you do?” has an answer"),
        (
            Either((Answered("website"), Answered("contact_phone"))),
            "“Website” has an answer, or “Phone number” has an answer",
        ),
    ],
)
def test_condition_reads_as_words(condition, words):
    assert describe_condition(condition, COMMITMENT.fields.values()) == words


def test_unknown_condition_is_an_error():
    with pytest.raises(TypeError, match="no words for None"):
        describe_condition(None, COMMITMENT.fields.values())
