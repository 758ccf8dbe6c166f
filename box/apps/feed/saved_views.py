"""Every write to saved views: filters that a person has given a name."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from box.apps.feed.filters import Filter
from box.apps.feed.models import SavedView
from box.core.accounts.models import User

MOST_VIEWS = 20
LONGEST_NAME = 60


@transaction.atomic
def save_view(chosen: Filter, name: str, *, by: User) -> SavedView:
    """The same name again means another filter from now on."""
    name = _named(name)
    if not chosen:
        raise ValidationError(_("Choose what to show first, then give it a name."), code="empty")
    own = _locked(by)
    known = next((view for view in own if view.name == name), None)
    if known is not None:
        known.query = chosen.query
        known.save(update_fields=["query"])
        return known
    if len(own) >= MOST_VIEWS:
        raise ValidationError(
            _("You have %(most)s saved views: delete one of them first.") % {"most": MOST_VIEWS}, code="most"
        )
    position = max((view.position for view in own), default=0) + 1
    return SavedView.objects.create(user=by, name=name, query=chosen.query, position=position)


@transaction.atomic
def rename_view(view: SavedView, name: str, *, by: User) -> None:
    name = _named(name)
    if any(one.name == name and one.pk != view.pk for one in _locked(by)):
        raise ValidationError(_("Another of your views is called that."), code="name")
    SavedView.objects.filter(pk=view.pk, user=by).update(name=name)


@transaction.atomic
def move_view(view: SavedView, steps: int, *, by: User) -> None:
    """So many places on, or back; no further than to the end."""
    order = [one.pk for one in _locked(by)]
    if view.pk not in order:
        return
    at = order.index(view.pk)
    order.insert(max(0, min(len(order) - 1, at + steps)), order.pop(at))
    SavedView.objects.bulk_update(
        [SavedView(pk=pk, position=number) for number, pk in enumerate(order)], ["position"]
    )


def delete_view(view: SavedView, *, by: User) -> None:
    SavedView.objects.filter(pk=view.pk, user=by).delete()


def _named(name: str) -> str:
    name = " ".join(name.replace("\x00", "").split())
    if not name:
        raise ValidationError(_("Give the view a name."), code="name")
    if len(name) > LONGEST_NAME:
        raise ValidationError(
            _("A name has at most %(most)s characters.") % {"most": LONGEST_NAME}, code="name"
        )
    return name


def _locked(user: User) -> list[SavedView]:
    """All of the person's, in order, until the transaction ends. The person's row is what is waited for."""
    User.objects.select_for_update(no_key=True).only("pk").get(pk=user.pk)
    return list(SavedView.objects.of(user))
