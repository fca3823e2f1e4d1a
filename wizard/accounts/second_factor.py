"""The second factor: codes of an authenticator app (RFC 6238), and recovery codes."""

import secrets

import pyotp
from flask import current_app

from .. import clock
from ..db.accounts import StaffUser
from . import accounts, passwords, throttle
from .accounts import AccountError, CurrentUser
from .audit import Actor, record

RECOVERY_CODES = 10


def is_second_factor_required() -> bool:
    """Return True if a second factor is mandatory."""
    return bool(current_app.config["ENV"] == "production")


def set_second_factor(
    user: CurrentUser, password: str, secret: str, code: str, actor: Actor
) -> list[str]:
    """Set up an authenticator app; return the recovery codes, to be shown once.

    Replacing an app needs the password, so that a stolen session is not enough.
    Raises `WrongPassword`, or `AccountError` if the code is not the app's current one.
    """
    replaces = user.has_second_factor
    if replaces:
        accounts.verify_password(user, password, actor)
    codes = [passwords.generate_password() for _ in range(RECOVERY_CODES)]
    with accounts.locked_own_account(user) as account:
        if account.totp_secret is not None and not replaces:
            raise AccountError(
                "An authenticator app was already set up in another window. Reload the page."
            )
        account.totp_secret, account.totp_step = secret, 0
        if not _verify_totp(account, code):
            raise AccountError(
                "That code is incorrect or has expired. Enter the newest code from your app."
            )
        if replaces:
            throttle.reset(accounts.throttle_key(user.email))
        account.recovery_codes = [passwords.hash_token(each) for each in codes]
        accounts.end_sessions(account, user.session)
        record(actor, "second_factor_set", account.email)
    return codes


def verify_code(user: StaffUser, code: str, actor: Actor) -> bool:
    """Use up a current or recovery code; return True if it is right or none is needed."""
    code = "".join(code.lower().split())
    if user.totp_secret is None or _verify_totp(user, code):
        return True
    used = passwords.hash_token(code)
    if used not in user.recovery_codes:
        return False
    user.recovery_codes = [each for each in user.recovery_codes if each != used]
    record(actor, "recovery_code_used", user.email, left=len(user.recovery_codes))
    return True


def _verify_totp(user: StaffUser, code: str) -> bool:
    """Accept the code of this time step or a neighbor, but none twice (RFC 6238, 5.2)."""
    totp = pyotp.TOTP(user.totp_secret or "")
    now = int(clock.now().timestamp()) // totp.interval
    for step in range(max(now - 1, user.totp_step + 1), now + 2):
        if secrets.compare_digest(totp.generate_otp(step).encode(), code.encode()):
            user.totp_step = step
            return True
    return False
