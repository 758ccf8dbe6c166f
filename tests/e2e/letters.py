"""Letters as their readers have them: the portal's mail server is a real one, within the tests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage

from tests.box.mailbox import Mailbox, mailbox, text_of
from tests.e2e.boxes import until
from tests.e2e.portal import Portal

# The job that looks who is away runs every minute.
A_MINUTE_AND_MORE = 90.0


@contextmanager
def letters_of(olga: Portal) -> Iterator[Mailbox]:
    """What the portal sends from now on; afterwards it knows of no mail server."""
    with mailbox() as box:
        olga.prove(olga.box.admin)
        olga.choose("mail", mail_host="127.0.0.1", mail_port=str(box.port), mail_encryption="none")
        yield box
        olga.prove(olga.box.admin)
        olga.choose("mail", mail_port="587", mail_encryption="starttls", mail_verifies="on")


def letter_to(mailbox: Mailbox, address: str, *, patience: float = A_MINUTE_AND_MORE) -> EmailMessage:
    """The newest letter to this address, once there is one."""

    def found() -> list[EmailMessage]:
        return [letter for letter in mailbox.letters if letter["To"] == address]

    return until(found, patience=patience)[-1]


def link_in(letter: EmailMessage, path: str) -> str:
    """The address in the letter that begins with this path, without the host."""
    (found, *_) = re.findall(rf"https://[^/\s]+({re.escape(path)}[^\s>]*)", text_of(letter))
    return str(found)
