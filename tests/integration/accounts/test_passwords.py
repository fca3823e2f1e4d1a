"""Tests of password rules and hashes."""

import pytest

from tests.integration.accounts.conftest import EMAIL
from wizard.accounts import accounts, passwords
from wizard.accounts.audit import COMMAND_LINE


@pytest.mark.one_store
@pytest.mark.parametrize(
    "password",
    ["short-one-14ch", "passwordpassword", "123456789012345", "aaaaaaaaaaaaaaaaaaaa",
     "qwertyuiopasdfgh", "ada@example.govada@example.gov", "x" * 201],
)  # fmt: skip
def test_short_or_common_password_is_refused(app, password):
    with app.app_context(), pytest.raises(passwords.WeakPassword):
        accounts.add_account(EMAIL, "viewer", COMMAND_LINE, password)


@pytest.mark.one_store
def test_generated_password_is_strong_and_unique(app):
    made = {passwords.generate_password() for _ in range(50)}
    assert len(made) == 50
    for each in made:
        passwords.check_strength(each)


@pytest.mark.one_store
def test_password_hash_is_scrypt(app, account, monkeypatch):
    monkeypatch.undo()
    assert passwords.METHOD == "scrypt:32768:8:3"
    kept = passwords.hash_password("a password that nobody has")
    assert kept.startswith("scrypt:32768:8:3$") and "nobody" not in kept
    assert passwords.verify_password(kept, "a password that nobody has")
    assert not passwords.verify_password(kept, "a password that nobody had")
    assert not passwords.verify_password(None, "a password that nobody has")


@pytest.mark.one_store
def test_unicode_forms_of_password_are_equal(app):
    kept = passwords.hash_password("jardin-secret-été-12")
    assert passwords.verify_password(kept, "jardin-secret-e\u0301te\u0301-12")
