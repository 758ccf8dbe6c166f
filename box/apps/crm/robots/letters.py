"""What robots write: to the client, or to a colleague who sees the record.

The letter is queued in the transaction of the run, under the run's number, and stands on the client's time
line with it: a process that is killed has written both or neither.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db.models import Case, F, Value, When
from django.utils.translation import gettext as _

from box.apps.crm.actions.activities import NewActivity, add_activity
from box.apps.crm.field_rights import fields_for, hidden_from_some
from box.apps.crm.models import Activity, ContactPoint, Record
from box.apps.crm.presenters import money
from box.apps.crm.settings import ANSWERS_TO_RESPONSIBLE
from box.core.notify.actions import queue_letters
from box.core.notify.models import QueuedLetter
from box.core.registry.capabilities import Letter, can_send_letters
from box.core.registry.company import LANGUAGE

if TYPE_CHECKING:
    from datetime import datetime

    from box.apps.crm.models import RobotRun
    from box.core.accounts.models import User

CLIENT, COLLEAGUE = "client", "colleague"
LONGEST_SUBJECT = 200
LONGEST = 5000
LONGEST_FILLED = 255
MOST_A_DAY = 10
"""To one address, of all robots."""
A_DAY = timedelta(days=1)
HIDDEN = "…"
_KEY = "crm.robot:"
_ABOUT = "crm.robot_letter:"
_BRACES = re.compile(r"\{(title|client|amount|responsible)\}")


class NotWritten(Exception):
    """There is nobody to write to, or no way: with why."""


def read_letter(sent: Mapping[str, Any], user_id: int | None) -> dict[str, Any]:
    """What is stored of a form. Raises ValidationError."""
    subject, text = " ".join(str(sent.get("text") or "").split()), str(sent.get("letter") or "").strip()
    if not subject or len(subject) > LONGEST_SUBJECT:
        raise ValidationError({"text": _("Say in a few words what it is about.")})
    if not text or len(text) > LONGEST:
        said = _("Write the letter: at most %(most)s characters.") % {"most": LONGEST}
        raise ValidationError({"letter": said})
    if sent.get("to") not in {CLIENT, COLLEAGUE}:
        raise ValidationError({"to": _("Choose whom it is written to.")})
    return {"to": sent["to"], "subject": subject, "letter": text, "user_id": user_id}


def write_letter(
    run: RobotRun, record: Record, settings: Mapping[str, Any], colleague: User, now: datetime
) -> None:
    """Raises NotWritten."""
    if not can_send_letters():
        raise NotWritten(_("There is no mail server: an administrator sets one in the console."))
    to_client = settings["to"] == CLIENT
    address = _address_of_client(record) if to_client else _address_of(colleague, record)
    _check_had_few(address, now)
    subject, text = _filled(settings, _known_to_client(record) if to_client else _known_to(colleague, record))
    letter = Letter(
        key=f"{_KEY}{run.pk}",
        to=address,
        language=LANGUAGE.value if to_client else colleague.language,
        template="crm/robot_letter.html",
        context={
            "subject": subject,
            "text": text,
            "responsible": record.responsible if to_client else None,
            "record": None if to_client else record,
        },
    )
    queue_letters([letter])
    if to_client:
        subject, text = _filled(settings, _known_to_everybody(record))
        written = NewActivity(
            kind=Activity.Kind.EMAIL,
            direction=Activity.Direction.OUT,
            subject=subject,
            text=text,
            responsible=record.responsible,
            about=f"{_ABOUT}{run.pk}",
        )
        add_activity(written, [record], by=None)


def answers_to(key: str) -> str:
    """For `box.core.registry.enclosures.answerers`: of a letter to a client whoever has written it, as its
    time line says, where the company wishes so."""
    number = key.removeprefix(_KEY)
    if not ANSWERS_TO_RESPONSIBLE.value or not number.isdecimal():
        return ""
    written = Activity.objects.filter(about=f"{_ABOUT}{number}").select_related("responsible").first()
    if written is None or not written.responsible.is_active:
        return ""
    return written.responsible.email


def _check_had_few(address: str, now: datetime) -> None:
    """Whoever fills in a form on a website gives any address there, and that calls robots too."""
    sent = QueuedLetter.objects.filter(to=address, key__startswith=_KEY, created_at__gt=now - A_DAY)
    if sent.count() >= MOST_A_DAY:
        said = _("Robots have written %(most)s letters to this address within a day.")
        raise NotWritten(said % {"most": MOST_A_DAY})


def _address_of_client(record: Record) -> str:
    """Its own, else that of its contact, else that of the company."""
    near = [pk for pk in (record.pk, record.contact_id, record.company_id) if pk]
    order = Case(*(When(record=pk, then=Value(place)) for place, pk in enumerate(near)), default=Value(9))
    points = ContactPoint.objects.filter(record__in=near, kind="email", record__deleted_at=None)
    found = points.order_by(order, F("rank"), F("id")).first()
    if found is None:
        raise NotWritten(_("The client has no e-mail address."))
    return found.normal


def _address_of(colleague: User, record: Record) -> str:
    if not colleague.email or not colleague.is_active:
        raise NotWritten(_("%(name)s has no e-mail address.") % {"name": colleague.name})
    if not Record.objects.visible_to(colleague).filter(pk=record.pk).exists():
        raise NotWritten(_("%(name)s does not see this record.") % {"name": colleague.name})
    return colleague.email


def _filled(settings: Mapping[str, Any], known: Mapping[str, str]) -> tuple[str, str]:
    """Subject and text with what stands between braces, which is not looked at for braces again."""
    subject, text = (
        _BRACES.sub(lambda found: known[found[1]], settings[name]) for name in ("subject", "letter")
    )
    return " ".join(subject.split())[:LONGEST_FILLED] or known["title"], text


def _known_to_client(record: Record) -> dict[str, str]:
    client = record.contact or record.company
    return {
        "title": record.title,
        "client": client.title if client else record.title,
        "amount": money(record.amount, record.currency) if record.amount else "",
        "responsible": record.responsible.name,
    }


def _known_to(colleague: User, record: Record) -> dict[str, str]:
    """What they may not see stays empty; a client whom they do not see has the record's name."""
    fields = fields_for(colleague, record.type_id)
    known = _known_to_client(record)
    if client := record.contact_id or record.company_id:
        sees_client = fields.sees("contacts" if record.contact_id else "company")
        if not sees_client or not Record.objects.visible_to(colleague).filter(pk=client).exists():
            known["client"] = record.title
    return known if fields.sees("amount") else {**known, "amount": ""}


def _known_to_everybody(record: Record) -> dict[str, str]:
    """On time lines, which have no fields of their own to be hidden."""
    hidden = hidden_from_some(record.type_id, {"amount", "contacts", "company"})
    known = _known_to_client(record)
    if hidden & {"contacts", "company"}:
        known["client"] = record.title
    return {**known, "amount": HIDDEN} if "amount" in hidden else known
