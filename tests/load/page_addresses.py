"""The addresses of the pages that `page_times` measures."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import combinations

from flask import Flask
from sqlalchemy import func, select

from wizard import clock
from wizard.db.engine import db
from wizard.db.models import Submission


def page_addresses(app: Flask) -> dict[str, str]:
    """Return the addresses to measure, by name."""
    with app.app_context():
        known = db.session.scalars(select(Submission).order_by(Submission.id).limit(3)).all()
        last = db.session.scalar(select(func.max(Submission.id)))
        middle = db.session.get_one(Submission, last // 2)
    day, today = middle.submitted_at.date(), clock.now().date()
    key = f"{middle.submitted_at:%Y-%m-%dT%H:%M:%S}%2B00:00_{middle.reference}"
    queries = {
        "all, newest": "",
        "all, oldest": "last=1",
        "all, from the middle": f"older={key}",
        "branch": "branch=partner",
        "branch, oldest": "branch=partner&last=1",
        "kind": "kind=company",
        "state, many": "state=CA",
        "state, few": "state=MP",
        "status": "status=declined",
        "status, oldest": "status=received&last=1",
        "program": "program=opportunity_project",
        "one day": f"first_day={day}&last_day={day}",
        "a year": f"first_day={today - timedelta(days=365)}&last_day={today}",
        "text, many": "text=lakeview",
        "words, one letter": "q=p",
        "words, rare": f"q={middle.reference.split('-')[1]}",
        "words, most": "q=police",
        "words, phrase": "q=%22use+of+force%22",
        "words, phrase and more": "q=%22use+of+force%22+dat",
        "words, phrase, status": "q=%22use+of+force%22&status=declined",
        "words, phrase, queue": "q=%22use+of+force%22&todo=yes",
        "words, never side by side": "q=%22force+police%22",
        "text, two words": "text=tenants+sereno",
        "text, one": f"text={middle.reference}",
        "text, none": "text=zzzz",
        "text, none, oldest": "text=zzzz&last=1",
        "next due": "sort=due",
        "next due, last page": "sort=due&last=1",
        "next due, status": "sort=due&status=declined",
        "next due, words": "sort=due&q=police",
        "overdue": "promises=overdue",
        "overdue, next due": "promises=overdue&sort=due",
        "due soon, next due": "promises=due_soon&sort=due",
        "queue": "todo=yes",
        "queue, last page": "todo=yes&last=1",
        "queue, kind": "todo=yes&kind=company",
        "mine": "assigned=me",
        "nobody's": "assigned=nobody",
        "queue, unread": "todo=yes&seen=unread",
        "changed": "seen=changed",
        "queue, changed": "todo=yes&seen=changed",
        "overdue, words": "promises=overdue&q=police",
        "changed, words": "seen=changed&q=police",
        "unread, words": "seen=unread&q=police",
        "changed, overdue": "seen=changed&promises=overdue",
        "several, many": "branch=jurisdiction&status=accepted&program=police_data_initiative",
        "several, few": "kind=company&state=VT&status=declined&text=lakeview",
        "several, none": "kind=agency&branch=partner&state=CA&text=data",
    }
    lists = {f"list: {name}": f"/staff/submissions?{query}" for name, query in queries.items()}
    single = {f"case: {each.reference}": f"/staff/submissions/{each.reference}" for each in known}
    from_lists = {
        "queue": "todo=yes",
        "changed": "seen=changed",
        "words": "q=police",
        "next due": "sort=due",
        "overdue": "promises=overdue&sort=due",
    }
    for name, query in from_lists.items():
        address = f"/staff/submissions/{middle.reference}"
        single[f"case from: {name}"] = f"{address}?{query}"
        single[f"next in: {name}"] = f"{address}/next?{query}"
    with app.app_context():
        published = db.session.scalars(
            select(Submission.reference).where(Submission.published_at.is_not(None)).limit(3)
        ).all()
    public_queries = (
        "",
        "last=1",
        "state=CA",
        "category=use_of_force",
        "text=zzzz",
        "q=police",
        "q=%22use+of+force%22+dat",
        "q=zzzz",
        "kind=company",
        "progress=overdue",
        "sort=due",
        "category=use_of_force&kind=agency&progress=overdue&state=TX",
        "due=2027-03&progress=due_later",
    )
    public = (
        {"public: first page": "/", "public: numbers": "/progress"}
        | {"public: numbers state=TX": "/progress?state=TX"}
        | {f"public: list {query}": f"/commitments?{query}" for query in public_queries}
    )
    public |= {f"public: {each}": f"/commitments/{each}" for each in published}
    return {"dashboard": "/staff/", "report": "/staff/report"} | lists | single | public


PAIRED = (
    "branch=partner",
    "kind=company",
    "state=CA",
    "state=MP",
    "status=declined",
    "status=published",
    "status=received",
    "program=opportunity_project",
    "first_day=2026-01-01&last_day=2026-06-30",
    "q=police",
    "q=lakeview",
    "q=%22use+of+force%22",
    "q=tenants+sereno",
    "q=%22use+of+force%22+dat",
    "todo=yes",
    "assigned=nobody",
    "seen=unread",
    "seen=changed",
    "promises=overdue",
    "promises=due_soon",
    "sort=oldest",
    "sort=changed",
    "sort=due",
)
"""Filters and orders of a list, frequent and rare ones."""


def pair_addresses() -> Iterator[str]:
    """Yield the addresses of lists with two different filters."""
    for one, other in combinations(PAIRED, 2):
        if one.partition("=")[0] != other.partition("=")[0]:
            yield f"/staff/submissions?{one}&{other}"
