"""Every question says whether it needs an answer now, for all answers that decide about it."""

from datetime import date
from itertools import product

import pytest

from tests.complete_form import complete_form, draft_path
from tests.conftest import AGENCY, load_case
from wizard.db.engine import writing
from wizard.db.models import Draft
from wizard.flows.commitment import COMMITMENT
from wizard.forms.groups import Group
from wizard.forms.journey import Journey

pytestmark = pytest.mark.second_store_slow

PARTNER = load_case("partner")
POLICE, OPPORTUNITY = ["police_data_initiative"], ["opportunity_project"]
CONTROLS = {
    "partner": {
        "programs": (POLICE, OPPORTUNITY, POLICE + OPPORTUNITY),
        "works_with": (["none_yet"], ["open_data"], []),
        "opportunity_actions": (["other"], []),
    },
    "agency": {
        "publishes_now": ("yes", "no", ""),
        "delegate_is_contact": ("yes", "no", ""),
        "opportunity_actions": (["other"], []),
    },
}
"""The questions that others depend on, with the answers that matter."""
WITH_OTHER_TOPIC = {**AGENCY["data_sets"][0], "category": "other", "category_other": "Tow-aways"}
CASES = {
    "partner": PARTNER,
    "agency": AGENCY
    | {"portal_url": "https://example.org/", "delegate_name": "A", "delegate_email": "a@b.example"}
    | {"opportunity_description": "x", "opportunity_topics": ["jobs"]}
    | {"data_sets": [WITH_OTHER_TOPIC, *AGENCY["data_sets"]]},
}


def combinations():
    for branch, controls in CONTROLS.items():
        for values in product(*controls.values()):
            yield pytest.param(
                CASES[branch] | dict(zip(controls, values, strict=True)),
                id=f"{branch}-"
                + "-".join(",".join(each) or "none" for each in map(_codes, values)),
            )


def _codes(value) -> list[str]:
    return value if isinstance(value, list) else [value]


def errors_without(answers: dict, step: str, path: str) -> dict:
    """Return the errors of a step when the answer with that path is taken away."""
    name, *inside = path.split("-")
    changed = {key: value for key, value in answers.items() if key != name}
    if inside:
        place, field = int(inside[0]), inside[1]
        changed[name] = [dict(entry) for entry in answers[name]]
        changed[name][place].pop(field, None)
    journey = Journey(COMMITMENT, changed, list(COMMITMENT.steps), today=date(2026, 11, 22))
    return journey.steps[step].result.errors


def questions(page, step) -> dict[str, bool]:
    """Return the questions on a page by path, and whether each says that it is optional."""
    fields = {field.name: field for field in step.fields}
    names = {each.attrs["name"] for each in page.all("main input, main select, main textarea")}
    shown, asked = labels(page), {}
    for name in names:
        field = fields.get(name.split("-")[0])
        if field and "-" in name:
            inside = {each.name: each for each in field.fields}
            field = inside.get(name.split("-")[2])
        if field and not isinstance(field, Group):
            assert str(field.label) in " ".join(shown[name].split())
            asked[name] = "(optional)" in shown[name]
    return asked


def labels(page) -> dict[str, str]:
    """Return the label of each question by path, or the legend of the box around its options."""
    shown, boxed = {}, {}
    for label in page.all("main label"):
        assert label.attrs["for"] not in shown
        shown[label.attrs["for"]] = label.text
    for box in page.all("fieldset.field"):
        for name in {each.attrs["name"] for each in box.all("[name]")}:
            assert name not in boxed
            boxed[name] = box.all("legend")[0].text
    return shown | boxed


@pytest.mark.parametrize("answers", list(combinations()))
def test_question_says_optional_exactly_if_it_needs_no_answer(app, client, answers):
    """The validator decides: a question is optional if no error follows when it is left blank."""
    path = draft_path(complete_form(client, answers, until="organization"))
    with app.app_context(), writing() as session:
        draft = session.query(Draft).one()
        draft.answers, draft.completed_steps = answers, list(COMMITMENT.steps)
    journey = Journey(COMMITMENT, answers, list(COMMITMENT.steps), today=date(2026, 11, 22))
    for name, state in journey.steps.items():
        if not journey.may_visit(name):
            continue
        page = client.page(f"{path}/{name}")
        shown = questions(page, state.step)
        for question, is_optional in shown.items():
            assert is_optional == (question not in errors_without(answers, name, question)), (
                question
            )
        says_skip = "Select Continue to skip it." in page.text("main")
        assert says_skip == all(shown.values()), name


SENSELESS = [
    ("partner", "involvement_description", {"works_with": ["none_yet"]}),
    ("partner", "works_with", {"programs": OPPORTUNITY}),
    ("partner", "goals", {"programs": OPPORTUNITY}),
    ("partner", "opportunity_actions", {"programs": POLICE}),
    ("agency", "portal_url", {"publishes_now": "no"}),
    ("agency", "delegate_name", {"delegate_is_contact": "yes"}),
    ("agency", "delegate_email", {"delegate_is_contact": "yes"}),
    ("agency", "opportunity_description", {"opportunity_actions": []}),
    ("agency", "programs", {}),
]


@pytest.mark.parametrize(("branch", "question", "answers"), SENSELESS)
def test_question_that_makes_no_sense_is_not_asked(branch, question, answers):
    answers = CASES[branch] | answers
    journey = Journey(COMMITMENT, answers, list(COMMITMENT.steps), today=date(2026, 11, 22))
    assert not any(question in state.result.visible for state in journey.steps.values())
    assert question not in journey.answers


@pytest.mark.parametrize("name", ["kind", "programs"])
def test_step_that_decides_says_what_happens_to_other_answers(client, name):
    page = complete_form(client, PARTNER, until="organization" if name == "kind" else "programs")
    text = client.page(f"{draft_path(page)}/{name}").text(".why:not(:empty)")
    assert "we’ll keep your other answers" in text and "unless you change back" in text
