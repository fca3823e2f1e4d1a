"""Tests of translatable messages."""

from datetime import date

import pytest

from wizard.forms.fields import Text
from wizard.forms.flow import Section, Step
from wizard.forms.messages import Message, iter_messages, join_messages, translate_if_message
from wizard.forms.text import Invalid


def test_message_is_english_and_translatable():
    noun = Message("the name")
    message = Message("Shorten %(noun)s; it has %(count)s%%.", noun=noun, count=7)
    assert message == "Shorten the name; it has 7%."
    said = {message.template: "%(count)s%%: %(noun)s", "the name": "el nombre"}
    assert message.translated(said.__getitem__) == "7%: el nombre"


def test_typed_text_is_not_translated():
    said = join_messages(": ", [Message("name"), "name 100%"])
    assert said == "name: name 100%"
    assert said.translated(translate_name) == "nombre: name 100%"
    assert translate_if_message("name", translate_name) == "name"


def translate_name(text: str) -> str:
    return {"name": "nombre"}.get(text, text)


def test_empty_message_does_not_return_catalog_header():
    assert Message("").translated(lambda text: f"head of {text}") == ""


def test_flow_texts_with_percent_signs_are_messages():
    step = Step("a", "50 % off & more", (Text("b", "50 %", noun="it"),), short="A")
    found = list(iter_messages(Section("All", (step,))))
    assert found == ["All", "50 % off & more", "50 %", "it", "A"]
    assert step.title.translated(str) == "50 % off & more"


def test_messages_of_mapping_are_those_of_its_values():
    assert list(iter_messages({"a": Message("One"), "b": "code", "c": Message("")})) == ["One"]


def test_refusal_translates_field_name():
    field = Text("name", "Name", noun="the name", max_length=2)
    with pytest.raises(Invalid) as refused:
        field.clean("abc", date(2027, 3, 31))
    spanish = {"the name": "el nombre", "Name": "Nombre"}
    said = refused.value.message.translated(lambda text: spanish.get(text, text))
    assert said == "Use 2 characters or fewer to enter el nombre. You now have 3."
