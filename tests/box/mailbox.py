"""A real SMTP server that keeps what it is sent, and can be told to refuse or to hang."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from ssl import SSLContext
from typing import Any, Literal

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from tests.ports import hold

LOGIN, PASSWORD = "box", "pass word"


@dataclass
class Mailbox:
    """`answers` gives by address what the server says to RCPT; else it takes every letter."""

    port: int = 0
    raw: list[bytes] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    answer_to_letters: str = "250 OK"
    arrived: threading.Event = field(default_factory=threading.Event)

    @property
    def letters(self) -> list[EmailMessage]:
        return [message_from_bytes(raw, policy=default) for raw in self.raw]

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, to: str, options: Any) -> str:
        answer = self.answers.get(to, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(to)
        return answer

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.answer_to_letters.startswith("250"):
            self.raw.append(envelope.content)
            self.arrived.set()
        return self.answer_to_letters


def _authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    is_right = data == LoginPassword(LOGIN.encode(), PASSWORD.encode())
    return AuthResult(success=is_right, handled=is_right)


@contextmanager
def mailbox(*, tls: SSLContext | None = None, starttls: SSLContext | None = None) -> Iterator[Mailbox]:
    """With TLS of either kind the server also asks for LOGIN and PASSWORD."""
    box = Mailbox(port=hold())
    context = tls or starttls
    controller = Controller(
        box,
        hostname="127.0.0.1",
        port=box.port,
        ssl_context=tls,
        tls_context=starttls,
        require_starttls=starttls is not None,
        authenticator=_authenticate if context else None,
        auth_required=context is not None,
        auth_require_tls=tls is None,
        decode_data=False,
    )
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


def text_of(letter: EmailMessage, kind: Literal["plain", "html"] = "plain") -> str:
    """What it says to whoever reads it."""
    body = letter.get_body((kind,))
    assert body is not None
    text: str = body.get_content()
    return text
