"""Made-up submissions for trying and measuring the program; the same seed gives the same ones.

    python -m tools.demo --count 400

Organizations, people and texts are invented. The questions are read from the flow, so a new one is
answered too. Answers are generated clean: validating a journey for each would take long.
"""

import uuid
from dataclasses import asdict
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import click
from flask import current_app
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from wizard import clock, create_app
from wizard.accounts import accounts
from wizard.accounts.audit import COMMAND_LINE
from wizard.apply.submit import REFERENCE_LETTERS
from wizard.db.engine import reading, writing
from wizard.db.models import Draft, Event, MailMessage, Proposal, Submission
from wizard.db.promises import Progress, Promise
from wizard.flows.commitment import COMMITMENT
from wizard.forms import changes, promises
from wizard.forms.choices import Choice, Choices
from wizard.forms.fields import Confirm, Date, Email, Field, LongText, Phone, Url
from wizard.forms.groups import Group, add_entry_ids
from wizard.forms.journey import Journey
from wizard.forms.promises import DatedVersion, Update, derive_promises
from wizard.ops.cli import one_line_errors
from wizard.submissions.listing import index_columns

BATCH_SIZE = 1_000
"""Submissions per transaction."""
SPAN = timedelta(days=548)
"""Age of the oldest submission."""
DRAFTS, MESSAGES = 12, 40
STRIDE = 405_500_999_987
"""Coprime to the number of possible references, so that each number has its own reference."""

PEOPLE = (
    "CA 390, TX 300, FL 225, NY 195, PA 130, IL 125, OH 118, GA 110, NC 108, MI 100, NJ 93, VA 87, "
    "WA 78, AZ 74, TN 71, MA 70, IN 69, MD 62, MO 62, WI 59, CO 59, MN 57, SC 54, AL 51, LA 46, "
    "KY 45, OR 42, OK 41, CT 36, UT 34, IA 32, NV 32, PR 32, AR 31, MS 29, KS 29, NM 21, NE 20, "
    "ID 20, WV 18, HI 14, NH 14, ME 14, MT 11, RI 11, DE 10, SD 9, ND 8, AK 7, DC 7, VT 6, WY 6, "
    "GU 2, VI 1, AS 1, MP 1"
)
"""Population by state, roughly, in hundred thousands."""
WEIGHTS = {
    "organization_kind": dict(agency=34, city=26, nonprofit=18, community=12, company=10),
    "state": {entry[:2]: int(entry[3:]) for entry in PEOPLE.split(", ")},
    "publish_consent": dict(yes=85, no=15),
}
"""Relative frequency of each code; the codes of other fields are equally frequent."""
CITIES = (
    "Lakeview|Cedar Crossing|Maple Ridge|Fort Alder|New Hadley|Río Sereno|Cañada Vista|Two Pines|"
    "Saint-Léonie|O’Hara Mills|Harbor Point|Elk Meadow|Mill Hollow|Granite Bend|Kaʻala Bay|"
    "Peñasco Verde|Prairie Junction|Dunmore Heights|Sable Creek|Port Winslow|D'Arcy Springs"
)
NAMES = {
    "agency": "{city} Police Department|{city} County Sheriff’s Office|Tribal Police of {city}",
    "city": "City of {city}|Town of {city}|{city} County|Village of {city}, Office of Data",
    "nonprofit": "Open Streets Collective of {city}|Códigos Abiertos {city}|Neighbors First {city}",
    "community": "Friends of {city} Commons|{city} Tenants' Union|{city}市民データ会|"
    "Vecinos Unidos de {city}|Наш район {city}|@{city} Neighbors",
    "company": "{city} Civic Analytics, Inc.|Brightline Maps {city}|{city} Data Works LLC",
}
LINES = {
    "contact_name": "Open Data Desk|Ana Peña|Sam O'Neill|Records Unit|Lê Thị Hoa|Мария Ким",
    "delegate_name": "Technology Bureau|José Ortiz|Siobhán O’Dea|Liaison Desk",
    "contact_role": "Records supervisor|Data analyst|Director|Volunteer coordinator|Lieutenant",
    "commitment_title": "Incident-level data that residents of {city} can read|"
    "Every stop in a table: who, where and what came of it|A map that works on a phone|"
    "“What happened on my block?” — answered in plain words|"
    "Use of force, published monthly with a data dictionary",
    "title": "All records since 2009|Monthly extract with a dictionary|Reports without names",
    "category_other": "Naloxone given by officers|Body-worn camera requests|Tow-aways",
    "what": "Publish the first three months|Hold a workshop with residents|"
    "Translate the dictionary|Train officers on the new form|Release the code openly",
    "measure": "A page with three files, each with its date|It's there in Spanish|"
    "90% of patrol staff have signed the list|A survey with 200 answers, published whole",
}
"""Answers of one line, by field name."""
SENTENCES = (
    "Residents of {city} ask the same three questions at each meeting, and none has a number yet.",
    "Calls for service are public as yearly totals; what people want is one row for each call.",
    "We publish every table with a dictionary that says, field by field, what it means.",
    "Before anything goes out, advocates for victims of violence read a sample with us.",
    "Officers who fill in the forms sit at the table; it's their words that name the columns.",
    "A volunteer translates the summary into Español, Tiếng Việt and 中文.",
    "Twice a year the “data night” at the library shows what changed since the last one.",
    "We count use of force by incident and by person, since one incident can involve several.",
)
CASES = {
    14: dict(received=80, in_review=13, changes_requested=5, withdrawn=2),
    60: dict(received=20, in_review=30, changes_requested=5, accepted=30, declined=10, withdrawn=5),
    9999: dict(received=2, in_review=6, accepted=27, declined=10, withdrawn=5, published=50),
}
"""Submissions of 100 in each status, by the age in days that they are younger than."""
PATHS = {
    "received": (),
    "in_review": ("review_started",),
    "changes_requested": ("review_started", "changes_requested"),
    "accepted": ("review_started", "accepted"),
    "declined": ("review_started", "declined"),
    "withdrawn": ("withdrawn",),
    "published": ("review_started", "accepted", "published"),
}
"""The events until a case has that status."""
ASKED = {COMMITMENT.roles.title: "Say in the title which data it is about."}
"""The changes that are asked for."""
EVENT_DATA = {
    "changes_requested": {"opened": ASKED},
    "declined": {"reason": "The data is public already, as incident-level tables."},
    "withdrawn": {"reason": "The organization has nobody to do it this year."},
}
OUTCOMES = dict(done=62, delayed=12, dropped=4, on_track=4, nothing=18)
"""Reports of 100 on promises near their date."""
WORDS = {
    "done": "Every month since 2019, with a dictionary.||Two people asked for it already.",
    "delayed": "The vendor’s export comes in the spring.|We check each row for names first.",
    "dropped": "Another agency publishes the same table now.",
    "on_track": "The first draft is with the records unit.",
}
MAX_RESPONSE_TIME = timedelta(days=30)


@click.command()
@click.option("--count", default=400, show_default=True, help="Number of submissions.")
def main(count: int) -> None:
    """Fill a fresh database with made-up submissions, and add an account to sign in with."""
    with create_app().app_context(), one_line_errors():
        if current_app.config["SMTP_URL"]:
            text = "Made-up people would get email: remove WIZARD_SMTP_URL, also where you serve."
            raise click.ClickException(text)
        if _in_use():
            raise click.ClickException("This database is in use: made-up data needs a fresh one.")
        fill(count)
        password = accounts.add_account("demo@example.org", "admin", COMMAND_LINE)
    click.echo(f"{count:,} made-up submissions. Sign in at /staff/ as demo@example.org")
    click.echo(f"Password: {password}")


def _in_use() -> bool:
    with reading() as session:
        submission = session.scalar(select(Submission.id).limit(1))
    return submission is not None or bool(accounts.list_accounts())


def fill(count: int, *, seed: int = 1) -> None:
    """Add submissions, and a few drafts and messages, at most one each per submission."""
    with writing() as session:
        last = session.scalar(select(func.max(Submission.id))) or 0
    random, now = Random(f"{seed} {last}"), clock.now()  # noqa: S311
    for start in range(0, count, BATCH_SIZE):
        rows = []
        for index in range(start, min(start + BATCH_SIZE, count)):
            age = SPAN * (1 - (index + random.random()) / count) ** 2
            rows.append(_submission(random, last + index + 1, age, now))
        with writing() as session:
            session.execute(insert(Submission), rows)
            _add_events(session, rows, now)
            _add_promises(session, random, rows, now)
    with writing() as session:
        session.add_all(_draft(random, now) for _ in range(min(DRAFTS, count)))
        newest = select(Submission).where(Submission.id > last).order_by(Submission.id.desc())
        for index, submission in enumerate(session.scalars(newest.limit(MESSAGES))):
            session.add(_message(submission, failed=index % 10 == 7))


def _submission(random: Random, number: int, age: timedelta, now: datetime) -> dict[str, Any]:
    at, reference = now - age, _reference(number)
    given = add_entry_ids(COMMITMENT.groups, answers(random, at.date()), reference)
    status = _weighted(random, next(CASES[days] for days in CASES if age.days < days))
    if status == "published" and not COMMITMENT.consents(given):
        status = "accepted"
    days = random.uniform(5, 59)
    decided_at = at + min(timedelta(days=days), (now - at) * days / 60)
    published_at = decided_at if status == "published" else None
    return {
        "reference": reference,
        "draft_id": uuid.UUID(int=random.getrandbits(128), version=4),
        "flow": COMMITMENT.name,
        "flow_version": COMMITMENT.version,
        "branch": next(each.name for each in COMMITMENT.branches if each.when.holds(given)),
        "answers": given,
        "submitted_at": at,
        "status": status,
        "lock_version": 1 + len(PATHS[status]),
        "changed_at": decided_at if PATHS[status] else at,
        "published_at": published_at,
        "first_published_at": published_at,
        "promises_at": now,
        **index_columns(COMMITMENT, reference, given),
    }


def _add_events(session: Session, rows: list[dict[str, Any]], now: datetime) -> None:
    """Add what happened to submissions, and the changes that some are asked for."""
    is_one = Submission.reference.in_([row["reference"] for row in rows])
    ids = dict(session.execute(select(Submission.reference, Submission.id).where(is_one)).all())
    events, asked = [], []
    for row in rows:
        about, path = {"submission_id": ids[row["reference"]]}, PATHS[row["status"]]
        events.append({**about, **_event("submitted", row["submitted_at"], "organization")})
        wait = (row["changed_at"] - row["submitted_at"]) / max(len(path), 1)
        for place, kind in enumerate(path, start=1):
            at = row["changed_at"] - (len(path) - place) * wait
            events.append({**about, **_event(kind, at, "staff", "demo@example.org")})
        if row["status"] == "changes_requested":
            asked.append({**about, **_proposal(row, now)})
    for table, found in ((Event, events), (Proposal, asked)):
        if found:
            session.execute(insert(table), found)


def _add_promises(
    session: Session, random: Random, rows: list[dict[str, Any]], now: datetime
) -> None:
    """Add the promises of submissions, and what was reported about those that are public."""
    is_one = Submission.reference.in_([row["reference"] for row in rows])
    ids = dict(session.execute(select(Submission.reference, Submission.id).where(is_one)).all())
    made, told = [], []
    for row in rows:
        about, day = (
            {"submission_id": ids[row["reference"]]},
            clock.local(row["submitted_at"]).date(),
        )
        revisions = [DatedVersion(row["answers"], day)]
        new = derive_promises(COMMITMENT, day, revisions, ())
        updates = [
            update
            for promise in new
            if row["published_at"] and (update := _update(random, promise, clock.local(now).date()))
        ]
        made += [
            {**about, **asdict(each)}
            for each in derive_promises(COMMITMENT, day, revisions, updates)
        ]
        told += [{**about, **_progress(update)} for update in updates]
    for table, found in ((Promise, made), (Progress, told)):
        if found:
            session.execute(insert(table), found)


def _update(random: Random, promise: promises.Promise, today: date) -> Update | None:
    """Return what is reported about a promise near its date: most of it done, or nothing."""
    if promise.due_on > today + timedelta(days=30) or promise.was_released:
        return None
    outcome = _weighted(random, OUTCOMES)
    if outcome == "nothing":
        return None
    day = promise.due_on + timedelta(days=random.randint(-20, 40))
    reported_on = min(max(day, promise.submitted_on), today)
    later = today + timedelta(days=random.randint(10, 200)) if outcome == "delayed" else None
    return Update(
        promise.entry_id,
        outcome,
        reported_on,
        day=reported_on if outcome == "done" else later,
        promised_on=promise.due_on,
        url=f"https://data.example.org/{promise.entry_id}" if outcome == "done" else "",
        words=random.choice(WORDS[outcome].split("|")),
    )


def _progress(update: Update) -> dict[str, Any]:
    values = asdict(update)
    at = clock.midnight(values.pop("reported_on"))
    return {**values, "reported_at": at, "decided_at": at, "approved": True}


def _event(kind: str, at: datetime, actor_kind: str, actor: str = "") -> dict[str, Any]:
    data = EVENT_DATA.get(kind, {})
    return {"kind": kind, "at": at, "actor_kind": actor_kind, "actor": actor, "data": data}


def _proposal(row: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return the changes that a submission is asked for, before anything was entered."""
    day, steps = row["submitted_at"].date(), list(COMMITMENT.steps)
    journey = Journey(COMMITMENT, row["answers"], steps, today=day)
    return {
        "kind": "changes",
        "base_version": 1,
        "opened": ASKED,
        "flow_version": COMMITMENT.version,
        "answers": row["answers"],
        "completed_steps": changes.completed_steps(journey, ASKED),
        "created_at": row["changed_at"],
        "updated_at": row["changed_at"],
        "expires_at": clock.midnight(clock.local(now).date() + MAX_RESPONSE_TIME),
    }


def _reference(number: int) -> str:
    value, base = number * STRIDE, len(REFERENCE_LETTERS)
    letters = "".join(REFERENCE_LETTERS[value // base**place % base] for place in range(8))
    return f"{COMMITMENT.reference_prefix}-{letters[:4]}-{letters[4:]}"


def _draft(random: Random, now: datetime) -> Draft:
    """Return a draft with some steps completed and the next one begun."""
    given = answers(random, now.date())
    steps = [state.step for state in Journey(COMMITMENT, given, today=now.date()).steps.values()]
    completed = random.randint(1, len(steps) - 1)
    fields = [field for step in steps[:completed] for field in step.fields]
    answered = [field.name for field in (*fields, steps[completed].fields[0])]
    at = now - timedelta(days=random.uniform(0, 50))
    return Draft(
        flow_version=COMMITMENT.version,
        answers={name: given[name] for name in answered if name in given},
        completed_steps=[step.name for step in steps[:completed]],
        created_at=at,
        updated_at=at,
    )


def _message(submission: Submission, *, failed: bool) -> MailMessage:
    """Return a confirmation that was sent or permanently refused."""
    at = submission.submitted_at
    return MailMessage(
        submission_id=submission.id,
        kind="confirmation",
        message_id=f"<{submission.reference}.confirmation@example.org>",
        recipient=submission.answers["contact_email"],
        created_at=at,
        attempts=1,
        last_error="Refused: 550 b'5.1.1 no such mailbox'" if failed else None,
        **{"failed_at" if failed else "sent_at": at},
    )


def _weighted(random: Random, weights: dict[str, int]) -> str:
    return random.choices(list(weights), list(weights.values()))[0]


def answers(random: Random, day: date) -> dict[str, Any]:
    """Return clean answers to all questions that apply, as of a day."""
    writer, given = _Writer(random, day), dict[str, Any]()
    for step in COMMITMENT.steps.values():
        if COMMITMENT.asks(step, given):
            writer.answer(step.fields, given)
    return given


class _Writer:
    """An invented organization: its city, its host name and the day it answers."""

    def __init__(self, random: Random, day: date) -> None:
        self.random, self.day, self.city = random, day, random.choice(CITIES.split("|"))
        self.host = f"org-{random.randrange(10_000)}.example.org"

    def answer(self, fields: tuple[Field, ...], given: dict[str, Any]) -> dict[str, Any]:
        """Add an answer to each required field and to half of the others; return `given`."""
        for field in fields:
            if field.when is None or field.when.holds(given):
                required = field.required
                required = required if isinstance(required, bool) else required.holds(given)
                if required or (self.random.random() < 0.5 and not isinstance(field, LongText)):
                    given[field.name] = self._value(field, given)
        return given

    def _value(self, field: Field, given: dict[str, Any]) -> Any:
        random, word = self.random, field.name.split("_")[0]
        match field:
            case Group():
                return self._entries(field)
            case Choice():
                return self._choose(field)
            case Confirm():
                return True
            case Date():
                after = random.randint(14 if field.not_past else -900, 700)
                return (self.day + timedelta(days=after)).isoformat()
            case Email():
                return f"{word}@{self.host}"
            case Phone():
                return f"+1{random.randint(201, 989)}55501{random.randrange(100):02}"
            case Url():
                return f"https://{word}.{self.host}/"
        if isinstance(field, LongText):
            return self._paragraphs(field.max_length)
        names = NAMES[given["organization_kind"]] if field.name == "organization_name" else ""
        lines = names or LINES.get(field.name, "{city}")
        return random.choice(lines.split("|")).format(city=self.city)

    def _entries(self, group: Group) -> list[dict[str, Any]]:
        """Return a few entries, each with its own values in the unique fields."""
        count = min(group.min_entries + self.random.randint(0, 5), group.max_entries)
        entries: dict[Any, dict[str, Any]] = {}
        while len(entries) < count:
            entry = self.answer(group.fields, {})
            entries[tuple(entry[name] for name in group.unique) or len(entries)] = entry
        return list(entries.values())

    def _choose(self, field: Choice) -> str | list[str]:
        codes = field.codes()
        if not isinstance(field, Choices):
            return _weighted(self.random, WEIGHTS.get(field.name, dict.fromkeys(codes, 1)))
        several = [code for code in codes if code != field.exclusive and self.random.random() < 0.5]
        return several or [self.random.choice(codes)]

    def _paragraphs(self, max_length: int) -> str:
        """Return two to six sentences in one or more paragraphs, rarely the longest text."""
        sample = self.random.sample(SENTENCES, self.random.randint(2, 6))
        sentences = SENTENCES * 7 if self.random.random() < 0.02 else sample
        separator = self.random.choice((" ", " ", "\n\n"))
        return separator.join(sentences).format(city=self.city)[:max_length].strip()


if __name__ == "__main__":
    main()
