"""Tests of what an error of the mail server is called."""

import smtplib
import socket
import ssl

import pytest

from wizard.notify.mail_errors import PermanentFailure, describe_mail_error

EXPIRED = ssl.SSLCertVerificationError("certificate verify failed")
EXPIRED.verify_message = "certificate has expired"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (PermanentFailure("550 No such user."), "The mail server refused it: 550 No such user."),
        (
            smtplib.SMTPAuthenticationError(535, b"5.7.8 Bad\r\ncredentials"),
            "The mail server refused our user name or password: 535 5.7.8 Bad credentials.",
        ),
        (
            smtplib.SMTPRecipientsRefused({"a@b.example": (450, b"Try later")}),
            "The mail server refused the address for now: 450 Try later.",
        ),
        (smtplib.SMTPDataError(451, "Busy"), "The mail server answered: 451 Busy."),
        (smtplib.SMTPServerDisconnected("x"), "The mail server ended the connection."),
        (
            smtplib.SMTPNotSupportedError("STARTTLS extension not supported by server."),
            "The mail server can’t do what we ask of it: STARTTLS extension not supported by"
            " server.",
        ),
        (EXPIRED, "The certificate of the mail server isn’t valid: certificate has expired."),
        (socket.gaierror(-2, "unknown"), "The name of the mail server can’t be found."),
        (TimeoutError(), "The mail server didn’t answer in time."),
        (ConnectionRefusedError(), "No mail server answers at this host and port."),
        (OSError(28, "No space left on device"), "No space left on device."),
        (ValueError("no such answer"), "The program has a fault (ValueError: no such answer)."),
    ],
)
def test_mail_error_is_told_in_a_sentence(error, text):
    assert describe_mail_error(error) == text
