"""Staff passwords: their strength and their hashes.

After NIST SP 800-63B: long rather than complicated, none that is well known or quickly guessed.
"""

import secrets
import unicodedata
from hashlib import sha256

from werkzeug.security import check_password_hash, generate_password_hash
from zxcvbn import zxcvbn

MIN_LENGTH, MAX_LENGTH = 15, 200  # characters
METHOD = "scrypt:32768:8:3"  # 32 MiB per attempt (OWASP Password Storage Cheat Sheet)
ZXCVBN_MAX_CHARS = 72  # it is slow on longer text
MIN_ZXCVBN_SCORE = 3  # of 0-4; 3 means at least 10^8 guesses


class WeakPassword(ValueError):
    """A password that is too short or too well known; the text says what to do."""


def check_strength(password: str, *personal: str) -> None:
    """Raise `WeakPassword` if it is guessed too easily, also from `personal` data of its owner."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise WeakPassword(f"Use a password with {MIN_LENGTH} to {MAX_LENGTH} characters.")
    if zxcvbn(password[:ZXCVBN_MAX_CHARS], [*personal, "commitment"])["score"] < MIN_ZXCVBN_SCORE:
        raise WeakPassword("That password is too easy to guess. Try four or five unrelated words.")


def generate_password() -> str:
    """Generate a random password: 125 bits, in five groups that can be read aloud."""
    letters = "abcdefghijkmnpqrstuvwxyz23456789"
    return group_letters("".join(secrets.choice(letters) for _ in range(25)))


def group_letters(text: str) -> str:
    """Return the letters and digits of a generated password as it was shown: in groups of five."""
    letters = "".join(each for each in text.lower() if each.isalnum())
    return "-".join(letters[at : at + 5] for at in range(0, len(letters), 5))


def hash_password(password: str) -> str:
    """Return the hash to store."""
    return generate_password_hash(_normalize(password), METHOD)


def verify_password(password_hash: str | None, password: str) -> bool:
    """Return True if the password is right; for None, return False after the same time."""
    dummy = f"{METHOD}$nobody${'0' * 128}"
    matches = check_password_hash(password_hash or dummy, _normalize(password[: MAX_LENGTH + 1]))
    return matches and password_hash is not None


def is_same(one: str, other: str) -> bool:
    """Return True if two texts are the same password."""
    return _normalize(one) == _normalize(other)


def hash_token(secret: str) -> str:
    """Return the SHA-256 hex digest of a high-entropy secret, which needs no salt."""
    return sha256(secret.encode()).hexdigest()


def _normalize(password: str) -> str:
    return unicodedata.normalize("NFKC", password)
