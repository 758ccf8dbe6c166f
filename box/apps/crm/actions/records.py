"""Adding, changing and moving records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from box.apps.crm import access
from box.apps.crm.actions.audiences import audience_of, renew_audience
from box.apps.crm.actions.checks import id_of, tidy
from box.apps.crm.actions.locks import locked_people, locked_records
from box.apps.crm.actions.series import begin_paper
from box.apps.crm.contact_points import Point, Reach, cleaned
from box.apps.crm.events import (
    ObserversChanged,
    RecordAdded,
    RecordChanged,
    RecordMoved,
    RecordsBroughtBack,
    RecordsDeleted,
    ResponsibleChanged,
)
from box.apps.crm.field_rights import check_changeable, check_seen
from box.apps.crm.models import (
    ContactPoint,
    Link,
    LossReason,
    Observer,
    Paper,
    Record,
    RecordType,
    Source,
    Stage,
    StageVisit,
)
from box.apps.crm.permissions import Operation
from box.apps.crm.pricing import totals_of
from box.core.accounts.models import User
from box.core.boards.ranking import rank_between
from box.core.discussion.actions import open_thread
from box.core.events.outbox import emit
from box.core.registry.company import PHONE_REGION
from box.core.registry.origin import is_importing, moment
from box.lib.ranks import between

MOST_OBSERVERS = 100
MOST_CONTACT_POINTS = 50
MOST_LINKS = 100
MOST_AT_ONCE = 500

# Those that are columns; `contacts`, `observers` and `reached_by` are rows of their own.
PLAIN = (
    "title", "first_name", "patronymic", "last_name", "position", "born_on", "tax_number", "address",
    "comment", "amount", "currency", "begins_on", "expected_on", "source", "source_note", "utm",
    "company", "contact", "loss_reason", "external_id", "external_source", "external_version",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class NewRecord:
    """What a record is made of. Without a stage it comes into the first of the type's first pipeline."""

    type: RecordType
    responsible: User
    stage: Stage | None = None
    title: str = ""
    first_name: str = ""
    patronymic: str = ""
    last_name: str = ""
    position: str = ""
    born_on: date | None = None
    tax_number: str = ""
    address: str = ""
    comment: str = ""
    amount: Decimal = Decimal(0)
    # False: as soon as there are lines it is what they come to.
    has_own_amount: bool = True
    currency: str = ""
    begins_on: date | None = None
    expected_on: date | None = None
    source: Source | None = None
    source_note: str = ""
    utm: Mapping[str, str] = field(default_factory=dict)
    company: Record | None = None
    contact: Record | None = None
    loss_reason: LossReason | None = None
    external_id: str = ""
    external_source: str = ""
    external_version: str = ""
    # Of a paper: what it is written for, and who may change that may write it.
    deal: Record | None = None
    contacts: Sequence[Record] = ()
    observers: Sequence[User] = ()
    reached_by: Sequence[Reach] = ()
    # What it holds comes of another record, so that nobody has chosen it: rights by field don't ask.
    is_copy: bool = False

    @property
    def given(self) -> list[str]:
        """The fields that hold something beside those that every record has."""
        named = {*PLAIN, "contacts", "observers", "reached_by"} - _EVERY
        if not self.amount:
            named.discard("currency")
        return sorted(name for name in named if getattr(self, name))


_EVERY = frozenset({"title", "first_name", "patronymic", "last_name"})


@transaction.atomic
def add_record(new: NewRecord, *, by: User | None) -> Record:
    """Raises ValidationError by field, and PermissionDenied where `by`'s role does not reach.

    `by` None: the portal itself, as a web form or a robot.
    """
    people = locked_people([new.responsible.pk, *(one.pk for one in new.observers)])
    responsible = people[new.responsible.pk]
    stage = stage_for(new)
    if new.deal is None:
        access.check_may_hold(by, Operation.ADD, responsible, new.type, stage)
    elif by is not None and not access.can_change(by, new.deal):
        raise PermissionDenied(_("You may read “%(name)s”, but not change it.") % {"name": new.deal})
    if not new.is_copy:
        check_changeable(by, new.type.pk, new.given)
    if not responsible.is_active and not is_importing():
        raise ValidationError(
            {"responsible": _("%(name)s does not work here any more.") % {"name": responsible.name}}
        )
    now = moment()
    record = Record(
        type=new.type, pipeline=stage.pipeline if stage else None, stage=stage, stage_since=now,
        responsible=responsible, created_by=by, created_at=now, changed_by=by, changed_at=now,
        closed_at=now if stage and not stage.is_open else None, has_own_amount=new.has_own_amount,
        **{name: getattr(new, name) for name in PLAIN},
    )  # fmt: skip
    tidy(record)
    _check_clients([record.company, record.contact, *new.contacts], by)
    record.rank = first_rank(stage)
    observers = bounded({one.pk for one in new.observers}, MOST_OBSERVERS, "observers")
    record.audience = audience_of(record, responsible, observers)
    record.thread = open_thread(new.type.kind)
    record.save()
    Observer.objects.bulk_create(Observer(record=record, user_id=pk) for pk in sorted(observers))
    if stage:
        StageVisit.objects.create(record=record, stage=stage, entered_at=now, by=by)
    if new.type.is_paper:
        begin_paper(record, new.deal)
    _write_links(record, new.contacts)
    _write_contact_points(record, _contact_points(new.reached_by))
    emit(RecordAdded(record_id=record.pk, by_id=id_of(by), is_paper=new.type.is_paper))
    return record


@transaction.atomic
def change_record(record: Record, changes: Mapping[str, Any], *, by: User | None) -> Record:
    """Sets these fields, `responsible`, `contacts`, `observers` and `reached_by` among them; the rest stays.
    `has_own_amount` False lets the amount follow the lines, whatever is written into it beside.

    Raises ValidationError by field, and PermissionDenied.
    """
    to = changes.get("responsible")
    held = locked_record(record, by=by, people=[to.pk] if to else [])
    rest = dict(changes)
    contacts, observers, reached_by, responsible, own_amount = (
        rest.pop(name, None)
        for name in ("contacts", "observers", "reached_by", "responsible", "has_own_amount")
    )
    if unknown := sorted(rest.keys() - set(PLAIN)):
        raise ValidationError(_("There is no field %(names)s.") % {"names": ", ".join(unknown)}, code="field")
    # What one may not see one may not try out either.
    check_seen(by, held.type_id, changes)
    before = {name: getattr(held, name) for name in (*PLAIN, "has_own_amount")}
    _fill_in(held, rest, own_amount)
    clients = [one for name in ("company", "contact") if (one := getattr(held, name)) and one != before[name]]
    _check_clients([*clients, *(contacts or ())], by)
    names = [name for name, was in before.items() if getattr(held, name) != was]
    check_changeable(by, held.type_id, names)
    if "currency" in names and not is_importing() and held.payments.exists():
        said = _("It has payments in %(code)s, and they would be of another sum: take them back first.")
        raise ValidationError({"currency": said % {"code": before["currency"]}})
    changed = [(name, as_text(before[name]), as_text(getattr(held, name))) for name in names if name in PLAIN]
    if names:
        _save_change(held, [*names, "sound", "base_amount"], by)
    links_changed = contacts is not None or not {"company", "contact"}.isdisjoint(names)
    if contacts is not None:
        check_changeable(by, held.type_id, ["contacts"])
    if links_changed and _set_links(held, contacts) and not names:
        # Who asks what was changed since misses it else.
        _save_change(held, [], by)
    if reached_by is not None and set_contact_points(held, reached_by):
        check_changeable(by, held.type_id, ["reached_by"])
        changed.append(("reached_by", "", ""))
        _save_change(held, [], by)
    if names or changed or links_changed:
        emit(RecordChanged(record_id=held.pk, by_id=id_of(by), changes=tuple(changed)))
    if responsible is not None:
        _hand_over(held, responsible, by)
    if observers is not None:
        _set_observers(held, observers, by)
    return held


def _fill_in(record: Record, values: Mapping[str, Any], own_amount: bool | None) -> None:
    """`own_amount` as `has_own_amount` of a change; None: it follows from the amount."""
    amount = record.amount
    for name, value in values.items():
        setattr(record, name, value)
    if own_amount is not None:
        record.has_own_amount = own_amount
    elif record.amount != amount:
        # Written by hand: it follows its lines no more.
        record.has_own_amount = True
    if own_amount is False and (lines := list(record.lines.in_order())):
        record.amount = totals_of(lines, record.currency).sums.gross
    tidy(record)


def _save_change(record: Record, names: Iterable[str], by: User | None) -> None:
    record.changed_by, record.changed_at = by, moment()
    record.save(update_fields=[*names, "changed_by", "changed_at"])


@transaction.atomic
def move_record(
    record: Record,
    stage: Stage,
    *,
    after: Record | None = None,
    before: Record | None = None,
    by: User | None,
) -> Record:
    """Into a stage, of the same pipeline or of another of its type; between these two cards, where they stand
    in it. Raises `Demanded` where fields are missing that the stage asks for, and PermissionDenied."""
    held = locked_record(record, by=by)
    if stage.pipeline.type_id != held.type_id or stage.retired_at is not None or held.stage is None:
        raise ValidationError(_("There is no such stage here: reload the page."), code="stage")
    moved = held.stage_id != stage.pk
    if moved:
        check_changeable(by, held.type_id, ["stage"])
        responsible = locked_people([held.responsible_id])[held.responsible_id]
        if not _is_of_deal(held):
            access.check_may_hold(by, Operation.CHANGE, responsible, held.type, stage)
        missing = [name for name in stage.demands if not is_filled(held, name)]
        if missing and not is_importing():
            raise Demanded(held, stage, missing)
    left, now = held.stage, moment()
    held.rank = _rank_between(stage, held, after, before)
    if not moved:
        held.save(update_fields=["rank"])
        return held
    held.stage, held.pipeline, held.stage_since = stage, stage.pipeline, now
    held.closed_at = None if stage.is_open else (held.closed_at or now)
    held.changed_by, held.changed_at = by, now
    renew_audience(held)
    moved_fields = ["rank", "stage", "pipeline", "stage_since", "closed_at", "audience"]
    held.save(update_fields=[*moved_fields, "changed_by", "changed_at"])
    held.visits.filter(left_at=None).update(left_at=now)
    StageVisit.objects.create(record=held, stage=stage, entered_at=now, by=by)
    emit(RecordMoved(record_id=held.pk, by_id=id_of(by), stage_before_id=left.pk, stage_id=stage.pk))
    return held


def _is_of_deal(record: Record) -> bool:
    """Then its deal's permissions hold for it, in whichever stage it is."""
    return record.type.is_paper and Paper.objects.filter(record=record, deal__isnull=False).exists()


class Demanded(ValidationError):
    """The stage asks for fields that are still empty: `fields` are to be asked in place."""

    def __init__(self, record: Record, stage: Stage, fields: Sequence[str]) -> None:
        self.record, self.stage, self.fields = record, stage, tuple(fields)
        super().__init__(
            {name: _("“%(stage)s” asks for this.") % {"stage": stage} for name in fields}, code="demanded"
        )


def is_filled(record: Record, name: str) -> bool:
    """Whether a field that a stage may ask for holds something."""
    if name == "contacts":
        return record.links.filter(role=Link.Role.CONTACT).exists()
    if name in ContactPoint.Kind.values:
        return record.contact_points.filter(kind=name).exists()
    return bool(getattr(record, name, None))


@transaction.atomic
def delete_records(records: Iterable[Record], *, by: User | None) -> list[Record]:
    """Into the trash. Raises PermissionDenied if one of them may not be, and then none is."""
    found = _locked_records(records)
    if refused := [record for record in found if by is not None and not access.can_delete(by, record)]:
        raise PermissionDenied(_("You may not delete “%(name)s”.") % {"name": refused[0]})
    gone = [record for record in found if record.deleted_at is None]
    now = timezone.now()
    Record.objects.filter(pk__in=[record.pk for record in gone]).update(deleted_at=now, deleted_by=by)
    if gone:
        emit(RecordsDeleted(record_ids=tuple(record.pk for record in gone), by_id=id_of(by)))
    return gone


@transaction.atomic
def bring_back_records(records: Iterable[Record], *, by: User | None) -> list[Record]:
    found = [record for record in _locked_records(records) if record.deleted_at is not None]
    if refused := [record for record in found if by is not None and not access.can_bring_back(by, record)]:
        raise PermissionDenied(_("You may not bring back “%(name)s”.") % {"name": refused[0]})
    Record.objects.filter(pk__in=[record.pk for record in found]).update(deleted_at=None, deleted_by=None)
    if found:
        emit(RecordsBroughtBack(record_ids=tuple(record.pk for record in found), by_id=id_of(by)))
    return found


def locked_record(record: Record, *, by: User | None, people: Iterable[int] = ()) -> Record:
    """The record as it is now, until this transaction ends; held before it are these people and who looks
    after it. Raises PermissionDenied where `by` may not change it, and Record.DoesNotExist where it is gone.
    """
    actor = [by.pk] if by is not None else []
    found = locked_records([record], among=Record.objects.there(), people=[*people, *actor])
    if (held := found.get(record.pk)) is None:
        raise Record.DoesNotExist(f"record {record.pk} is gone")
    if by is not None and not is_importing() and not access.can_change(by, held):
        raise PermissionDenied(_("You may read “%(name)s”, but not change it.") % {"name": held})
    return held


def _locked_records(records: Iterable[Record]) -> list[Record]:
    rows = {record.pk: record for record in records}
    bounded(set(rows), MOST_AT_ONCE, "records")
    return list(locked_records(list(rows.values())).values())


def _hand_over(record: Record, to: User, by: User | None) -> None:
    if to.pk == record.responsible_id:
        return
    check_changeable(by, record.type_id, ["responsible"])
    person = locked_people([to.pk])[to.pk]
    if not person.is_active:
        raise ValidationError(
            {"responsible": _("%(name)s does not work here any more.") % {"name": person.name}}
        )
    was, record.responsible = record.responsible_id, person
    record.changed_by, record.changed_at = by, timezone.now()
    renew_audience(record)
    record.save(update_fields=["responsible", "audience", "changed_by", "changed_at"])
    emit(ResponsibleChanged(record_id=record.pk, by_id=id_of(by), user_id=person.pk, former_id=was))


def _set_observers(record: Record, observers: Iterable[User], by: User | None) -> None:
    wanted = bounded({one.pk for one in observers}, MOST_OBSERVERS, "observers")
    there = set(record.observers.values_list("user_id", flat=True))
    added, removed = wanted - there, there - wanted
    if not added and not removed:
        return
    check_changeable(by, record.type_id, ["observers"])
    record.observers.filter(user__in=removed).delete()
    Observer.objects.bulk_create(Observer(record=record, user_id=pk) for pk in sorted(added))
    renew_audience(record)
    record.save(update_fields=["audience"])
    new, former = tuple(sorted(added)), tuple(sorted(removed))
    emit(ObserversChanged(record_id=record.pk, by_id=id_of(by), user_ids=new, former_ids=former))


def set_contact_points(record: Record, reached_by: Iterable[Reach]) -> bool:
    """These and no others; whether that changed something. Raises ValidationError."""
    wanted = _contact_points(reached_by)
    there = {(point.kind, point.normal): point for point in record.contact_points.all()}
    gone = [point.pk for key, point in there.items() if key not in wanted]
    new = [key for key in wanted if key not in there]
    same = [
        key
        for key in wanted
        if key in there and (wanted[key].value, wanted[key].use) != (there[key].value, there[key].use)
    ]
    record.contact_points.filter(pk__in=gone).delete()
    _write_contact_points(record, wanted)
    return bool(gone or new or same)


def _contact_points(reached_by: Iterable[Reach]) -> dict[tuple[str, str], Point]:
    """Each once, by kind and normal form. Raises ValidationError."""
    given = list(reached_by)
    if len(given) > MOST_CONTACT_POINTS:
        said = _("At most %(most)s numbers and addresses.") % {"most": MOST_CONTACT_POINTS}
        raise ValidationError({"reached_by": said})
    region = PHONE_REGION.value
    points = [cleaned(one, region=region) for one in given]
    return {(point.kind, point.normal): point for point in points}


def _write_contact_points(record: Record, wanted: Mapping[tuple[str, str], Point]) -> None:
    """In this order; what is there beside them stays."""
    rank, rows = None, []
    for key, point in wanted.items():
        rank = between(rank, None)
        rows.append(
            ContactPoint(
                record=record, kind=key[0], normal=key[1], value=point.value, use=point.use, rank=rank
            )
        )
    ContactPoint.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["record", "kind", "normal"],
        update_fields=["value", "use", "rank"],
    )


def _set_links(record: Record, contacts: Sequence[Record] | None) -> bool:
    """The main company and contact, and these contacts after it, and no others; None: those that there are
    stay. Returns whether they, or their order, are others than before."""
    clients = record.links.filter(role__in=(Link.Role.CONTACT, Link.Role.COMPANY))
    before = list(clients.order_by("rank", "id").values_list("role", "to_id"))
    if contacts is None:
        links = record.links.filter(role=Link.Role.CONTACT).order_by("rank", "id").select_related("to")
        contacts = [link.to for link in links]
    written = _write_links(record, contacts)
    for role in (Link.Role.CONTACT, Link.Role.COMPANY):
        kept = [one.to_id for one in written if one.role == role]
        record.links.filter(role=role).exclude(to__in=kept).delete()
    return before != [(one.role, one.to_id) for one in written]


def _write_links(record: Record, contacts: Sequence[Record]) -> list[Link]:
    """What is there beside them stays."""
    people = {one.pk: one for one in [*([record.contact] if record.contact else []), *contacts]}
    bounded(set(people), MOST_LINKS, "contacts")
    if contacts and record.contact is None:
        record.contact = contacts[0]
        record.save(update_fields=["contact"])
    companies = [record.company] if record.company else []
    rank, rows = None, []
    for to, role in [
        *((one, Link.Role.CONTACT) for one in people.values()),
        *((one, Link.Role.COMPANY) for one in companies),
    ]:
        rank = between(rank, None)
        rows.append(Link(record=record, to=to, role=role, rank=rank))
    return Link.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["record", "role", "to"], update_fields=["rank"]
    )


def _check_clients(clients: Iterable[Record | None], by: User | None) -> None:
    """Who links a client must see it: else a link would say that it is there, and what it is called."""
    wanted = {client.pk for client in clients if client is not None}
    if not wanted:
        return
    found = Record.objects.there().filter(pk__in=wanted)
    if by is not None and not is_importing():
        found = found.visible_to(by)
    if found.count() != len(wanted):
        raise ValidationError(_("The client is not there any more: choose another one."), code="client")


def stage_for(new: NewRecord) -> Stage | None:
    """Where it comes to stand. Raises ValidationError."""
    if not new.type.has_stages:
        if new.stage is not None:
            raise ValidationError({"stage": _("%(type)s have no stages.") % {"type": new.type.label}})
        return None
    if new.stage is not None:
        if new.stage.pipeline.type_id != new.type.pk or new.stage.retired_at is not None:
            raise ValidationError({"stage": _("There is no such stage here: reload the page.")})
        return new.stage
    pipeline = new.type.pipelines.standing().in_order().first()
    stage = pipeline.stages.standing().in_order().select_related("pipeline").first() if pipeline else None
    if stage is None:
        raise ValidationError(
            {"stage": _("%(type)s have no stage yet: add one in the settings.") % {"type": new.type.label}}
        )
    return stage


def first_rank(stage: Stage | None) -> str:
    """Above all that is in the stage: what is new is seen first."""
    if stage is None:
        return "i"
    first = Record.objects.there().filter(stage=stage).on_board().values_list("rank", flat=True).first()
    return between(None, first)


def _rank_between(stage: Stage, record: Record, after: Record | None, before: Record | None) -> str:
    if after is None and before is None:
        return record.rank if record.stage_id == stage.pk else first_rank(stage)
    column = Record.objects.there().filter(stage=stage).exclude(pk=record.pk)
    upper = column.filter(pk=after.pk).values_list("rank", flat=True).first() if after else None
    lower = column.filter(pk=before.pk).values_list("rank", flat=True).first() if before else None
    if upper is None and lower is None:
        # Both have gone elsewhere meanwhile.
        return first_rank(stage)
    return rank_between(column, upper, lower)


def bounded(ids: set[int], most: int, field_name: str) -> set[int]:
    """These. Raises ValidationError where there are more."""
    if len(ids) > most:
        raise ValidationError({field_name: _("At most %(most)s at once.") % {"most": most}})
    return ids


def as_text(value: Any) -> str:
    return "" if value is None else str(value)
