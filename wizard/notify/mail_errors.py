"""What went wrong with an email, in a sentence for staff and operators."""

import smtplib
import socket
import ssl


class PermanentFailure(Exception):
    """The mail server will never accept this message; the text is its answer."""


SENTENCES: dict[type[Exception], str] = {
    PermanentFailure: "The mail server refused it: {}.",
    smtplib.SMTPAuthenticationError: "The mail server refused our user name or password: {}.",
    smtplib.SMTPRecipientsRefused: "The mail server refused the address for now: {}.",
    smtplib.SMTPResponseException: "The mail server answered: {}.",
    smtplib.SMTPServerDisconnected: "The mail server ended the connection.",
    smtplib.SMTPException: "The mail server can’t do what we ask of it: {}.",
    ssl.SSLCertVerificationError: "The certificate of the mail server isn’t valid: {}.",
    ssl.SSLError: "There is no secure connection to the mail server: {}.",
    socket.gaierror: "The name of the mail server can’t be found.",
    TimeoutError: "The mail server didn’t answer in time.",
    ConnectionRefusedError: "No mail server answers at this host and port.",
    OSError: "{}.",
}
"""What an error means, the narrower ones first; `{}` is its detail."""


def describe_mail_error(error: Exception) -> str:
    """Return a sentence about an error while a message was written or sent."""
    for kind, sentence in SENTENCES.items():
        if isinstance(error, kind):
            return sentence.format(_detail(error).rstrip("."))
    return f"The program has a fault ({type(error).__name__}: {error})."


def _detail(error: Exception) -> str:
    match error:
        case smtplib.SMTPRecipientsRefused():
            return join_answer(*next(iter(error.recipients.values())))
        case smtplib.SMTPResponseException():
            return join_answer(error.smtp_code, error.smtp_error)
        case ssl.SSLCertVerificationError():
            return error.verify_message
        case OSError():
            return error.strerror or str(error)
    return str(error)


def join_answer(code: int, text: bytes | str) -> str:
    """Return an answer of a mail server as one line, such as “550 No such user here”."""
    words = text.decode(errors="replace") if isinstance(text, bytes) else text
    return " ".join([str(code), *words.split()])
