"""Tests of the Prometheus metrics and who may read them."""

import pytest

from tests.complete_form import complete_form, draft_path, form_data, start_draft
from tests.conftest import load_case
from tests.integration.ops.conftest import queue_message, read_metrics
from wizard import clock
from wizard.flows.commitment import COMMITMENT

pytestmark = pytest.mark.second_store_slow


@pytest.fixture
def app(make_app):
    """Create a program of the test's own: its metrics start at zero."""
    return make_app()


def test_metrics_count_requests_and_rows(app, client, case):
    receipt = complete_form(client, case, follow=True)
    client.get("/nowhere")
    queue_message(app, failed_at=clock.now())
    figures = read_metrics(client)
    assert figures["wizard_request_seconds_count POST /respond/ 303"] == 1
    assert figures["wizard_request_seconds_count GET none 404"] == 1
    assert figures["wizard_submissions"] == figures["wizard_drafts"] == 1
    assert figures["wizard_outbox_waiting"] == 1
    assert figures["wizard_outbox_given_up"] == 1
    assert figures["wizard_store_up"] == 1
    assert receipt.path.split("/")[2] not in client.get("/metrics").text


def test_step_metrics_count_entered_and_completed(client, case):
    page = start_draft(client, case)
    step = COMMITMENT.steps["organization"]
    client.send(page.path, {"organization_name": ""})
    client.send(page.path, form_data(step, case) | {"action": "save"})
    figures = read_metrics(client)
    assert figures["wizard_steps_total completed kind"] == 1
    assert "wizard_steps_total completed organization" not in figures
    client.send(page.path, form_data(step, case))
    figures = read_metrics(client)
    assert figures["wizard_steps_total entered organization"] == 1
    assert figures["wizard_steps_total completed organization"] == 1


def test_post_that_completes_no_step_is_not_counted(client):
    case = load_case("agency")
    page = complete_form(client, case, until="current_data", follow=True)
    path, step = page.path, COMMITMENT.steps["current_data"]
    data = form_data(step, case)
    client.send(path, {"publishes_now": "yes", "current_data_description": "x", "asked": ""})
    newer = page.values() | {"turn": "9"}
    client.post(f"{path}/autosave", data={"csrf_token": client.token(), **newer, **data})
    client.send(path, page.values() | data | {"turn": "2"})
    client.send(f"{draft_path(page)}/plan", {"access_plan": "out of turn"})
    client.send(f"{draft_path(page)}/kind", {"organization_kind": "individual"})
    client.send("/respond/", {"organization_kind": "individual"})
    figures = read_metrics(client)
    completed = {name.split()[-1] for name in figures if "completed" in name}
    assert completed == {"kind", "organization", "contact"}
    assert figures["wizard_steps_total completed kind"] == 1
    receipt = complete_form(client, case, follow=True)
    client.send(f"{draft_path(receipt)}/contact", form_data(COMMITMENT.steps["contact"], case))
    figures = read_metrics(client)
    assert figures["wizard_steps_total completed contact"] == 2
    assert figures["wizard_steps_total completed review"] == 1


def test_metric_labels_are_bounded(client):
    client.open("/respond/", method="BREW")
    assert not [name for name in read_metrics(client) if "BREW" in name]


def test_metrics_need_local_address_or_token(make_app):
    away = {"REMOTE_ADDR": "192.0.2.7"}
    client = make_app(METRICS_TOKEN="violin-cactus-harbor").test_client()
    assert client.get("/metrics").status_code == 200
    for given in ("", "Bearer wrong", "Bearer "):
        headers = {"Authorization": given}
        assert client.get("/metrics", environ_base=away, headers=headers).status_code == 404
    headers = {"Authorization": "Bearer violin-cactus-harbor"}
    assert client.get("/metrics", environ_base=away, headers=headers).status_code == 200


def test_metrics_without_token_are_local_only(client):
    headers = {"Authorization": "Bearer "}
    away = {"REMOTE_ADDR": "192.0.2.7"}
    assert client.get("/metrics", environ_base=away, headers=headers).status_code == 404


def test_forwarded_for_is_used_behind_trusted_proxy(make_app):
    client = make_app(TRUSTED_PROXIES=1).test_client()
    seen = {"X-Forwarded-For": "127.0.0.1, 192.0.2.7"}
    assert client.get("/metrics", headers=seen).status_code == 404
    assert client.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 200
    assert client.get("/metrics", headers={"X-Forwarded-For": "unknown"}).status_code == 404


def test_forwarded_for_ignored_without_trusted_proxy(client):
    away = {"REMOTE_ADDR": "192.0.2.7"}
    forged = {"X-Forwarded-For": "127.0.0.1"}
    assert client.get("/metrics", environ_base=away, headers=forged).status_code == 404
