"""Every write to the definitions of fields. Values are written by the rooms whose objects have them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import CharField, Max, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone
from django.utils.translation import gettext as _

from box.core.events.outbox import emit
from box.core.fields.events import FieldChanged
from box.core.fields.kinds import kind_of
from box.core.fields.models import Choice, Field
from box.core.fields.sets import all_sets
from box.core.registry.capabilities import cards
from box.core.registry.settings import raise_version

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.fields.sets import FieldSet

MOST_FIELDS = 100
MOST_CHOICES = 300
_CODE = re.compile(r"UF_[A-Z0-9_]{1,46}")


@dataclass(frozen=True)
class FieldDraft:
    """How a field is to be. Kind, code, target and whether there are several are for a new one: values depend
    on them. `choices` are names in order; `renamed` says by its number what an old choice is called now."""

    name: str
    kind: str = Field.Kind.TEXT
    code: str = ""
    help: str = ""
    choices: tuple[str, ...] = ()
    renamed: Mapping[int, str] = field(default_factory=dict)
    is_several: bool = False
    is_required: bool = False
    currency: str = ""
    target: str = ""
    readers: str = ""
    writers: str = ""


@transaction.atomic
def add_field(of: FieldSet, draft: FieldDraft, *, by: User) -> Field:
    """Raises ValidationError for a name that is taken, a list without choices, and one field too many."""
    _lock(of.key)
    standing = Field.objects.of(of.key).standing()
    if standing.count() >= MOST_FIELDS:
        raise ValidationError(_("There are %(most)s such fields at most.") % {"most": MOST_FIELDS})
    made = Field(set_key=of.key, kind=draft.kind, place=_last_place(of.key) + 1)
    made.is_several = draft.is_several and kind_of(made).can_be_several
    made.code = draft.code.strip().upper()
    if made.code and not _CODE.fullmatch(made.code):
        raise ValidationError({"code": _("It begins with UF_, with letters, digits and underscores then.")})
    if made.code and Field.objects.of(of.key).filter(code=made.code).exists():
        raise ValidationError({"code": _("There is a field of this name for programs already.")})
    made.target = draft.target if made.kind == Field.Kind.REFERENCE else ""
    if made.kind == Field.Kind.REFERENCE and made.target not in cards:
        raise ValidationError({"target": _("Choose what the field points at.")})
    _write(made, draft)
    if not made.code:
        made.code = f"UF_{made.pk}"
        made.save(update_fields=["code"])
    _tell(made, "added", by)
    return made


@transaction.atomic
def change_field(changed: Field, draft: FieldDraft, *, by: User) -> None:
    """Another name or other rules; the values stay, and so does the kind."""
    _lock(changed.set_key)
    # Somebody may have moved it meanwhile, or archived it.
    changed.refresh_from_db(fields=["place", "archived_at"])
    _write(changed, draft)
    _tell(changed, "changed", by)


def _write(one: Field, draft: FieldDraft) -> None:
    of = all_sets()[one.set_key]
    one.name, one.help = " ".join(draft.name.split()), " ".join(draft.help.split())
    one.is_required = draft.is_required
    one.currency = _currency(draft.currency) if one.kind == Field.Kind.MONEY else ""
    one.readers = _word(draft.readers, of.readers)
    one.writers = _word(draft.writers, of.writers)
    one.clean_fields()
    others = Field.objects.of(one.set_key).standing().exclude(pk=one.pk)
    if one.archived_at is None and others.filter(name__iexact=one.name).exists():
        raise ValidationError({"name": _("There is a field of this name already.")})
    names = _names(draft.choices) if one.kind == Field.Kind.CHOICE else []
    one.save()
    if one.kind == Field.Kind.CHOICE:
        _write_choices(one, names, draft.renamed)


def _word(given: str, known: Mapping[str, object]) -> str:
    return given if given in known else next(iter(known), "")


def _currency(given: str) -> str:
    currency = given.strip().upper()
    if not re.fullmatch(r"[A-Z]{3}", currency):
        raise ValidationError({"currency": _("Three letters, such as RUB.")})
    return currency


def _names(given: Sequence[str]) -> list[str]:
    """Each once, however it is capitalised, in the order in which they were given."""
    found: dict[str, str] = {}
    for name in filter(None, (" ".join(one.split()) for one in given)):
        found.setdefault(name.casefold(), name)
    names = list(found.values())
    if not names:
        raise ValidationError({"choices": _("Write what there is to choose from, one a line.")})
    if len(names) > MOST_CHOICES:
        raise ValidationError({"choices": _("%(most)s choices at most.") % {"most": MOST_CHOICES}})
    if any(len(name) > 100 for name in names):
        raise ValidationError({"choices": _("A choice has 100 characters at most.")})
    if any(";" in name for name in names):
        raise ValidationError({"choices": _("A choice has no semicolon: tables part several by it.")})
    return names


def _write_choices(of: Field, names: Sequence[str], renamed: Mapping[int, str]) -> None:
    """Whatever is on the list no more is retired; back on it, it is the choice that it was."""
    there = {one.pk: one for one in of.choices.all()}
    for pk, name in renamed.items():
        if pk in there and (name := " ".join(name.split())):
            there[pk].name = name
    by_name = {one.name.casefold(): one for one in there.values()}
    if len(by_name) != len(there):
        raise ValidationError({"choices": _("Two choices have the same name.")})
    chosen = {name.casefold() for name in names}
    for one in there.values():
        one.is_retired = one.name.casefold() not in chosen
    for place, name in enumerate(names, start=1):
        choice = by_name.setdefault(name.casefold(), Choice(field=of))
        choice.place, choice.name = place, name
    # A name may go from one choice to another, and the database looks at each row by itself: first all let go
    # of theirs, for what no choice is called.
    of.choices.filter(pk__in=renamed).update(name=Concat(Value(";"), Cast("pk", CharField())))
    Choice.objects.bulk_update(there.values(), ["name", "place", "is_retired"])
    Choice.objects.bulk_create(one for one in by_name.values() if one.pk is None)
    of.__dict__.pop("options", None)


@transaction.atomic
def move_field(moved: Field, by_places: int, *, by: User) -> None:
    """So many places down, or up where it is negative, and no further than there are fields."""
    _lock(moved.set_key)
    fields = list(Field.objects.of(moved.set_key).standing().in_order())
    others = [one for one in fields if one.pk != moved.pk]
    before = next((number for number, one in enumerate(fields) if one.pk == moved.pk), None)
    if before is None:
        return
    others.insert(min(max(before + by_places, 0), len(others)), moved)
    for place, one in enumerate(others, start=1):
        one.place = place
    Field.objects.bulk_update(others, ["place"])
    _tell(moved, "moved", by)


@transaction.atomic
def archive_field(archived: Field, *, by: User) -> None:
    """Nothing shows it any more, and all keep their values for when it is brought back."""
    if not Field.objects.standing().filter(pk=archived.pk).update(archived_at=timezone.now()):
        return
    archived.refresh_from_db(fields=["archived_at"])
    _tell(archived, "archived", by)


@transaction.atomic
def restore_field(restored: Field, *, by: User) -> None:
    """Raises ValidationError where another field has its name by now, and where there are too many."""
    if restored.archived_at is None:
        return
    _lock(restored.set_key)
    standing = Field.objects.of(restored.set_key).standing()
    if standing.filter(name__iexact=restored.name).exists():
        raise ValidationError(_("There is a field of this name already: rename that one first."))
    if standing.count() >= MOST_FIELDS:
        raise ValidationError(_("There are %(most)s such fields at most.") % {"most": MOST_FIELDS})
    restored.archived_at, restored.place = None, _last_place(restored.set_key) + 1
    restored.save(update_fields=["archived_at", "place"])
    _tell(restored, "restored", by)


def _last_place(set_key: str) -> int:
    return Field.objects.of(set_key).standing().aggregate(last=Max("place"))["last"] or 0


def _lock(set_key: str) -> None:
    """Definitions are rarely written, and two at once could be one too many, or of one name."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"fields {set_key}"])


def _tell(one: Field, change: str, by: User) -> None:
    """And have everybody read the fields anew."""
    emit(FieldChanged(set_key=one.set_key, field_id=one.pk, name=one.name, change=change, by_id=by.pk))
    raise_version()
    all_sets()[one.set_key].changed()
