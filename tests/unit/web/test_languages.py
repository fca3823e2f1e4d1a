"""Check that templates hold no untranslated text."""

import re

import pytest

from tests.server import ROOT

PAGES = [
    path
    for folder in ("", "applicant", "public", "errors")
    for path in sorted((ROOT / "templates" / folder).glob("*.html"))
]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_templates_have_no_untranslated_text(path):
    """Check the source; integration/test_translations.py covers expressions and macros."""
    source = re.sub(r"(?s){#.*?#}|{%-? trans.*?endtrans %}", "", path.read_text(encoding="utf-8"))
    source = re.sub(r"(?s){{.*?}}|{%.*?%}|\w*\.(csv|json)", "", source)
    attributes = re.findall(r'(?:aria-label|title|alt|placeholder)="([^"]*)"', source)
    for said in (re.sub(r"(?s)<[^>]*>", "", source), *attributes):
        assert not re.findall(r"[A-Za-z]{2,}", said), said
