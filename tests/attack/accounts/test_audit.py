"""Check that reading the audit log is itself logged."""

from sqlalchemy import select

from tests.attack.conftest import staff_browser
from wizard import clock
from wizard.db.accounts import AuditEvent
from wizard.db.engine import db


def test_log_export_is_logged(server, server_app):
    admin = staff_browser(server, server_app, "admin", "auditor")
    admin.get("/staff/audit.csv")
    with server_app.app_context():
        last = db.session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc())).first()
        assert (last.actor, last.address) == ("auditor@example.gov", "127.0.0.1")
        assert last.at <= clock.now()
