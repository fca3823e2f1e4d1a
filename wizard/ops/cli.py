"""Commands: what an operator can cause ends them with one line, and what they create is private."""

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy.exc import SQLAlchemyError

from ..accounts.accounts import AccountError
from ..accounts.passwords import WeakPassword
from ..accounts.tokens import TokenError
from ..db.failures import describe_failure
from ..interrupts import INTERRUPTED, quiet_interrupt
from ..web.query import BadQuery
from ..web.tables import SheetTooLarge
from .backups import BackupError

REFUSALS = (
    AccountError,
    WeakPassword,
    TokenError,
    BadQuery,
    SheetTooLarge,
    BackupError,
)
"""Errors whose text says what is wrong and what to do."""


@contextmanager
def one_line_errors(
    describe: Callable[[SQLAlchemyError], str] = describe_failure,
) -> Iterator[None]:
    """End a command with one line instead of a traceback; Ctrl-C ends it without any.

    `describe` is how an error of the database is put.
    """
    mask = os.umask(0o077)
    try:
        with quiet_interrupt():
            yield
            sys.stdout.flush()  # here, where an error of it can be told
    except click.Abort as error:  # by a prompt
        if isinstance(error.__context__, KeyboardInterrupt):
            raise SystemExit(INTERRUPTED) from None
        raise click.ClickException("The input ended before an answer.") from error
    except REFUSALS as error:
        raise click.ClickException(str(error)) from error
    except UnicodeEncodeError as error:  # an argument in another encoding
        raise click.ClickException("An argument is not in UTF-8. Enter it again.") from error
    except SQLAlchemyError as error:
        raise click.ClickException(describe(error)) from error
    except OSError as error:
        if error.errno == errno.EPIPE:  # the reader has enough: click ends quietly
            raise
        raise click.ClickException(describe_os_error(error)) from error
    finally:
        os.umask(mask)


def describe_os_error(error: OSError) -> str:
    """Return the line for an error of a file, a folder or the network."""
    where = f"{error.filename}: " if error.filename else ""
    advice = {
        errno.EACCES: " Run this as the user that it belongs to, or choose another place.",
        errno.EPERM: " Run this as the user that it belongs to, or choose another place.",
        errno.EROFS: " Choose a place that can be written to.",
        errno.ENOENT: " Check the path, or make the folder first.",
        errno.ENOTDIR: " Check the path.",
        errno.EISDIR: " Name a file, not a folder.",
        errno.ENOSPC: " Make room on the disk, then try again.",
        errno.EFBIG: " Make room on the disk, then try again.",
        errno.EDQUOT: " Make room on the disk, then try again.",
    }.get(error.errno or 0, "")
    return f"{where}{(error.strerror or str(error)).rstrip('.')}.{advice}"


class Command(click.Command):
    """A command that ends with one line on an error that an operator can cause."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with one_line_errors():
            return super().invoke(ctx)


class Group(AppGroup):
    """A group of such commands."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run one of its commands."""
        with one_line_errors():
            return super().invoke(ctx)
