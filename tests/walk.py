"""Walks a set of answers through the form, page by page, as a person would."""

from collections.abc import Mapping
from typing import Any

from tests.client import Client, Page
from wizard.flows.commitment import COMMITMENT
from wizard.forms.fields import Group
from wizard.forms.flow import Flow, Step


def form_data(step: Step, answers: Mapping[str, Any]) -> dict[str, Any]:
    """What the page of a step posts for these answers."""
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
    """The address of the draft that a page belongs to."""
    return page.path.rsplit("/", 1)[0]


def start(
    client: Client, answers: Mapping[str, Any], *, htmx: bool = False, flow: Flow = COMMITMENT
) -> Page:
    """Answers the first step; the page that follows."""
    return client.send("/respond/", form_data(flow.first, answers), htmx=htmx)


def walk(
    client: Client,
    answers: Mapping[str, Any],
    *,
    until: str = "done",
    htmx: bool = False,
    flow: Flow = COMMITMENT,
) -> Page:
    """Answers each step that comes up, until the page of that name has come up."""
    page = start(client, answers, htmx=htmx, flow=flow)
    seen: list[str] = []
    while (name := page.path.rsplit("/", 1)[1]) != until:
        assert name not in seen, f"{name} came up again: {page.errors()}"
        seen.append(name)
        page = client.send(page.path, form_data(flow.steps[name], answers), htmx=htmx)
    return page
