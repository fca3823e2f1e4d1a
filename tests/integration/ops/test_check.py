"""Tests of `flask check`."""

from flask_migrate import downgrade

from wizard.db.engine import db


def run_check(app):
    return app.test_cli_runner().invoke(args=["check"])


def test_new_installation_gets_warnings(app):
    result = run_check(app)
    assert result.exit_code == 0, result.output
    assert "WARNING  There is no admin account" in result.output
    assert "Not safe for production: WIZARD_SMTP_URL" in result.output
    assert "OK: database, mail and rate limits are working." in result.output


def test_unreachable_mail_server_is_error(make_app):
    result = run_check(make_app(SMTP_URL="smtp://127.0.0.1:1"))
    assert (result.exit_code, "ERROR    The mail server" in result.output) == (1, True)


def test_unmigrated_database_is_error(app):
    with app.app_context():
        downgrade(revision="-1")
        db.engine.dispose()
    result = run_check(app)
    assert (result.exit_code, "db upgrade" in result.output) == (1, True)


def test_unavailable_database_is_error(make_app):
    result = run_check(make_app(DATABASE_URL="postgresql+psycopg://127.0.0.1:1/wizard"))
    (line,) = [each for each in result.output.splitlines() if each.startswith("ERROR")]
    assert "The database postgresql+psycopg://127.0.0.1:1/wizard: " in line
    assert result.exit_code == 1 and "WIZARD_DATABASE_URL" in line
