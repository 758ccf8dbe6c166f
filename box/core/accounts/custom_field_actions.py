"""Every write to the fields of profiles that administrators define, and to their values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from box.core.accounts.custom_fields import field_of, read, reindex_people
from box.core.accounts.events import OwnFieldChanged, ProfileChanged
from box.core.accounts.models import OwnField, Profile, User
from box.core.events.outbox import emit
from box.core.registry.settings import raise_version

MOST_FIELDS = 50
MOST_CHOICES = 100


@dataclass(frozen=True)
class FieldDraft:
    """How a field is to be. The kind is for a new one: values of one kind are no values of another."""

    name: str
    kind: str = OwnField.Kind.TEXT
    choices: tuple[str, ...] = field(default=())
    readers: str = OwnField.Readers.EVERYBODY
    writers: str = OwnField.Writers.PERSON
    is_required: bool = False


@transaction.atomic
def add_field(draft: FieldDraft, *, by: User) -> OwnField:
    """Raises ValidationError for a name that is taken, a list without choices, and one field too many."""
    standing = OwnField.objects.standing()
    if standing.count() >= MOST_FIELDS:
        raise ValidationError(_("A profile has %(most)s such fields at most.") % {"most": MOST_FIELDS})
    last = standing.aggregate(last=Max("place"))["last"] or 0
    made = OwnField(kind=draft.kind, place=last + 1)
    _write(made, draft)
    _tell(made, "added", by)
    return made


@transaction.atomic
def change_field(changed: OwnField, draft: FieldDraft, *, by: User) -> None:
    """Another name or other rules; the values stay, and so does the kind."""
    readers = changed.readers
    _write(changed, draft)
    if changed.readers != readers:
        reindex_people()
    _tell(changed, "changed", by)


def _write(one: OwnField, draft: FieldDraft) -> None:
    one.name, one.readers, one.writers = " ".join(draft.name.split()), draft.readers, draft.writers
    one.is_required = draft.is_required
    one.choices = _choices(draft.choices) if one.kind == OwnField.Kind.CHOICE else []
    one.clean_fields()
    others = OwnField.objects.standing().exclude(pk=one.pk)
    if one.archived_at is None and others.filter(name__iexact=one.name).exists():
        raise ValidationError({"name": _("There is a field of this name already.")})
    one.save()


def _choices(given: tuple[str, ...]) -> list[str]:
    """Each once, however it is capitalised, in the order in which they were given."""
    plain = (" ".join(choice.split()) for choice in given)
    found = {choice.casefold(): choice for choice in reversed([one for one in plain if one])}
    choices = list(reversed(found.values()))
    if not choices:
        raise ValidationError({"choices": _("Write what there is to choose from, one a line.")})
    if len(choices) > MOST_CHOICES:
        raise ValidationError({"choices": _("%(most)s choices at most.") % {"most": MOST_CHOICES}})
    if any(len(choice) > 100 for choice in choices):
        raise ValidationError({"choices": _("A choice has 100 characters at most.")})
    return choices


@transaction.atomic
def move_field(moved: OwnField, by_places: int, *, by: User) -> None:
    """So many places down, or up where it is negative, and no further than there are fields."""
    fields = list(OwnField.objects.standing().in_order().select_for_update())
    others = [one for one in fields if one.pk != moved.pk]
    before = next((number for number, one in enumerate(fields) if one.pk == moved.pk), None)
    if before is None:
        return
    others.insert(min(max(before + by_places, 0), len(others)), moved)
    for place, one in enumerate(others, start=1):
        one.place = place
    OwnField.objects.bulk_update(others, ["place"])
    _tell(moved, "moved", by)


@transaction.atomic
def archive_field(archived: OwnField, *, by: User) -> None:
    """No profile shows it any more, and all keep their values for when it is brought back."""
    if archived.archived_at is not None:
        return
    archived.archived_at = timezone.now()
    archived.save(update_fields=["archived_at"])
    reindex_people()
    _tell(archived, "archived", by)


@transaction.atomic
def restore_field(restored: OwnField, *, by: User) -> None:
    """Raises ValidationError where another field has its name by now."""
    if restored.archived_at is None:
        return
    if OwnField.objects.standing().filter(name__iexact=restored.name).exists():
        raise ValidationError(_("There is a field of this name already: rename that one first."))
    last = OwnField.objects.standing().aggregate(last=Max("place"))["last"] or 0
    restored.archived_at, restored.place = None, last + 1
    restored.save(update_fields=["archived_at", "place"])
    reindex_people()
    _tell(restored, "restored", by)


def _tell(one: OwnField, change: str, by: User) -> None:
    """And have everybody read the fields anew."""
    emit(OwnFieldChanged(field_id=one.pk, name=one.name, change=change, by_id=by.pk))
    raise_version()


@transaction.atomic
def set_own_values(person: User, texts: Mapping[str, str], *, by: User) -> None:
    """Writes these values of the person, by key, as somebody wrote them; an empty one takes it away.

    Raises ValidationError by key for what is none of its kind, and for what an outside source decides, and
    KeyError for a field that there is not.
    """
    Profile.objects.get_or_create(user=person)
    profile = Profile.objects.select_for_update().get(user=person)
    kept: dict[str, str] = profile.own_values
    changes, problems = {}, {}
    for key, text in texts.items():
        own = field_of(key)
        if own is None:
            raise KeyError(key)
        try:
            value = read(own, text, kept=kept.get(key, ""))
        except ValidationError as error:
            problems[key] = error
            continue
        if value == kept.get(key, ""):
            continue
        if source := profile.owners.get(key):
            problems[key] = ValidationError(
                _("%(source)s decides this: change it there.") % {"source": source}, code="owned"
            )
        changes[key] = value
    if problems:
        raise ValidationError(problems)
    if not changes:
        return
    profile.own_values = {key: value for key, value in {**kept, **changes}.items() if value}
    profile.save(update_fields=["own_values"])
    person.profile = profile
    reindex_people([person.pk])
    emit(ProfileChanged(user_id=person.pk, fields=tuple(sorted(changes)), by_id=by.pk))
