"""Clients that post to a server that may die, and compare what is stored."""

import http.client
import json
import random
import urllib.parse
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.cookies import SimpleCookie

from sqlalchemy import create_engine, text

from tests.complete_form import form_data
from tests.elements import Document
from wizard.flows.commitment import COMMITMENT

TYPISTS = 4
TYPED = {
    "organization": ("organization_name", "city"),
    "contact": ("contact_name", "contact_email"),
    "involvement": ("involvement_description",),
    "plan": ("access_plan", "engagement_plan"),
    "milestones": ("milestones-0-what", "milestones-0-due"),
}
LETTERS = "abc é ñ 日本 😀 '\"<>&%+=;\\ \t"


class Browser:
    """The minimum of a browser that can post a form."""

    def __init__(self, server) -> None:
        self.server = server
        self.cookies: dict[str, str] = {}

    def open(self, method: str, path: str, data: list | None = None) -> tuple[int, str, str]:
        """Send a request; return status, location and text.

        Raise `OSError` if no response comes.
        """
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

    def hidden_fields(self, path: str) -> list[tuple[str, str]]:
        """Return the hidden fields of a page."""
        return hidden_fields(self.open("GET", path)[2])

    def start(self, kind: str) -> str:
        """Start a draft; return its path."""
        data = [*self.hidden_fields("/respond/"), ("organization_kind", kind)]
        return self.open("POST", "/respond/", data)[1].rsplit("/", 1)[0]

    def prepare_submission(self, case: dict) -> tuple[str, list[tuple[str, str]]]:
        """Fill in the partner case up to the review; return the path and the data to submit."""
        path = self.start("nonprofit")
        token = self.hidden_fields(f"{path}/organization")[0]
        for name in ("organization", "contact", "programs", "involvement", "commitment",
                     "milestones", "opportunity", "publication"):  # fmt: skip
            data = [
                (key, each)
                for key, typed in form_data(COMMITMENT.steps[name], case).items()
                for each in (typed if isinstance(typed, list) else [typed])
            ]
            assert self.open("POST", f"{path}/{name}", [token, *data])[0] == 303
        return path, [token, ("authorized", "yes")]

    def complete_form(self, case: dict) -> str:
        """Fill in the whole form; return the path of the receipt."""
        path = self.start(case["organization_kind"])
        status, name = 303, "organization"
        while name != "done":
            page = f"{path}/{name}"
            data = [
                (key, each)
                for key, typed in form_data(COMMITMENT.steps[name], case).items()
                for each in (typed if isinstance(typed, list) else [typed])
            ]
            status, location, _ = self.open("POST", page, [*self.hidden_fields(page), *data])
            assert status == 303
            name = location.rsplit("/", 1)[1]
        return f"{path}/done"


@contextmanager
def locked_drafts(database_url: str):
    """Lock the draft table inside the block."""
    engine = create_engine(database_url)
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.execute(text("UPDATE draft SET link_version = link_version"))
        else:
            connection.execute(text("SELECT id FROM draft FOR UPDATE"))
        yield
    engine.dispose()


def hidden_fields(html: str) -> list[tuple[str, str]]:
    """Return names and values of the hidden fields of a page."""
    inputs = Document(html).all('form input[type="hidden"]')
    return [(each.attrs["name"], each.attrs["value"]) for each in inputs]


def stored_rows(server, table: str) -> list:
    """Return every row of a table, read without the program."""
    engine = create_engine(server.database_url)
    with engine.connect() as connection:
        rows = list(connection.execute(text(f"SELECT * FROM {table}")).mappings())
    engine.dispose()
    return rows


def stored_value(kept: dict, name: str):
    """Return a stored answer by its HTML name."""
    group, _, rest = name.partition("-")
    if not rest:
        return kept.get(group)
    place, _, field = rest.partition("-")
    entries = kept.get(group) or []
    return entries[int(place)].get(field) if len(entries) > int(place) else None


class Typist:
    """Type and save at random on several servers, and remember acknowledged saves.

    A save without a response may be stored completely or not at all.
    """

    def __init__(self, *servers, seed: int) -> None:
        self.servers = servers
        self.chance = random.Random(seed)
        self.browser = Browser(servers[0])
        self.path = self.browser.start("agency")
        self.token = dict(self.browser.hidden_fields(f"{self.path}/organization"))["csrf_token"]
        self.known: dict[str, str | None] = {"organization_kind": "agency"}
        self.statuses: list[int] = []
        self.lost = 0
        self.unsure: list[dict[str, str]] = []

    def save(self) -> int:
        """Type and save once; return the status, or 0 without a response."""
        step = self.chance.choice(list(TYPED))
        typed = {name: self._random_text() for name in TYPED[step]}
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

    def _random_text(self) -> str:
        return "".join(self.chance.choices(LETTERS, k=self.chance.randrange(1, 40)))

    def compare_with_database(self) -> None:
        """Count acknowledged answers that are missing, and continue from what is stored."""
        (draft,) = [
            each
            for each in stored_rows(self.servers[0], "draft")
            if str(uuid.UUID(str(each["id"]))) == self.path.rsplit("/", 1)[1]
        ]
        kept = draft["answers"]
        kept = json.loads(kept) if isinstance(kept, str) else kept
        for typed in self.unsure:  # all of it, or nothing
            found = {name: stored_value(kept, name) for name in typed}
            if found == typed:
                self.known |= typed
        found = {name: stored_value(kept, name) for name in self.known}
        self.lost += sum(found[name] != typed for name, typed in self.known.items())
        self.known, self.unsure = found, []

    @property
    def acknowledged(self) -> int:
        """Return the number of acknowledged saves."""
        return sum(status in (200, 303) for status in self.statuses)


@contextmanager
def typists_at_work(server):
    """Let several typists save as fast as they can until the block ends."""
    typists = [Typist(server, seed=number) for number in range(TYPISTS)]
    ended = False

    def type_on(typist: Typist) -> None:
        while not ended:
            typist.save()

    with ThreadPoolExecutor(TYPISTS) as threads:
        working = [threads.submit(type_on, typist) for typist in typists]
        try:
            yield typists
        finally:
            ended = True
    for each in working:
        each.result()


def assert_nothing_lost(typists: list[Typist]) -> None:
    """Print the statuses of all saves; assert that no acknowledged save is missing."""
    for typist in typists:
        typist.compare_with_database()
    statuses = [status for typist in typists for status in typist.statuses]
    counted = {status: statuses.count(status) for status in sorted(set(statuses))}
    lost = sum(typist.lost for typist in typists)
    print(f"answers by status {counted}, acknowledged saves that were lost: {lost}")
    assert lost == 0
    assert set(counted) <= {0, 200, 303, 503}
