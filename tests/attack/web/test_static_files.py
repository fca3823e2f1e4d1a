"""Check what the scripts keep in the browser."""

import re

from tests.server import ROOT


def test_script_stores_no_answers(browser):
    scripts = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "static").glob("*.js"))
    assert not re.search(r"indexedDB|document\.cookie|caches\b", scripts)
    chosen = re.findall(r"localStorage\.setItem\((.*)\);", scripts)
    assert chosen == ['STORED, target.checked ? "on" : "off"']  # whether staff use keys
    kept = re.findall(r"sessionStorage\.setItem\((.*)\);", scripts)
    assert kept == ['"left", draftForm().dataset.autosave']  # an address, which opens nothing alone
    page = browser.get("/respond/").text
    assert "hx-history" not in page and "historyCache" not in page  # htmx 4 keeps no pages
