"""Test that no migration changes after it has landed."""

from hashlib import sha256

from tests.server import ROOT

DIGESTS = {
    "0001_drafts_submissions_outbox.py": "29502a1c7e1f1cfc",
    "0002_saves_and_resume_links.py": "3cbe3676156c81eb",
    "0003_staff.py": "372c1a64fc5a28b2",
    "0004_public.py": "c64904b296eb09b3",
    "0005_unsent.py": "d70d3832201a6941",
    "0006_languages.py": "7a137d67a86e09f0",
    "0007_queued.py": "127cd195c4340b95",
    "0008_by_recipient.py": "1cfff042f687486e",
    "0009_message.py": "3040f778a5123e55",
    "0010_flow.py": "75b61de5092bc462",
    "0011_conversation.py": "1319607279b7d9d2",
    "0012_promises.py": "bce461d21db63aef",
    "0013_search.py": "df0277ef370b542a",
    "0014_invitations.py": "4b56fd4bb09ca281",
    "0015_reports.py": "33cbb53ba9c35c04",
    "0016_public_lists.py": "ab247fa21815fb00",
    "0017_reminders.py": "8d925099cd6e9a00",
    "0018_assignment.py": "fa9bba593f6b8335",
    "0019_digest.py": "15b6e16afe1db7c8",
    "0020_organizations.py": "ba86c873f90309e0",
    "0021_last_events.py": "b7426c18e016fa6c",
    "0022_event_posts.py": "0e8b32ea39bae507",
    "0023_open_promises.py": "b83b60a2b5e01cb5",
    "0024_changed_cases.py": "c51b85c49f2b7300",
    "0025_list_by_change.py": "b54b6ae6272d04aa",
}
"""The first 16 digits of the SHA-256 of each migration that has landed; a new one is added."""


def test_landed_migration_is_unchanged():
    files = (ROOT / "wizard" / "migrations" / "versions").glob("*.py")
    assert {file.name: sha256(file.read_bytes()).hexdigest()[:16] for file in files} == DIGESTS
