"""Tests of `flask check`."""

import shutil
import subprocess

import pytest
from flask_migrate import downgrade
from jinja2 import ChoiceLoader, DictLoader

from tests.integration.ops.test_mistakes import process_of
from tests.server import ROOT
from wizard.db.engine import db, writing
from wizard.ops import check
from wizard.web.languages import CATALOGS


@pytest.fixture
def app(make_app):
    """Create a program of the test's own: it remembers what its checks found."""
    return make_app()


def run_check(app):
    return app.test_cli_runner().invoke(args=["check"])


def test_new_installation_gets_warnings(app):
    result = run_check(app)
    assert result.exit_code == 0, result.output
    assert "WARNING  There is no admin account" in result.output
    assert "Not safe for production: WIZARD_SMTP_URL" in result.output
    assert "FALLBACKS" not in result.output
    assert "OK: database, mail and rate limits are working." in result.output


@pytest.mark.second_store_slow
def test_unreachable_mail_server_is_error(make_app):
    result = run_check(make_app(SMTP_URL="smtp://127.0.0.1:1"))
    assert (result.exit_code, "ERROR    No mail server answers at" in result.output) == (1, True)


@pytest.mark.parametrize("host", ["nobody.invalid", "192.0.2.1"])
def test_host_of_another_machine_is_error(make_app, host):
    result = make_app(HOST=host).test_cli_runner().invoke(args=["check"])
    assert f"ERROR    WIZARD_HOST: this machine has no name or address {host}." in result.output
    assert result.exit_code == 1


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


@pytest.fixture
def broken_files(app, monkeypatch, tmp_path):
    """Return a function that breaks a file of the program for this test."""

    def break_file(kind: str) -> None:
        if kind == "template":
            broken = DictLoader({"apply/step.html": "{% if %}"})
            app.jinja_env.loader = ChoiceLoader([broken, app.jinja_env.loader])
            return
        catalogs = tmp_path / "translations"
        shutil.copytree(CATALOGS, catalogs)
        (catalog,) = catalogs.glob("es/LC_MESSAGES/*.mo")
        content = catalog.read_bytes()
        catalog.write_bytes(content[: len(content) // 2] if kind == "half a catalog" else b"")
        if kind == "no catalog":
            catalog.unlink()
        monkeypatch.setattr(check, "CATALOGS", catalogs)

    return break_file


@pytest.mark.second_store_slow
@pytest.mark.parametrize("kind", ["template", "half a catalog", "empty catalog", "no catalog"])
def test_broken_file_is_error_and_not_ready(app, client, broken_files, kind):
    assert client.get("/readyz").status_code == 200
    broken_files(kind)
    result = run_check(app)
    (line,) = [each for each in result.output.splitlines() if each.startswith("ERROR")]
    assert result.exit_code == 1
    assert ("apply/step.html" if kind == "template" else "(es)") in line
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["files"]) == (503, "broken")


@pytest.mark.slow
def test_broken_files_of_an_installation_are_errors(sqlite_url, tmp_path):
    for name in ("wizard", "templates", "static"):
        shutil.copytree(ROOT / name, tmp_path / "program" / name)
    (tmp_path / "program/templates/base.html").write_text("{% block")
    catalog = tmp_path / "program/wizard/translations/es/LC_MESSAGES/messages.mo"
    catalog.write_bytes(catalog.read_bytes()[:1000])
    result = subprocess.run(
        **process_of(tmp_path, "check") | {"cwd": tmp_path / "program"}, capture_output=True
    )
    errors = [line for line in result.stdout.splitlines() if line.startswith("ERROR")]
    assert ["(es)" in errors[0], "base.html" in errors[1], len(errors)] == [True, True, 2]
    assert (result.returncode, result.stderr) == (1, "")


def test_key_that_others_can_read_is_warned_about_without_the_other_files(make_app, tmp_path):
    app = make_app(INSTANCE_PATH=str(tmp_path / "own"))
    key = tmp_path / "own" / "secret_key"
    key.parent.mkdir(exist_ok=True)
    key.write_text("x" * 64)
    key.chmod(0o644)
    key.parent.chmod(0o755)
    assert f"WARNING  Other users can read {key}" in run_check(app).output


@pytest.mark.second_store_slow
def test_files_that_others_can_read_are_warned_about(make_app, sqlite_url, tmp_path):
    app = make_app(DATABASE_URL=sqlite_url)
    (tmp_path / "wizard.sqlite").chmod(0o644)
    tmp_path.chmod(0o755)
    assert f"WARNING  Other users can read {tmp_path}/wizard.sqlite" in run_check(app).output
    tmp_path.chmod(0o700)
    assert "Other users" not in run_check(app).output


def test_newer_database_is_warning(app):
    with app.app_context(), writing() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    result = run_check(app)
    assert (result.exit_code, "WARNING  The database is of version 9999" in result.output) == (
        0,
        True,
    )
