"""Compare the commitment flow with the question list, and find who else names its questions."""

import ast
import re
from pathlib import Path

import pytest

from tests.server import ROOT
from wizard.db.models import Submission
from wizard.flows.commitment import COMMITMENT


def test_commitment_matches_question_list():
    sizes = {name: len(step.fields) for name, step in COMMITMENT.steps.items()}
    assert sizes == {
        "kind": 1, "organization": 4, "contact": 4, "programs": 1, "involvement": 2,
        "commitment": 3, "milestones": 1, "current_data": 3, "data_sets": 1, "plan": 3,
        "community": 5, "opportunity": 3, "publication": 1, "review": 1,
    }  # fmt: skip
    assert len(COMMITMENT.fields["state"].options) == 56
    assert len(COMMITMENT.fields["data_sets"].fields[0].options) == 18


WORDS = {"due", "format", "measure", "programs", "title", "url", "website", "what"}
"""Names of questions that are common words, which code uses for other things too."""
QUESTIONS = {
    *COMMITMENT.columns,
    *(field.name for group in COMMITMENT.groups for field in group.fields),
} - WORDS


def names_in(source: str) -> set[str]:
    """Return the strings, attributes and arguments in the source of a module."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Constant(value=str(name)) | ast.Attribute(attr=name) | ast.keyword(arg=name):
                found.add(name)
    return found


def python_modules() -> list[Path]:
    """Return the modules of the program but those of flows and migrations."""
    own = ("flows", "migrations")
    found = (ROOT / "wizard").rglob("*.py")
    return sorted(path for path in found if path.relative_to(ROOT).parts[1] not in own)


@pytest.mark.parametrize("path", python_modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_other_module_names_a_question(path):
    columns = set(Submission.__table__.columns.keys()) if path.name == "models.py" else set()
    assert names_in(path.read_text(encoding="utf-8")) & QUESTIONS <= columns


def shared_templates() -> list[Path]:
    """Return the templates but those of the commitment."""
    found = (ROOT / "templates").rglob("*.*")
    return sorted(path for path in found if path.parent.name != COMMITMENT.name)


@pytest.mark.parametrize("path", shared_templates(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_other_template_names_a_question(path):
    code = re.findall(r"\{[{%](.+?)[%}]\}", path.read_text(encoding="utf-8"), re.S)
    named = {name for each in code for name in re.findall(r"""(?:\.|["'])(\w+)\b""", each)}
    assert not named & QUESTIONS
