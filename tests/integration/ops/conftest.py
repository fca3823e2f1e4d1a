"""Fixtures and helpers of the operator tests."""

from prometheus_client.parser import text_string_to_metric_families

from wizard.db.engine import writing
from wizard.db.models import MailMessage
from wizard.notify import unsent


def queue_message(app, **columns):
    with app.app_context(), writing() as session:
        number = len(unsent.unsent())
        message = {
            "message_id": f"<{number}@example.org>",
            "recipient": "a@example.org",
            "kind": "confirmation",
        }
        session.add(MailMessage(**message, **columns))


def read_metrics(client, **headers):
    """Return every metric by name and labels."""
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
