"""People without a browser's comforts: they post to servers that may die, and see what is kept."""

import http.client
import json
import random
import urllib.parse
import uuid
from contextlib import contextmanager
from http.cookies import SimpleCookie

from justhtml import JustHTML
from sqlalchemy import create_engine, text

from tests.walk import form_data
from wizard.flows.commitment import COMMITMENT

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
        return hidden(self.open("GET", path)[2])

    def start(self, kind: str) -> str:
        """Makes a draft; its path."""
        data = [*self.hidden("/respond/"), ("organization_kind", kind)]
        return self.open("POST", "/respond/", data)[1].rsplit("/", 1)[0]

    def ready(self, case: dict) -> tuple[str, list[tuple[str, str]]]:
        """Makes the partner case's draft with all but its review: its path, and how to submit."""
        path = self.start("nonprofit")
        token = self.hidden(f"{path}/organization")[0]
        for name in ("organization", "contact", "involvement", "commitment", "milestones",
                     "opportunity", "publication"):  # fmt: skip
            data = [
                (key, each)
                for key, typed in form_data(COMMITMENT.steps[name], case).items()
                for each in (typed if isinstance(typed, list) else [typed])
            ]
            assert self.open("POST", f"{path}/{name}", [token, *data])[0] == 303
        return path, [token, ("authorized", "yes")]


@contextmanager
def held(database_url: str):
    """No draft can be written meanwhile."""
    engine = create_engine(database_url)
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.execute(text("UPDATE draft SET link_version = link_version"))
        else:
            connection.execute(text("SELECT id FROM draft FOR UPDATE"))
        yield
    engine.dispose()


def hidden(html: str) -> list[tuple[str, str]]:
    """The hidden fields of a page."""
    inputs = JustHTML(html, sanitize=False).query('form input[type="hidden"]')
    return [(each.attrs["name"], each.attrs["value"]) for each in inputs]


def stored(server, table: str) -> list:
    """Every row of a table, read past the program."""
    engine = create_engine(server.database_url)
    with engine.connect() as connection:
        rows = list(connection.execute(text(f"SELECT * FROM {table}")).mappings())
    engine.dispose()
    return rows


def value(kept: dict, name: str):
    """A stored answer by its HTML name."""
    group, _, rest = name.partition("-")
    if not rest:
        return kept.get(group)
    place, _, field = rest.partition("-")
    entries = kept.get(group) or []
    return entries[int(place)].get(field) if len(entries) > int(place) else None


class Typist:
    """Somebody who types and saves at random, by any of some servers, and remembers what was
    acknowledged. Of a save without an answer all may be kept, or nothing.
    """

    def __init__(self, *servers, seed: int) -> None:
        self.servers = servers
        self.chance = random.Random(seed)
        self.browser = Browser(servers[0])
        self.path = self.browser.start("agency")
        self.token = dict(self.browser.hidden(f"{self.path}/organization"))["csrf_token"]
        self.known: dict[str, str | None] = {"organization_kind": "agency"}
        self.statuses: list[int] = []
        self.lost = 0
        self.unsure: list[dict[str, str]] = []

    def save(self) -> int:
        """Types and saves once; the status, 0 where no answer came."""
        step = self.chance.choice(list(TYPED))
        typed = {name: self._text() for name in TYPED[step]}
        action = self.chance.choice(["autosave", "autosave", "save", "flip"])
        if action == "flip":
            kind = self.chance.choice(["agency", "nonprofit"])
            step, action, typed = "kind", "save", {"organization_kind": kind}
        where = f"{self.path}/{step}" + ("/autosave" if action == "autosave" else "")
        data = [("csrf_token", self.token), ("action", action), *typed.items()]
        self.browser.server = self.chance.choice(self.servers)
        try:
            status, _, _ = self.browser.open("POST", where, data)
        except OSError:
            status = 0
        self.statuses.append(status)
        if status in (200, 303):
            self.known |= typed
            self.unsure = [each for each in self.unsure if not each.keys() & typed.keys()]
        else:
            self.unsure.append(typed)
        return status

    def _text(self) -> str:
        return "".join(self.chance.choices(LETTERS, k=self.chance.randrange(1, 40)))

    def look(self) -> None:
        """Compares the store with what was acknowledged, and goes on from what is kept."""
        (draft,) = [
            each
            for each in stored(self.servers[0], "draft")
            if str(uuid.UUID(str(each["id"]))) == self.path.rsplit("/", 1)[1]
        ]
        kept = draft["answers"]
        kept = json.loads(kept) if isinstance(kept, str) else kept
        for typed in self.unsure:  # all of it, or nothing
            found = {name: value(kept, name) for name in typed}
            if found == typed:
                self.known |= typed
        found = {name: value(kept, name) for name in self.known}
        self.lost += sum(found[name] != typed for name, typed in self.known.items())
        self.known, self.unsure = found, []

    @property
    def acknowledged(self) -> int:
        """How many saves were."""
        return sum(status in (200, 303) for status in self.statuses)
