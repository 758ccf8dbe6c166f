"""Forms on websites: set up, and answered by strangers."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from box.apps.crm import access
from box.apps.crm.actions.activities import NewActivity, add_activity
from box.apps.crm.actions.checks import check_fields
from box.apps.crm.actions.records import NewRecord, add_record
from box.apps.crm.conditions import Group
from box.apps.crm.contact_points import normal
from box.apps.crm.events import DictionaryChanged, FormAnswered
from box.apps.crm.field_rights import numbers_are_for_all
from box.apps.crm.models import (
    Activity,
    Consent,
    ContactPoint,
    FormAnswer,
    FormFile,
    Receiver,
    Record,
    RecordType,
    Source,
    Stage,
    WebForm,
)
from box.apps.crm.routing import Candidate, Rule, decide
from box.apps.crm.web_forms import ABOUT, Answered, check_form
from box.core.accounts.models import User
from box.core.events.outbox import emit
from box.core.files.actions import Stored, attach, take_in
from box.core.registry.company import PHONE_REGION
from box.lib.questions import Question

if TYPE_CHECKING:
    from box.apps.crm.models.records import RecordQuerySet

MOST_FORMS = 100
MOST_RECEIVERS = 50
_TEXTS = ("name", "language", "heading", "button", "thanks", "color")


@dataclass(frozen=True)
class Attached:
    """A file that came with answers; it is in the store already."""

    question: str
    name: str
    stored: Stored


@dataclass(frozen=True, kw_only=True)
class FormDraft:
    name: str
    type: RecordType
    heading: str
    button: str
    thanks: str
    language: str
    questions: Sequence[Question]
    receivers: Sequence[User]
    color: str = "#206bc4"
    consent: str = ""
    stage: Stage | None = None
    source: Source | None = None
    always_adds: bool = False


@transaction.atomic
def save_form(form: WebForm | None, draft: FormDraft, *, by: User) -> WebForm:
    """A new one, or one that there is. Another wording of the consent is another row: who agreed before has
    agreed to the one that stood there. Raises ValidationError, and PermissionDenied."""
    _check_administers(by)
    held = (
        WebForm.objects.select_for_update().get(pk=form.pk)
        if form
        else WebForm(token=secrets.token_urlsafe(9))
    )
    if held.pk is None and WebForm.objects.standing().count() >= MOST_FORMS:
        raise ValidationError(_("There are at most %(most)s of them.") % {"most": MOST_FORMS}, code="most")
    check_form(draft.questions)
    if not 1 <= len(draft.receivers) <= MOST_RECEIVERS or not all(one.is_active for one in draft.receivers):
        raise ValidationError({"receivers": _("Say who gets what comes in.")})
    if draft.type.pk not in {RecordType.Id.LEAD, RecordType.Id.DEAL}:
        raise ValidationError({"type": _("Leads or deals come of a form.")})
    if draft.stage is not None and draft.stage.pipeline.type_id != draft.type.pk:
        raise ValidationError({"stage": _("There is no such stage here: reload the page.")})
    for name in (*_TEXTS, "type", "stage", "source", "always_adds"):
        setattr(held, name, getattr(draft, name))
    held.questions = [one.as_json for one in draft.questions]
    check_fields(held, _TEXTS)
    held.save()
    text = draft.consent.strip()
    if text != consent_of(held):
        made = Consent(form=held, text=text)
        if text:
            check_fields(made, ["text"])
        made.save()
    wanted = {one.pk for one in draft.receivers}
    held.receivers.exclude(user__in=wanted).delete()
    Receiver.objects.bulk_create(
        [Receiver(form=held, user_id=pk) for pk in sorted(wanted)], ignore_conflicts=True
    )
    _told_of("changed" if form else "added", held, by)
    return held


def _told_of(change: str, form: WebForm, by: User) -> None:
    emit(DictionaryChanged(dictionary="form", change=change, name=form.name, by_id=by.pk))


def consent_of(form: WebForm) -> str:
    """What people agree to now; empty: nothing is asked."""
    return form.consents.order_by("-pk").values_list("text", flat=True).first() or ""


@transaction.atomic
def switch_form(form: WebForm, is_on: bool, *, by: User) -> None:
    _check_administers(by)
    if WebForm.objects.filter(pk=form.pk, is_on=not is_on).update(is_on=is_on):
        _told_of("restored" if is_on else "retired", form, by)


@transaction.atomic
def retire_form(form: WebForm, *, by: User) -> None:
    """It takes nothing any more; what came through it stays."""
    _check_administers(by)
    gone = WebForm.objects.filter(pk=form.pk, retired_at=None)
    if gone.update(retired_at=timezone.now(), is_on=False):
        _told_of("removed", form, by)


def _check_administers(by: User) -> None:
    if not access.can_administer(by):
        raise PermissionDenied


# Answers of strangers


@transaction.atomic
def take_answer(
    form: WebForm, given: Answered, *, key: str, page: str = "", files: Sequence[Attached] = ()
) -> FormAnswer:
    """A lead or a deal, or one more entry of what is open already with who wrote. The same key again is the
    first answer: what was stored for it once more is swept away. Raises ValidationError."""
    held = (
        WebForm.objects.select_for_update(of=("self",))
        .select_related("type", "stage__pipeline")
        .get(pk=form.pk)
    )
    if (there := FormAnswer.objects.filter(key=key).first()) is not None:
        return there
    client = _client(given)
    record = None if held.always_adds else _open_with(held, given, client)
    if record is None:
        record = _added(held, given, client)
    text = "\n".join(f"{question}: {answer}" for question, answer in _told(given))
    consent = held.consents.order_by("-pk").first()
    made = FormAnswer.objects.create(
        form=held,
        record=record,
        key=key,
        page=page[:400],
        consent=consent if consent and consent.text else None,
    )
    add_activity(
        NewActivity(
            kind=Activity.Kind.FORM, direction=Activity.Direction.IN, subject=held.name,
            text=text[:20_000], responsible=record.responsible, about=f"{ABOUT}{made.pk}",
            number=", ".join(one.value for one in given.reached_by),
        ),
        [record],
        by=None,
    )  # fmt: skip
    _keep(made, record, files)
    emit(FormAnswered(record_id=record.pk, form_id=held.pk))
    return made


def _keep(answer: FormAnswer, record: Record, files: Sequence[Attached]) -> None:
    """As files of whoever looks after the record, for all who see it."""
    owner = record.responsible
    taken = [take_in(one.stored, one.name, by=owner) for one in files]
    attach([one.pk for one in taken], audience=record.audience, by=owner)
    FormFile.objects.bulk_create(
        FormFile(answer=answer, question=one.question, file=file)
        for one, file in zip(files, taken, strict=True)
    )


def _told(given: Answered) -> list[tuple[str, str]]:
    """But for numbers and addresses: the text is for whoever sees the record."""
    who = (
        (pgettext("person", "Name"), f"{given.first_name} {given.last_name}".strip()),
        (_("Name of the company"), given.company),
    )
    return [*((label, value) for label, value in who if value), *given.said]


def _reached(given: Answered, type_ids: Sequence[int]) -> RecordQuerySet:
    region, points = PHONE_REGION.value, ContactPoint.objects.none()
    for one in given.reached_by:
        points |= ContactPoint.objects.reaching(one.kind, normal(one.kind, one.value, region=region))
    reached = Record.objects.there().filter(pk__in=points.values("record_id"), type__in=type_ids)
    return reached.select_related("responsible")


def _client(given: Answered) -> Record | None:
    """The contact, or else the company, that is reached by what was left; of several the oldest."""
    found = (
        _reached(given, [type_id]).order_by("pk").first()
        for type_id in (RecordType.Id.CONTACT, RecordType.Id.COMPANY)
    )
    return next(filter(None, found), None)


def _open_with(form: WebForm, given: Answered, client: Record | None) -> Record | None:
    """What is in work already with who wrote, of the form's type; the newest."""
    open_ones = Record.objects.there().in_work().of_type(form.type_id).select_related("responsible", "type")
    if client is not None:
        name = "contact" if client.type_id == RecordType.Id.CONTACT else "company"
        if (found := open_ones.filter(**{name: client}).newest_first().first()) is not None:
            return found
    return open_ones.filter(pk__in=_reached(given, [form.type_id]).values("pk")).newest_first().first()


def _added(form: WebForm, given: Answered, client: Record | None) -> Record:
    responsible = _responsible(form, client)
    name = given.name or (given.phone or given.email if numbers_are_for_all() else "")
    fields: dict[str, Any] = {"title": (f"{form.name}: {name}" if name else form.name)[:255]}
    if form.type.has_contact_points:
        fields |= {
            "first_name": given.first_name, "last_name": given.last_name, "reached_by": given.reached_by,
        }  # fmt: skip
    if client is not None:
        fields["contact" if client.type_id == RecordType.Id.CONTACT else "company"] = client
    elif form.type_id == RecordType.Id.DEAL:
        # A deal has no number of its own: who wrote becomes a contact.
        fields["contact"] = add_record(
            NewRecord(
                type=RecordType.objects.get(pk=RecordType.Id.CONTACT), responsible=responsible,
                first_name=given.first_name or name or form.name, last_name=given.last_name,
                reached_by=given.reached_by, source=form.source, utm=given.utm,
            ),
            by=None,
        )  # fmt: skip
    comment = _("Name of the company") + f": {given.company}" if given.company else ""
    new = NewRecord(
        type=form.type, stage=_stage(form), responsible=responsible, source=form.source, utm=given.utm,
        comment=comment, **fields,
    )  # fmt: skip
    return add_record(new, by=None)


def _stage(form: WebForm) -> Stage | None:
    """The form's; where that does not stand any more the first of its pipeline. None: the type's first."""
    stage = form.stage
    if stage is None or stage.pipeline.retired_at is not None:
        return None
    if stage.retired_at is None:
        return stage
    return stage.pipeline.stages.standing().in_order().select_related("pipeline").first()


def _responsible(form: WebForm, client: Record | None) -> User:
    """Whoever looks after the client; else the form's people, in turn. Raises ValidationError where there is
    nobody."""
    if client is not None and client.responsible.is_active:
        return client.responsible
    rows = {one.user_id: one for one in form.receivers.select_related("user") if one.user.is_active}
    people = {pk: Candidate(pk, given_at=one.given_at) for pk, one in rows.items()}
    rule = Rule(id=form.pk, condition=Group(()), candidates=tuple(sorted(people)))
    chosen = decide([rule], {}, people).user_id
    if chosen is None:
        raise ValidationError(_("This form takes nothing at the moment: please call us."), code="nobody")
    Receiver.objects.filter(pk=rows[chosen].pk).update(given_at=timezone.now())
    return rows[chosen].user
