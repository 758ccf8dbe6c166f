"""Every write to what people keep of lists."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from box.core.accounts.models import User
from box.core.lists.access import can_change, can_share
from box.core.lists.models import LONGEST_NAME, LONGEST_QUERY, Preference, SavedView

MOST_VIEWS = 20
MOST_COLUMNS = 100


@transaction.atomic
def save_view(list_key: str, query: str, name: str, *, by: User) -> SavedView:
    """The same name again means another choice from now on."""
    name = _name_of(name)
    if not query:
        raise ValidationError(_("Choose what to show first, then give it a name."), code="empty")
    if len(query) > LONGEST_QUERY:
        raise ValidationError(_("Too much is chosen to be kept: choose less."), code="query")
    own = _lock_views(by, list_key)
    known = next((view for view in own if view.name == name), None)
    if known is not None:
        known.query = query
        known.save(update_fields=["query"])
        return known
    if len(own) >= MOST_VIEWS:
        raise ValidationError(
            _("You have %(most)s saved views: delete one of them first.") % {"most": MOST_VIEWS}, code="most"
        )
    position = max((view.position for view in own), default=0) + 1
    return SavedView.objects.create(user=by, list_key=list_key, name=name, query=query, position=position)


@transaction.atomic
def rename_view(view: SavedView, name: str, *, by: User) -> None:
    _require_change(view, by)
    name = _name_of(name)
    owner = User(pk=view.user_id)
    if any(one.name == name and one.pk != view.pk for one in _lock_views(owner, view.list_key)):
        raise ValidationError(_("Another view is called that."), code="name")
    SavedView.objects.filter(pk=view.pk).update(name=name)


@transaction.atomic
def move_view(view: SavedView, steps: int, *, by: User) -> None:
    """So many places on, or back; no further than to the end. Only among one's own."""
    order = [one.pk for one in _lock_views(by, view.list_key)]
    if view.pk not in order:
        return
    at = order.index(view.pk)
    order.insert(max(0, min(len(order) - 1, at + steps)), order.pop(at))
    SavedView.objects.bulk_update(
        [SavedView(pk=pk, position=number) for number, pk in enumerate(order)], ["position"]
    )


def share_view(view: SavedView, *, is_shared: bool, by: User) -> None:
    if not can_share(by):
        raise PermissionDenied(_("Ask an administrator for the right to share views."))
    _require_change(view, by)
    SavedView.objects.filter(pk=view.pk).update(is_shared=is_shared)
    if not is_shared:
        Preference.objects.filter(view=view).exclude(user=view.user_id).update(view=None)


def delete_view(view: SavedView, *, by: User) -> None:
    _require_change(view, by)
    view.delete()


def open_with(list_key: str, view: SavedView | None, *, by: User) -> None:
    """From now on the list opens with this view, for this person; None: with everything."""
    Preference.objects.update_or_create(user=by, list_key=list_key, defaults={"view": view})


def choose_columns(list_key: str, columns: Sequence[str], *, by: User) -> None:
    """In this order; none: as the list has them."""
    if len(columns) > MOST_COLUMNS:
        raise ValidationError(_("Choose fewer columns."), code="columns")
    Preference.objects.update_or_create(user=by, list_key=list_key, defaults={"columns": list(columns)})


def _require_change(view: SavedView, by: User) -> None:
    if not can_change(by, view):
        raise PermissionDenied(_("This view is somebody else's."))


def _name_of(name: str) -> str:
    name = " ".join(name.replace("\x00", "").split())
    if not name:
        raise ValidationError(_("Give the view a name."), code="name")
    if len(name) > LONGEST_NAME:
        raise ValidationError(
            _("A name has at most %(most)s characters.") % {"most": LONGEST_NAME}, code="name"
        )
    return name


def _lock_views(user: User, list_key: str) -> list[SavedView]:
    """The person's own, in order, until the transaction ends. The person's row is what is waited for."""
    User.objects.select_for_update(no_key=True).only("pk").get(pk=user.pk)
    return list(SavedView.objects.filter(user=user, list_key=list_key).order_by("position", "id"))
