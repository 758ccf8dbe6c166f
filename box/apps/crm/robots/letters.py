"""What robots write: to the client, or to a colleague who sees the record.

The letter is queued in the transaction of the run, under the run's number, and stands on the client's time
line with it: a process that is killed has written both or neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db.models import Case, F, Value, When
from django.utils.translation import gettext as _

from box.apps.crm.actions.activities import NewActivity, add_activity
from box.apps.crm.field_rights import fields_for
from box.apps.crm.models import Activity, ContactPoint, Record
from box.apps.crm.presenters import money
from box.core.notify.actions import queue_letters
from box.core.registry.capabilities import Letter, can_send_letters
from box.core.registry.company import LANGUAGE

if TYPE_CHECKING:
    from box.apps.crm.models import RobotRun
    from box.core.accounts.models import User

CLIENT, COLLEAGUE = "client", "colleague"
LONGEST_SUBJECT = 200
LONGEST = 5000


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


def write_letter(run: RobotRun, record: Record, settings: Mapping[str, Any], colleague: User) -> None:
    """Raises NotWritten."""
    if not can_send_letters():
        raise NotWritten(_("There is no mail server: an administrator sets one in the console."))
    to_client = settings["to"] == CLIENT
    address = _address_of_client(record) if to_client else _address_of(colleague, record)
    reader = None if to_client else colleague
    subject, text = (_filled(settings[name], record, reader) for name in ("subject", "letter"))
    letter = Letter(
        key=f"crm.robot:{run.pk}",
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
        written = NewActivity(
            kind=Activity.Kind.EMAIL,
            direction=Activity.Direction.OUT,
            subject=subject,
            text=text,
            responsible=record.responsible,
            about=f"crm.robot_letter:{run.pk}",
        )
        add_activity(written, [record], by=None)


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


def _filled(text: str, record: Record, reader: User | None) -> str:
    """With what stands between braces; what the reader may not see stays empty."""
    sees_amount = record.amount and fields_for(reader, record.type_id).sees("amount")
    client = record.contact or record.company
    known = {
        "{title}": record.title,
        "{client}": client.title if client else record.title,
        "{amount}": money(record.amount, record.currency) if sees_amount else "",
        "{responsible}": record.responsible.name,
    }
    for name, value in known.items():
        text = text.replace(name, str(value))
    return text
