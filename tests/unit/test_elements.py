"""Tests of how tests read pages."""

import pytest

from tests.elements import Document, assert_valid

PAGE = '<!doctype html><html lang="en"><head><title>T</title></head><body>{}</body></html>'


@pytest.mark.parametrize(
    "part",
    [
        "<p>a<b>c</p>",
        "<p>a</p></b>",
        "<p><div>a</div></p>",
        "<table><tr><td>a</td></tr></table>",
        '<p id="a" id="b">a</p>',
        "<p>a &copy b</p>",
        "<p>a < b</p>",
    ],
)
def test_page_is_refused_if_a_browser_must_mend_it(part):
    for html in (part, PAGE.format(part)):
        with pytest.raises(AssertionError):
            assert_valid(html, "/")


def test_page_is_valid_with_other_texts():
    for words in ("a", "b", "&lt;b&gt;", "&amp;copy", "a\r\nb\rc", "&#39; b=&#39;/c", "&gt;=&#34;"):
        assert_valid(PAGE.format(f'<p title="{words}">{words}</p>'), "/")


def test_element_finds_what_is_in_it_and_not_itself():
    first = Document("<ul><li>a<ul><li>b  c</li></ul></li></ul>").all("li")[0]
    assert [each.text for each in first.all("li")] == ["b c"]
    assert (first.text, first.raw_text) == ("a b c", "ab  c")
    assert Document('<input checked value="">').all("input")[0].attrs == {
        "checked": "",
        "value": "",
    }
