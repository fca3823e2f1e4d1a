"""The tables of staff: accounts, links to join, sessions, tokens and the audit log."""

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Index, UniqueConstraint, and_
from sqlalchemy.orm import Mapped, mapped_column

from .. import clock
from .columns import UtcDateTime, parent_key, partial_index
from .engine import Model


class StaffUser(Model):
    """A staff account. `role` is one of `accounts.ROLES`.

    `totp_secret` (base32) is set once an authenticator app is set up; `totp_step` is the time step
    of the last used code, so that no code works twice. Recovery codes are hashed. `digest` is how
    often a digest is mailed, `digest_on` the day of the last one, or of the choice.
    """

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(default="", server_default="")
    role: Mapped[str]
    password_hash: Mapped[str]
    totp_secret: Mapped[str | None]
    totp_step: Mapped[int] = mapped_column(default=0)
    recovery_codes: Mapped[list[str]] = mapped_column(JSON, default=list)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    signed_in_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    digest: Mapped[str] = mapped_column(default="", server_default="")
    digest_on: Mapped[date | None]

    @property
    def has_app(self) -> bool:
        """True once a code of an authenticator app was used; a reset puts an end to that."""
        return self.totp_secret is not None and self.totp_step > 0


class StaffLink(Model):
    """A link that works once: to join, or to set a new password or a new authenticator app.

    The token in it is signed, and names this row and its `version`: sending a link again raises
    that, which ends the link before. Until somebody joins there is no `user_id`, and `email`,
    `name` and `role` are those of the account to come.
    """

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    version: Mapped[int] = mapped_column(default=1)
    user_id: Mapped[int | None] = mapped_column(parent_key("staff_user.id"), index=True)
    email: Mapped[str] = mapped_column(index=True)
    name: Mapped[str] = mapped_column(default="")
    role: Mapped[str] = mapped_column(default="")
    sets_password: Mapped[bool]
    sets_second_factor: Mapped[bool]
    sent_by: Mapped[str]
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


is_open_link = and_(StaffLink.used_at.is_(None), StaffLink.revoked_at.is_(None))
"""What was neither used nor taken back; it may have expired."""


class StaffSession(Model):
    """A signed-in session, by the SHA-256 of its cookie's token; it ends when the row goes."""

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(parent_key("staff_user.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)


class CaseView(Model):
    """That a person opened a case: when last, and the last event that was there.

    `last_event_id` is the last event of somebody else. A trigger on events keeps it (migration
    0024), so the case has changed if it is above `event_id`.
    """

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(parent_key("submission.id"))
    user_id: Mapped[int] = mapped_column(parent_key("staff_user.id"))
    event_id: Mapped[int]
    last_event_id: Mapped[int | None]
    viewed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)

    __table_args__ = (
        UniqueConstraint("submission_id", "user_id"),
        Index("ix_case_view_user_id", "user_id", "submission_id", "event_id"),
        partial_index(
            "ix_case_view_changed", "last_event_id > event_id", "user_id", "submission_id"
        ),
    )


class SignInThrottle(Model):
    """The recent sign-in failures of an account, address or known browser."""

    key: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)


class ApiToken(Model):
    """An API key for exports, by the SHA-256 of its token."""

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AuditEvent(Model):
    """A line of the audit log, which never holds an answer or a secret.

    `actor` is a staff account, `token:<name>` or `command line`; `subject` is a reference, an
    account, or the name of a token or file.
    """

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now, index=True)
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str] = mapped_column(default="", index=True)
    details: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    address: Mapped[str] = mapped_column(default="")
