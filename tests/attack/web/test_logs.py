"""Check that production logs hold no answers, tokens or forged lines."""

import json
import time

import pyotp
from sqlalchemy import select

from tests.attack.browser import Browser, send_raw
from tests.attack.conftest import app_of
from tests.complete_form import complete_form, draft_path, start_draft
from tests.conftest import PRODUCTION, load_case
from tests.server import ForkedServer, running_server
from wizard.accounts import accounts
from wizard.accounts.audit import COMMAND_LINE
from wizard.db.accounts import StaffUser
from wizard.db.engine import db, writing
from wizard.db.models import MailMessage

PASSWORD = "violin-cactus-harbor-9"
HOST = "commitments.example.org"
SMTP = "smtp://127.0.0.1:9"
"""A port on which nothing listens."""


def long_texts(answers) -> list[str]:
    """Return every text in the answers that is long enough to search for."""
    if isinstance(answers, dict):
        return [text for value in answers.values() for text in long_texts(value)]
    if isinstance(answers, list):
        return [text for value in answers for text in long_texts(value)]
    return [answers] if isinstance(answers, str) and " " in answers or "@" in str(answers) else []


def test_log_holds_no_user_input(sqlite_url, tmp_path, capfd):
    settings = {name: str(value) for name, value in PRODUCTION.items()} | {"SMTP_URL": SMTP}
    with running_server(sqlite_url, tmp_path, ForkedServer, **settings) as server:
        secrets = use_every_feature(server)
        written = "".join(capfd.readouterr())
    written += "".join(capfd.readouterr())
    assert len(written.splitlines()) > 30
    for line in written.splitlines():
        if not line.startswith(("Open ", "Mail ")):
            said = json.loads(line)  # else a visitor, or a fault, made a line of its own
            assert "\n" not in said["message"] and "forged" not in line
    for secret in secrets:
        assert secret and secret not in written, secret


def use_every_feature(server) -> list[str]:
    """Fill in a case with autosave and resume link, work as staff; return every secret involved."""
    always = {"X_Forwarded_Proto": "https", "X_Forwarded_For": "192.0.2.7", "Host": HOST}
    browser = Browser(server, Referer=f"https://{HOST}/", **always)
    case = load_case("agency")
    path = draft_path(start_draft(browser, case))
    typed = {"organization_name": "Typed and\r\nforged: a line", "city": "Ocala Springs"}
    assert browser.post(f"{path}/organization/autosave", typed).status_code == 200
    link = browser.page(f"{path}/save").all("#link")[0].attrs["value"].rsplit("/", 1)[1]
    browser.send(f"{path}/save", {"address": "elsewhere@example.org"})
    receipt = complete_form(browser, case)
    reference = receipt.text(".reference")
    stranger = Browser(server, Referer=f"https://{HOST}/", **always)
    assert stranger.get(f"/resume/{link}").status_code == 303
    stranger.get(f"/resume/{link}x?q=asked+for")
    send_raw(
        server, b"GET /a%0d%0aforged:%20a%20line HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    )
    send_raw(server, b"FORGED\xff /x HTTP/1.1\r\nHost: a\r\nX-Request-ID: forged\r\n\r\n")
    stranger.get("/nowhere", {"X-Request-ID": 'a"} {"forged": 1', "User-Agent": "forged"})

    inside = app_of(server)
    secret = pyotp.random_base32()
    with inside.app_context():
        accounts.add_account("ada@example.gov", "admin", COMMAND_LINE, PASSWORD)
        with writing() as session:
            session.scalars(select(StaffUser)).one().totp_secret = secret
    member = Browser(server, Referer=f"https://{HOST}/", **always)
    member.post("/staff/login", {"email": "ada@example.gov", "password": "wrong horse"})
    code = pyotp.TOTP(secret).now()
    member.post("/staff/login", {"email": "ada@example.gov", "password": PASSWORD, "code": code})
    for address in ("submissions", f"submissions/{reference}", "export/submissions.csv?text=Ocala",
                    "audit", "submissions?text=asked+for", "submissions?state=asked"):  # fmt: skip
        assert member.get(f"/staff/{address}").status_code in (200, 400), address
    with inside.app_context():
        while None in db.session.scalars(select(MailMessage.last_error)).all():
            db.session.rollback()
            time.sleep(0.1)
        db.engine.dispose()
    drafts = [each.rsplit("/", 1)[1] for each in (path, draft_path(receipt))]
    return [
        *long_texts(case), *typed.values(), *drafts, link, "asked", "Orlando", "Ocala", reference,
        "elsewhere@example.org", "ada@example.gov", PASSWORD, "wrong horse", secret, "192.0.2.7",
        browser.known_token, *member.cookies.values(),
    ]  # fmt: skip
