"""Tests of what every HTML mail has in common: it reads right in programs that drop its styles."""

import re

import pytest

from tests.complete_form import complete_form
from tests.conftest import load_case
from tests.mail import render_message
from wizard.db.engine import db
from wizard.db.models import MailMessage
from wizard.notify import outbox

pytestmark = pytest.mark.one_store


def shown_kinds(app):
    """Return the HTML of the messages that a submission leads to, by kind."""
    complete_form(app.test_client(), load_case("agency"))
    with app.app_context():
        messages = db.session.scalars(db.select(MailMessage)).all()
        return {each.kind: render_message(app, each).html for each in messages}


def test_mail_loads_nothing_and_runs_nothing(app):
    for html in shown_kinds(app).values():
        assert not re.search(r"<(img|script|link|iframe|form)\b|url\(|@import", html)


def test_mail_has_one_button_that_outlook_draws(app):
    for html in shown_kinds(app).values():
        (cell,) = re.findall(r'<td class="button"[^>]*>', html)
        assert "bgcolor=" in cell and "mso-padding-alt:" in cell


def test_mail_breaks_lines_without_white_space(app):
    for html in shown_kinds(app).values():
        assert "white-space" not in html
        assert "a report.<br><br>Domestic" in html


def test_every_mail_has_the_same_layout(app):
    names = {kind.template for kind in outbox.KINDS.values()}
    for name in names:
        for ending in ("html", "txt"):
            source, _, _ = app.jinja_env.loader.get_source(app.jinja_env, f"email/{name}.{ending}")
            assert source.startswith(f'{{% extends "email/base.{ending}" %}}')
