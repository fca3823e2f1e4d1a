"""The answers of a submission as a PDF to keep."""

import json
from pathlib import Path
from typing import Any

import typst

from .. import clock
from ..db.models import Submission
from ..forms.dates import format_moment
from ..forms.messages import Message
from ..forms.outputs import Row, cards
from ..web.current import current_flow
from ..web.languages import get_locale, program_name, translate

TEMPLATE = Path(__file__).parents[2] / "templates/pdf/answers.typ"


def answers_pdf(submission: Submission) -> bytes:
    """Return the answers in the current language, tagged for screen readers (PDF/UA-1).

    Letters that no font of the machine has are allowed, which PDF/UA-1 forbids.
    """
    facts = {
        Message("Reference number:"): submission.reference,
        Message("Submitted:"): translate(format_moment(clock.local(submission.submitted_at))),
    }
    data = {
        "language": get_locale(),
        "title": translate(Message("Your answers")),
        "program": program_name(),
        "reference": submission.reference,
        "facts": [f"{translate(label)} {value}" for label, value in facts.items()],
        "cards": [
            {"title": translate(card.step.title), "rows": [_row(row) for row in card.rows]}
            for card in cards(current_flow(), submission.answers)
            if card.rows
        ],
    }
    try:
        return _compile(data, pdf_standards="ua-1")
    except typst.TypstError:
        return _compile(data)


def _row(row: Row) -> dict[str, Any]:
    entries = [
        {"title": translate(title), "rows": [_row(each) for each in rows]}
        for title, rows in row.entries
    ]
    return {"label": translate(row.label), "text": translate(row.text), "entries": entries}


def _compile(data: dict[str, Any], **options: Any) -> bytes:
    inputs = {"data": json.dumps(data)}
    pdf: bytes = typst.compile(TEMPLATE, format="pdf", sys_inputs=inputs, **options)
    return pdf
