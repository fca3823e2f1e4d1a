"""Fill in the form page by page, and post single steps."""

import uuid
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import urlsplit

from tests.client import Client, Page
from wizard.apply import drafts
from wizard.apply.answers import save
from wizard.apply.binding import read_post
from wizard.apply.open_forms import OpenDraft
from wizard.flows.commitment import COMMITMENT
from wizard.forms.flow import Flow, Step
from wizard.forms.groups import Group
from wizard.forms.outcomes import Completed


def form_data(step: Step, answers: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the page of a step posts for these answers."""
    data: dict[str, Any] = {}
    for field in step.fields:
        value = answers.get(field.name)
        if value is None:
            continue
        if isinstance(field, Group):
            for place, entry in enumerate(value):
                data |= {f"{field.name}-{place}-{name}": text for name, text in entry.items()}
        else:
            data[field.name] = "yes" if value is True else value
    return data


def draft_path(page: Page) -> str:
    """Return the path of the draft that a page belongs to."""
    return page.path.rsplit("/", 1)[0]


def start_draft(
    client: Client, answers: Mapping[str, Any], *, htmx: bool = False, flow: Flow = COMMITMENT
) -> Page:
    """Post the first step; return the next page."""
    return client.send("/respond/", form_data(flow.first, answers), htmx=htmx)


def complete_form(
    client: Client,
    answers: Mapping[str, Any],
    *,
    until: str = "done",
    htmx: bool = False,
    follow: bool = False,
    flow: Flow = COMMITMENT,
) -> Page:
    """Fill in each step in turn until the page named `until`; return it.

    With `follow`, post every step and open every page. Without, a client in this process saves the
    steps between the first one and the review as their posts would, but without HTTP, which takes
    most of the time.
    """
    is_inside = isinstance(client, Client) and not follow
    path, step, seen = "/respond/", flow.first, []
    while True:
        page = client.send(path, form_data(step, answers), htmx=htmx, follow=follow)
        path, name = _next_page(page)
        if is_inside and name not in (until, flow.review.name, "done"):
            name = _save_steps(client, path, answers, until, flow)
            path = f"{parent_path(path)}/{name}"
        if name == until:
            return page if follow else client.page(path, htmx=htmx)
        assert name not in seen, f"{name} came up again: {page.errors()}"
        seen.append(name)
        step = flow.steps[name]


def _save_steps(
    client: Client, path: str, answers: Mapping[str, Any], until: str, flow: Flow
) -> str:
    """Save the steps from a path to the one named `until`, or to the review; return its name."""
    draft_id, name = path.split("/")[-2:]
    posts = {}
    for step in flow.steps.values():
        with _posted(client, form_data(step, answers)):
            posts[step.name] = read_post(step)
    with _posted(client, {}), drafts.locked_draft(uuid.UUID(draft_id)) as draft:
        assert draft
        while name not in (until, flow.review.name):
            outcome = save(OpenDraft(draft), posts[name])
            assert isinstance(outcome, Completed), (name, outcome)
            name = outcome.next_step
    return name


def _posted(client: Client, data: dict[str, Any]) -> AbstractContextManager:
    """Return the context of a post of that browser."""
    environ = client.environ_base
    return client.application.test_request_context(method="POST", data=data, environ_base=environ)


def _next_page(page: Page) -> tuple[str, str]:
    """Return the path and the name of the page that a post leads to, if it was opened or not."""
    path = urlsplit(page.response.headers.get("Location", page.path)).path
    return path, path.rsplit("/", 1)[1]


def is_equivalent(given, stored) -> bool:
    """Return True if the stored answer equals the given one after normalization."""
    known = {
        "www.orlando.example.gov/police": "https://www.orlando.example.gov/police",
        "https://data.orlando.example.gov": "https://data.orlando.example.gov/",
        "(407) 555-0142": "+14075550142",
    }
    if isinstance(given, list) and all(isinstance(code, str) for code in given):
        return sorted(given) == sorted(stored)
    return known.get(given, given) == stored if isinstance(given, str) else given == stored


def post_step(client, path, step, answers, action="continue", **more):
    """Post the answers of one step, with an action and more fields."""
    data = form_data(COMMITMENT.steps[step], answers) | {"action": action} | more
    return client.send(f"{path}/{step}", data)


def autosave(client, path: str, data: dict, page: Page | None = None):
    """Post typed values as the script of a page does."""
    own = page_fields(page) if page else {}
    return client.post(f"{path}/autosave", data={"csrf_token": client.token(), **own, **data})


def page_fields(page: Page) -> dict[str, str]:
    """Return the hidden page fields of a page."""
    names = ("page", "turn", "based_on", "pass")
    return {name: page.values()[name][0] for name in names if name in page.values()}


def resume_path(page: Page) -> str:
    """Return the path of the resume link on a save page."""
    url = page.all("#link")[0].attrs["value"]
    assert url.startswith("http://commitments.example.org/resume/")
    return url.removeprefix("http://commitments.example.org")


def parent_path(path: str) -> str:
    """Return the path of the draft that a step path belongs to."""
    return path.rsplit("/", 1)[0]


def submit_page(client, tab: Page, htmx: bool = False, **changes) -> Page:
    """Post a page with some of its fields changed."""
    return client.send(tab.path, {**tab.values(), **changes}, htmx=htmx)
