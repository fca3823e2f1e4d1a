"""Tests of the data dictionary."""

import csv

import pytest

from tests.export_files import FLOW_WITH_RETIRED, export_bytes, export_rows
from wizard.flows.commitment import COMMITMENT
from wizard.staff import exports

pytestmark = pytest.mark.second_store_slow


@pytest.mark.parametrize(
    "flow", [COMMITMENT, FLOW_WITH_RETIRED], ids=["today", "with retired questions"]
)
def test_dictionary_explains_every_column(app, flow):
    explained = export_rows(app, "dictionary.csv", flow=flow)
    for name in exports.export_names(flow):
        if name.endswith(".csv") and name != "dictionary.csv":
            header = next(csv.reader([export_bytes(app, name, flow=flow).decode("utf-8-sig")]))
            rows = [row for row in explained if f"{row['file']}.csv" == name]
            assert [row["column"] for row in rows] == header
            assert all(row["question"] and row["type"] for row in rows)


def test_dictionary_matches_questions(app):
    rows = {
        (row["file"], row["column"]): row
        for row in export_rows(app, "dictionary.csv", flow=FLOW_WITH_RETIRED)
    }

    def said(column: str, *names: str, file: str = "submissions") -> tuple[str, ...]:
        return tuple(rows[file, column][name] for name in names)

    branch = ("branch", "asked")
    assert said("commitment_title", *branch) == ("all", "always")
    assert said("programs", *branch) == ("partner", "always")
    assert said("works_with", *branch) == said("goals", *branch)
    assert said("goals", *branch) == (
        "partner",
        "if your answer to “Which program is this commitment part of?” is “Police Data Initiative”",
    )
    described = said("involvement_description", "asked")[0]
    assert described.startswith(said("works_with", "asked")[0] + " and your answer to “Who or what")
    assert said("opportunity_topics", "branch") == ("all",)
    assert "“Opportunity Project”" in said("opportunity_topics", "asked")[0]
    assert said("authorized", *branch) == ("all", "always")
    assert said("old_question", *branch) == ("", "no longer")
    assert said("title", *branch, file="data-sets") == ("jurisdiction", "always")
    assert said("category_other", *branch, file="data-sets") == (
        "jurisdiction",
        "if your answer to “Topic” is “Something else”",
    )
    assert said("goals", "type", "choices", "required", "public") == (
        "codes, joined with ;",
        "transparency=Transparency;trust=Community trust;accountability=Accountability",
        "yes",
        "yes",
    )
    assert said("opportunity_description", "required") == ("if you answered “What will you do?”",)
    assert said("contact_email", "question", "public") == ("Email address", "no")
    assert said("branch", "choices")[0].startswith("partner=Companies, nonprofits")
    assert said("status", "choices")[0].startswith("received=Received;")
