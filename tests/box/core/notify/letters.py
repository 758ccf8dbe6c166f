"""A room that writes a letter when something happens, and a sender that can be stopped at a named point."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage

from box.core.registry.capabilities import Letter
from tests.box.processes import hang


@dataclass(frozen=True)
class Rung:
    """Somebody rang at the door."""

    number: int
    to: str
    language: str = "en"


def rung_letters(event: Rung) -> Iterable[Letter]:
    yield Letter(
        key=f"rung:{event.number}",
        to=event.to,
        language=event.language,
        template="notify/rung.html",
        context={"number": event.number},
    )


def send_and_die() -> None:
    """What a jobs process does; with the points at which it may be killed."""
    from django.utils import timezone

    from box.bridges.mail.smtp import SmtpMailer
    from box.core.notify import actions
    from box.core.notify.mail import MailServer, Send, mailers
    from box.core.notify.models import QueuedLetter

    class Dying(SmtpMailer):
        @contextmanager
        def line(self, server: MailServer) -> Iterator[Send]:
            with super().line(server) as send:

                def stop(message: EmailMessage) -> None:
                    hang("before sending")
                    send(message)
                    hang("after sending")

                yield stop

    whole = QueuedLetter.save

    def save(self: QueuedLetter, **kwargs: object) -> None:
        whole(self, **kwargs)  # type: ignore[arg-type]
        hang("before the commit")

    QueuedLetter.save = save  # type: ignore[assignment]
    mailers._offers["smtp"] = Dying()
    actions.send_letters(timezone.now())
    hang("after the commit")
