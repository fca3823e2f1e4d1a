"""Run another flow through the same pages."""

import pytest
from sqlalchemy import select

from tests.complete_form import complete_form
from wizard.db.engine import db
from wizard.db.models import MailMessage, Submission
from wizard.forms.conditions import Has
from wizard.forms.fields import (
    YES_NO,
    Choice,
    Choices,
    Confirm,
    Date,
    Email,
    Group,
    LongText,
    Option,
    Phone,
    Select,
    Text,
    Url,
)
from wizard.forms.flow import Flow, Section, Step

COLORS = (Option("red", "red"), Option("blue", "blue"))
HAS_PET = Has("has_pet", frozenset({"yes"}))

PETS = Flow(
    "pets",
    7,
    (
        Section(
            "You",
            (
                Step(
                    "you",
                    "You and your pet",
                    (
                        Choice("has_pet", "Do you have a pet?", noun="whether you have a pet",
                               required=True, options=YES_NO),
                        Date("since", "Since when?", noun="the day", required=True, when=HAS_PET),
                        Email("owner_email", "E-mail", noun="your address", required=True),
                    ),
                    short="You",
                ),
            ),
        ),
        Section(
            "Pet",
            (
                Step(
                    "pet",
                    "Your pet",
                    (
                        Text("pet_name", "Its name", noun="its name", required=True),
                        LongText("story", "Its story", noun="its story"),
                        Select("color", "Its color", noun="its color", options=COLORS),
                        Choices("likes", "It likes", noun="what it likes", options=COLORS),
                        Phone("vet", "Its vet", noun="the number of its vet"),
                        Url("homepage", "Its page", noun="its page"),
                        Group(
                            "toys", "Toys", noun="a toy", entry="Toy", min_entries=1,
                            max_entries=2, required=True,
                            fields=(Text("toy", "What", noun="the toy", required=True),),
                        ),
                    ),
                    short="Pet",
                ),
            ),
            HAS_PET,
        ),
    ),
    Step("review", "Look again", (Confirm("sure", "I am sure.", noun="that you are sure",
                                          required=True),), short="Look"),
)  # fmt: skip

WITH_PET = {
    "has_pet": "yes",
    "since": "2020-02-29",
    "owner_email": "me@example.org",
    "pet_name": "Rex",
    "story": "Long\nand short",
    "color": "red",
    "likes": ["red", "blue"],
    "vet": "+12025550143",
    "homepage": "https://example.org/rex",
    "toys": [{"toy": "Ball"}, {"toy": "Bone"}],
    "sure": True,
}
WITHOUT = {"has_pet": "no", "owner_email": "me@example.org", "sure": True}


@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
@pytest.mark.parametrize("answers", [WITH_PET, WITHOUT], ids=["with a pet", "without"])
def test_custom_flow_is_completed(make_app, answers, htmx):
    app = make_app(flow=PETS)
    client = app.test_client()
    assert "It likes" in client.page("/questions").response.text
    receipt = complete_form(client, answers, htmx=htmx, flow=PETS)
    assert receipt.path.endswith("/done")
    with app.app_context():
        submission = db.session.scalars(select(Submission)).one()
        assert submission.answers == answers
        assert submission.flow_version == 7
        assert db.session.scalars(select(MailMessage)).all() == []


def test_conditional_question_on_first_step_is_asked(make_app):
    client = make_app(flow=PETS).test_client()
    page = client.send("/respond/", {"has_pet": "yes", "owner_email": "me@example.org"})
    assert (page.status, list(page.errors())) == (422, ["since"])
