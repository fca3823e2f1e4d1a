"""The second factor: codes of an authenticator app (RFC 6238), and recovery codes."""

import secrets

import pyotp
from flask import current_app

from .. import clock
from ..db.models import StaffUser
from . import accounts, passwords, throttle
from .accounts import AccountError, CurrentUser
from .audit import Actor, record
from .passwords import hash_token

RECOVERY_CODES = 10
"""How many an account gets."""


def is_second_factor_required() -> bool:
    """Return True if a second factor is mandatory."""
    return bool(current_app.config["ENV"] == "production")


def set_second_factor(
    user: CurrentUser, password: str, secret: str, code: str, actor: Actor
) -> list[str]:
    """Tie an authenticator app to the account; return the recovery codes, to be shown once.

    The password is asked for where an app is replaced, so that a session alone, which somebody
    else may have come by, does not do. Raises `WrongPassword`, or `AccountError` where the code is
    not the one that the app shows.
    """
    replaces = user.has_second_factor
    if replaces:
        accounts.verify_password(user, password, actor)
    codes = [passwords.generate_password() for _ in range(RECOVERY_CODES)]
    with accounts.locked_own_account(user) as account:
        if account.totp_secret is not None and not replaces:
            raise AccountError("An app was set up meanwhile. Reload the page.")
        account.totp_secret, account.totp_step = secret, 0
        if not _totp_fits(account, code):
            raise AccountError("That is not the code that the app shows now. Type the newest one.")
        if replaces:
            throttle.reset(accounts.throttle_key(user.email))
        account.recovery_codes = [hash_token(each) for each in codes]
        accounts.end_sessions(account, but=user.session)
        record(actor, "second_factor_set", account.email)
    return codes


def verify_code(user: StaffUser, code: str, actor: Actor) -> bool:
    """Return True for a current or recovery code, or without a second factor; uses the code up."""
    code = "".join(code.lower().split())
    if user.totp_secret is None or _totp_fits(user, code):
        return True
    if hash_token(code) not in user.recovery_codes:
        return False
    user.recovery_codes = [each for each in user.recovery_codes if each != hash_token(code)]
    record(actor, "recovery_code_used", user.email, left=len(user.recovery_codes))
    return True


def _totp_fits(user: StaffUser, code: str) -> bool:
    """Accept the code of this time step or a neighbor, but none twice (RFC 6238, 5.2)."""
    totp = pyotp.TOTP(user.totp_secret or "")
    now = int(clock.now().timestamp()) // totp.interval
    for step in (now - 1, now, now + 1):
        if step > user.totp_step and secrets.compare_digest(
            totp.generate_otp(step).encode(), code.encode()
        ):
            user.totp_step = step
            return True
    return False
