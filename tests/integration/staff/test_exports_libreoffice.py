"""Open exports in LibreOffice: no cell runs, no character is lost."""

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
from tests.factories import staff_client
from wizard.accounts import audit
from wizard.accounts.audit import Actor
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
OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
COMMA = "CSV:44,34,76,1"
"""LibreOffice import options: comma, double quote, UTF-8, from the first line."""
ALL_SIGNS = "CSV:44/59/9,34,76,1"
"""The same, separated by commas, semicolons and tabs."""
TRIMMED = "CSV:44,34,76,1,,0,false,true,false,false,true,-1,true"
"""The same as the first, with blanks trimmed and formulas evaluated."""

BLANKS = ["", " ", "\t", "\n", "\r\n", "\r", "\x00", "\x0b", "\xa0", "\u200b", "\u2060", "\ufeff"]
SIGNS = "=+-@＝＋－＠﹦﹢﹣﹫−"
FORMULAS = ["1+1", "SUM(1;2)", "cmd|' /C calc'!A0", 'HYPERLINK("http://x.example";"a")', "A1", ""]
DANGEROUS = [
    *(f"{blank}{sign}{formula}" for blank in BLANKS for sign in SIGNS for formula in FORMULAS),
    *("'=1+1", "''=1+1", '"=1+1', 'x"\r\n=1+1', "x,=1+1", "x;=1+1;y", "x\t=1+1\ty", "{=1+1}"),
]
LOCALES = ["en-US", "de-DE", "es-MX"]
"""With other list separators, decimal signs and orders of a date."""
LOCALE_SETTING = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Setup/L10N"><prop oor:name="ooSetupSystemLocale" oor:op="fuse">
<value>{}</value></prop></item></oor:items>
"""
AMBIGUOUS = ["1,5", "1.5", "1;5", "1,234.5", "1.234,5", "a;b", "12/31/2027", "31.12.2027", "1e5"]
"""Texts that languages read differently."""
ACCENTS = "Peñasco Verde, Saint-Léonie — “Kaʻala” Наш район 市民データ会 Việt 😀"


@pytest.fixture
def open_tree(tmp_path):
    """Open a file in LibreOffice; return it as XML."""

    def open_(path: Path, import_filter: str = "", locale: str = "") -> ElementTree.ElementTree:
        if locale:
            settings = tmp_path / "profile" / "user" / "registrymodifications.xcu"
            settings.parent.mkdir(parents=True, exist_ok=True)
            settings.write_text(LOCALE_SETTING.format(locale), encoding="utf-8")
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
        return tree

    return open_


@pytest.fixture
def opened_cells(open_tree):
    """Open a file in LibreOffice; return its cells."""
    return lambda path, locale: list(open_tree(path, "", locale).iter(f"{TABLE}table-cell"))


@pytest.fixture
def open_in_libreoffice(open_tree):
    """Open a file in LibreOffice; return its formulas and its text."""

    def open_(path: Path, import_filter: str = "", locale: str = "") -> tuple[list[str], str]:
        tree = open_tree(path, import_filter, locale)
        cells = list(tree.iter(f"{TABLE}table-cell"))
        formulas = [cell.get(f"{TABLE}formula") for cell in cells]
        text = "\n".join("".join(p.itertext()) for p in tree.iter(f"{TEXT}p"))
        return [formula for formula in formulas if formula], text

    return open_


@pytest.fixture
def database_url(sqlite_url) -> str:
    """Use SQLite only: LibreOffice is slow, and the files are the same."""
    return sqlite_url


@pytest.fixture
def app_with_formulas(app):
    """Store submissions with everything that a spreadsheet could run."""
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


def export_to_file(app, name: str, folder: Path) -> Path:
    """Write an export to a file."""
    with app.app_context():
        path = folder / name
        path.write_bytes(b"".join(exports.export(name, COMMITMENT, Filters())))
    return path


@pytest.mark.parametrize(
    ("import_filter", "cell"),
    [(COMMA, "=1+1"), (ALL_SIGNS, "x;=1+1"), (ALL_SIGNS, "x\t=1+1"), (TRIMMED, " =1+1")],
)
def test_unprotected_formula_runs(open_in_libreoffice, tmp_path, import_filter, cell):
    path = tmp_path / "unprotected.csv"
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file).writerow(["plain", cell])
    formulas, _ = open_in_libreoffice(path, import_filter)
    assert formulas == ["of:=1+1"]


@pytest.mark.parametrize("import_filter", [COMMA, ALL_SIGNS, TRIMMED])
@pytest.mark.parametrize("name", ["submissions.csv", "data-sets.csv"])
def test_csv_runs_no_formula(app_with_formulas, open_in_libreoffice, tmp_path, name, import_filter):
    formulas, text = open_in_libreoffice(
        export_to_file(app_with_formulas, name, tmp_path), import_filter
    )
    assert formulas == []
    assert text.count("'=1+1") >= 2
    assert (ACCENTS in text) == (name == "submissions.csv")


def test_workbook_runs_no_formula_and_adds_no_apostrophe(
    app_with_formulas, open_in_libreoffice, tmp_path
):
    formulas, text = open_in_libreoffice(
        export_to_file(app_with_formulas, "submissions.xlsx", tmp_path)
    )
    assert formulas == []
    assert ACCENTS in text
    assert text.count("\n=1+1\n") >= 1


@pytest.mark.parametrize("locale", LOCALES)
def test_workbook_has_days_times_and_numbers(app_with_formulas, tmp_path, opened_cells, locale):
    path = export_to_file(app_with_formulas, "submissions.xlsx", tmp_path)
    cells = opened_cells(path, locale)
    assert {"string", "float", "date"} == {each.get(f"{OFFICE}value-type") for each in cells} - {
        None
    }
    days = [each.get(f"{OFFICE}date-value") for each in cells]
    assert "2026-01-01" in {day[:10] for day in days if day}
    assert not [each for each in cells if each.get(f"{TABLE}formula")]


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("name", ["submissions.csv", "data-sets.csv", "audit.csv"])
def test_csv_is_whole_in_any_locale(app_with_formulas, open_in_libreoffice, tmp_path, name, locale):
    with app_with_formulas.app_context():
        for text in AMBIGUOUS:
            audit.record_event(Actor(text), "viewed", "=1+1", note=ACCENTS)
    admin = staff_client(app_with_formulas, "admin")
    path = tmp_path / name
    path.write_bytes(admin.get(f"/staff/{'' if name == 'audit.csv' else 'export/'}{name}").data)
    formulas, text = open_in_libreoffice(path, ALL_SIGNS, locale)
    header = path.read_text(encoding="utf-8-sig").partition("\n")[0].replace('"', "").split(",")
    assert formulas == []
    assert "\n" + "\n".join(header) + "\n" in text
    if name == "audit.csv":
        assert text.count(ACCENTS) == text.count("\n'=1+1\n") == len(AMBIGUOUS)
        assert {"1;5", "a;b"} <= {*text.split("\n")}
        number = "1234,5" if locale == "de-DE" else "1234.5"
        assert f"\n{number}\n" in text  # read in this language, from one cell
