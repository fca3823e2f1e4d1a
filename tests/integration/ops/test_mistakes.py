"""Tests of what operators can mistype: one line, exit status not 0, and nothing half-made."""

import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import PRODUCTION
from tests.server import ROOT
from wizard import config, create_app

LINE_BREAK = "one\nForged: two"
BAD_VALUES = {
    "ENV": ["prod", "Production "],
    "HOST": ["", " ", "127.0.0.1:80", "a b", "http://host"],
    "PORT": ["-1", "0", "70000", "eighty", ""],
    "INSTANCE_PATH": ["", " ", str(ROOT / "README.md"), LINE_BREAK],
    "SECRET_KEY": [" ", "   \t", " key", LINE_BREAK],
    "SECRET_KEY_FALLBACKS": [LINE_BREAK],
    "DATABASE_URL": [
        "mysql://user:hunter2@host/name",
        "postgres://user:hunter2@host/name",
        "postgresql://user:hunter2@host/name",
        "postgresql+psycopg://user:hunter2@host:port/name",
        "postgresql+psycopg://user:hunter2@host",
        "sqlite://",
        "sqlite:///:memory:",
        "garbage",
        LINE_BREAK,
    ],
    "PUBLIC_URL": [
        "",
        "example.org",
        "ftp://example.org",
        "https://",
        " https://example.org",
        "https://exam ple.org",
        "https://example.org/path",
        "https://example.org?query",
        "https://example.org/#part",
        "https://user:hunter2@example.org",
        "https://example.org:0",
        "https://example.org:99999",
        "https://[::1",
        LINE_BREAK,
    ],
    "TRUSTED_PROXIES": ["-1", "11", "one"],
    "SMTP_URL": [
        "mail.example.org",
        "http://mail.example.org",
        "smtp://",
        "smtp://user:hunter2@mail.example.org?starttls=maybe",
        "smtp://user:hunter2@mail.example.org?startls=1",
        "smtp://user:hunter2@mail.example.org?starttls=1&plaintext=1",
        "smtps://user:hunter2@mail.example.org?plaintext=1",
        "smtp://user:hunter2@mail.example.org:port",
        "smtp://mail.example.org/path",
        LINE_BREAK,
    ],
    "MAIL_FROM": [
        "",
        "nobody",
        "a@b.example, c@d.example",
        "Data Program, City of Example <no-reply@example.gov>",
        "desk@",
        LINE_BREAK,
    ],
    "PROGRAM_NAME": [LINE_BREAK],
    "PROGRAM_NAME_ES": [LINE_BREAK],
    "PROGRAM_EMAIL": ["nobody", "a@b.example, c@d.example", "desk@example.org\nBcc: x@y.example"],
    "OMB_CONTROL_NUMBER": [LINE_BREAK],
    "OMB_EXPIRES": ["soon", "20270331", "2027-02-30", "03/31/2027"],
    "TIMEZONE": ["", "Mars/Base", "../etc/passwd", "America", LINE_BREAK],
    "BURDEN_MINUTES": ["0", "-5", "1000000", "1.5"],
    "DRAFT_DAYS": ["0", "1000000", "99999999999", "sixty"],
    "RATELIMIT_STORAGE_URI": ["", "garbage", "redis://", "mongodb://host", LINE_BREAK],
    "METRICS_TOKEN": [" ", "token ", LINE_BREAK],
    "HTMX_URL": [
        "",
        "javascript:alert(1)",
        "https://host/a.js; script-src *",
        "https://host/a b.js",
        "//host/a.js",
        "https://host/a.js'",
        LINE_BREAK,
    ],
    "HTMX_INTEGRITY": ["md5-abc", "sha384-a b", 'sha384-"', LINE_BREAK],
}
"""What each setting refuses, as an environment has it."""
MISTAKES = [(name, value) for name, values in BAD_VALUES.items() for value in values]


def run_command(folder, *command, **environment):
    """Run a command in a process of its own, on an empty instance folder."""
    given = {name: value for name, value in os.environ.items() if not name.startswith("WIZARD_")}
    given |= {"WIZARD_INSTANCE_PATH": str(folder)} | environment
    line = [sys.executable, "-m", "flask", "--app", "wizard", *command]
    return subprocess.run(line, cwd=ROOT, env=given, capture_output=True, text=True, timeout=60)


def assert_refused(result, name):
    """Assert that a process ended with one line that names what is wrong, and no password."""
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ") and name in line, line
    assert result.returncode not in (0, None) and result.stdout == ""
    assert "hunter2" not in line


def test_every_setting_has_bad_values():
    assert BAD_VALUES.keys() == config.DEFAULTS.keys()


@pytest.mark.parametrize(("name", "value"), MISTAKES)
def test_bad_setting_is_refused_by_name(tmp_path, name, value):
    environment = {"WIZARD_INSTANCE_PATH": str(tmp_path), f"WIZARD_{name}": value}
    with pytest.raises(config.SettingError) as refused:
        create_app(config.read_environment(environment))
    text = refused.value.format_message()
    assert f"WIZARD_{name} must" in text and "\n" not in text and "hunter2" not in text


@pytest.mark.slow
def test_bad_setting_ends_process_with_one_line(tmp_path):
    def refuse(mistake):
        name, value = mistake
        folder = tmp_path / "new"
        return name, run_command(folder, "serve", **{f"WIZARD_{name}": value})

    with ThreadPoolExecutor(2) as threads:
        for name, result in threads.map(refuse, MISTAKES):
            assert_refused(result, f"WIZARD_{name}")
    assert not (tmp_path / "new").exists()


def test_unknown_setting_names_nearest():
    with pytest.raises(config.SettingError, match="Did you mean WIZARD_PUBLIC_URL?"):
        config.read_environment({"WIZARD_PUBLIC_ULR": "https://example.org"})


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("HTTPS://C.Example.ORG/", "https://c.example.org"),
        ("https://c.example.org:443", "https://c.example.org"),
        ("https://c.example.org:8443/", "https://c.example.org:8443"),
        ("https://[2001:DB8::1]:8443", "https://[2001:db8::1]:8443"),
    ],
)
def test_public_url_has_one_form_everywhere(tmp_path, written, read):
    app = create_app(PRODUCTION | {"PUBLIC_URL": written, "INSTANCE_PATH": str(tmp_path)})
    assert app.config["PUBLIC_URL"] == read
    assert app.config["SESSION_COOKIE_SECURE"]
    assert app.config["SESSION_COOKIE_NAME"] == "__Host-session"
    assert "Strict-Transport-Security" in app.test_client().get("/livez").headers


@pytest.mark.parametrize("said", ["1", "true", "TRUE", "yes", "on"])
def test_starttls_is_read_as_people_write_it(said):
    server = config.parse_mail_server(f"smtp://u%40x:p@mail.example.org:587?STARTTLS={said}")
    assert server.starttls and (server.username, server.password) == ("u@x", "p")


@pytest.mark.parametrize("said", ["0", "false", "No", "off"])
def test_declined_starttls_is_not_used(said):
    assert not config.parse_mail_server(f"smtp://mail.example.org?starttls={said}").starttls


def test_mail_in_clear_needs_explicit_word_in_production(tmp_path):
    settings = PRODUCTION | {"INSTANCE_PATH": str(tmp_path)}
    with pytest.raises(config.SettingError, match="WIZARD_SMTP_URL sends"):
        create_app(settings | {"SMTP_URL": "smtp://mail.example.org"})
    assert create_app(settings | {"SMTP_URL": "smtp://mail.example.org?plaintext=yes"})


def test_secret_of_one_letter_is_unsafe(tmp_path):
    settings = PRODUCTION | {"INSTANCE_PATH": str(tmp_path), "SECRET_KEY": "a" * 64}
    with pytest.raises(config.SettingError, match="WIZARD_SECRET_KEY repeats"):
        create_app(settings)


def test_port_in_use_ends_serve_with_one_line(sqlite_url, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        settings = {"WIZARD_PORT": port, "WIZARD_DATABASE_URL": sqlite_url}
        result = run_command(tmp_path, "serve", **settings)
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert result.stderr.splitlines()[-1].startswith(
        f"Error: Cannot listen on 127.0.0.1 port {port}"
    )
