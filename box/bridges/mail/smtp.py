"""SMTP as it is spoken to the company's server, and what its refusals mean for who set it up."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from box.core.notify.mail import LetterRefused, MailTrouble

if TYPE_CHECKING:
    from email.message import EmailMessage

    from box.core.notify.mail import MailServer, Send

# Somebody may wait in front of the page with the test letter.
PATIENCE = 15.0


class SmtpMailer:
    @contextmanager
    def line(self, server: MailServer) -> Iterator[Send]:
        line = _Line(server)
        try:
            yield line.send
        finally:
            line.close()


class _Line:
    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._client: smtplib.SMTP | None = None

    def send(self, message: EmailMessage) -> None:
        try:
            self._connected().send_message(message)
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            kind = LetterRefused if _is_final(error) else MailTrouble
            raise kind(explained(error, self._server)) from error

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(OSError, smtplib.SMTPException):
                client.quit()

    def _connected(self) -> smtplib.SMTP:
        """Servers hang up after so many letters, or so many seconds."""
        if self._client is not None:
            with suppress(OSError, smtplib.SMTPException):
                if self._client.noop()[0] == 250:
                    return self._client
            self.close()
        self._client = _connect(self._server)
        return self._client


def _connect(server: MailServer) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if not server.verifies:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    client: smtplib.SMTP
    if server.encryption == "tls":
        client = smtplib.SMTP_SSL(server.host, server.port, timeout=PATIENCE, context=context)
    else:
        client = smtplib.SMTP(server.host, server.port, timeout=PATIENCE)
    try:
        if server.encryption == "starttls":
            client.starttls(context=context)
        if server.login:
            client.login(server.login, server.password)
    except BaseException:
        client.close()
        raise
    return client


def _is_final(error: Exception) -> bool:
    """Whether the fault is this letter's, for good: not the server's, and not for now."""
    match error:
        case smtplib.SMTPRecipientsRefused():
            return all(500 <= code < 600 for code, _word in error.recipients.values())
        case smtplib.SMTPDataError():
            return 500 <= error.smtp_code < 600
        case smtplib.SMTPNotSupportedError():
            # The only thing that one letter needs and another doesn't: SMTPUTF8 for a letter in an address.
            return "SMTPUTF8" in str(error)
    return False


def explained(error: Exception, server: MailServer) -> str:
    """What is wrong and what to do about it, with the server's own words where it said any."""
    return _sentence(error) % {
        "host": server.host,
        "port": server.port,
        "sender": server.sender,
        "answer": _answer(error),
    }


def _sentence(error: Exception) -> str:  # noqa: PLR0911 - a sentence a case
    match error:
        case socket.gaierror():
            return _("There is no server named %(host)s: check how it is written, and the box's DNS.")
        case ssl.SSLCertVerificationError():
            return _(
                "The certificate of %(host)s is not trusted (%(answer)s): write the name that it was made"
                " for, or leave out checking it if the server is your own."
            )
        case ssl.SSLError():
            return _(
                "%(host)s does not speak TLS from the start on port %(port)s: choose STARTTLS, or the port"
                " for TLS, which most often is 465."
            )
        case TimeoutError():
            return _(
                "%(host)s does not answer on port %(port)s: check the port, and whether a firewall lets the"
                " box through. A port for TLS from the start is silent until TLS is chosen."
            )
        case ConnectionRefusedError():
            return _("Nothing listens on port %(port)s of %(host)s: check the port.")
        case smtplib.SMTPNotSupportedError() if "STARTTLS" in str(error):
            return _("%(host)s offers no STARTTLS on port %(port)s: choose another port, or no encryption.")
        case smtplib.SMTPNotSupportedError() if "AUTH" in str(error):
            return _("%(host)s asks for no login on port %(port)s: leave the login empty, or encrypt.")
        case smtplib.SMTPAuthenticationError():
            return _("%(host)s does not take this login and password: check both. It says: %(answer)s")
        case smtplib.SMTPSenderRefused():
            return _(
                "%(host)s takes no letters from %(sender)s: write an address that it allows."
                " It says: %(answer)s"
            )
        case smtplib.SMTPRecipientsRefused():
            return _("The address was refused. The server says: %(answer)s")
        case smtplib.SMTPServerDisconnected():
            return _("%(host)s hung up: check whether port %(port)s wants TLS from the start.")
        case smtplib.SMTPResponseException():
            return _("%(host)s refused the letter. It says: %(answer)s")
    return _("%(host)s could not be reached: %(answer)s")


def _answer(error: Exception) -> str:
    match error:
        case smtplib.SMTPRecipientsRefused():
            code, word = next(iter(error.recipients.values()))
            return f"{code} {word.decode(errors='replace')}"
        case smtplib.SMTPResponseException():
            said = error.smtp_error
            text = said.decode(errors="replace") if isinstance(said, bytes) else said
            return f"{error.smtp_code} {text}"
        case ssl.SSLCertVerificationError():
            return error.verify_message
    return str(error)
