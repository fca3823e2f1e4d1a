"""Read export files back."""

import csv
import io
from dataclasses import replace

from wizard.flows.commitment import COMMITMENT
from wizard.forms.fields import Text
from wizard.forms.groups import Group
from wizard.staff import exports
from wizard.submissions.filters import Filters
from wizard.web.tables import FORMULA_START

FLOW_WITH_RETIRED = replace(
    COMMITMENT,
    version=2,
    retired=(
        Text("old_question", "Old question", noun="x"),
        Group(
            "old_parts", "Old parts", noun="x", required=True, entry="Part", min_entries=1,
            max_entries=2, fields=(Text("part", "Part", noun="x"),),
        ),
    ),
)  # fmt: skip


def unescape_cell(cell: str) -> str:
    """Return the text that `escape_cell` was given."""
    return cell[1:] if cell.startswith("'") and FORMULA_START(cell) else cell


def export_bytes(app, name: str, chosen: Filters = Filters(), flow=COMMITMENT) -> bytes:  # noqa: B008
    """Return a whole export file."""
    with app.app_context():
        pieces = exports.export(name, flow, chosen)
    return b"".join(pieces)


def export_rows(app, name: str, *args, **named) -> list[dict[str, str]]:
    """Return the rows of a CSV export, each cell with its exact value."""
    text = export_bytes(app, name, *args, **named).decode("utf-8-sig")
    return [
        {column: unescape_cell(cell) for column, cell in row.items()}
        for row in csv.DictReader(io.StringIO(text, newline=""))
    ]
