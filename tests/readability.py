"""Print the Flesch-Kincaid grade of every page of the applicant's side.

    .venv/bin/python -m tests.readability

The goal is US grade 8 or less. Counted are whole sentences of paragraphs, list items, hints and
errors. Names of programs count as one short word, and answers not at all. Pages with fewer than 100
words are counted together.
"""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyphen
from flask import Flask

from tests.client import Client, Page
from tests.complete_form import complete_form, draft_path, form_data, start_draft
from tests.conftest import load_case, migrate
from tests.texts import words
from wizard import create_app
from wizard.accounts.audit import Actor
from wizard.flows.commitment import COMMITMENT
from wizard.submissions import proposals
from wizard.submissions.cases import locked_case

GOAL = 8.0
MIN_WORDS = 100
NAMES = ("Police Data Initiative", "Opportunity Project", "Data Commitments", "example.gov")
LEGAL = (".paperwork", "footer")
"""Wording that a law or its regulations prescribe: the notice of the Paperwork Reduction Act."""
COUNTED = "p, li, .hint, .error, label"
SYLLABLES = pyphen.Pyphen(lang="en_US", left=1, right=2)


def grade(sentences: list[str]) -> float:
    """Return the Flesch-Kincaid grade of some sentences."""
    found = [word for sentence in sentences for word in words(sentence)]
    syllables = sum(len(SYLLABLES.positions(word)) + 1 for word in found)
    return 0.39 * len(found) / len(sentences) + 11.8 * syllables / len(found) - 15.59


def sentences_of(page: Page) -> list[str]:
    """Return the whole sentences that a page says itself, each once."""
    legal = [part for selector in LEGAL for each in page.all(selector) for part in each.all("*")]
    texts = [
        each.text
        for each in page.all(COUNTED)
        if each not in legal and not each.all("p, li, dd, label")
    ]
    for name in NAMES:
        texts = [text.replace(name, "X") for text in texts]
    parts = (part for text in texts for part in re.split(r"(?<=[.?!])\s+", text))
    return list(dict.fromkeys(part for part in parts if re.search(r"\w \S.*[.?!]$", part)))


def pages(app: Flask) -> Iterator[tuple[str, Page]]:
    """Yield every page and its name; each step empty, and with the errors of an empty post."""
    client = app.test_client()
    for path in ("/", "/questions", "/privacy", "/accessibility", "/commitments", "/nowhere",
                 "/resume/invented", "/respond/exit", "/respond/"):  # fmt: skip
        yield path, client.page(path)
    yield "/respond/ with errors", client.send("/respond/", {})
    for case in ("agency", "partner"):
        answers = load_case(case)
        page = start_draft(client, answers)
        base = draft_path(page)
        while (name := page.path.rsplit("/", 1)[1]) != "review":
            yield f"{case}: {name}", client.page(page.path)
            yield f"{case}: {name} with errors", client.send(page.path, {})
            page = client.send(page.path, form_data(COMMITMENT.steps[name], answers))
        yield f"{case}: review", page
        yield f"{case}: save", client.page(f"{base}/save")
        yield f"{case}: delete", client.page(f"{base}/delete")
        receipt = complete_form(client, answers)
        yield f"{case}: receipt", receipt
        yield from pages_of_changes(app, client, receipt.text(".reference"))


def pages_of_changes(app: Flask, client: Client, reference: str) -> Iterator[tuple[str, Page]]:
    """Yield the pages of a correction, and of changes that staff asked for."""
    address = f"/commitments/{reference}/changes/"
    yield "corrections", client.page(address)
    yield "correction", client.send(address)
    with app.app_context(), locked_case(reference) as submission:
        proposals.request_changes(submission, {"city": ""}, Actor("editor@example.gov"))
    yield "changes", client.page(address)
    yield "changes: organization", client.page(f"{address}organization")
    yield "changes: review", client.send(f"{address}organization", {"city": "Tampa"})


def sentences_by_page() -> dict[str, list[str]]:
    """Return the sentences of each page by its name, those of short pages together."""
    with tempfile.TemporaryDirectory() as name:
        url = f"sqlite:///{Path(name) / 'wizard.sqlite'}"
        migrate(url, Path(name))
        settings = {"DATABASE_URL": url, "INSTANCE_PATH": name, "TESTING": True}
        app = create_app(settings | {"PROGRAM_EMAIL": "office@example.gov"})
        app.test_client_class = Client
        said = {name: sentences_of(page) for name, page in pages(app)}
    short = [name for name, found in said.items() if sum(map(len, map(words, found))) < MIN_WORDS]
    pooled = [sentence for name in short for sentence in said.pop(name)]
    said[f"{len(short)} pages with fewer than {MIN_WORDS} words"] = list(dict.fromkeys(pooled))
    return said


def main() -> None:
    """Print a line for each page, the hardest one first, and one for all of them."""
    said = sentences_by_page()
    for name, found in sorted(said.items(), key=lambda item: -grade(item[1])):
        mark = "!" if grade(found) > GOAL else " "
        print(f"{mark} {grade(found):5.1f}  {sum(map(len, map(words, found))):5} words  {name}")
    everything = list(dict.fromkeys(sentence for found in said.values() for sentence in found))
    print(f"  {grade(everything):5.1f}  all {len(everything)} sentences")
    print("  Excepted: the notice of the Paperwork Reduction Act.")


if __name__ == "__main__":
    main()
