"""Tests of configuration errors and warnings."""

from datetime import date

import pytest

from tests.conftest import PRODUCTION
from wizard import checks, config

SHARED = {"DATABASE_URL": "postgresql+psycopg://db/wizard"}


def production_settings(**changed):
    return config.read_environment({}) | PRODUCTION | changed


def warnings_for(**changed):
    return checks.warnings(config.flask_settings(production_settings(**changed)), date(2027, 1, 1))


def test_safe_settings_have_no_errors():
    assert checks.errors(production_settings()) == []
    assert warnings_for() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "short"),
        ("SECRET_KEY", "a" * 64),
        ("SECRET_KEY_FALLBACKS", "x"),
        ("SECRET_KEY_FALLBACKS", f"{'0123456789abcdef' * 4} {'a' * 64}"),
        ("PUBLIC_URL", "http://commitments.example.org"),
        ("PUBLIC_URL", "https://localhost"),
        ("TRUSTED_PROXIES", 0),
        ("SMTP_URL", ""),
        ("SMTP_URL", "smtp://office:secret@mail.example.org:587"),
        ("MAIL_FROM", config.DEFAULTS["MAIL_FROM"]),
        ("PROGRAM_EMAIL", ""),
        ("HTMX_INTEGRITY", ""),
    ],
)
def test_unsafe_setting_is_named(name, value):
    (line,) = checks.errors(production_settings(**{name: value}))
    assert line.startswith(f"WIZARD_{name} ")


def test_shared_database_needs_secret_key():
    (line,) = checks.errors(production_settings(**SHARED, SECRET_KEY=""))
    assert line.startswith("WIZARD_SECRET_KEY is not set")


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"OMB_CONTROL_NUMBER": "0000-0000"}, "WIZARD_OMB_EXPIRES is not set"),
        ({"OMB_EXPIRES": "2026-12-31"}, "expired on 2026-12-31"),
        ({"WORKERS": 2}, "with 2, visitors get 2 times the limit"),
        (SHARED | {"WORKERS": 1}, "visitors get 2 times the limit"),
        (SHARED | {"WORKERS": 3}, "with 3, visitors get 3 times the limit"),
    ],
)
def test_questionable_setting_is_warning(changed, text):
    (line,) = warnings_for(**changed)
    assert text in line


def test_approval_is_valid_on_expiry_day():
    assert warnings_for(OMB_EXPIRES="2027-01-01") == []


def test_old_sqlite_is_warning(monkeypatch):
    monkeypatch.setattr(checks, "SQLITE_VERSION", (3, 51, 2))
    (line,) = warnings_for()
    assert "SQLite 3.51.2 has a rare bug" in line


def test_sqlite_that_leaves_deleted_words_is_warning(monkeypatch):
    monkeypatch.setattr(checks, "SQLITE_VERSION", (3, 41, 9))
    assert "leaves words of deleted answers" in warnings_for()[-1]
