"""Two accounts that are one person become one: the one remains, the other leads to it. For good."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from box.core.access.actions import renew_codes
from box.core.accounts.access import console_holders
from box.core.accounts.actions import end_sessions, keep_an_administrator_besides
from box.core.accounts.events import PeopleMerged
from box.core.accounts.models import MERGED, User
from box.core.accounts.notices import call_people
from box.core.accounts.profile_fields import TEXTS
from box.core.events.merging import move_events
from box.core.events.outbox import emit
from box.core.people import notices
from box.core.people.photos import forget_squares
from box.core.registry.belongings import Pair, belongings, merge
from box.core.registry.capabilities import Ref
from box.core.structure import actions
from box.core.structure.names import PERSON_KIND

if TYPE_CHECKING:
    from collections.abc import Collection

    from django.utils.functional import _StrOrPromise

FIELDS = ("login", "email", *TEXTS, "birthday_on", "photo")
# Of the account that goes only what it was called is left: it goes on finding the person.
_LEFT_BLANK = tuple(name for name in TEXTS if name not in ("last_name", "first_name"))


@dataclass(frozen=True)
class Choice:
    """A field in which both have something, and not the same. `owner` decides it, where there is one."""

    field: str
    label: _StrOrPromise
    kept: Any
    gone: Any
    owner: str = ""
    is_gones: bool = False


def why_not(gone: User, kept: User, *, by: User) -> str:  # noqa: PLR0911 - a sentence a case
    """Why these two cannot be made one by this person, and what to do about it; empty where they can."""
    if gone.pk == kept.pk:
        return _("These are the same account: choose another one.")
    for account in (gone, kept):
        if account.is_erased or account.merged_into_id is not None:
            return _("%(name)s is no account any more that could be merged.") % {"name": account.name}
    if gone.is_extranet != kept.is_extranet:
        return _(
            "One account is a colleague's and the other an outside guest's: what a guest may see is another"
            " thing. Invite the colleague into the groups in which the guest is, and dismiss the guest."
        )
    if kept.status == User.Status.DISMISSED:
        return _("%(name)s is dismissed: let them return first, or have the other account remain.") % {
            "name": kept.name
        }
    if not by.is_administrator:
        # Whoever merges an account into another that they know the password of would have all of it.
        if {gone.pk, kept.pk} & {by.pk}:
            return _("One of these accounts is your own: ask an administrator to merge them.")
        if {gone.pk, kept.pk} & console_holders():
            return _("One of these accounts has rights in the console: ask an administrator to merge them.")
        if gone.last_login is not None:
            return _(
                "Somebody has signed in to the account that would go: ask an administrator to merge them, or"
                " have that account remain."
            )
    return next((said for room in belongings if (said := room.refused(gone, kept))), "")


def choices(gone: User, kept: User) -> list[Choice]:
    """What there is to choose between, in the order of a profile."""
    decided = {**dict.fromkeys(kept.owners, False), **dict.fromkeys(gone.owners, True)}
    owners = {**kept.owners, **gone.owners}
    fields: dict[str, Any] = {field.name: field for field in User._meta.concrete_fields}
    return [
        Choice(
            name,
            _("photo") if name == "photo" else fields[name].verbose_name,
            mine,
            other,
            owners.get(name, ""),
            decided.get(name, False),
        )
        for name in FIELDS
        if (mine := _value(kept, name)) and (other := _value(gone, name)) and mine != other
    ]


@transaction.atomic
def merge_people(gone: User, kept: User, *, of_gone: Collection[str] = (), by: User) -> None:
    """Everything that is `gone`'s is `kept`'s from now on, all of it or nothing; nothing brings it back.

    `of_gone` are those of FIELDS whose value is taken from the account that goes, where both have one. Raises
    ValidationError for what `why_not` says, and LastAdministrator.
    """
    pair = Pair(gone.pk, kept.pk)
    for room in belongings:
        room.before(pair)
    locked = User.objects.select_for_update().filter(pk__in=(pair.gone, pair.kept)).order_by("pk").in_bulk()
    gone_row, kept_row = locked[pair.gone], locked[pair.kept]
    if said := why_not(gone_row, kept_row, by=by):
        raise ValidationError(said, code="merger")
    if gone_row.is_administrator:
        keep_an_administrator_besides(gone_row)
    _merge_fields(gone_row, kept_row, of_gone)
    move_events(pair)
    merge(User, pair)
    actions.renew_structure(by.pk)
    renew_codes([pair.kept, pair.gone])
    end_sessions(gone_row)
    emit(PeopleMerged(user_id=pair.kept, gone_id=pair.gone, by_id=by.pk))
    about = Ref(PERSON_KIND, pair.kept)
    call_people([pair.kept], notices.MERGED, about=about, key=f"org.merged:{pair.gone}", by_id=by.pk)
    for person in (gone, kept):
        person.refresh_from_db()
        person.__dict__.pop("name", None)


@transaction.atomic
def move_again(pair: Pair) -> None:
    """Takes along what was on its way while the two became one. Doing it again does no harm."""
    account = User.objects.select_for_update().filter(pk=pair.gone).first()
    if account is not None and account.merged_into_id == pair.kept:
        merge(User, pair)


def _value(person: User, name: str) -> str | date | int | None:
    value: str | date | int | None = person.photo_id if name == "photo" else getattr(person, name)
    return value


def _merge_fields(gone: User, kept: User, of_gone: Collection[str]) -> None:
    """The two unique ones are exchanged, so that both go on naming the person."""
    kepts, gones = kept.owners, gone.owners
    taken = {
        name
        for name in FIELDS
        if _value(gone, name)
        and (name in gones or (name not in kepts and (name in of_gone or not _value(kept, name))))
    }
    login, email = kept.login, kept.email
    photos = {kept.photo_id, gone.photo_id}
    joined_at = min(gone.joined_at, kept.joined_at)
    for name in taken:
        attribute = "photo_id" if name == "photo" else name
        setattr(kept, attribute, getattr(gone, attribute))
    if "login" in taken:
        gone.login = login
    if "email" in taken:
        gone.email = email
    for name in _LEFT_BLANK:
        setattr(gone, name, "")
    forget_squares(photos - {kept.photo_id})
    gone.photo = gone.birthday_on = gone.invited_at = gone.second_factor_due_at = None
    gone.is_administrator = gone.has_second_factor = False
    gone.status, gone.merged_into = User.Status.DISMISSED, kept
    gone.set_unusable_password()
    kept.joined_at = joined_at
    # Both are unique: what is exchanged is free for a moment.
    User.objects.filter(pk=gone.pk).update(login=f"{MERGED}{gone.pk}", email="")
    kept.save(update_fields=[*taken, "joined_at"])
    gone.save(
        update_fields=[
            *("login", "email", *_LEFT_BLANK, "photo", "birthday_on", "invited_at", "second_factor_due_at"),
            *("is_administrator", "has_second_factor", "status", "merged_into", "password"),
        ]
    )
