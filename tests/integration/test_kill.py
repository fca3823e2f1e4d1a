"""The server is killed at random moments: what it acknowledged is there afterwards."""

import http.client
import json
import random
import threading
import urllib.parse
from contextlib import suppress
from http.cookies import SimpleCookie

import pytest
from justhtml import JustHTML
from sqlalchemy import create_engine, text

from tests.conftest import load_case
from tests.server import serving
from tests.walk import form_data
from wizard.flows.commitment import COMMITMENT

pytestmark = pytest.mark.slow

KILLS = 100
TYPED = {
    "organization": ("organization_name", "city"),
    "contact": ("contact_name", "contact_email"),
    "involvement": ("involvement_description",),
    "plan": ("access_plan", "engagement_plan"),
    "milestones": ("milestones-0-what", "milestones-0-due"),
}
LETTERS = "abc é ñ 日本 😀 '\"<>&%+=;\\ \t"


class Browser:
    """As much of a browser as it takes to post a form."""

    def __init__(self, server) -> None:
        self.server = server
        self.cookies: dict[str, str] = {}

    def open(self, method: str, path: str, data: list | None = None) -> tuple[int, str, str]:
        """Status, location and text of an answer. Raises `OSError` where none comes."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        body = None
        if data is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urllib.parse.urlencode(data)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            read = answer.read().decode()
        except http.client.HTTPException as error:
            raise ConnectionError from error
        finally:
            connection.close()
        for name, morsel in SimpleCookie(answer.headers.get("Set-Cookie", "")).items():
            self.cookies[name] = morsel.value
        return answer.status, answer.headers.get("Location", ""), read

    def hidden(self, path: str) -> list[tuple[str, str]]:
        """What a page posts beside its answers."""
        _, _, html = self.open("GET", path)
        inputs = JustHTML(html, sanitize=False).query('form input[type="hidden"]')
        return [(each.attrs["name"], each.attrs["value"]) for each in inputs]

    def start(self, kind: str) -> str:
        """Makes a draft; its path."""
        data = [*self.hidden("/respond/"), ("organization_kind", kind)]
        return self.open("POST", "/respond/", data)[1].rsplit("/", 1)[0]


def stored(server, table: str) -> list:
    """Every row of a table, read past the program."""
    engine = create_engine(server.database_url)
    with engine.connect() as connection:
        rows = list(connection.execute(text(f"SELECT * FROM {table}")).mappings())
    engine.dispose()
    return rows


def answers(server) -> dict:
    """What is stored of the only draft."""
    (draft,) = stored(server, "draft")
    kept = draft["answers"]
    return json.loads(kept) if isinstance(kept, str) else kept


def value(kept: dict, name: str):
    """A stored answer by its HTML name."""
    group, _, rest = name.partition("-")
    if not rest:
        return kept.get(group)
    place, _, field = rest.partition("-")
    entries = kept.get(group) or []
    return entries[int(place)].get(field) if len(entries) > int(place) else None


def test_what_was_acknowledged_survives_a_hundred_kills(database_url, tmp_path):
    seed = random.randrange(10**6)
    print("seed", seed)
    chance = random.Random(seed)
    kills = lost = acknowledged = 0
    with serving(database_url, tmp_path) as server:
        browser = Browser(server)
        path = browser.start("agency")
        token = dict(browser.hidden(f"{path}/organization"))
        known: dict[str, str | None] = {"organization_kind": "agency"}  # acknowledged last
        while kills < KILLS:
            step = chance.choice(list(TYPED))
            typed = {
                name: "".join(chance.choices(LETTERS, k=chance.randrange(1, 40)))
                for name in TYPED[step]
            }
            action = chance.choice(["autosave", "autosave", "save", "flip", "elsewhere"])
            dies = chance.random() < 0.5
            if dies:
                timer = threading.Timer(chance.random() * 0.03, server.kill)
                timer.start()
            try:
                if action == "flip":
                    typed = {"organization_kind": chance.choice(["agency", "nonprofit"])}
                    step, action = "kind", "save"
                if action == "elsewhere":
                    before, browser = browser, Browser(server)
                    browser.cookies = dict(before.cookies)
                    action = "autosave"
                where = f"{path}/{step}" + ("/autosave" if action == "autosave" else "")
                data = [("csrf_token", token["csrf_token"]), ("action", action), *typed.items()]
                status, _, _ = browser.open("POST", where, data)
            except OSError:
                status = 0
            if dies:
                timer.join()
                kills += 1
                server.start()
            assert status in (0, 200, 303), status
            kept = answers(server)
            for name, before in known.items():
                if name not in typed:
                    lost += value(kept, name) != before
            found = {name: value(kept, name) for name in typed}
            if status:
                acknowledged += 1
                lost += found != typed
            else:  # all of it, or nothing
                assert found in (typed, {name: known.get(name) for name in typed})
            known |= found
    print(f"{kills} kills, {acknowledged} acknowledged, {lost} lost")
    assert lost == 0


def test_a_submission_survives_a_kill_and_is_made_once(database_url, tmp_path):
    case = load_case("partner")
    with serving(database_url, tmp_path) as server:
        for turn in range(8):
            browser = Browser(server)
            path = browser.start("nonprofit")
            token = browser.hidden(f"{path}/organization")[0]
            for name in ("organization", "contact", "involvement", "commitment", "milestones",
                         "opportunity", "publication"):  # fmt: skip
                data = [
                    (key, each)
                    for key, typed in form_data(COMMITMENT.steps[name], case).items()
                    for each in (typed if isinstance(typed, list) else [typed])
                ]
                assert browser.open("POST", f"{path}/{name}", [token, *data])[0] == 303
            timer = threading.Timer(turn * 0.004, server.kill)
            timer.start()
            with suppress(OSError):
                browser.open("POST", f"{path}/review", [token, ("authorized", "yes")])
            timer.join()
            server.start()
            status, location, _ = browser.open(
                "POST", f"{path}/review", [token, ("authorized", "yes")]
            )
            assert (status, location) == (303, f"{path}/done")
            assert len(stored(server, "submission")) == turn + 1
            assert len(stored(server, "outbox_message")) == turn + 1
