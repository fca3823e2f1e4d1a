"""LibreOffice opens what is exported: no cell runs, and every letter is there."""

import csv
import os
import shutil
import subprocess
import uuid
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.conftest import load_case
from wizard.db.engine import writing
from wizard.db.models import Submission
from wizard.flows.commitment import COMMITMENT
from wizard.staff import exports
from wizard.submissions.filters import Filters

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not shutil.which("soffice") and not os.environ.get("CI"), reason="needs LibreOffice"
    ),
]

TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
COMMA = "CSV:44,34,76,1"
"""LibreOffice's filter: comma, double quote, UTF-8, from the first line."""
ALL_SIGNS = "CSV:44/59/9,34,76,1"
"""The same, splitting at commas, semicolons and tabs."""
TRIMMED = "CSV:44,34,76,1,,0,false,true,false,false,true,-1,true"
"""The same as the first, with blanks trimmed and formulas run."""

BLANKS = ["", " ", "\t", "\n", "\r\n", "\r", "\x00", "\x0b", "\xa0", "\u200b", "\u2060", "\ufeff"]
SIGNS = "=+-@＝＋－＠﹦﹢﹣﹫−"
FORMULAS = ["1+1", "SUM(1;2)", "cmd|' /C calc'!A0", 'HYPERLINK("http://x.example";"a")', "A1", ""]
DANGEROUS = [
    *(f"{blank}{sign}{formula}" for blank in BLANKS for sign in SIGNS for formula in FORMULAS),
    *("'=1+1", "''=1+1", '"=1+1', 'x"\r\n=1+1', "x,=1+1", "x;=1+1;y", "x\t=1+1\ty", "{=1+1}"),
]
ACCENTS = "Peñasco Verde, Saint-Léonie — “Kaʻala” Наш район 市民データ会 Việt 😀"


@pytest.fixture
def opened(tmp_path):
    """Opens a file in LibreOffice: the formulas that it found, and all of its text."""

    def open_(path: Path, import_filter: str = "") -> tuple[list[str], str]:
        command = [
            "soffice",
            f"-env:UserInstallation=file://{tmp_path}/profile",
            "--headless",
            "--convert-to",
            "fods:OpenDocument Spreadsheet Flat XML",
            *([f"--infilter={import_filter}"] if import_filter else []),
            "--outdir",
            str(tmp_path / "opened"),
            str(path),
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=300)
        made = tmp_path / "opened" / f"{path.stem}.fods"
        tree = ElementTree.parse(made)  # noqa: S314
        made.unlink()
        cells = list(tree.iter(f"{TABLE}table-cell"))
        formulas = [cell.get(f"{TABLE}formula") for cell in cells]
        text = "\n".join("".join(p.itertext()) for p in tree.iter(f"{TEXT}p"))
        return [formula for formula in formulas if formula], text

    return open_


@pytest.fixture
def database_url(sqlite_url) -> str:
    """One store is enough here: LibreOffice is slow, and what it opens is the same."""
    return sqlite_url


@pytest.fixture
def dangerous(app):
    """Submissions that hold everything a spreadsheet could run."""
    answers = load_case("agency")
    names = [name for name, value in answers.items() if isinstance(value, str)]
    rows = [DANGEROUS[i : i + len(names)] for i in range(0, len(DANGEROUS), len(names))]
    with app.app_context(), writing() as session:
        for number, row in enumerate(rows):
            given = answers | dict(zip(names, row, strict=False)) | {"city": ACCENTS}
            session.add(
                Submission(
                    reference=f"PDI-{number:04}",
                    draft_id=uuid.uuid4(),
                    flow_version=1,
                    branch="jurisdiction",
                    answers=given | {"data_sets": [{"title": text} for text in row]},
                    submitted_at=datetime(2026, 1, 1, tzinfo=UTC),
                )
            )
    return app


def exported(app, name: str, folder: Path) -> Path:
    """An export as a file."""
    with app.app_context():
        path = folder / name
        path.write_bytes(b"".join(exports.export(name, COMMITMENT, Filters())))
    return path


@pytest.mark.parametrize(
    ("import_filter", "cell"),
    [(COMMA, "=1+1"), (ALL_SIGNS, "x;=1+1"), (ALL_SIGNS, "x\t=1+1"), (TRIMMED, " =1+1")],
)
def test_without_protection_a_formula_runs(opened, tmp_path, import_filter, cell):
    path = tmp_path / "unprotected.csv"
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file).writerow(["plain", cell])
    formulas, _ = opened(path, import_filter)
    assert formulas == ["of:=1+1"]


@pytest.mark.parametrize("import_filter", [COMMA, ALL_SIGNS, TRIMMED])
@pytest.mark.parametrize("name", ["submissions.csv", "data-sets.csv"])
def test_no_cell_of_a_csv_runs(dangerous, opened, tmp_path, name, import_filter):
    formulas, text = opened(exported(dangerous, name, tmp_path), import_filter)
    assert formulas == []
    assert text.count("'=1+1") >= 2
    assert (ACCENTS in text) == (name == "submissions.csv")


def test_no_cell_of_a_workbook_runs_and_none_has_an_apostrophe(dangerous, opened, tmp_path):
    formulas, text = opened(exported(dangerous, "submissions.xlsx", tmp_path))
    assert formulas == []
    assert ACCENTS in text
    assert text.count("\n=1+1\n") >= 1
