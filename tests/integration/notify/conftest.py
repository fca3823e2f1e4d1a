"""Fixtures of the e-mail tests."""

import ssl

import pytest
import trustme


@pytest.fixture
def trusted_tls(tmp_path, monkeypatch) -> ssl.SSLContext:
    """Return a TLS context of a server, whose authority is trusted during the test."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context
