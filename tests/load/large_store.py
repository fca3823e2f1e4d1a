"""Compare the cost of a request in an empty and a very large database. See README.md."""

import argparse
import json
import sqlite3
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from tests.load.request_cost import CASE, complete_program, request_cost, running_process

GOAL = 1.1
"""The most that a request may cost, as a multiple of its cost in an empty database."""
NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)"
NOW = "strftime('%Y-%m-%d %H:%M:%f000', 'now', '-' || (i % 50) || ' days')"
FILL = (
    f"""{NUMBERS} INSERT INTO draft
    (id, flow_version, answers, posted, created_at, updated_at, saves, link_version)
    SELECT printf('%032x', i), 1, :answers, '["kind"]', {NOW}, {NOW}, '{{}}', 1 FROM n""",
    f"""{NUMBERS} INSERT INTO submission
    (reference, draft_id, flow_version, branch, answers, submitted_at, status, version, changed_at,
    reminders, organization_kind, organization_name, city, state, commitment_title, programs,
    categories, search)
    SELECT printf('PDI-%08d', i), printf('%032x', i), 1, 'agency', :answers, {NOW}, 'received', 1,
    {NOW}, 1, 'agency', 'Police ' || i, 'Orlando', 'FL', 'Title', '', '', 'police ' || i FROM n""",
    f"""{NUMBERS} INSERT INTO message
    (submission_id, message_id, kind, recipient, language, created_at, next_attempt_at, attempts,
    sent_at)
    SELECT i, i || '@example.org', 'confirmation', 'a@example.org', 'en', {NOW}, {NOW}, 1, {NOW}
    FROM n""",
)


def fill(store: Path, count: int) -> None:
    """Insert that many drafts, each submitted and its message sent."""
    with sqlite3.connect(store) as connection:
        for statement in FILL:
            connection.execute(statement, {"count": count, "answers": json.dumps(CASE)})
    connection.close()


def main() -> None:
    """Run an empty and a full database in turn, and print the cost of a request."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--count", type=int, default=500_000, help="drafts, and as many submissions"
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--walks", type=int, default=10)
    chosen = parser.parse_args()
    command = [sys.executable, "-m", "flask", "--app", "wizard", "serve"]
    with tempfile.TemporaryDirectory() as made, ExitStack() as stack:
        served = {}
        for name, count in {"empty": 0, "full": chosen.count}.items():
            folder = Path(made) / name
            served[name] = stack.enter_context(
                running_process(command, folder, lambda store, count=count: fill(store, count))
            )
        found: dict[str, list[float]] = {name: [] for name in served}
        for port, pid in served.values():
            request_cost(complete_program, port, pid, 2)
        for _ in range(chosen.rounds):
            for name, (port, pid) in served.items():
                found[name].append(request_cost(complete_program, port, pid, chosen.walks))
        size = (Path(made) / "full/wizard.sqlite").stat().st_size / 2**30
    ratio = median(b / a for a, b in zip(found["empty"], found["full"], strict=True))
    for name, figures in found.items():
        print(
            f"{name}: {median(figures):.2f} ms a request ({min(figures):.2f} to {max(figures):.2f})"
        )
    print(f"{chosen.count:,} drafts and as many submissions, {size:.1f} GiB")
    met = "met" if ratio <= GOAL else "MISSED"
    print(f"{ratio:.2f} times an empty database; goal at most {GOAL} times: {met}")


if __name__ == "__main__":
    main()
