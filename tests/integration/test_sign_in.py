"""Signing in: one answer for whatever was wrong, slowed but never shut, ended when it should."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from sqlalchemy import select

from tests.client import Client
from tests.conftest import PRODUCTION
from tests.staff import colleague, events
from wizard import clock
from wizard.accounts import accounts, passwords, second_factor, sign_in, throttle
from wizard.accounts.audit import COMMAND_LINE
from wizard.db.engine import db
from wizard.db.models import StaffSession, StaffUser

EMAIL = "ada@example.gov"
PASSWORD = "violin-cactus-harbor-9"
START = datetime(2027, 3, 1, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch):
    """The real function, at a cost that a test can pay many times over."""
    monkeypatch.setattr(passwords, "METHOD", "scrypt:1024:8:1")


@pytest.fixture
def now(monkeypatch) -> list[datetime]:
    """A clock to move."""
    moment = [START]
    monkeypatch.setattr(clock, "now", lambda: moment[0])
    return moment


@pytest.fixture
def account(app) -> str:
    """An editor's password."""
    with app.app_context():
        accounts.add_account(EMAIL, "editor", COMMAND_LINE, PASSWORD)
    return PASSWORD


def submit_sign_in(
    client: Client, email: str = EMAIL, password: str = PASSWORD, code: str = "", **more
):
    """Posts the sign-in form; the answer itself."""
    data = {"csrf_token": client.token(), "email": email, "password": password, "code": code}
    return client.post("/staff/login", data=data | more)


def is_in(client: Client) -> bool:
    """Whether somebody is signed in."""
    return client.get("/staff/submissions").status_code == 200


def test_with_the_right_password_one_gets_to_where_one_wanted(app, client, account):
    asked = client.get("/staff/submissions?state=FL", headers={"Accept": "text/html"})
    page = client.page(asked.location)
    next_page = page.values()["next"][0]
    answer = submit_sign_in(client, next=next_page)
    assert (answer.status_code, answer.location) == (303, "/staff/submissions?state=FL")
    assert is_in(client)
    assert [event.actor for event in events(app, "signed_in")] == [EMAIL]


def test_case_and_blanks_around_an_address_do_not_matter(client, account):
    assert submit_sign_in(client, f"  {EMAIL.upper()} ").status_code == 303


@pytest.mark.parametrize(
    "away",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/staff/\\\\evil",
        "/x",
        "/staff/../respond/",
        "/staff/logout",
        "/staff/export/submissions.csv",
    ],  # fmt: skip
)
def test_signing_in_leads_nowhere_else(client, account, away):
    assert submit_sign_in(client, next=away).location == "/staff/"


def test_whatever_is_wrong_the_answer_is_the_same(app, client, account):
    with app.app_context():
        accounts.add_account("gone@example.gov", "admin", COMMAND_LINE, PASSWORD)
        accounts.disable_account("gone@example.gov", COMMAND_LINE)
        accounts.add_account("careful@example.gov", "admin", COMMAND_LINE, PASSWORD)
        user = db.session.scalars(select(StaffUser).where(StaffUser.email.like("careful%"))).one()
        user.totp_secret = pyotp.random_base32()
        db.session.commit()
    answers = set()
    for email, password in [
        (EMAIL, "violin-cactus-harbor-8"),
        ("nobody@example.gov", PASSWORD),
        ("gone@example.gov", PASSWORD),
        ("careful@example.gov", PASSWORD),
        ("", ""),
        ("x\x00y", "\x00"),
    ]:
        answer = submit_sign_in(client, email, password)
        text = answer.text.replace(email, "") if email else answer.text
        answers.add((answer.status_code, " ".join(text.split()).replace("\ufffd", "")))
    assert len({code for code, _ in answers}) == 1
    messages = {text.split("<h1")[0].split("summary")[1] for _, text in answers}
    assert len(messages) == 1
    reasons = [event.details["reason"] for event in events(app, "refused")]
    assert reasons == [
        "password", "no such account", "disabled", "second factor", "no such account",
        "no such account",
    ]  # fmt: skip


def test_a_wrong_address_costs_as_much_work_as_a_wrong_password(app, account, monkeypatch):
    checked = []
    real = passwords.check_password_hash
    monkeypatch.setattr(
        passwords, "check_password_hash", lambda *args: checked.append(1) or real(*args)
    )
    for email in (EMAIL, "nobody@example.gov"):
        with app.app_context(), pytest.raises(sign_in.SignInRefused):
            sign_in.sign_in(email, "something else entirely", "", "192.0.2.1", "")
    assert len(checked) == 2


def test_the_log_keeps_no_address_that_is_no_account(app, client, account):
    submit_sign_in(client, PASSWORD, EMAIL)  # typed into each other's places
    assert PASSWORD not in str([(e.actor, e.subject, e.details) for e in events(app)])


# Slowed, not shut


def test_after_five_failures_an_account_waits_twice_as_long_each_time(app, account, now):
    waits = []
    for place in range(12):
        with app.app_context(), pytest.raises(sign_in.SignInRefused) as refused:
            sign_in.sign_in(EMAIL, "wrong", "", f"192.0.2.{place}", "")
        if refused.value.wait:
            waits.append(refused.value.wait.total_seconds())
            now[0] += refused.value.wait
    assert waits == [1, 2, 4, 8]


def test_while_it_waits_not_even_the_right_password_is_looked_at(client, account, now):
    for _ in range(5):
        submit_sign_in(client, password="wrong")
    answer = submit_sign_in(client)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert "Wait 1 second, then try again" in answer.text
    now[0] += timedelta(seconds=1)
    assert submit_sign_in(client).status_code == 303


def test_the_wait_never_grows_past_a_quarter_of_an_hour(app, account, now):
    for _ in range(60):
        try:
            with app.app_context():
                sign_in.sign_in(EMAIL, "wrong", "", "192.0.2.1", "")
        except sign_in.SignInRefused as refused:
            assert refused.wait <= timedelta(minutes=15)
            now[0] += refused.wait
    with app.app_context():
        assert sign_in.sign_in(EMAIL, PASSWORD, "", "192.0.2.1", "")


def test_an_attacker_does_not_slow_the_browser_that_the_owner_uses(app, client, account, now):
    submit_sign_in(client)
    now[0] += timedelta(days=30)
    stranger = app.test_client()
    for _ in range(9):
        submit_sign_in(stranger, password="wrong")
    assert submit_sign_in(stranger).status_code == 429
    assert submit_sign_in(client).status_code == 303


def test_one_address_that_tries_many_accounts_is_slowed(app, account, now):
    for number in range(20):
        with app.app_context(), pytest.raises(sign_in.SignInRefused) as refused:
            sign_in.sign_in(f"someone{number}@example.gov", "wrong", "", "192.0.2.9", "")
        assert not refused.value.wait
    with app.app_context(), pytest.raises(sign_in.SignInRefused) as refused:
        sign_in.sign_in(EMAIL, PASSWORD, "", "192.0.2.9", "")
    assert refused.value.wait


def test_attempts_at_the_same_moment_are_all_counted(app, make_app, account):
    """Two programs on one store, as two server processes are."""
    other = make_app()

    def attempt(number: int) -> bool:
        with (app if number % 2 else other).app_context():
            try:
                sign_in.sign_in(EMAIL, "wrong", "", f"192.0.2.{number}", "")
            except sign_in.SignInRefused as refused:
                return bool(refused.wait)
        return False

    with ThreadPoolExecutor(8) as threads:
        waited = list(threads.map(attempt, range(16)))
    assert (
        waited.count(False) <= throttle.FREE_ATTEMPTS_PER_ACCOUNT + 2
    )  # a wait of 1 s may end meanwhile


def test_a_reset_forgets_the_failures(app, account, now):
    for _ in range(9):
        with app.app_context(), pytest.raises(sign_in.SignInRefused):
            sign_in.sign_in(EMAIL, "wrong", "", "192.0.2.1", "")
    with app.app_context():
        password = accounts.reset_account(EMAIL, COMMAND_LINE)
        assert sign_in.sign_in(EMAIL, password, "", "192.0.2.2", "")


# Sessions


def test_a_session_ends_half_an_hour_after_its_last_request(client, account, now):
    submit_sign_in(client)
    for _ in range(3):
        now[0] += timedelta(minutes=29)
        assert is_in(client)
    now[0] += timedelta(minutes=31)
    assert not is_in(client)


def test_a_session_ends_twelve_hours_after_it_began(client, account, now):
    submit_sign_in(client)
    for _ in range(24):
        now[0] += timedelta(minutes=29, seconds=50)
        assert is_in(client)
    now[0] += timedelta(minutes=10)
    assert not is_in(client)


def test_signing_out_ends_the_session_even_for_a_copied_cookie(app, client, account):
    submit_sign_in(client)
    thief = app.test_client()
    thief.set_cookie("staff", client.get_cookie("staff", path="/staff").value, path="/staff")
    assert is_in(thief)
    assert client.send("/staff/logout").text("h1") == "Sign in"
    assert not is_in(client) and not is_in(thief)


def test_disabling_an_account_ends_its_sessions_at_once(app, client, account):
    submit_sign_in(client)
    with app.app_context():
        accounts.disable_account(EMAIL, COMMAND_LINE)
    assert not is_in(client)
    assert submit_sign_in(client).status_code == 422


def test_a_new_password_ends_every_other_session(app, client, account):
    other = app.test_client()
    submit_sign_in(client)
    submit_sign_in(other)
    new = "marble-otter-lantern-22"
    data = {"action": "password", "old": PASSWORD, "new": new}
    assert "password is changed" in client.send("/staff/account", data).text("main")
    assert is_in(client) and not is_in(other)
    assert submit_sign_in(other).status_code == 422
    assert submit_sign_in(other, password=new).status_code == 303


def test_the_cookie_is_the_staff_sides_alone(make_app):
    app = make_app(PUBLIC_URL="https://commitments.example.org")
    with app.app_context():
        accounts.add_account(EMAIL, "viewer", COMMAND_LINE, PASSWORD)
    client = app.test_client()
    base = {"base_url": "https://commitments.example.org"}
    page = client.get("/staff/login", **base)
    token = page.text.split('name="csrf_token" value="')[1].split('"')[0]
    data = {"csrf_token": token, "email": EMAIL, "password": PASSWORD}
    headers = {"Referer": "https://commitments.example.org/staff/login"}
    answer = client.post("/staff/login", data=data, headers=headers, **base)
    (cookie,) = [c for c in answer.headers.getlist("Set-Cookie") if c.startswith("__Secure-staff=")]
    for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/staff"):
        assert part in cookie


def test_the_store_holds_no_token_that_opens_a_session(app, client, account):
    submit_sign_in(client)
    token = client.get_cookie("staff", path="/staff").value
    with app.app_context():
        (row,) = db.session.scalars(select(StaffSession))
        assert token not in row.token_hash
        assert sign_in.load_session(row.token_hash) is None


def test_what_is_over_is_deleted_in_the_daily_tidying(app, client, account, now):
    submit_sign_in(client)
    submit_sign_in(client, password="wrong")
    now[0] += timedelta(days=1)
    with app.app_context():
        sign_in.purge_expired()
        assert db.session.scalars(select(StaffSession)).all() == []


def test_a_note_typed_after_the_session_ended_is_shown_to_copy(client, account):
    page = client.send("/staff/submissions/PDI-AAAA-AAAA/note", {"text": "Half an hour's work"})
    assert page.status == 401
    assert "Half an hour's work" in page.text("#typed")


def test_a_reset_under_way_lets_no_old_password_in(app, account, monkeypatch):
    real = passwords.verify_password

    def slow(kept, password):
        fits = real(kept, password)
        monkeypatch.setattr(passwords, "verify_password", real)
        accounts.reset_account(EMAIL, COMMAND_LINE)
        return fits

    monkeypatch.setattr(passwords, "verify_password", slow)
    with app.app_context(), pytest.raises(sign_in.SignInRefused):
        sign_in.sign_in(EMAIL, PASSWORD, "", "192.0.2.1", "")


def test_a_session_that_a_reset_ended_changes_nothing_more(app, client, account):
    submit_sign_in(client)
    with app.app_context():
        person = sign_in.load_session(client.get_cookie("staff", path="/staff").value)
        password = accounts.reset_account(EMAIL, COMMAND_LINE)
        secret = pyotp.random_base32()
        with pytest.raises(accounts.AccountError, match="session has ended"):
            second_factor.set_second_factor(
                person, "", secret, pyotp.TOTP(secret).now(), COMMAND_LINE
            )
        with pytest.raises(accounts.AccountError, match="session has ended"):
            accounts.change_password(person, password, "marble-otter-lantern-22", COMMAND_LINE)


def test_guessing_ones_own_password_is_slowed_and_logged(app, client, account, now):
    submit_sign_in(client)
    data = {"action": "password", "old": "wrong", "new": "marble-otter-lantern-22"}
    for _ in range(5):
        assert "is not right" in client.send("/staff/account", data).text(".summary")
    page = client.send("/staff/account", data | {"old": PASSWORD})
    assert "Too many tries" in page.text(".summary")
    assert len(events(app, "refused")) == 5


def test_ones_own_sign_in_frees_no_address_to_guess_at_others(app, account, now):
    for number in range(40):
        with app.app_context():
            try:
                name = EMAIL if number % 10 == 9 else f"victim{number}@example.gov"
                sign_in.sign_in(name, PASSWORD, "", "192.0.2.9", "")
            except sign_in.SignInRefused as refused:
                if refused.wait:
                    return
    pytest.fail("never slowed")


def test_towards_a_file_one_signs_in_to_the_page_that_leads_to_it(client):
    asked = client.get("/staff/export/submissions.csv?state=FL", headers={"Accept": "text/html"})
    assert asked.location == "/staff/login?next=/staff/submissions?state%3DFL"


# Passwords


@pytest.mark.parametrize(
    "password",
    ["short-one-14ch", "passwordpassword", "123456789012345", "aaaaaaaaaaaaaaaaaaaa",
     "qwertyuiopasdfgh", "ada@example.govada@example.gov", "x" * 201],
)  # fmt: skip
def test_a_password_that_is_short_or_known_is_refused(app, password):
    with app.app_context(), pytest.raises(passwords.WeakPassword):
        accounts.add_account(EMAIL, "viewer", COMMAND_LINE, password)


def test_a_password_made_here_is_good_enough_and_never_the_same(app):
    made = {passwords.generate_password() for _ in range(50)}
    assert len(made) == 50
    for each in made:
        passwords.check_strength(each)


def test_passwords_are_kept_as_memory_hard_hashes(app, account, monkeypatch):
    monkeypatch.undo()
    assert passwords.METHOD == "scrypt:32768:8:3"
    kept = passwords.hash_password("a password that nobody has")
    assert kept.startswith("scrypt:32768:8:3$") and "nobody" not in kept
    assert passwords.verify_password(kept, "a password that nobody has")
    assert not passwords.verify_password(kept, "a password that nobody had")
    assert not passwords.verify_password(None, "a password that nobody has")


def test_an_accented_password_typed_in_either_form_is_the_same(app):
    kept = passwords.hash_password("jardin-secret-été-12")
    assert passwords.verify_password(kept, "jardin-secret-e\u0301te\u0301-12")


# The second factor


def set_up(client: Client) -> tuple[str, list[str]]:
    """Sets up an authenticator app; its secret, and the recovery codes."""
    page = client.page("/staff/account")
    secret = page.text("code.key").replace(" ", "")
    code = pyotp.TOTP(secret).at(clock.now())
    data = {"action": "second-factor", "code": code, "setup": page.values()["setup"][0]}
    shown = client.send("/staff/account", data)
    assert shown.status == 200, shown.errors()
    return secret, [each.to_text().strip() for each in shown.all(".secret code")]


def test_with_an_app_set_up_a_password_is_not_enough(client, account, now):
    submit_sign_in(client)
    secret, codes = set_up(client)
    assert len(set(codes)) == 10
    client.send("/staff/logout")
    assert submit_sign_in(client).status_code == 422
    now[0] += timedelta(minutes=2)
    code = pyotp.TOTP(secret).at(now[0])
    assert submit_sign_in(client, code=f"{code[:3]} {code[3:]}").status_code == 303


def test_a_code_works_once(app, client, account, now):
    submit_sign_in(client)
    secret, _ = set_up(client)
    now[0] += timedelta(minutes=2)
    code = pyotp.TOTP(secret).at(now[0])
    assert submit_sign_in(client, code=code).status_code == 303
    assert submit_sign_in(app.test_client(), code=code).status_code == 422


def test_a_code_of_the_step_before_still_works(client, account, now):
    submit_sign_in(client)
    secret, _ = set_up(client)
    now[0] += timedelta(minutes=2)
    code = pyotp.TOTP(secret).at(now[0] - timedelta(seconds=30))
    assert submit_sign_in(client, code=code).status_code == 303


def test_a_recovery_code_works_once_and_is_kept_as_a_hash(app, client, account):
    submit_sign_in(client)
    _, codes = set_up(client)
    with app.app_context():
        assert codes[0] not in str(db.session.scalars(select(StaffUser)).one().recovery_codes)
    assert submit_sign_in(client, code=codes[0].upper()).status_code == 303
    assert submit_sign_in(client, code=codes[0]).status_code == 422
    assert events(app, "recovery_code_used")[0].details == {"left": 9}


def test_recovery_codes_are_shown_once(client, account):
    submit_sign_in(client)
    set_up(client)
    assert client.page("/staff/account").all(".secret") == []


def test_a_wrong_code_sets_up_nothing_and_keeps_the_key_on_the_page(app, client, account):
    submit_sign_in(client)
    page = client.page("/staff/account")
    data = {"action": "second-factor", "code": "000000", "setup": page.values()["setup"][0]}
    again = client.send("/staff/account", data)
    assert (again.status, list(again.errors())) == (422, ["code"])
    assert again.text("code.key") == page.text("code.key")
    with app.app_context():
        assert db.session.scalars(select(StaffUser)).one().totp_secret is None


def test_in_production_nobody_gets_further_without_a_second_factor(make_app):
    app = make_app(**PRODUCTION)
    app.config["SESSION_COOKIE_SECURE"] = False  # these tests speak no TLS
    viewer = colleague(app, "viewer")
    for path in ("/staff/", "/staff/submissions", "/staff/export/submissions.csv"):
        answer = viewer.get(path)
        assert (answer.status_code, answer.location) == (303, "/staff/account")
    set_up(viewer)
    assert viewer.get("/staff/").status_code == 200


def test_another_app_takes_the_password_again(app, client, account, now):
    submit_sign_in(client)
    secret, _ = set_up(client)
    page = client.page("/staff/account")
    other = page.text("code.key").replace(" ", "")
    data = {"action": "second-factor", "setup": page.values()["setup"][0]}
    data["code"] = pyotp.TOTP(other).at(now[0])
    for password in ("", "wrong"):
        refused = client.send("/staff/account", data | {"password": password})
        assert (refused.status, list(refused.errors())) == (422, ["password"])
        with app.app_context():
            assert db.session.scalars(select(StaffUser)).one().totp_secret == secret
    assert client.send("/staff/account", data | {"password": PASSWORD}).all(".secret code")
    with app.app_context():
        assert db.session.scalars(select(StaffUser)).one().totp_secret == other


def test_a_neighbor_of_the_same_network_is_the_same_attacker(app, account, now):
    for number in range(21):
        with app.app_context(), pytest.raises(sign_in.SignInRefused) as refused:
            address = f"2001:db8::{number:x}:1"
            sign_in.sign_in(f"someone{number}@example.gov", "wrong", "", address, "")
    assert refused.value.wait


def test_a_lost_phone_is_helped_by_a_reset(app, client, account):
    submit_sign_in(client)
    set_up(client)
    with app.app_context():
        password = accounts.reset_account(EMAIL, COMMAND_LINE)
    assert not is_in(client)
    assert submit_sign_in(client, password=password).status_code == 303
