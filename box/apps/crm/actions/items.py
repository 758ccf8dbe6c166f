"""Adding, changing and moving items."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from box.apps.crm import access
from box.apps.crm.actions.audiences import audience_of, locked_people, renew_audience
from box.apps.crm.actions.checks import check_fields
from box.apps.crm.contact_points import Reach, cleaned
from box.apps.crm.events import (
    ItemAdded,
    ItemChanged,
    ItemMoved,
    ItemsBroughtBack,
    ItemsDeleted,
    ObserversChanged,
    ResponsibleChanged,
)
from box.apps.crm.models import (
    ContactPoint,
    Currency,
    Item,
    ItemType,
    Link,
    Observer,
    Source,
    Stage,
    StageVisit,
)
from box.apps.crm.permissions import Operation
from box.core.accounts.models import User
from box.core.events.outbox import emit
from box.lib.ranks import between
from box.lib.sounds import sound_of

if TYPE_CHECKING:
    pass

MOST_OBSERVERS = 100
MOST_CONTACT_POINTS = 50
MOST_LINKS = 100
MOST_AT_ONCE = 500

_PLAIN = (
    "title", "first_name", "patronymic", "last_name", "position", "born_on", "tax_number", "address",
    "comment", "amount", "currency", "begins_on", "expected_on", "source", "source_note", "utm",
    "company", "contact",
)  # fmt: skip


# Those with rows of their own are given as such.
_CHECKED = set(_PLAIN) - {"source", "company", "contact"}


@dataclass(frozen=True, kw_only=True)
class NewItem:
    """What an item is made of. Without a stage it comes into the first of the type's first pipeline."""

    type: ItemType
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
    currency: str = ""
    begins_on: date | None = None
    expected_on: date | None = None
    source: Source | None = None
    source_note: str = ""
    utm: Mapping[str, str] = field(default_factory=dict)
    company: Item | None = None
    contact: Item | None = None
    contacts: Sequence[Item] = ()
    observers: Sequence[User] = ()
    reached_by: Sequence[Reach] = ()


@transaction.atomic
def add_item(new: NewItem, *, by: User | None) -> Item:
    """Raises ValidationError by field, and PermissionDenied where `by`'s role does not reach.

    `by` None: the portal itself, as a web form or a robot.
    """
    people = locked_people([new.responsible.pk, *(one.pk for one in new.observers)])
    responsible = people[new.responsible.pk]
    stage = _stage_for(new)
    access.check_may_hold(by, Operation.ADD, responsible, new.type, stage)
    if not responsible.is_active:
        raise ValidationError(
            {"responsible": _("%(name)s does not work here any more.") % {"name": responsible.name}}
        )
    now = timezone.now()
    item = Item(
        type=new.type, pipeline=stage.pipeline if stage else None, stage=stage, stage_since=now,
        responsible=responsible, created_by=by, created_at=now, changed_by=by, changed_at=now,
        closed_at=now if stage and not stage.is_open else None,
        **{name: getattr(new, name) for name in _PLAIN},
    )  # fmt: skip
    _tidy(item)
    _check_clients([item.company, item.contact, *new.contacts], by)
    item.rank = _first_rank(stage)
    observers = _bounded({one.pk for one in new.observers}, MOST_OBSERVERS, "observers")
    item.audience = audience_of(item, responsible, observers)
    item.save()
    Observer.objects.bulk_create(Observer(item=item, user_id=pk) for pk in sorted(observers))
    if stage:
        StageVisit.objects.create(item=item, stage=stage, entered_at=now, by=by)
    _set_links(item, new.contacts)
    set_contact_points(item, new.reached_by)
    emit(ItemAdded(item_id=item.pk, by_id=_id(by)))
    return item


@transaction.atomic
def change_item(item: Item, changes: Mapping[str, Any], *, by: User | None) -> Item:
    """Sets these fields, `responsible`, `contacts`, `observers` and `reached_by` among them; the rest stays.

    Raises ValidationError by field, and PermissionDenied.
    """
    held = locked_item(item, by=by)
    rest = dict(changes)
    contacts, observers, reached_by = (
        rest.pop(name, None) for name in ("contacts", "observers", "reached_by")
    )
    responsible = rest.pop("responsible", None)
    if unknown := sorted(rest.keys() - set(_PLAIN)):
        raise ValidationError(_("There is no field %(names)s.") % {"names": ", ".join(unknown)}, code="field")
    before = {name: getattr(held, name) for name in _PLAIN}
    for name, value in rest.items():
        setattr(held, name, value)
    _tidy(held)
    clients = [one for name in ("company", "contact") if (one := getattr(held, name)) and one != before[name]]
    _check_clients([*clients, *(contacts or ())], by)
    changed = tuple(
        (name, _as_text(before[name]), _as_text(getattr(held, name)))
        for name in _PLAIN
        if before[name] != getattr(held, name)
    )
    if changed:
        held.changed_by, held.changed_at = by, timezone.now()
        held.save(
            update_fields=[
                *(name for name, _was, _is in changed),
                "sound",
                "base_amount",
                "changed_by",
                "changed_at",
            ]
        )
    links_changed = contacts is not None or any(name in {"company", "contact"} for name, _was, _is in changed)
    if links_changed:
        _set_links(held, contacts)
    if reached_by is not None and set_contact_points(held, reached_by):
        changed = (*changed, ("reached_by", "", ""))
    if changed or links_changed:
        emit(ItemChanged(item_id=held.pk, by_id=_id(by), changes=changed))
    if responsible is not None:
        _hand_over(held, responsible, by)
    if observers is not None:
        _set_observers(held, observers, by)
    return held


@transaction.atomic
def move_item(
    item: Item, stage: Stage, *, after: Item | None = None, before: Item | None = None, by: User | None
) -> Item:
    """Into a stage, of the same pipeline or of another of its type; between these two cards, where they stand
    in it. Raises `Demanded` where fields are missing that the stage asks for, and PermissionDenied."""
    held = locked_item(item, by=by)
    if stage.pipeline.type_id != held.type_id or stage.retired_at is not None or held.stage is None:
        raise ValidationError(_("There is no such stage here: reload the page."), code="stage")
    moved = held.stage_id != stage.pk
    if moved:
        responsible = locked_people([held.responsible_id])[held.responsible_id]
        access.check_may_hold(by, Operation.CHANGE, responsible, held.type, stage)
        if missing := [name for name in stage.demands if not is_filled(held, name)]:
            raise Demanded(held, stage, missing)
    left, now = held.stage, timezone.now()
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
    StageVisit.objects.create(item=held, stage=stage, entered_at=now, by=by)
    emit(ItemMoved(item_id=held.pk, by_id=_id(by), stage_before_id=left.pk, stage_id=stage.pk))
    return held


class Demanded(ValidationError):
    """The stage asks for fields that are still empty: `fields` are to be asked in place."""

    def __init__(self, item: Item, stage: Stage, fields: Sequence[str]) -> None:
        self.item, self.stage, self.fields = item, stage, tuple(fields)
        super().__init__(
            {name: _("“%(stage)s” asks for this.") % {"stage": stage} for name in fields}, code="demanded"
        )


def is_filled(item: Item, name: str) -> bool:
    """Whether a field that a stage may ask for holds something."""
    if name == "contacts":
        return item.links.filter(role=Link.Role.CONTACT).exists()
    if name in ContactPoint.Kind.values:
        return item.contact_points.filter(kind=name).exists()
    return bool(getattr(item, name, None))


@transaction.atomic
def delete_items(items: Iterable[Item], *, by: User | None) -> list[Item]:
    """Into the trash. Raises PermissionDenied if one of them may not be, and then none is."""
    found = _locked_items(items)
    if refused := [item for item in found if by is not None and not access.can_delete(by, item)]:
        raise PermissionDenied(_("You may not delete “%(name)s”.") % {"name": refused[0]})
    gone = [item for item in found if item.deleted_at is None]
    now = timezone.now()
    Item.objects.filter(pk__in=[item.pk for item in gone]).update(deleted_at=now, deleted_by=by)
    if gone:
        emit(ItemsDeleted(item_ids=tuple(item.pk for item in gone), by_id=_id(by)))
    return gone


@transaction.atomic
def bring_back_items(items: Iterable[Item], *, by: User | None) -> list[Item]:
    found = [item for item in _locked_items(items) if item.deleted_at is not None]
    if refused := [item for item in found if by is not None and not access.can_bring_back(by, item)]:
        raise PermissionDenied(_("You may not bring back “%(name)s”.") % {"name": refused[0]})
    Item.objects.filter(pk__in=[item.pk for item in found]).update(deleted_at=None, deleted_by=None)
    if found:
        emit(ItemsBroughtBack(item_ids=tuple(item.pk for item in found), by_id=_id(by)))
    return found


def locked_item(item: Item, *, by: User | None) -> Item:
    """The item as it is now, until this transaction ends. Raises PermissionDenied where `by` may not change
    it, and Item.DoesNotExist where it is gone."""
    held = (
        Item.objects.there().select_for_update(of=("self",)).select_related("type", "stage").get(pk=item.pk)
    )
    if by is not None and not access.can_change(by, held):
        raise PermissionDenied(_("You may read “%(name)s”, but not change it.") % {"name": held})
    return held


def _locked_items(items: Iterable[Item]) -> list[Item]:
    ids = _bounded({item.pk for item in items}, MOST_AT_ONCE, "items")
    return list(
        Item.objects.filter(pk__in=ids)
        .select_for_update(of=("self",))
        .select_related("type", "stage")
        .order_by("pk")
    )


def _hand_over(item: Item, to: User, by: User | None) -> None:
    if to.pk == item.responsible_id:
        return
    person = locked_people([to.pk])[to.pk]
    if not person.is_active:
        raise ValidationError(
            {"responsible": _("%(name)s does not work here any more.") % {"name": person.name}}
        )
    was, item.responsible = item.responsible_id, person
    item.changed_by, item.changed_at = by, timezone.now()
    renew_audience(item)
    item.save(update_fields=["responsible", "audience", "changed_by", "changed_at"])
    emit(ResponsibleChanged(item_id=item.pk, by_id=_id(by), before_id=was, responsible_id=person.pk))


def _set_observers(item: Item, observers: Iterable[User], by: User | None) -> None:
    wanted = _bounded({one.pk for one in observers}, MOST_OBSERVERS, "observers")
    there = set(item.observers.values_list("user_id", flat=True))
    added, removed = wanted - there, there - wanted
    if not added and not removed:
        return
    item.observers.filter(user__in=removed).delete()
    Observer.objects.bulk_create(Observer(item=item, user_id=pk) for pk in sorted(added))
    renew_audience(item)
    item.save(update_fields=["audience"])
    emit(
        ObserversChanged(
            item_id=item.pk, by_id=_id(by), added=tuple(sorted(added)), removed=tuple(sorted(removed))
        )
    )


def set_contact_points(item: Item, reached_by: Iterable[Reach]) -> bool:
    """These and no others; whether that changed something. Raises ValidationError."""
    given = list(reached_by)
    if len(given) > MOST_CONTACT_POINTS:
        said = _("At most %(most)s numbers and addresses.") % {"most": MOST_CONTACT_POINTS}
        raise ValidationError({"reached_by": said})
    wanted = {(point.kind, point.normal): point for point in map(cleaned, given)}
    there = {(point.kind, point.normal): point for point in item.contact_points.all()}
    gone = [point.pk for key, point in there.items() if key not in wanted]
    new = [key for key in wanted if key not in there]
    same = [
        key
        for key in wanted
        if key in there and (wanted[key].value, wanted[key].use) != (there[key].value, there[key].use)
    ]
    item.contact_points.filter(pk__in=gone).delete()
    rank = None
    rows = []
    for key, point in wanted.items():
        rank = between(rank, None)
        rows.append(
            ContactPoint(item=item, kind=key[0], normal=key[1], value=point.value, use=point.use, rank=rank)
        )
    ContactPoint.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["item", "kind", "normal"],
        update_fields=["value", "use", "rank"],
    )
    return bool(gone or new or same)


def _set_links(item: Item, contacts: Sequence[Item] | None) -> None:
    """The main company and contact, and these contacts after it; None: those that there are stay."""
    if contacts is None:
        links = item.links.filter(role=Link.Role.CONTACT).order_by("rank", "id").select_related("to")
        contacts = [link.to for link in links]
    people = {one.pk: one for one in [*([item.contact] if item.contact else []), *contacts]}
    _bounded(set(people), MOST_LINKS, "contacts")
    if contacts and item.contact is None:
        item.contact = contacts[0]
        item.save(update_fields=["contact"])
    companies = [item.company] if item.company else []
    item.links.filter(role=Link.Role.CONTACT).exclude(to__in=people).delete()
    item.links.filter(role=Link.Role.COMPANY).exclude(to__in=companies).delete()
    rank, rows = None, []
    for to, role in [
        *((one, Link.Role.CONTACT) for one in people.values()),
        *((one, Link.Role.COMPANY) for one in companies),
    ]:
        rank = between(rank, None)
        rows.append(Link(item=item, to=to, role=role, rank=rank))
    Link.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["item", "role", "to"], update_fields=["rank"]
    )


def _check_clients(clients: Iterable[Item | None], by: User | None) -> None:
    """Who links a client must see it: else a link would say that it is there, and what it is called."""
    wanted = {client.pk for client in clients if client is not None}
    if not wanted:
        return
    found = Item.objects.there().filter(pk__in=wanted)
    if by is not None:
        found = found.visible_to(by)
    if found.count() != len(wanted):
        raise ValidationError(_("The client is not there any more: choose another one."), code="client")


def _stage_for(new: NewItem) -> Stage | None:
    if not new.type.has_stages:
        if new.stage is not None:
            raise ValidationError({"stage": _("%(type)s have no stages.") % {"type": new.type.label}})
        return None
    if new.stage is not None:
        if new.stage.pipeline.type_id != new.type.pk or new.stage.retired_at is not None:
            raise ValidationError({"stage": _("There is no such stage here: reload the page.")})
        return new.stage
    pipeline = new.type.pipelines.standing().in_order().first()
    stage = pipeline and pipeline.stages.standing().in_order().select_related("pipeline").first()
    if stage is None:
        raise ValidationError(
            {"stage": _("%(type)s have no stage yet: add one in the settings.") % {"type": new.type.label}}
        )
    return stage


def _tidy(item: Item) -> None:
    """Brings what was given into the form in which it is kept. Raises ValidationError by field."""
    if item.type.is_person:
        parts = (item.first_name, item.patronymic, item.last_name)
        item.title = " ".join(part for part in map(str.strip, parts) if part) or item.title
    item.title = " ".join(item.title.split())
    if not item.title:
        said = _("Give the name.") if item.type.is_person else _("Give the title.")
        raise ValidationError({"title": said})
    item.sound = sound_of(item.title)
    item.tax_number = "".join(item.tax_number.split())
    _set_base_amount(item)
    check_fields(item, _CHECKED)
    if item.begins_on and item.expected_on and item.begins_on > item.expected_on:
        raise ValidationError({"expected_on": _("It would end before it begins.")})


def _set_base_amount(item: Item) -> None:
    currencies = {one.code: one for one in Currency.objects.all()}
    base = next((one.code for one in currencies.values() if one.is_base), "")
    item.currency = item.currency or base
    if item.currency not in currencies:
        raise ValidationError(
            {"currency": _("There is no currency %(code)s here.") % {"code": item.currency[:10]}}
        )
    item.base_amount = (Decimal(item.amount) * currencies[item.currency].rate).quantize(Decimal("0.01"))


def _first_rank(stage: Stage | None) -> str:
    """Above all that is in the stage: what is new is seen first."""
    if stage is None:
        return "i"
    first = stage.items.there().on_board().values_list("rank", flat=True).first()
    return between(None, first)


def _rank_between(stage: Stage, item: Item, after: Item | None, before: Item | None) -> str:
    if after is None and before is None:
        return item.rank if item.stage_id == stage.pk else _first_rank(stage)
    column = stage.items.there().exclude(pk=item.pk)
    upper = column.filter(pk=after.pk).values_list("rank", flat=True).first() if after else None
    lower = column.filter(pk=before.pk).values_list("rank", flat=True).first() if before else None
    if upper is None and lower is None:
        # Both have gone elsewhere meanwhile.
        return _first_rank(stage)
    if upper is None:
        upper = column.filter(rank__lt=lower).order_by("-rank").values_list("rank", flat=True).first()
    if lower is None:
        lower = column.filter(rank__gt=upper).order_by("rank").values_list("rank", flat=True).first()
    return between(upper, lower)


def _bounded(ids: set[int], most: int, field_name: str) -> set[int]:
    if len(ids) > most:
        raise ValidationError({field_name: _("At most %(most)s at once.") % {"most": most}})
    return ids


def _as_text(value: Any) -> str:
    return "" if value is None else str(value)


def _id(by: User | None) -> int | None:
    return by.pk if by else None
