"""Measure the open data files with many promises and reports. See README.md."""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest.mock import patch

from sqlalchemy import func, select

from tests.load.page_times import make_app, new_database
from tests.made_up_promises import fill_promises
from tools import demo
from wizard.db.engine import reading
from wizard.db.models import Submission
from wizard.db.promises import Progress, Promise

FILES = (
    "commitments.csv",
    "commitments.json",
    "commitments/data-sets.csv",
    "commitments/milestones.csv",
)
"""The files that the version before promises has, too."""
NEW_FILES = ("commitments/updates.csv", "commitments.ics", "dcat-us-3.json", "commitments.atom")
TURNS = 3
RATIO_GOAL, MEMORY_GOAL = 1.3, 50
"""CPU time beside that of another version; megabytes above idle."""


def main() -> None:
    """Fill a store and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=13_000, help="submissions; 85 % are published")
    parser.add_argument("--before", type=Path, help="a folder with another version of the program")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        url = new_database(Path(made))
        fill(url, made, chosen.count)
        print_costs(url, made, chosen.before)


def fill(url: str, folder: str, count: int) -> None:
    """Store published commitments with promises and reports, and print how many."""
    published = {10**9: {"published": 1}}
    with make_app(url, folder).app_context():
        with patch.object(demo, "CASES", published):
            demo.fill(count)
        fill_promises(1.5)
        with reading() as session:
            query = select(func.count(Submission.published_at), *map(_count, (Promise, Progress)))
            numbers = session.execute(query).one()
    print("{:,} published, {:,} promises, {:,} reports\n".format(*numbers))


def _count(table: type[Promise] | type[Progress]) -> object:
    return select(func.count(table.id)).scalar_subquery()


def print_costs(url: str, folder: str, before: Path | None) -> None:
    """Print the CPU time and the memory of each file; both versions take turns."""
    print(f"| file | CPU s | before (goal {RATIO_GOAL}) | MB | above idle (goal {MEMORY_GOAL}) |")
    print("|---|---:|---:|---:|---:|")
    for name in (*FILES, *NEW_FILES):
        ours, theirs = [], []
        for _ in range(TURNS):
            ours.append(_run(Path.cwd(), url, folder, name))
            if before and name in FILES:
                theirs.append(_run(before, url, folder, name)[0])
        seconds, size, above = (min(each) for each in zip(*ours, strict=True))
        then = f"{min(theirs):.2f} s, {seconds / min(theirs):.2f} times" if theirs else ""
        print(f"| {name} | {seconds:.2f} | {then} | {size:.1f} | {above:.0f} |", flush=True)


def _run(program: Path, url: str, folder: str, name: str) -> list[float]:
    """Measure a file of the version in a folder, in a process of its own."""
    script = Path(__file__).with_name("file_cost.py")
    told = subprocess.run(
        [sys.executable, script, url, folder, f"/{name}"],
        env=os.environ | {"PYTHONPATH": str(program)},
        check=True,
        capture_output=True,
        text=True,
    )
    return [float(each) for each in told.stdout.split()]


if __name__ == "__main__":
    main()
