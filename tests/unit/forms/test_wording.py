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
            "“Which program is this commitment part of?” is “Opportunity Project”",
        ),
        (
            Has("organization_kind", frozenset({"company", "city", "nonprofit"})),
            "“What kind of organization do you represent?” is “A private-sector company”, “A nonprofit organization” or "
            "“A city, county or other local government”",
        ),
        (
            Not(Has("works_with", frozenset({"none_yet"}))),
            "“Who or what do you work with now?” is not “None of these yet”",
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
