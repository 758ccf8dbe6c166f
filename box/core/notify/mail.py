"""Letters: how they read, and what notify needs of a mail server; `box.bridges.mail` offers the way to one.

A letter's bytes are the same each time they are made. So where the server took it and the sender died before
it could write that down, the repeat carries the same Message-ID, by which mail systems know it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Protocol, Self
from uuid import uuid4

from django import forms
from django.conf import settings as django_settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from box.core.notify.models import QueuedLetter
from box.core.registry.capabilities import Letter
from box.core.registry.company import LANGUAGE, company_name
from box.core.registry.enclosures import answered_at, enclosed
from box.core.registry.offers import Offers
from box.core.registry.settings import Section, Setting, sections, settings
from box.lib.plain_text import text_of, title_of

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.registry.enclosures import Enclosure

TLS, STARTTLS, PLAIN = "tls", "starttls", "none"

HOST = Setting(
    "mail.host", default="", section="mail", label=_("Mail server"),
    help=_("Its name or address. Without one the portal sends no letters."),
    field=lambda: forms.RegexField(
        r"^[\w.:-]+$", max_length=253, required=False,
        error_messages={"invalid": _("Write the server's name alone, such as mail.example.com.")},
    ),
)  # fmt: skip
PORT = Setting(
    "mail.port", default=587, section="mail", label=_("Port"),
    help=_("Most servers take letters on 587, some on 465 (encrypted from the start) or 25."),
    field=lambda: forms.IntegerField(min_value=1, max_value=65535),
)  # fmt: skip
ENCRYPTION = Setting(
    "mail.encryption", default=STARTTLS, section="mail", label=_("Encryption"),
    field=lambda: forms.ChoiceField(
        choices=[
            (STARTTLS, _("STARTTLS (begins open, then encrypts)")),
            (TLS, _("TLS from the start")),
            (PLAIN, _("none")),
        ]
    ),
)  # fmt: skip
VERIFIES = Setting(
    "mail.verifies", default=True, section="mail", label=_("Check the server's certificate"),
    help=_("Leave it out only for a server of your own with a certificate that it signed itself."),
)  # fmt: skip
LOGIN = Setting(
    "mail.login", default="", section="mail", label=_("Login"),
    help=_("Empty where the server takes letters from the box without one."),
)  # fmt: skip
PASSWORD = Setting("mail.password", default="", section="mail", label=_("Password"), is_secret=True)
SENDER = Setting(
    "mail.sender", default="", section="mail", label=_("Sender's address"),
    help=_("What letters come from; the server must allow it. Empty: korobka at the box's own name."),
    field=lambda: forms.EmailField(required=False),
)  # fmt: skip


def _check(chosen: Mapping[str, Any]) -> None:
    """The stored password goes to nobody but the server that it was given for."""
    if PASSWORD.is_stored and not chosen[PASSWORD.key] and _leads_elsewhere(chosen):
        raise ValidationError(
            {PASSWORD.key: gettext("Write the password again: it would go to another place now.")}
        )


def _leads_elsewhere(chosen: Mapping[str, Any]) -> bool:
    """Without a server or a login it goes nowhere; to have them again is a change then."""
    is_another = any(chosen[one.key] != one.value for one in (HOST, PORT, LOGIN))
    is_opened = chosen[ENCRYPTION.key] == PLAIN != ENCRYPTION.value
    is_blinded = VERIFIES.value and not chosen[VERIFIES.key]
    is_sent = bool(chosen[HOST.key] and chosen[LOGIN.key])
    return is_sent and (is_another or is_opened or is_blinded)


sections.add(
    "mail",
    Section(
        _("Mail"),
        order=40,
        about=_("The portal sends letters over a mail server of the company's."),
        check=_check,
        needs_proof=True,
    ),
)
for _setting in (HOST, PORT, ENCRYPTION, VERIFIES, LOGIN, PASSWORD, SENDER):
    settings.add(_setting.key, _setting)


@dataclass(frozen=True)
class MailServer:
    host: str
    port: int
    encryption: str
    verifies: bool
    login: str
    password: str
    sender: str

    @classmethod
    def of_settings(cls) -> Self:
        return cls(
            host=HOST.value,
            port=PORT.value,
            encryption=ENCRYPTION.value,
            verifies=VERIFIES.value,
            login=LOGIN.value,
            password=PASSWORD.value,
            sender=SENDER.value or f"korobka@{django_settings.KOROBKA['hostname']}",
        )


class MailTrouble(Exception):
    """The server didn't take the letter now. Its text is for people and says what to do."""


class LetterRefused(Exception):
    """The server will never take this letter. Its text is for people."""


type Send = Callable[[EmailMessage], None]


class Mailer(Protocol):
    def line(self, server: MailServer) -> AbstractContextManager[Send]:
        """Sends any number of letters over one connection, made with the first; `send` returns once the
        server has taken the letter, and raises MailTrouble or LetterRefused."""


mailers: Offers[Mailer] = Offers("mailers")


def written(letters: Iterable[Letter]) -> list[QueuedLetter]:
    """Rows to be saved, each letter in its reader's language."""
    rows = []
    for letter in letters:
        with translation.override(letter.language or LANGUAGE.value):
            html = render_to_string(
                letter.template, {**letter.context, "unsubscribe": letter.unsubscribe}, using="jinja2"
            )
        rows.append(
            QueuedLetter(
                key=letter.key, to=letter.to, language=letter.language, unsubscribe=letter.unsubscribe,
                subject=title_of(html), text=text_of(html), html=html,
            )
        )  # fmt: skip
    return rows


def send_test(person: User) -> None:
    """Sends the person a letter while they wait. Raises MailTrouble and LetterRefused, with what is wrong."""
    if not HOST.value:
        raise MailTrouble(gettext("Write the mail server's name first, and save."))
    if not person.email:
        raise LetterRefused(gettext("You have no e-mail address: write one into your profile."))
    test = Letter(
        key=f"test:{uuid4()}",
        to=person.email,
        language=translation.get_language() or LANGUAGE.value,
        template="notify/test_letter.html",
    )
    (letter,) = written([test])
    server = MailServer.of_settings()
    with mailers["smtp"].line(server) as send:
        send(message_of(letter, sender=server.sender))


def message_of(letter: QueuedLetter, *, sender: str) -> EmailMessage:
    """Raises LetterRefused for an address that is none, and for what cannot be written down: the next letter
    is to leave all the same."""
    try:
        message = _message_of(letter, sender)
        message.as_bytes()
    except LetterRefused:
        raise
    except Exception as error:
        # `email` reads again what it is given for a header, meets there what people have written, and raises
        # anything.
        raise LetterRefused(f"{type(error).__name__}: {error}") from error
    return message


def _message_of(letter: QueuedLetter, sender: str) -> EmailMessage:
    try:
        validate_email(letter.to)
    except ValidationError as error:
        raise LetterRefused(error.messages[0]) from error
    if "=?" in letter.to:
        # An encoded word (RFC 2047): in the header it would become several addresses, or break its line.
        raise LetterRefused(str(validate_email.message))
    name = hashlib.sha256(letter.key.encode()).hexdigest()[:32]
    message = EmailMessage(SMTP)
    message["Message-ID"] = f"<{name}@{sender.rpartition('@')[2] or 'localhost'}>"
    message["Date"] = format_datetime(letter.created_at)
    message["From"] = Address(_literal(company_name()), addr_spec=sender)
    message["To"] = letter.to
    message["Subject"] = _literal(letter.subject)
    # Nobody's holiday notice is to answer it.
    message["Auto-Submitted"] = "auto-generated"
    if address := answered_at(letter.key):
        message["Reply-To"] = address
    if letter.unsubscribe:
        message["List-Unsubscribe"] = f"<{letter.unsubscribe}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    if enclosure := enclosed(letter.key):
        _enclose(message, enclosure)
    message.set_boundary(f"={name}=")
    return message


def _literal(text: str) -> str:
    """Without the beginning of an encoded word (RFC 2047), which `email` and whoever reads the letter would
    take for what is written in it: a title may hold one, and in it anything."""
    return text.replace("=?", "= ?")


def _enclose(message: EmailMessage, enclosure: Enclosure) -> None:
    """As one more form of the same letter: so Outlook, Gmail and Apple Mail offer to answer (RFC 6047)."""
    if enclosure.reply_to:
        message["Reply-To"] = enclosure.reply_to
    message.add_alternative(
        enclosure.body, subtype="calendar", params={"method": enclosure.method, "name": "invite.ics"}
    )
