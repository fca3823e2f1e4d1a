"""Check that no template is rendered while the database is locked."""

import jinja2
import pytest
from flask import has_app_context

from tests.complete_form import complete_form, draft_path, form_data, start_draft
from tests.conftest import load_case
from tests.factories import staff_client
from wizard.db.engine import db
from wizard.flows.commitment import COMMITMENT
from wizard.notify.outbox import deliver_due


@pytest.fixture
def rendered_templates(monkeypatch) -> list[str]:
    """Return the names of rendered templates; fail if one is rendered under the write lock."""
    names: list[str] = []
    render = jinja2.Template.render

    def checked(template, *args, **kwargs):
        names.append(template.name)
        assert not is_writing(), f"{template.name} is rendered while the database is locked"
        return render(template, *args, **kwargs)

    monkeypatch.setattr(jinja2.Template, "render", checked)
    return names


def is_writing() -> bool:
    """Return True while a transaction that writes is open; cached parts have no context."""
    if not has_app_context():
        return False
    session = db.session()
    return session.in_transaction() and bool(
        session.connection().get_execution_options().get("writes")
    )


def test_form_pages_are_rendered_outside_write_lock(client, case, rendered_templates):
    page = start_draft(client, case)
    client.send("/respond/", {"organization_kind": "king"})
    while (name := page.path.rsplit("/", 1)[1]) != "review":
        step, path = COMMITMENT.steps[name], page.path
        good = form_data(step, case)
        for action in ("continue", "update", "add", "remove-0", "save"):
            client.send(path, {"action": action})
        client.send(path, good | {"asked": "", "action": "update"})
        stale = page.values() | {"turn": "0"} | {key: "other" for key in good}
        client.send(path, stale)
        for data in (stale, good):
            client.post(f"{path}/autosave", data=data | {"csrf_token": client.token()})
        page = client.send(path, good)
    path = draft_path(page)
    client.send(page.path, {})
    client.send(page.path, {"authorized": "yes", "based_on": "of another review"})
    client.send(page.path, {"action": "save"})
    client.send(f"{path}/kind", {"organization_kind": "individual"})
    client.send(f"{path}/save", {"address": "none"})
    client.send(f"{path}/save", {"address": "desk@example.org"})
    client.send(f"{path}/delete")
    receipt = client.send(page.path, {"authorized": "yes"})
    assert receipt.path.endswith("/done")
    late = client.post(f"{path}/contact/autosave", data={"csrf_token": client.token()})
    assert late.status_code == 409
    client.send(f"{path}/delete", {"action": "delete"})
    other = start_draft(client, case)
    client.send(f"{draft_path(other)}/delete", {"action": "delete"})
    assert {
        f"apply/{name}.html"
        for name in ("step", "review", "conflict", "save", "saved", "delete", "receipt")
    } <= set(rendered_templates)


def test_staff_pages_are_rendered_outside_write_lock(app, client, rendered_templates):
    receipt = complete_form(client, load_case("agency"))
    reference = receipt.text(".reference")
    admin, path = staff_client(app, "admin"), f"/staff/submissions/{reference}"
    for status in ("in_review", "nonsense", "accepted", "published"):
        version = admin.page(path).all("input[name=version]")[0].attrs["value"]
        admin.send(f"{path}/status", {"to": status, "version": version})
    admin.send(f"{path}/status", {"to": "withdrawn", "version": "1"})
    for text in ("A note", "", "\x00"):
        admin.send(f"{path}/note", {"text": text})
    with app.app_context():
        deliver_due()
    admin.press(admin.page(path), "button[name=message]")
    own = f"/commitments/{reference}/update"
    client.page(own)
    client.send(f"{own}/review")
    admin.send(f"{path}/erase")
    admin.page("/staff/")
    assert "staff/submission.html" in rendered_templates
