"""Tests of what operators can mistype: one line, exit status not 0, and nothing half-made."""

import os
import shutil
import socket
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import PRODUCTION
from tests.server import ROOT, run_forked
from wizard import config, create_app

LINE_BREAK = "one\nForged: two"
BAD_MAILBOXES = [
    "a@b.example, c@d.example",
    "a@b.example; c@d.example",
    "a@b.example c@d.example",
    "a@b.example,",
    "a@b.example;",
    "Desk <a@b.example>,",
    "Desk: a@b.example;",
    "Desk: a@b.example;Desk: a@b.example;",
    "Desk (Data) <a@b.example>",
    "a@b.example (Desk)",
    "'a@b.example'",
    '"a b"@c.example',
    '"a,b"@c.example',
    "a @b.example",
    "a@b.example/",
    "mailto:a@b.example",
    "=?utf-8?q?=0D=0AX=3A?= <a@b.example>",
]
BAD_VALUES = {
    "ENV": ["prod", "Production "],
    "HOST": ["", " ", "127.0.0.1:80", "a b", "http://host"],
    "PORT": ["-1", "0", "70000", "eighty", "", "8_000", "٣", "redis://user:hunter2@host"],
    "WORKERS": ["-1", "65", "auto"],
    "INSTANCE_PATH": ["", " ", str(ROOT / "README.md"), "a" * 300, LINE_BREAK],
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
        "sqlite:////folder/file?timeout=soon",
        "sqlite:////folder/file?mode=ro",
        "sqlite:///file:file?uri=true",
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
        "https://.",
        "https://example..org",
        "https://exam<ple.org",
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
        *BAD_MAILBOXES,
        "nobody",
        "Data Program, City of Example <no-reply@example.gov>",
        "desk@",
        LINE_BREAK,
    ],
    "PROGRAM_NAME": [LINE_BREAK, "", " "],
    "PROGRAM_NAME_ES": [LINE_BREAK],
    "PROGRAM_EMAIL": ["nobody", *BAD_MAILBOXES, "desk@example.org\nBcc: x@y.example"],
    "OMB_CONTROL_NUMBER": [LINE_BREAK],
    "OMB_EXPIRES": ["soon", "20270331", "2027-02-30", "03/31/2027"],
    "TIMEZONE": ["", "Mars/Base", "Mars/" * 1_000, "../etc/passwd", "America", LINE_BREAK],
    "BURDEN_MINUTES": ["0", "-5", "1000000", "1.5"],
    "DRAFT_DAYS": ["0", "1000000", "99999999999", "sixty"],
    "CHANGES_DAYS": ["0", "366", "a month"],
    "MAIL_ANSWERS": ["", "maybe", "YES"],
    "RATELIMIT_STORAGE_URI": [
        "",
        "garbage",
        "redis://",
        "mongodb://host",
        "redis://host:port",
        "redis://user:hunter2@[",
        "rediss://host:99999",
        "redis+sentinel://host",
        "redis+cluster://user:hunter2@host",
        LINE_BREAK,
    ],
    "METRICS_TOKEN": [" ", "token ", LINE_BREAK],
    "HTMX_URL": [
        "",
        "javascript:alert(1)",
        "https://host/a.js; script-src *",
        "https://host/a b.js",
        "//host/a.js",
        "https://host/a.js'",
        "https://host\u0663/a.js",
        "https://host/\u00e9.js",
        LINE_BREAK,
    ],
    "HTMX_INTEGRITY": ["md5-abc", "sha384-a b", 'sha384-"', LINE_BREAK],
}
"""What each setting refuses, as an environment has it."""
MISTAKES = [(name, value) for name, values in BAD_VALUES.items() for value in values]


AS_A_USER = ["setpriv", "--bounding-set=-all"] if os.geteuid() == 0 else []
"""Root may write anywhere, unless it has lost its capabilities."""


def environment_of(folder, **environment):
    """Return the environment of a process on that instance folder."""
    given = {name: value for name, value in os.environ.items() if not name.startswith("WIZARD_")}
    return given | {"WIZARD_INSTANCE_PATH": str(folder)} | environment


def process_of(folder, *command, module="wizard", **environment):
    """Return the arguments of a process that runs a command on that instance folder."""
    given = environment_of(folder, **environment)
    line = [*AS_A_USER, sys.executable, "-m", module, *command]
    return {"args": line, "cwd": ROOT, "env": given, "text": True}


def run_command(folder, *command, **environment):
    """Run a command in a process of its own, on an empty instance folder."""
    return run_forked(environment_of(folder, **environment), command)


def assert_refused(result, name):
    """Assert that a process ended with one line that names what is wrong, and no password."""
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ") and name in line, line
    assert result.returncode not in (0, None) and result.stdout == ""
    assert "hunter2" not in line


def test_every_setting_has_bad_values():
    assert BAD_VALUES.keys() == config.DEFAULTS.keys()
    assert all(BAD_VALUES.values())


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


def test_links_have_the_port_unless_the_address_is_set():
    assert config.read_environment({})["PUBLIC_URL"] == "http://127.0.0.1:8000"
    port, address = {"WIZARD_PORT": "8171"}, {"WIZARD_PUBLIC_URL": "https://example.org"}
    assert config.read_environment(port)["PUBLIC_URL"] == "http://127.0.0.1:8171"
    assert config.read_environment(port | address)["PUBLIC_URL"] == "https://example.org"


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


@pytest.mark.second_store_slow
@pytest.mark.parametrize(
    ("written", "sender", "office"),
    [
        (" desk@example.gov ", "desk@example.gov", "desk@example.gov"),
        ("<desk@example.gov>", "desk@example.gov", "desk@example.gov"),
        (
            "Data Desk <o'hara+x@example.gov>",
            "Data Desk <o'hara+x@example.gov>",
            "o'hara+x@example.gov",
        ),
        ('"Data (U.S.), City" <a@b.gov>', '"Data (U.S.), City" <a@b.gov>', "a@b.gov"),
        (
            "José <desk@bücher.example>",
            "José <desk@xn--bcher-kva.example>",
            "desk@xn--bcher-kva.example",
        ),
        ("desk@mail-1.local", "desk@mail-1.local", "desk@mail-1.local"),
    ],
)
def test_mailbox_has_one_form_everywhere(make_app, written, sender, office):
    config = make_app(MAIL_FROM=written, PROGRAM_EMAIL=written).config
    assert (config["MAIL_FROM"], config["PROGRAM_EMAIL"]) == (sender, office)


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
    assert_refused(result, f"Cannot listen on 127.0.0.1 port {port}: Address already in use.")


def of_another_user(folder):
    """Take every right to a folder from this process, as another user's has them."""
    if os.geteuid() == 0:
        shutil.chown(folder, 65534, 65534)
    folder.chmod(0o700 if os.geteuid() == 0 else 0)


def replace_store(content):
    """Return a change of a store to that content."""
    return lambda folder: (folder / "wizard.sqlite").write_bytes(content)


def change_store(*statements):
    """Return a change of a store by SQL."""

    def change(folder):
        connection = sqlite3.connect(folder / "wizard.sqlite")
        with connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()

    return change


def halve_store(folder):
    store = folder / "wizard.sqlite"
    store.write_bytes(store.read_bytes()[: store.stat().st_size // 2])


def put_folder_for(name):
    """Return a change that puts a folder where a file belongs."""

    def change(folder):
        (folder / name).unlink(missing_ok=True)
        (folder / name).mkdir()

    return change


COMMANDS = {
    "serve": ["serve"],
    "upgrade": ["db", "upgrade"],
    "list": ["staff", "list"],
    "add": ["staff", "add", "ada@example.gov"],
    "purge": ["drafts", "purge"],
    "backup": ["backup", "OUT"],
    "export": ["export", "submissions.csv", "--output", "OUT"],
}
READING, SERVING = {"list"}, {"serve"}
BAD_STORES = {
    "a read-only folder": (lambda folder: folder.chmod(0o500), COMMANDS, "wizard.sqlite: "),
    "another user's folder": (of_another_user, COMMANDS, "wizard.sqlite: "),
    "no folder": (shutil.rmtree, COMMANDS.keys() - {"upgrade"}, "WIZARD_INSTANCE_PATH"),
    "no database": (
        lambda folder: (folder / "wizard.sqlite").unlink(),
        COMMANDS.keys() - {"upgrade"},
        "db upgrade",
    ),
    "a read-only database": (
        lambda folder: (folder / "wizard.sqlite").chmod(0o400),
        COMMANDS.keys() - READING - {"upgrade"},
        "wizard.sqlite: ",
    ),
    "a folder for a database": (put_folder_for("wizard.sqlite"), COMMANDS, "wizard.sqlite: "),
    "text": (replace_store(b"no database at all " * 500), COMMANDS, "restore a backup"),
    "half a database": (halve_store, COMMANDS, "restore a backup"),
    "an empty database": (replace_store(b""), COMMANDS.keys() - {"upgrade"}, "db upgrade"),
    "a database of something else": (
        lambda folder: (replace_store(b"")(folder), change_store("CREATE TABLE draft (x)")(folder)),
        {"upgrade"},
        "table draft already exists",
    ),
    "a newer database": (
        change_store("UPDATE alembic_version SET version_num = '9999'"),
        {"upgrade", "backup"},
        "The database is of version 9999, and this program of ",
    ),
    "a folder for the secret key": (put_folder_for("secret_key"), SERVING, "secret_key: "),
    "an empty secret key": (
        lambda folder: (folder / "secret_key").write_text(""),
        SERVING,
        "secret_key is empty",
    ),
    "a damaged secret key": (
        lambda folder: (folder / "secret_key").write_bytes(b"\xff\xfe" * 40),
        SERVING,
        "secret_key is damaged, or too short for a secret key",
    ),
    "a short secret key": (
        lambda folder: (folder / "secret_key").write_text("abc"),
        SERVING,
        "secret_key is damaged, or too short for a secret key",
    ),
    "a file for the mail folder": (
        lambda folder: (folder / "mail").write_text(""),
        SERVING,
        "mail: It is not a folder",
    ),
    "a read-only mail folder": (
        lambda folder: (folder / "mail").mkdir(mode=0o500),
        SERVING,
        "mail: It cannot be written to",
    ),
}
"""How a store can be wrong, the commands that it ends, and what their line says."""


def names_in(folder):
    """Return the names of the files of a folder, without SQLite's own beside a database."""
    names = {path.name for path in folder.rglob("*")} if folder.exists() else set()
    return {name for name in names if not name.endswith(("-wal", "-shm"))}


@pytest.mark.slow
@pytest.mark.parametrize("kind", BAD_STORES)
def test_bad_store_ends_command_with_one_line(migrated_sqlite, tmp_path, kind):
    change, ended, line = BAD_STORES[kind]

    def run(name):
        folder = tmp_path / name
        folder.mkdir()
        shutil.copy(migrated_sqlite, folder / "wizard.sqlite")
        change(folder)
        before = names_in(folder)
        out = str(tmp_path / f"{name}.out")
        command = [word.replace("OUT", out) for word in COMMANDS[name]]
        return run_command(folder, *command, WIZARD_PORT="8765"), names_in(folder) - before

    with ThreadPoolExecutor(2) as threads:
        for result, created in threads.map(run, ended):
            assert_refused(result, line)
            assert not created
    assert not list(tmp_path.glob("*.out*"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a folder", "missing/folder", "read-only/file", "kept"])
@pytest.mark.parametrize("command", ["backup", "export"])
def test_bad_target_is_named_and_kept(sqlite_url, tmp_path, command, name):
    (tmp_path / "a folder").mkdir()
    (tmp_path / "read-only").mkdir(mode=0o500)
    (tmp_path / "kept").write_text("dear")
    target = str(tmp_path / name)
    words = ["submissions.csv", "--output", target] if command == "export" else [target]
    if (command, name) == ("export", "kept"):
        return  # an export may replace a file
    assert_refused(run_command(tmp_path, command, *words), target)
    assert (tmp_path / "kept").read_text() == "dear"
    assert not [path for path in tmp_path.rglob("*.part")]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("a folder", "is a folder"),
        ("text", "isn’t a backup"),
        ("empty", "is empty"),
        ("half", "isn’t a backup, or it is damaged"),
        ("missing", "File not found"),
        ("unreadable", "isn’t a backup, or it is damaged"),
    ],
)
def test_bad_backup_restores_nothing(sqlite_url, migrated_sqlite, tmp_path, name, line):
    (tmp_path / "a folder").mkdir()
    (tmp_path / "text").write_text("no backup at all " * 500)
    (tmp_path / "empty").touch()
    content = migrated_sqlite.read_bytes()
    (tmp_path / "half").write_bytes(content[: len(content) // 2])
    (tmp_path / "unreadable").write_bytes(content)
    (tmp_path / "unreadable").chmod(0)
    before = names_in(tmp_path)
    assert_refused(run_command(tmp_path, "restore", str(tmp_path / name)), line)
    assert names_in(tmp_path) == before
    with sqlite3.connect(tmp_path / "wizard.sqlite") as store:
        assert store.execute("SELECT count(*) FROM audit_event").fetchone() == (0,)
    store.close()


@pytest.mark.slow
def test_two_upgrades_at_once_both_end_well(tmp_path):
    for number in range(4):
        folder = tmp_path / str(number)
        with ThreadPoolExecutor(3) as threads:
            upgrades = [threads.submit(run_command, folder, "db", "upgrade") for _ in range(3)]
        ended = [each.result() for each in upgrades]
        assert {(each.returncode, each.stderr) for each in ended} == {(0, "")}
        assert run_command(folder, "backup", str(folder / "all.backup")).returncode == 0
