"""What an operator relies on: refusal of unsafe settings, checks, health, figures and logs."""

import io
import json
import logging
import re
from datetime import date, timedelta

import pytest
from flask_migrate import downgrade
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import PRODUCTION, load_case
from tests.walk import draft_path, form_data, start, walk
from wizard import checks, clock, config, create_app
from wizard.db.engine import db, writing
from wizard.db.models import MailMessage
from wizard.flows.commitment import COMMITMENT
from wizard.notify import outbox
from wizard.web import logs

# Settings


def settings(**changed):
    return config.read_environment({}) | PRODUCTION | changed


def warnings(**changed):
    return checks.warnings(config.flask_settings(settings(**changed)), date(2027, 1, 1))


def test_settings_that_are_safe_have_no_fault():
    assert checks.errors(settings()) == []
    assert warnings() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "short"),
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
def test_each_unsafe_setting_is_one_line_that_names_it(name, value):
    (line,) = checks.errors(settings(**{name: value}))
    assert line.startswith(f"WIZARD_{name} ")


def test_machines_that_share_a_store_need_a_secret_of_their_own_making():
    shared = {"DATABASE_URL": "postgresql+psycopg://db/wizard", "SECRET_KEY": ""}
    (line,) = checks.errors(settings(**shared))
    assert line.startswith("WIZARD_SECRET_KEY is not set")


def test_in_production_nothing_starts_with_a_fault_and_each_has_its_line(tmp_path):
    unsafe = PRODUCTION | {"SMTP_URL": "", "TRUSTED_PROXIES": 0, "INSTANCE_PATH": str(tmp_path)}
    with pytest.raises(config.SettingError) as refused:
        create_app(unsafe)
    lines = refused.value.format_message().splitlines()[1:]
    assert [line.split()[0] for line in lines] == ["WIZARD_TRUSTED_PROXIES", "WIZARD_SMTP_URL"]


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"OMB_CONTROL_NUMBER": "0000-0000"}, "WIZARD_OMB_EXPIRES is not set"),
        ({"OMB_EXPIRES": "2026-12-31"}, "expired on 2026-12-31"),
        ({"DATABASE_URL": "postgresql+psycopg://db/wizard"}, "every limit counts double"),
    ],
)
def test_what_works_and_yet_wants_a_look_is_a_warning(changed, text):
    (line,) = warnings(**changed)
    assert text in line


def test_on_its_last_day_an_approval_is_still_good():
    assert warnings(OMB_EXPIRES="2027-01-01") == []


def test_an_old_sqlite_is_a_warning(monkeypatch):
    monkeypatch.setattr(checks, "SQLITE_VERSION", (3, 51, 2))
    (line,) = warnings()
    assert "SQLite is 3.51.2" in line


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DRAFT_DAYS", 0),
        ("BURDEN_MINUTES", 0),
        ("TRUSTED_PROXIES", -1),
        ("OMB_EXPIRES", "soon"),
        ("OMB_EXPIRES", "20270331"),
    ],
)
def test_a_setting_that_means_nothing_is_named(tmp_path, name, value):
    with pytest.raises(config.SettingError, match=f"WIZARD_{name} must be"):
        create_app({"INSTANCE_PATH": str(tmp_path), name: value})


# flask check


def check(app):
    return app.test_cli_runner().invoke(args=["check"])


def test_a_fresh_installation_is_told_what_it_lacks(app):
    result = check(app)
    assert result.exit_code == 0, result.output
    assert "WARNING  Nobody is admin" in result.output
    assert "not for production: WIZARD_SMTP_URL" in result.output
    assert "Store, mail and limits answer." in result.output


def test_a_mail_server_that_is_not_there_is_a_fault(make_app):
    result = check(make_app(SMTP_URL="smtp://127.0.0.1:1"))
    assert (result.exit_code, "FAULT    The mail server" in result.output) == (1, True)


def test_a_store_that_is_not_migrated_is_a_fault(app):
    with app.app_context():
        downgrade(revision="-1")
        db.engine.dispose()
    result = check(app)
    assert (result.exit_code, "db upgrade" in result.output) == (1, True)


def test_a_store_that_is_away_is_a_fault(make_app):
    result = check(make_app(DATABASE_URL="postgresql+psycopg://127.0.0.1:1/wizard"))
    assert (result.exit_code, "FAULT    The store does not answer" in result.output) == (1, True)


# Health


def test_a_healthy_program_lives_and_is_ready(client):
    assert client.get("/livez").text == "ok\n"
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json) == (
        200, {"store": "ok", "migrations": "ok", "outbox_seconds": 0},
    )  # fmt: skip


def test_a_program_without_its_store_lives_and_is_not_ready(make_app):
    client = make_app(DATABASE_URL="postgresql+psycopg://127.0.0.1:1/wizard").test_client()
    assert client.get("/livez").status_code == 200
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json) == (503, {"store": "away"})
    figures = scrape(client)
    assert figures["wizard_store_up"] == 0
    assert "wizard_drafts" not in figures


@pytest.mark.parametrize("revision", ["-1", "base"])
def test_a_store_that_lacks_a_migration_is_not_ready(app, client, revision):
    with app.app_context():
        downgrade(revision=revision)
        db.engine.dispose()
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["migrations"]) == (503, "missing")


def test_a_store_of_a_newer_program_is_served_while_machines_are_updated(app, client):
    with app.app_context(), writing() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    assert client.get("/readyz").status_code == 200


def test_messages_that_wait_are_told_and_turn_nobody_away(app, client, monkeypatch):
    queue_one(app)
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(hours=2))
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert 7200 <= answer.json["outbox_seconds"] < 7300


def queue_one(app, **columns):
    with app.app_context(), writing() as session:
        number = len(outbox.unsent())
        message = {
            "message_id": f"<{number}@example.org>",
            "recipient": "a@example.org",
            "kind": "confirmation",
        }
        session.add(MailMessage(**message, **columns))


# Figures


def scrape(client, **headers):
    """Every figure, by its name and labels."""
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_figures_tell_of_requests_steps_and_the_store(app, client, case):
    receipt = walk(client, case)
    client.get("/nowhere")
    queue_one(app, failed_at=clock.now())
    figures = scrape(client)
    assert figures["wizard_request_seconds_count POST /respond/ 303"] == 1
    assert figures["wizard_request_seconds_count GET none 404"] == 1
    assert figures["wizard_submissions"] == figures["wizard_drafts"] == 1
    assert figures["wizard_outbox_waiting"] == 1
    assert figures["wizard_outbox_given_up"] == 1
    assert figures["wizard_store_up"] == 1
    assert receipt.path.split("/")[2] not in client.get("/metrics").text


def test_a_step_is_entered_when_shown_and_completed_when_gone_on_from(client, case):
    page = start(client, case)
    step = COMMITMENT.steps["organization"]
    client.send(page.path, {"organization_name": ""})
    client.send(page.path, form_data(step, case) | {"action": "save"})
    figures = scrape(client)
    assert figures["wizard_steps_total completed kind"] == 1
    assert "wizard_steps_total completed organization" not in figures
    client.send(page.path, form_data(step, case))
    figures = scrape(client)
    assert figures["wizard_steps_total entered organization"] == 1
    assert figures["wizard_steps_total completed organization"] == 1


def test_post_that_completes_nothing_is_not_counted_as_completed(client):
    case = load_case("agency")
    page = walk(client, case, until="current_data")
    path, step = page.path, COMMITMENT.steps["current_data"]
    data = form_data(step, case)
    client.send(path, {"publishes_now": "yes", "current_data_description": "x", "asked": ""})
    newer = page.values() | {"turn": "9"}
    client.post(f"{path}/autosave", data={"csrf_token": client.token(), **newer, **data})
    client.send(path, page.values() | data | {"turn": "2"})
    client.send(f"{draft_path(page)}/plan", {"access_plan": "out of turn"})
    client.send(f"{draft_path(page)}/kind", {"organization_kind": "individual"})
    client.send("/respond/", {"organization_kind": "individual"})
    figures = scrape(client)
    completed = {name.split()[-1] for name in figures if "completed" in name}
    assert completed == {"kind", "organization", "contact"}
    assert figures["wizard_steps_total completed kind"] == 1
    receipt = walk(client, case)
    client.send(f"{draft_path(receipt)}/contact", form_data(COMMITMENT.steps["contact"], case))
    figures = scrape(client)
    assert figures["wizard_steps_total completed contact"] == 2
    assert figures["wizard_steps_total completed review"] == 1


def test_words_from_outside_make_no_figures_of_their_own(client):
    client.open("/respond/", method="BREW")
    assert not [name for name in scrape(client) if "BREW" in name]


def test_figures_are_for_this_machine_and_for_the_bearer_of_the_token(make_app):
    away = {"REMOTE_ADDR": "192.0.2.7"}
    client = make_app(METRICS_TOKEN="violin-cactus-harbor").test_client()
    assert client.get("/metrics").status_code == 200
    for given in ("", "Bearer wrong", "Bearer "):
        headers = {"Authorization": given}
        assert client.get("/metrics", environ_base=away, headers=headers).status_code == 404
    headers = {"Authorization": "Bearer violin-cactus-harbor"}
    assert client.get("/metrics", environ_base=away, headers=headers).status_code == 200


def test_without_a_token_nobody_from_elsewhere_sees_figures(client):
    headers = {"Authorization": "Bearer "}
    away = {"REMOTE_ADDR": "192.0.2.7"}
    assert client.get("/metrics", environ_base=away, headers=headers).status_code == 404


# Behind a proxy


def test_behind_a_trusted_proxy_the_visitor_is_who_it_names(make_app):
    client = make_app(TRUSTED_PROXIES=1).test_client()
    seen = {"X-Forwarded-For": "127.0.0.1, 192.0.2.7"}
    assert client.get("/metrics", headers=seen).status_code == 404
    assert client.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 200
    assert client.get("/metrics", headers={"X-Forwarded-For": "unknown"}).status_code == 404


def test_without_one_nobody_is_believed(client):
    away = {"REMOTE_ADDR": "192.0.2.7"}
    forged = {"X-Forwarded-For": "127.0.0.1"}
    assert client.get("/metrics", environ_base=away, headers=forged).status_code == 404


# Logs


@pytest.fixture
def written(app):
    """What a process writes, and how: production's lines or a terminal's."""
    kept, root = io.StringIO(), logging.getLogger("wizard")
    handler = logging.StreamHandler(kept)
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    handler.setFormatter(logs.JsonFormatter())
    yield kept, handler
    root.removeHandler(handler)
    root.setLevel(logging.NOTSET)


def lines(kept):
    return [json.loads(line) for line in kept.getvalue().splitlines()]


def test_each_request_has_a_line_by_its_rule_and_an_id_that_its_answer_carries(client, written):
    answer = client.get("/resume/some-token?q=Ada", headers={"X-Request-ID": "forged"})
    (line,) = lines(written[0])
    assert line["request_id"] == answer.headers["X-Request-ID"]
    assert re.fullmatch("[0-9a-f]{16}", line["request_id"])
    assert (line["method"], line["rule"], line["status"]) == ("GET", "/resume/<token>", 404)
    assert line["ms"] > 0
    assert "some-token" not in written[0].getvalue() and "Ada" not in written[0].getvalue()


def test_no_answer_is_in_any_line_of_a_whole_walk(client, case, written):
    path = draft_path(walk(client, case))
    text = written[0].getvalue()
    assert len(lines(written[0])) > 10
    for secret in (path.split("/")[2], case["organization_name"], case["contact_email"]):
        assert secret not in text


def test_a_trusted_proxy_names_a_request_unless_it_names_it_oddly(make_app, written):
    client = make_app(TRUSTED_PROXIES=1).test_client()
    for given, kept in [("abc-123", True), ("a b", False), ("x" * 65, False)]:
        answer = client.get("/questions", headers={"X-Request-ID": given})
        assert (answer.headers["X-Request-ID"] == given) == kept


def test_a_fault_is_told_by_its_kind_and_place_and_not_by_its_text(app, client, written):
    app.config["PROPAGATE_EXCEPTIONS"] = False

    def fail():
        raise ValueError("what Ada typed")

    app.view_functions["public.questions"] = fail
    assert client.get("/questions").status_code == 500
    fault, request = lines(written[0])
    assert (fault["level"], fault["fault"]) == ("error", "ValueError")
    assert fault["at"][-1].endswith(" fail")
    assert fault["request_id"] == request["request_id"]
    assert "Ada" not in written[0].getvalue()


def test_at_a_terminal_a_line_is_for_a_person(client, written):
    written[1].addFilter(logs.add_request)
    written[1].setFormatter(logging.Formatter(logs.TEXT_FORMAT))
    client.get("/questions")
    assert re.search(
        r"INFO request [0-9a-f]{16} GET /questions 200 [\d.]+\n", written[0].getvalue()
    )


def test_probes_leave_no_lines(client, written):
    for path in ("/livez", "/readyz", "/metrics", "/static/site.css"):
        with client.get(path) as answer:
            assert answer.status_code == 200
    assert written[0].getvalue() == ""
