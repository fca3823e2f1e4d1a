"""Fuzz forms: any address, any method, odd bodies, queries and headers.

Assert that the program never fails: no 500, its own headers, well-formed pages.
The seed is the date and is named by a failure; `FUZZ_SEED` and `FUZZ_ROUNDS` override.
"""

import os
import random
from datetime import date
from urllib.parse import quote

import pytest

from tests.attack.browser import Browser
from tests.attack.conftest import staff_browser
from tests.complete_form import complete_form, draft_path, form_data, start_draft
from tests.conftest import load_case
from tests.factories import add_submission, update_path
from wizard.flows.commitment import COMMITMENT

ROUNDS = int(os.environ.get("FUZZ_ROUNDS", "500"))
ODD = [
    "", " ", "0", "-1", "1", "9" * 30, "1e9", "NaN", "null", "true",
    "[]", "{}", "a" * 300,
    "é", "日本", "\x00", "\x1b[2J", "\r\n", "\ufffd", "\u202e", "😀", "'", '"', "<b>", "{{7*7}}",
    "%s%n", "../..", "=1+1", "2027-02-30", "2027-03-01", "0000-00-00", "yes", "no", "agency",
    "city", "FL", "desk@example.org", "javascript:1", "example.org", "continue", "save", "add",
    "remove-0", "remove-²", "update", "delete", "approve", "report", "withdraw", "accepted",
    "in_review", "PDI-AAAA-AAAA", "reset", "disable",
]  # fmt: skip
METHODS = ["GET", "GET", "POST", "POST", "POST", "HEAD", "OPTIONS", "PUT"]
HEADERS = {
    "HX-Request": ["true", "false", "x"],
    "HX-Request-Type": ["partial", "full"],
    "HX-Current-URL": ["http://[", "/", "x" * 2000],
    "HX-Target": ["main#main", "<"],
    "HX-History-Restore-Request": ["true"],
    "Accept": ["text/html", "*/*;q=x", "application/json"],
    "Accept-Language": ["es", "en;q=2", "x" * 300, "*"],
    "If-None-Match": ["*", 'W/"x', ","],
    "If-Modified-Since": ["yesterday", "Sun, 06 Nov 1994 08:49:37 GMT"],
    "Range": ["bytes=0-0", "bytes=9-1", "lines=1"],
    "Cookie": ["session=x", "staff=;;=", "a" * 4000],
    "Authorization": ["Bearer", "Bearer \xe9", "Basic x", "x"],
    "Referer": ["http://[", "x"],
    "Origin": ["null"],
    "X-Forwarded-For": ["1.2.3.4", "x, y"],
    "Content-Type": ["text/plain", "multipart/form-data", "application/json", "x/y; charset=\xe9"],
}  # fmt: skip
NAMES = [
    *COMMITMENT.fields, *(f"{group.name}-{n}-{field.name}" for group in COMMITMENT.groups
                          for field in group.fields for n in (0, 7, 21)),
    "action", "page", "turn", "based_on", "pass", "asked", "at", "keep", "draft", "text", "state",
    "status", "branch", "program", "category", "kind", "first_day", "last_day", "since", "before",
    "after", "next", "to", "version", "message", "name", "days", "email", "password", "code",
    "shown", "role", "old", "new", "setup", "report", "address", "lang", "mailed", "then", "out",
    "actor", "subject",
]  # fmt: skip


@pytest.fixture(scope="module")
def fuzz_targets(server, server_app):
    """Return a stranger, an applicant and an admin, and known values for address parameters."""
    somebody = Browser(server)
    receipt = complete_form(somebody, load_case("partner"))
    draft = draft_path(start_draft(somebody, load_case("agency")))
    link = somebody.page(f"{draft}/save").all("#link")[0].attrs["value"].rsplit("/", 1)[1]
    opened = update_path(server_app, receipt.text(".reference")).rpartition("/")[2]
    somebody.get(f"/updates/{opened}")
    admin = staff_browser(server, server_app, "admin", "fuzzed")
    admin.token()
    values = {
        "uuid:draft_id": [draft.rsplit("/", 1)[1], draft_path(receipt).rsplit("/", 1)[1], "x"],
        "file": ["data-sets", "milestones", "x"],
        "name": [*COMMITMENT.steps, "submissions.csv", "data-sets.csv", "milestones", "x"],
        "reference": [receipt.text(".reference"), add_submission(server_app, status="published")],
        "token": [link, opened, "x"],
        "role": ["contact", "second", "x"],
        "path:filename": ["site.css", "x"],
    }
    return [Browser(server), somebody, admin], values


@pytest.mark.slow
def test_random_requests_cause_no_500(server, server_app, fuzz_targets):
    seed = os.environ.get("FUZZ_SEED", date.today().isoformat())
    chance = random.Random(seed)
    browsers, values = fuzz_targets
    rules = [rule for rule in server_app.url_map.iter_rules() if rule.endpoint != "staff.sign_out"]
    reached = set()
    for number in range(ROUNDS):
        browser, rule = chance.choice(browsers), chance.choice(rules)
        method, path = chance.choice(METHODS), random_address(rule.rule, values, chance)
        more = {name: chance.choice(HEADERS[name]) for name in chance.sample(list(HEADERS), 2)
                if chance.random() < 0.4}  # fmt: skip
        more = {name: value.encode("latin-1") for name, value in more.items()}
        data = random_form(chance) | {"csrf_token": browser.token()} if method != "GET" else None
        where = f"seed {seed}, round {number}: {method} {path} {more} {data}"
        try:
            answer = browser.open(method, path, data, more)
        except AssertionError as fault:
            raise AssertionError(where) from fault
        reached.add((rule.endpoint, answer.status_code // 100))
        assert answer.status_code < 500, where
        assert b"Traceback" not in answer.content, where
        for header in ("Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy"):
            assert header in answer.headers, (header, where)
        assert "://" not in answer.location, where
    assert len(reached) > 70
    assert browsers[1].get("/readyz").status_code == 200


def random_address(rule: str, values: dict, chance: random.Random) -> str:
    """Build an address from a rule, usually an existing one, with or without a query."""
    for name, known in values.items():
        odd = quote(chance.choice(ODD), safe="")
        rule = rule.replace(f"<{name}>", odd if chance.random() < 0.1 else chance.choice(known))
    if chance.random() < 0.3:
        pairs = [(chance.choice(NAMES), chance.choice(ODD)) for _ in range(chance.randrange(1, 4))]
        rule += "?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in pairs)
    return rule


def random_form(chance: random.Random) -> dict:
    """Build a form: answers of a step, some replaced, or random names and values."""
    data = {}
    if chance.random() < 0.5:
        case = load_case(chance.choice(["agency", "partner"]))
        data = form_data(chance.choice(list(COMMITMENT.steps.values())), case)
    for _ in range(chance.randrange(5)):
        data[chance.choice(NAMES)] = chance.choice([chance.choice(ODD), [chance.choice(ODD)] * 2])
    return data
