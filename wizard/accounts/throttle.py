"""Throttling of sign-in attempts, counted in the database for all server processes.

After some free attempts each further one costs a wait, twice as long as the one before. Nobody is
locked out: waits end, a browser in which its owner signed in before is counted separately, and
`flask staff reset` resets the count.
"""

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from .. import clock
from ..db.accounts import SignInThrottle
from ..db.engine import db, delete_in_batches, writing

FREE_ATTEMPTS_PER_ACCOUNT, FREE_ATTEMPTS_PER_ADDRESS = 5, 20
"""Attempts without a wait; an office shares one address."""
MAX_WAIT = timedelta(minutes=15)
RETENTION = timedelta(hours=1)


def record_attempt(keys: Mapping[str, int]) -> timedelta:
    """Record an attempt for each key of `keys` (its free attempts); return the wait if blocked.

    An attempt is counted before it is checked, so that a hundred at once count as a hundred.
    """
    try:
        return _record_attempt(keys)
    except IntegrityError:  # two at once were the first on a key
        return _record_attempt(keys)


def count_attempt(key: str) -> str:
    """Count an attempt at an account; return what to say if it must wait, or an empty text."""
    wait = record_attempt({key: FREE_ATTEMPTS_PER_ACCOUNT})
    return f"Too many attempts. Wait {wait.seconds + 1} seconds, then try again." if wait else ""


def _record_attempt(keys: Mapping[str, int]) -> timedelta:
    now = clock.now()
    with writing() as session:
        query = select(SignInThrottle).where(SignInThrottle.key.in_(keys))
        ordered = query.order_by(SignInThrottle.key).with_for_update()
        known = {row.key: row for row in session.scalars(ordered)}
        wait = max((row.next_at - now for row in known.values()), default=timedelta())
        if wait > timedelta():
            return wait
        for key, free in keys.items():
            row = known.get(key) or SignInThrottle(key=key, failures=0)
            session.add(row)
            is_recent = key in known and now - row.next_at < RETENTION
            row.failures = row.failures + 1 if is_recent else 1
            row.next_at = now + _wait(row.failures - free)
    return timedelta()


def _wait(excess: int) -> timedelta:
    """Return one second after the last free attempt, then twice as long each time."""
    return min(timedelta(seconds=2 ** min(excess, 20)), MAX_WAIT) if excess >= 0 else timedelta()


def reset(key: str) -> None:
    """Reset a key after a successful sign-in, within the caller's transaction."""
    db.session.execute(delete(SignInThrottle).where(SignInThrottle.key == key))


def give_back(key: str) -> None:
    """Take back one attempt on a key after a successful sign-in, within the caller's transaction.

    An office whose people all sign in waits for nothing; what others guessed still counts.
    """
    row = db.session.get(SignInThrottle, key, with_for_update=True)
    if row and row.failures:
        row.failures -= 1
        row.next_at = min(row.next_at, clock.now())


def purge_expired() -> int:
    """Delete the attempts that no longer count; return how many."""
    return delete_in_batches(SignInThrottle.key, SignInThrottle.next_at < clock.now() - RETENTION)
