"""The second factor: codes of an authenticator app (RFC 6238), and recovery codes."""

import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import pyotp
import segno
from flask import current_app
from itsdangerous import BadSignature
from markupsafe import Markup

from .. import clock
from ..db.accounts import StaffUser
from ..web.links import serializer
from . import accounts, passwords, throttle
from .accounts import AccountError, CurrentUser
from .audit import Actor, record

RECOVERY_CODES = 10


def is_second_factor_required() -> bool:
    """Return True if a second factor is mandatory."""
    return bool(current_app.config["ENV"] == "production")


@dataclass(frozen=True, slots=True)
class Setup:
    """What a page offers: the app's key, the recovery codes, and both signed for one owner."""

    secret: str
    codes: Sequence[str]
    token: str

    def key(self) -> str:
        """Return the app's key in groups of four, to be entered by hand."""
        return " ".join(self.secret[at : at + 4] for at in range(0, len(self.secret), 4))

    def image(self, email: str) -> Markup:
        """Return the key as a QR code for an app, which shows the address beside its codes."""
        issuer = current_app.config["PROGRAM_NAME"]
        uri = pyotp.TOTP(self.secret).provisioning_uri(name=email, issuer_name=issuer)
        svg = segno.make(uri).svg_inline(scale=5, dark="#000", light="#fff")
        return Markup(svg)  # noqa: S704


def offer_setup(owner: str, posted: str = "") -> Setup:
    """Return what the posted page offered to this owner, or something new."""
    with suppress(BadSignature, ValueError):
        signed_for, secret, codes = serializer("staff-totp").loads(posted)
        if signed_for == owner:
            return Setup(secret, codes, posted)
    secret = pyotp.random_base32()
    codes = [passwords.generate_password() for _ in range(RECOVERY_CODES)]
    return Setup(secret, codes, str(serializer("staff-totp").dumps([owner, secret, codes])))


def enroll(account: StaffUser, setup: Setup, code: str, *, kept: bool) -> None:
    """Give an account the app and the codes. Raise `AccountError`, also if they are not kept."""
    account.totp_secret, account.totp_step = setup.secret, 0
    if not _verify_totp(account, code):
        raise AccountError(
            "That code is incorrect or has expired. Enter the newest code from your app.", "code"
        )
    if not kept:
        raise AccountError("Keep your recovery codes, then check the box below them.", "kept")
    account.recovery_codes = [passwords.hash_token(each) for each in setup.codes]


def set_second_factor(
    user: CurrentUser, password: str, setup: Setup, code: str, actor: Actor, *, kept: bool
) -> None:
    """Set up an authenticator app.

    Replacing an app needs the password, so that a stolen session is not enough.
    Raise `WrongPassword`, or `AccountError` as `enroll` does.
    """
    replaces = user.has_second_factor
    if replaces:
        accounts.verify_password(user, password, actor)
    with accounts.locked_own_account(user) as account:
        if account.totp_secret is not None and not replaces:
            raise AccountError(
                "An authenticator app was already set up in another window. Reload the page.",
                "code",
            )
        enroll(account, setup, code, kept=kept)
        if replaces:
            throttle.reset(accounts.throttle_key(user.email))
        accounts.end_sessions(account, user.session)
        record(actor, "second_factor_set", account.email)


def verify_code(user: StaffUser, code: str, actor: Actor) -> bool:
    """Use up a current or recovery code; return True if it is right or none is needed."""
    code = "".join(code.lower().split())
    if user.totp_secret is None or _verify_totp(user, code):
        return True
    used = passwords.hash_token(passwords.group_letters(code))
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
