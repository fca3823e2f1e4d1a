"""Passwords of the staff: what is good enough, and how it is kept.

After NIST SP 800-63B: long rather than complicated, none that is known or guessed quickly.
"""

import secrets
import unicodedata

from werkzeug.security import check_password_hash, generate_password_hash
from zxcvbn import zxcvbn

LEAST, MOST = 15, 200
"""Characters."""
METHOD = "scrypt:32768:8:3"
"""Memory-hard: 32 MiB a try (OWASP Password Storage Cheat Sheet)."""
ESTIMATED = 72
"""Characters that the estimate looks at; it takes long for more."""
GOOD_ENOUGH = 3
"""Of 4: guessed in no fewer than 10^8 tries."""


class WeakPassword(ValueError):
    """A password that is too short or too well known; the text says what to do."""


def check(password: str, *about: str) -> None:
    """Raises `WeakPassword`; `about` is what others know of its owner."""
    if not LEAST <= len(password) <= MOST:
        raise WeakPassword(f"Choose a password of {LEAST} to {MOST} characters.")
    if zxcvbn(password[:ESTIMATED], [*about, "commitment"])["score"] < GOOD_ENOUGH:
        raise WeakPassword(
            "Choose another password: this one is on the lists that are tried first. "
            "Four or five words that have nothing to do with each other are good."
        )


def make() -> str:
    """A password nobody chose: 125 bits, in groups that can be read aloud."""
    letters = "abcdefghijkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(5))


def hashed(password: str) -> str:
    """The hash to keep."""
    return generate_password_hash(_normal(password), METHOD)


def matches(kept: str | None, password: str) -> bool:
    """Whether it is the password. Where there is no account it takes the same time to say no."""
    nobodys = f"{METHOD}$nobody${'0' * 128}"
    fits = check_password_hash(kept or nobodys, _normal(password[: MOST + 1]))
    return fits and kept is not None


def _normal(password: str) -> str:
    return unicodedata.normalize("NFKC", password)
