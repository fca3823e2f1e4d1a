"""Check which module may open SMTP connections."""

import re

from tests.server import ROOT


def test_only_email_module_connects_to_mail_servers():
    used = [
        path.name
        for path in (ROOT / "wizard").rglob("*.py")
        if re.search(r"smtplib\.SMTP(_SSL)?\b", path.read_text(encoding="utf-8"))
    ]
    assert used == ["email.py"]
