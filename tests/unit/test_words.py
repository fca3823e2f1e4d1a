"""What the program says, and the catalogs that say it in another language."""

import re
import subprocess
import sys
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from wizard.forms.dates import format_day
from wizard.forms.fields import Text
from wizard.forms.flow import Section, Step
from wizard.forms.messages import Message, iter_messages, join_messages, translate_if_message
from wizard.forms.text import Invalid

ROOT = Path(__file__).parents[2]
SPANISH = ROOT / "wizard/translations/es/LC_MESSAGES/messages.po"


def test_a_message_is_english_and_can_be_said_otherwise():
    noun = Message("the name")
    message = Message("Shorten %(noun)s; it has %(count)s%%.", noun=noun, count=7)
    assert message == "Shorten the name; it has 7%."
    said = {message.template: "%(count)s%%: %(noun)s", "the name": "el nombre"}
    assert message.translated(said.__getitem__) == "7%: el nombre"


def test_what_was_typed_is_never_translated():
    said = join_messages(": ", [Message("name"), "name 100%"])
    assert said == "name: name 100%"
    assert said.translated(in_test) == "nombre: name 100%"
    assert translate_if_message("name", in_test) == "name"


def in_test(text: str) -> str:
    return {"name": "nombre"}.get(text, text)


def test_an_empty_message_does_not_bring_up_the_head_of_the_catalog():
    assert Message("").translated(lambda text: f"head of {text}") == ""


def test_what_a_flow_declares_are_messages_whatever_signs_it_holds():
    step = Step("a", "50 % off & more", (Text("b", "50 %", noun="it"),), short="A")
    found = list(iter_messages(Section("All", (step,))))
    assert found == ["All", "50 % off & more", "50 %", "it", "A"]
    assert step.title.translated(str) == "50 % off & more"


def test_a_refusal_names_the_field_in_the_readers_language():
    field = Text("name", "Name", noun="the name", max_length=2)
    with pytest.raises(Invalid) as refused:
        field.clean("abc", date(2027, 3, 31))
    spanish = {"the name": "el nombre", "Name": "Nombre"}
    said = refused.value.message.translated(lambda text: spanish.get(text, text))
    assert said == "Shorten el nombre to 2 characters or fewer; it has 3."


PAGES = [
    path
    for folder in ("", "applicant", "public", "errors")
    for path in sorted((ROOT / "templates" / folder).glob("*.html"))
]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_no_page_has_a_word_of_its_own(path):
    """However it is drawn. What expressions and macros say, the walks in another language find."""
    source = re.sub(r"(?s){#.*?#}|{%-? trans.*?endtrans %}", "", path.read_text(encoding="utf-8"))
    source = re.sub(r"(?s){{.*?}}|{%.*?%}|\w*\.(csv|json)", "", source)
    attributes = re.findall(r'(?:aria-label|title|alt|placeholder)="([^"]*)"', source)
    for said in (re.sub(r"(?s)<[^>]*>", "", source), *attributes):
        assert not re.findall(r"[A-Za-z]{2,}", said), said


@pytest.fixture(scope="module")
def spanish():
    with SPANISH.open("rb") as file:
        return read_po(file, locale="es")


@pytest.fixture(scope="module")
def extracted(tmp_path_factory):
    """Every text that a visitor sees, listed anew as `make translations` does."""
    template = tmp_path_factory.mktemp("catalog") / "messages.pot"
    pybabel = [sys.executable, "-m", "babel.messages.frontend", "--quiet", "extract"]
    subprocess.run([*pybabel, "-F", "babel.cfg", "-o", template, "."], cwd=ROOT, check=True)
    with template.open("rb") as file:
        return {message.id for message in read_po(file) if message.id}


def test_every_text_is_in_the_spanish_catalog_and_nothing_else(extracted, spanish):
    """If this fails: `make translations`, translate what is new, and again."""
    assert len(extracted) > 500
    assert {message.id for message in spanish if message.id} == extracted


def test_every_text_is_translated_and_keeps_its_places_and_tags(spanish):
    for message in spanish:
        if not message.id:
            continue
        singular, plural = ids if isinstance(ids := message.id, tuple) else (ids, ids)
        said = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(said) and not message.fuzzy, message.id
        for text in said:
            assert signs(text) in (signs(singular), signs(plural)), message.id
            assert text[0].isspace() == singular[0].isspace(), message.id
            assert text[-1].isspace() == singular[-1].isspace(), message.id
            assert not re.search(r"\b(tú|tu|tus|usted debe de|clic aquí)\b", text), message.id


def signs(text: str) -> list[str]:
    """The places and tags of a text, in no order."""
    return sorted(set(re.findall(r"%\(\w+\)s|\{\w+\}|<[^>]+>", text)))


def test_the_compiled_catalog_is_the_one_that_can_be_read(spanish):
    compiled = BytesIO()
    write_mo(compiled, spanish)
    assert SPANISH.with_suffix(".mo").read_bytes() == compiled.getvalue()


def test_a_day_is_written_as_its_readers_write_it(spanish):
    said = {message.id: message.string for message in spanish}
    day = format_day(date(2027, 3, 1))
    assert (day, day.translated(lambda text: said[text])) == ("March 1, 2027", "1 de marzo de 2027")
