"""Measure staff pages, public pages and exports with many submissions. See README.md."""

import argparse
import csv
import gc
import gzip
import json
import re
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any
from unittest.mock import patch

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import case, func, insert, select, text

from tests.load.page_addresses import page_addresses, pair_addresses
from tools import demo
from wizard import create_app
from wizard.accounts import accounts
from wizard.accounts.audit import COMMAND_LINE
from wizard.db.accounts import CaseView, StaffUser
from wizard.db.engine import db, is_sqlite, writing
from wizard.db.models import Event, Submission
from wizard.flows.commitment import COMMITMENT
from wizard.public import edition
from wizard.staff import exports
from wizard.submissions import search
from wizard.submissions.cases import locked_case
from wizard.submissions.filters import Filters
from wizard.submissions.versions import raise_version

PAGE_RUNS, PAIR_RUNS, CSV_RUNS = 15, 5, 5
LIST_GOAL, CASE_GOAL, PUBLIC_GOAL, PUBLIC_SEARCH_GOAL, MEMORY_GOAL = 60, 15, 30, 50, 50
"""Milliseconds of CPU time: of a list of the staff, whatever its filters and words, of a case, of a
public page, and of one with a search in words; megabytes of an export."""
VIEWED_EVERY, CHANGED_EVERY = 2, 20
"""Of so many submissions, who measures has opened one, and one of these changed since."""
HOLD_GOAL = 50
"""Milliseconds for which indexing may hold the store."""
PUBLIC_KILOBYTES = 12
"""The most that a public page has, compressed."""
RECORD = ("reference", "submitted_at", "status", "branch", "flow_version", "published_at")
ROWS = f"SELECT {', '.join(RECORD)}, answers FROM submission ORDER BY submitted_at, reference"


def main() -> None:
    """Fill the database and print the tables; with `--memory-of`, measure one export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--database-url", help="an empty, migrated store")
    parser.add_argument("--memory-of", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.memory_of:
        print(memory_of(make_app(chosen.database_url, chosen.folder), chosen.memory_of))
        return
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        url = chosen.database_url or new_database(folder)
        app = make_app(url, made)
        with app.app_context():
            seconds, _ = time_call(lambda: demo.fill(chosen.count))
            print(f"{chosen.count:,} submissions, made in {seconds:.0f} s")
            gc.freeze()  # as `serve` does
            print_indexing(chosen.count)
            vacuum()
        print_pages(app)
        if not chosen.database_url:
            print_csv(app, folder)
        print_memory(url, made)


def new_database(folder: Path) -> str:
    """Create a migrated SQLite file; return its URL."""
    from tests.conftest import migrate  # pytest must not count in memory_of

    url = f"sqlite:///{folder / 'wizard.sqlite'}"
    migrate(url, folder)
    return url


def make_app(url: str, folder: str) -> Flask:
    """Create the program on that database."""
    settings = {"DATABASE_URL": url, "INSTANCE_PATH": folder, "RATELIMIT_ENABLED": False}
    return create_app(settings | {"TESTING": True})


def print_indexing(count: int) -> None:
    """Index all submissions, and print the time, how long the store was held, and the size."""
    holds: list[float] = []
    index_all = search._index_all

    def index_timed(ids: Sequence[int]) -> int:
        seconds, indexed = time_call(lambda: index_all(ids))
        holds.append(1000 * seconds)
        return indexed

    before, began = store_megabytes(), process_time()
    with patch.object(search, "_index_all", index_timed):
        search.index_stale()
    each = 1000 * (process_time() - began) / count
    size = (store_megabytes() - before) * 10_000 / count
    print(f"indexed: {each:.1f} ms of CPU time each, {size:.0f} MB for 10,000;", end=" ")
    print(f"held for {median(holds):.0f} ms, at most {max(holds):.0f} (goal {HOLD_GOAL})\n")


def store_megabytes() -> float:
    """Return the size of the database."""
    pages = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
    if db.engine.dialect.name == "postgresql":
        pages = "SELECT pg_database_size(current_database())"
    with db.engine.connect() as connection:
        return int(connection.execute(text(pages)).scalar_one()) / 1e6


def vacuum() -> None:
    """Vacuum and analyze on PostgreSQL, as autovacuum soon would."""
    if db.engine.dialect.name == "postgresql":
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM (ANALYZE)"))


def signed_in_client(app: Flask) -> FlaskClient:
    """Return a signed-in client; each call adds an account."""
    with app.app_context():
        email = f"bench-{len(accounts.list_accounts())}@example.org"
        db.session.rollback()
        password = accounts.add_account(email, "admin", COMMAND_LINE)
    client = app.test_client()
    page = client.get("/staff/login").text
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)[1]
    form = {"csrf_token": token, "email": email, "password": password}
    assert client.post("/staff/login", data=form).status_code == 303
    return client


def time_call(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds and the result of a call."""
    started = perf_counter()
    result = work()
    return perf_counter() - started, result


def store_views(app: Flask) -> None:
    """Let who signed in last have opened every second case, of which some changed since."""
    newest = select(func.max(Event.id)).where(Event.submission_id == Submission.id)
    last = func.coalesce(newest.scalar_subquery(), 0)
    has_changed = Submission.id % (VIEWED_EVERY * CHANGED_EVERY) == 0
    viewed = select(
        Submission.id,
        select(func.max(StaffUser.id)).scalar_subquery(),
        last - case((has_changed, 1), else_=0),
        last,
        Submission.submitted_at,
    ).where(Submission.id % VIEWED_EVERY == 0)
    columns = ["submission_id", "user_id", "event_id", "last_event_id", "viewed_at"]
    with app.app_context():
        with writing() as session:
            session.execute(insert(CaseView).from_select(columns, viewed))
        vacuum()


def print_pages(app: Flask) -> None:
    """Print the CPU time of each page: that of the program, and of PostgreSQL if it runs here."""
    client = signed_in_client(app)
    store_views(app)
    with app.app_context():
        database = None if is_sqlite() else db.engine.url.database
    searches = f"public searches {PUBLIC_SEARCH_GOAL}"
    goals = f"goals {LIST_GOAL} ms, a case {CASE_GOAL}, public pages {PUBLIC_GOAL}, {searches}"
    print(f"| page ({goals}) | CPU ms, median | least | most | of it PostgreSQL | KB | gzip KB | |")
    print("|---|---:|---:|---:|---:|---:|---:|---|")
    for name, address in page_addresses(app).items():
        runs = [measure_page(client, address, database) for _ in range(PAGE_RUNS)]
        taken = [ours + theirs for ours, theirs, _ in runs]
        page = runs[-1][2]
        is_large = name.startswith("public") and len(gzip.compress(page)) > PUBLIC_KILOBYTES * 1024
        mark = "over" if median(taken) > page_goal(name, address) or is_large else ""
        theirs = median(each[1] for each in runs)
        times = f"{median(taken):.1f} | {min(taken):.1f} | {max(taken):.1f} | {theirs:.1f}"
        sizes = f"{len(page) / 1000:.0f} | {len(gzip.compress(page)) / 1000:.1f}"
        print(f"| {name} | {times} | {sizes} | {mark} |", flush=True)
    print()
    print_pairs(client, database)
    print_editions(app)


def print_pairs(client: FlaskClient, database: str | None) -> None:
    """Print the least CPU time of lists with two filters that miss the goal."""
    least: dict[str, float] = {}
    for address in pair_addresses():
        runs = [measure_page(client, address, database) for _ in range(PAIR_RUNS)]
        least[address] = min(ours + theirs for ours, theirs, _ in runs)
    slow = {address: taken for address, taken in least.items() if taken > LIST_GOAL}
    print(f"{len(least)} lists with two filters, {len(slow)} of them over {LIST_GOAL} ms:")
    for address, taken in sorted(slow.items(), key=lambda pair: -pair[1]):
        print(f"{taken:.0f} {address}")
    print()


def measure_page(
    client: FlaskClient, address: str, database: str | None
) -> tuple[float, float, bytes]:
    """Return the milliseconds of CPU time of the program and of PostgreSQL, and the page."""
    before, began = postgresql_times(database), process_time()
    page = fetch(client, address)
    ours, after = 1000 * (process_time() - began), postgresql_times(database)
    theirs = sum(after[each] - before.get(each, 0) for each in after)
    return ours, theirs, page


def postgresql_times(database: str | None) -> dict[str, float]:
    """Return the milliseconds of CPU time of each process of PostgreSQL that serves this database
    and runs on this machine."""
    times: dict[str, float] = {}
    if database is None:
        return times
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it just ended
            title = (folder / "cmdline").read_text().replace("\0", " ").split()
            if title[:1] == ["postgres:"] and {database, "worker"} & set(title):
                times[folder.name] = int((folder / "schedstat").read_text().split()[0]) / 1e6
    return times


def print_editions(app: Flask) -> None:
    """Print what the first public page after a change costs, and the first one of a process."""
    with app.app_context():
        references = db.session.scalars(
            select(Submission.reference)
            .where(Submission.published_at.is_not(None))
            .limit(PAGE_RUNS)
        ).all()
        db.session.rollback()
        taken: dict[str, list[float]] = {"after a change": [], "after a start": []}
        for reference in references:
            db.session.rollback()  # the edition before was read in a transaction
            with locked_case(reference) as submission:
                raise_version(submission)
            taken["after a change"].append(1000 * time_call(edition.current_edition)[0])
        for _ in references:
            app.extensions.pop("edition")
            taken["after a start"].append(1000 * time_call(edition.current_edition)[0])
        layout = edition.current_edition().layout
    promised = layout.size - len(layout.ids)
    print(f"{len(layout.ids):,} commitments, {promised:,} promises; ms of the edition:", end=" ")
    print("; ".join(f"{name} {median(runs):.0f}" for name, runs in taken.items()), flush=True)
    print()


def page_goal(name: str, address: str) -> int:
    """Return the milliseconds that a page may take."""
    if name.startswith("public"):
        return PUBLIC_SEARCH_GOAL if "q=" in address else PUBLIC_GOAL
    return CASE_GOAL if name.startswith("case") else LIST_GOAL


def fetch(client: FlaskClient, address: str) -> bytes:
    """Return the body of a page."""
    response = client.get(address)
    assert response.status_code in (200, 303), (address, response.status_code)
    return response.data


def print_csv(app: Flask, folder: Path) -> None:
    """Print the seconds for the whole CSV, next to the standard library alone."""
    store = folder / "wizard.sqlite"
    ways = {
        "the export": lambda: write_export(app, folder / "ours.csv"),
        "sqlite3, json and csv alone": lambda: write_baseline(store, folder / "alone.csv", cells),
        "sqlite3 and csv alone, answers as one cell of JSON": lambda: write_baseline(
            store, folder / "raw.csv", lambda answers: [answers]
        ),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(CSV_RUNS):
        for name, work in ways.items():
            taken[name].append(time_call(work)[0])
    ours = taken["the export"]
    print("| submissions.csv | median s | the export takes |")
    print("|---|---:|---:|")
    for name, seconds in taken.items():
        ratio = median(own / other for own, other in zip(ours, seconds, strict=True))
        print(f"| {name} | {median(seconds):.2f} | {ratio:.2f} times as long |")
    print(f"\nThe file has {(folder / 'ours.csv').stat().st_size / 1e6:.0f} MB.\n", flush=True)


def write_export(app: Flask, path: Path) -> None:
    """Write the program's own export."""
    with app.app_context(), path.open("wb") as file:
        file.writelines(exports.export("submissions.csv", COMMITMENT, Filters()))


def write_baseline(store: Path, path: Path, cells_of: Callable[[str], list[Any]]) -> None:
    """Write the same rows with the standard library only."""
    connection = sqlite3.connect(store)
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file)
        for *record, answers in connection.execute(ROWS):
            writer.writerow([*cells_of(answers), *record])
    connection.close()


def cells(stored: str) -> list[Any]:
    """Return the answers of a row."""
    answers = json.loads(stored)
    return [cell(answers.get(name, "")) for name in COMMITMENT.columns]


def cell(value: Any) -> Any:
    """Format an answer as the export does."""
    if isinstance(value, list):
        return ";".join(value) if isinstance(value[0], str) else len(value)
    return "yes" if value is True else value


def print_memory(url: str, folder: str) -> None:
    """Print the peak memory of each export, each in its own process."""
    print(f"| export (goal {MEMORY_GOAL} MB) | idle MB | peak above idle MB | MB streamed | s |")
    print("|---|---:|---:|---:|---:|")
    for name in exports.export_names(COMMITMENT):
        arguments = ["--database-url", url, "--folder", folder, "--memory-of", name]
        command = [sys.executable, "-m", "tests.load.page_times", *arguments]
        told = subprocess.run(command, check=True, capture_output=True, text=True)
        print(told.stdout.strip(), flush=True)


def memory_of(app: Flask, name: str) -> str:
    """Fetch one export as over the web, after a first page; return its row of the table."""
    client = signed_in_client(app)
    fetch(client, "/staff/submissions")
    idle = memory_megabytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far: proc(5)
    seconds, size = time_call(lambda: sum(map(len, stream_export(client, name))))
    peak = memory_megabytes("VmHWM")
    figures = f"{idle:.0f} | {peak - idle:.0f} | {size / 1e6:.0f} | {seconds:.1f}"
    return f"| {name} | {figures} |"


def stream_export(client: FlaskClient, name: str) -> Iterator[bytes]:
    """Yield an export in chunks."""
    response = client.get(f"/staff/export/{name}")
    assert response.status_code == 200
    yield from response.iter_encoded()


def memory_megabytes(what: str) -> float:
    """Return this process's memory in megabytes from proc(5): `VmRSS` now, `VmHWM` peak."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(rf"{what}:\s+([0-9]+) kB", status)[1]) * 1024 / 1e6


if __name__ == "__main__":
    main()
