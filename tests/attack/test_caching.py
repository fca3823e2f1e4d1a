"""Caches and history: what answers leave behind in a browser, or on the way to it."""

import re

from tests.attack.browser import Browser
from tests.attack.conftest import signed_in
from tests.conftest import load_case
from tests.server import ROOT
from tests.walk import draft_path, start, walk


def test_nothing_with_answers_or_a_cookie_is_kept_by_a_cache(server, inside):
    browser = Browser(server)
    receipt = walk(browser, load_case("partner"))
    reference, done = receipt.text(".reference"), draft_path(receipt)
    draft = draft_path(start(browser, load_case("agency")))
    admin = signed_in(server, inside, "admin", "cached")
    seen = 0
    for rule in inside.url_map.iter_rules():
        if "GET" not in rule.methods:
            continue
        for path in (draft, done) if "draft_id" in rule.rule else (draft,):
            address = rule.rule.replace("<uuid:draft_id>", path.rsplit("/", 1)[1])
            address = address.replace("<reference>", reference).replace("<token>", "x")
            address = address.replace(
                "<name>", "submissions.csv" if "export" in address else "kind"
            )
            address = address.replace("<path:filename>", "site.css")
            for each in (browser, admin, Browser(server)):
                for more in ({}, {"HX-Request": "true"}):
                    answer = each.get(address, more)
                    kept = answer.headers["Cache-Control"]
                    seen += 1
                    if "no-store" in kept:
                        continue
                    assert "Set-Cookie" not in answer.headers, address
                    assert rule.endpoint == "static" or rule.endpoint.startswith("open_data."), rule
                    assert "Cookie" not in answer.headers.get("Vary", ""), address
    assert seen > 200


def test_a_page_in_two_layouts_tells_caches_so(browser):
    answer = browser.get("/respond/")
    for header in ("HX-Request", "HX-History-Restore-Request"):
        assert header in answer.headers["Vary"]


def test_the_browser_keeps_no_answer_past_the_page(browser):
    scripts = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "static").glob("*.js"))
    assert not re.search(r"localStorage|indexedDB|document\.cookie|caches\b", scripts)
    kept = re.findall(r"sessionStorage\.setItem\((.*)\);", scripts)
    assert kept == ['"left", draftForm().dataset.autosave']  # an address, which opens nothing alone
    page = browser.get("/respond/").text
    assert "hx-history" not in page and "historyCache" not in page  # htmx 4 keeps no pages


def test_a_deceived_cache_is_given_nothing(server):
    browser = Browser(server)
    path = draft_path(start(browser, load_case("agency")))
    for end in ("/x.css", ".css", ";.css", "%2ex.css", "/..%2fsite.css", "%00.css", "%3f.css"):
        answer = browser.get(f"{path}/organization{end}")
        assert (answer.status_code, answer.headers["Cache-Control"]) == (404, "no-store"), end
