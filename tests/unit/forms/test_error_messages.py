"""Check the error messages of every question in both languages.

`tests/error_messages.py` prints them.
"""

import re

import pytest

from tests.error_messages import error_messages, spanish_catalog

MESSAGES = list(error_messages())
CATALOG = spanish_catalog()


def faults(text: str) -> list[str]:
    """Return what is wrong with the form of a sentence."""
    rules = {
        "a placeholder is left": r"%\(|%s|\{",
        "it does not begin with a capital": r"^[^A-ZÁÉÍÓÚÑ]",
        "it does not end with a period": r"[^.]$",
        "a word is there twice": r"\b(\w+) \1\b",
        "two articles follow each other": r"\b(a|an|the) (a|an|the|your)\b|"
        r"\b(el|la|los|las|un|una) (el|la|los|las|un|una|su|sus)\b",
        "two signs follow each other": r"[,:;?]{2}|\.\.|\.”\.|  ",
    }
    return [fault for fault, pattern in rules.items() if re.search(pattern, text)]


@pytest.mark.parametrize("path", dict.fromkeys(path for path, _ in MESSAGES))
def test_error_reads_well_in_both_languages(path):
    for message in (message for at, message in MESSAGES if at == path):
        spanish = message.translated(CATALOG.gettext)
        assert spanish != message
        assert not faults(message) and not faults(spanish), (message, spanish)


def test_every_kind_of_question_has_its_errors():
    templates = {message.template for _, message in MESSAGES}
    assert len(MESSAGES) > 150 and len(templates) > 22


@pytest.mark.parametrize(
    "text",
    ["Enter %(noun)s.", "enter it.", "Enter it", "Enter the the day.", "Enter the your day.",
     "Escriba el su nombre.", "Enter it.."],
)  # fmt: skip
def test_fault_is_found(text):
    assert faults(text)
