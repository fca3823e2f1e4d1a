"""Tests of the log lines."""

import inspect
import io
import json
import logging
import re
import subprocess
import sys

import pytest
from flask_limiter import _extension

from tests.complete_form import complete_form, draft_path
from tests.server import ROOT
from wizard.web import logs

pytestmark = pytest.mark.second_store_slow


@pytest.fixture
def log_output(app):
    """Capture the log; return the stream and its handler."""
    kept, root = io.StringIO(), logging.getLogger("wizard")
    handler = logging.StreamHandler(kept)
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    handler.setFormatter(logs.JsonFormatter())
    yield kept, handler
    root.removeHandler(handler)
    root.setLevel(logging.NOTSET)


def log_lines(kept):
    return [json.loads(line) for line in kept.getvalue().splitlines()]


def test_request_line_has_rule_and_request_id(client, log_output):
    answer = client.get("/resume/some-token?q=Ada", headers={"X-Request-ID": "forged"})
    (line,) = log_lines(log_output[0])
    assert line["request_id"] == answer.headers["X-Request-ID"]
    assert re.fullmatch("[0-9a-f]{16}", line["request_id"])
    assert (line["method"], line["rule"], line["status"]) == ("GET", "/resume/<token>", 404)
    assert line["ms"] > 0
    assert "some-token" not in log_output[0].getvalue() and "Ada" not in log_output[0].getvalue()


def test_log_lines_hold_no_answers(client, case, log_output):
    path = draft_path(complete_form(client, case, follow=True))
    text = log_output[0].getvalue()
    assert len(log_lines(log_output[0])) > 10
    for secret in (path.split("/")[2], case["organization_name"], case["contact_email"]):
        assert secret not in text


def test_valid_request_id_of_proxy_is_used(make_app, log_output):
    client = make_app(TRUSTED_PROXIES=1).test_client()
    for given, kept in [("abc-123", True), ("a b", False), ("x" * 65, False)]:
        answer = client.get("/questions", headers={"X-Request-ID": given})
        assert (answer.headers["X-Request-ID"] == given) == kept


def test_exception_is_logged_without_its_text(app, client, log_output):
    app.config["PROPAGATE_EXCEPTIONS"] = False

    def fail():
        raise ValueError("what Ada typed")

    app.view_functions["public.questions"] = fail
    assert client.get("/questions").status_code == 500
    fault, request = log_lines(log_output[0])
    assert (fault["level"], fault["fault"]) == ("error", "ValueError")
    assert fault["at"][-1].endswith(" fail")
    assert fault["request_id"] == request["request_id"]
    assert "Ada" not in log_output[0].getvalue()


def test_terminal_line_is_readable(client, log_output):
    log_output[1].addFilter(logs.add_request)
    log_output[1].setFormatter(logs.LineFormatter(logs.TEXT_FORMAT))
    client.get("/questions")
    assert re.search(
        r"INFO request [0-9a-f]{16} GET /questions 200 [\d.]+\n", log_output[0].getvalue()
    )


def test_health_checks_are_not_logged(client, log_output):
    for path in ("/livez", "/readyz", "/metrics", "/static/site.css"):
        with client.get(path) as answer:
            assert answer.status_code == 200
    assert log_output[0].getvalue() == ""


EVERY_LOGGER = """
import gc, logging, sys, threading, warnings
from importlib.metadata import packages_distributions
import alembic.context, waitress.server, werkzeug.serving
from wizard import create_app
from wizard.ops import serve
from wizard.web import logs

folder, production, path = sys.argv[1:]
app = create_app({"INSTANCE_PATH": folder})
assert app.test_client().get("/questions").status_code == 200
logs.configure_logging(bool(production))
names = {*logging.root.manager.loggerDict, *packages_distributions(), "root", "py.warnings"}
names = sorted(name for name in names if name.split(".")[0] != "wizard")
print(" ".join(names))
for name in names:
    logger = logging.getLogger(name)
    assert logger.propagate and not logger.disabled, name
    logger.critical("while serving " + path)
    logger.critical("while serving %s", path)
    logger.critical("while serving %(path)s of %(path)s", {"path": path})
    logger.critical(ValueError(path))
print("others")
logging.critical(path)
warnings.warn(path, RuntimeWarning)
warnings.warn_explicit(path, UserWarning, path, 1)

def fail(*_):
    raise ValueError(path)

thread = threading.Thread(target=fail, name=path)
thread.start()
thread.join()
type("Unraisable", (), {"__del__": fail})()
gc.collect()
fail()
"""


@pytest.mark.slow
@pytest.mark.parametrize("production", ["yes", ""])
def test_process_writes_one_line_without_path_for_each_library(tmp_path, production):
    """Also for what Python itself writes: warnings, and exceptions that nothing caught."""
    path = "/resume/SECRET-token\r\n2027 ERROR forged \x1b[2J\u2028"
    result = subprocess.run(
        [sys.executable, "-c", EVERY_LOGGER, str(tmp_path), production, path],
        cwd=ROOT, capture_output=True, text=True, encoding="utf-8",
    )  # fmt: skip
    names = result.stdout.splitlines()[0].split(" ")
    assert len(names) > 100 and {"waitress", "sqlalchemy.pool", "flask-limiter"} <= {*names}
    lines = [line for line in result.stderr.split("\n") if line and line.isprintable()]
    assert len(lines) == result.stderr.count("\n")
    if production:
        assert "SECRET" not in result.stderr
        assert len([json.loads(line) for line in lines]) == 4 * len(names) + 3 + 3
        assert [json.loads(line)["fault"] for line in lines[-3:]] == ["ValueError"] * 3
    else:  # the text of an exception follows, indented
        begun = [line for line in lines if not line.startswith("    ")]
        assert len(begun) == 4 * len(names) + 3 + 3
        assert not [line for line in begun if "SECRET" in line]


PATH = "/resume/SECRET-token\r\n2027 ERROR forged \x1b[2J\u2028"
LIBRARIES = ("waitress", "waitress.queue", "werkzeug", "sqlalchemy.engine", "alembic",
             "flask-limiter", "flask.app", "redis", "root", "py.warnings")  # fmt: skip


@pytest.mark.parametrize("formatter", [logs.JsonFormatter(), logs.LineFormatter(logs.TEXT_FORMAT)])
@pytest.mark.parametrize("name", [*LIBRARIES, "wizard.web"])
def test_line_of_any_logger_is_one_and_library_adds_no_path(name, formatter):
    for text, args in [(f"while serving {PATH}", ()), ("while serving %s", (PATH,))]:
        record = logging.LogRecord(name, logging.INFO, "channel.py", 434, text, args, None)
        logs.add_request(record)
        line = formatter.format(record)
        assert len(line.splitlines()) == 1 and "\x1b" not in line
        assert ("SECRET" in line) == (name == "wizard.web")


def test_library_line_with_numbers_keeps_its_text():
    text = "Task queue depth is %d"
    record = logging.LogRecord("waitress.queue", logging.INFO, "", 1, text, (3,), None)
    assert logs.message_of(record) == "waitress.queue: Task queue depth is 3"


def test_lost_rate_limits_are_told_in_our_words():
    text = "Rate limit storage unreachable - falling back to in-memory storage"
    assert text in inspect.getsource(_extension)
    record = logging.LogRecord("flask-limiter", logging.WARNING, "", 1, text, (), None)
    assert logs.message_of(record) == logs.STORAGE_AWAY


def test_text_of_exception_forges_no_line_on_terminal():
    try:
        raise ValueError(f"typed {PATH}")
    except ValueError:
        record = logging.LogRecord("wizard", 40, "", 1, "fault", (), sys.exc_info())
    logs.add_request(record)
    _, *others = logs.LineFormatter(logs.TEXT_FORMAT).format(record).splitlines()
    assert others and all(line.startswith("    ") for line in others)
