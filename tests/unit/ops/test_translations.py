"""Compare the Spanish catalog with the texts of the program."""

import re
import subprocess
import sys
from datetime import date
from io import BytesIO

import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from tests.server import ROOT
from wizard.forms.dates import format_day

SPANISH = ROOT / "wizard/translations/es/LC_MESSAGES/messages.po"


@pytest.fixture(scope="module")
def spanish_catalog():
    """Return the Spanish catalog."""
    with SPANISH.open("rb") as file:
        return read_po(file, locale="es")


@pytest.fixture(scope="module")
def extracted_texts(tmp_path_factory):
    """Return every text that a visitor can see, extracted as `make translations` does."""
    template = tmp_path_factory.mktemp("catalog") / "messages.pot"
    pybabel = [sys.executable, "-m", "babel.messages.frontend", "--quiet", "extract"]
    subprocess.run([*pybabel, "-F", "babel.cfg", "-o", template, "."], cwd=ROOT, check=True)
    with template.open("rb") as file:
        return {message.id for message in read_po(file) if message.id}


@pytest.mark.long
def test_spanish_catalog_matches_extracted_texts(extracted_texts, spanish_catalog):
    """If this fails, run `make translations`, translate the new texts, and run it again."""
    assert len(extracted_texts) > 500
    assert {message.id for message in spanish_catalog if message.id} == extracted_texts


def test_translations_keep_placeholders_and_tags(spanish_catalog):
    for message in spanish_catalog:
        if not message.id:
            continue
        singular, plural = ids if isinstance(ids := message.id, tuple) else (ids, ids)
        said = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(said) and not message.fuzzy, message.id
        for text in said:
            assert placeholders_and_tags(text) in (
                placeholders_and_tags(singular),
                placeholders_and_tags(plural),
            ), message.id
            assert text[0].isspace() == singular[0].isspace(), message.id
            assert text[-1].isspace() == singular[-1].isspace(), message.id
            assert not re.search(r"\b(tú|tu|tus|usted debe de|clic aquí)\b", text), message.id


def placeholders_and_tags(text: str) -> list[str]:
    """Return the placeholders and tags of a text, sorted."""
    return sorted(set(re.findall(r"%\(\w+\)s|\{\w+\}|<[^>]+>", text)))


def test_compiled_catalog_matches_source(spanish_catalog):
    compiled = BytesIO()
    write_mo(compiled, spanish_catalog)
    assert SPANISH.with_suffix(".mo").read_bytes() == compiled.getvalue()


def test_date_is_written_in_spanish_order(spanish_catalog):
    said = {message.id: message.string for message in spanish_catalog}
    day = format_day(date(2027, 3, 1))
    assert (day, day.translated(lambda text: said[text])) == ("March 1, 2027", "1 de marzo de 2027")
