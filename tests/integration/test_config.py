"""Tests of settings: types, the secret key, refusal to start."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.complete_form import complete_form, form_data
from tests.conftest import PRODUCTION, load_case
from wizard import config, create_app
from wizard.flows.commitment import COMMITMENT


def test_unsafe_production_settings_stop_start(tmp_path):
    unsafe = PRODUCTION | {"SMTP_URL": "", "TRUSTED_PROXIES": 0, "INSTANCE_PATH": str(tmp_path)}
    with pytest.raises(config.SettingError) as refused:
        create_app(unsafe)
    lines = refused.value.format_message().splitlines()[1:]
    assert [line.split()[0] for line in lines] == ["WIZARD_TRUSTED_PROXIES", "WIZARD_SMTP_URL"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DRAFT_DAYS", 0),
        ("BURDEN_MINUTES", 0),
        ("TRUSTED_PROXIES", -1),
        ("OMB_EXPIRES", "soon"),
        ("OMB_EXPIRES", "20270331"),
        ("TIMEZONE", ""),
        ("TIMEZONE", "Mars/Olympus"),
        ("TIMEZONE", "/etc/passwd"),
        ("TIMEZONE", "America"),
    ],
)
def test_invalid_setting_names_it(tmp_path, name, value):
    with pytest.raises(config.SettingError, match=f"WIZARD_{name} must be"):
        create_app({"INSTANCE_PATH": str(tmp_path), name: value})


def test_secret_key_is_created_once_with_mode_600(tmp_path):
    settings = {"INSTANCE_PATH": str(tmp_path / "new")}
    first = create_app(settings).secret_key
    assert create_app(settings).secret_key == first
    assert len(first) >= 32
    mode = stat.S_IMODE(os.stat(tmp_path / "new" / "secret_key").st_mode)
    assert mode == 0o600


def test_setting_of_wrong_type_names_it():
    with pytest.raises(config.SettingError, match="WIZARD_PORT must be a whole number"):
        config.read_environment({"WIZARD_PORT": "eighty"})


def test_unknown_environment_is_refused(tmp_path):
    with pytest.raises(config.SettingError, match="WIZARD_ENV must be production"):
        create_app({"INSTANCE_PATH": str(tmp_path), "ENV": "prod"})


@pytest.mark.second_store_slow
def test_fallback_secret_still_opens_session(make_app):
    case = load_case("agency")
    before = make_app(SECRET_KEY="old-secret-old-secret-old-secret").test_client()
    page = complete_form(before, case, until="contact")
    after = make_app(
        SECRET_KEY="new-secret-new-secret-new-secret",
        SECRET_KEY_FALLBACKS="old-secret-old-secret-old-secret",
    ).test_client()
    after.set_cookie("session", before.get_cookie("session").value)
    assert after.page(page.path).path == page.path
    data = form_data(COMMITMENT.steps["contact"], case)
    assert after.send(page.path, data).path.endswith("/current_data")


def test_command_that_needs_no_secret_creates_no_file(tmp_path):
    folder = tmp_path / "new"
    app = create_app({"INSTANCE_PATH": str(folder)})
    for command in (["--help"], ["routes"], ["check"], ["staff", "list"]):
        app.test_cli_runner().invoke(args=command)
    assert not folder.exists()


def test_concurrent_starts_share_one_secret(tmp_path):
    settings = {"INSTANCE_PATH": str(tmp_path / "new")}
    apps = [create_app(settings) for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(lambda app: app.secret_key, apps))) == 1


@pytest.mark.parametrize(
    ("given", "sender"),
    [
        ("Data Program <no-reply@example.org>", "Data Program <no-reply@example.org>"),
        ('"Data, Program" <no-reply@example.org>', '"Data, Program" <no-reply@example.org>'),
        ("no-reply@example.org", "no-reply@example.org"),
    ],
)
def test_sender_is_one_address(given, sender):
    assert config.flask_settings(config.DEFAULTS | {"MAIL_FROM": given})["MAIL_FROM"] == sender


@pytest.mark.parametrize(
    "given",
    [
        "",
        "Data Program, City of Example <no-reply@example.org>",
        "a@b.org, c@d.org",
        "Name <a@b.org",
        "a@b.org\nBcc: c@d.org",
    ],
)
def test_sender_that_is_no_address_is_refused(given):
    with pytest.raises(config.SettingError, match="WIZARD_MAIL_FROM"):
        config.flask_settings(config.DEFAULTS | {"MAIL_FROM": given})
