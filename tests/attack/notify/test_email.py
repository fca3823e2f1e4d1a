"""Check which module may open SMTP connections."""

from tests.server import ROOT


def test_only_email_module_uses_smtplib():
    used = [
        path.name
        for path in (ROOT / "wizard").rglob("*.py")
        if "smtplib" in path.read_text(encoding="utf-8")
    ]
    assert used == ["email.py"]
