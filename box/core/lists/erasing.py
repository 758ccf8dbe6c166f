"""What is kept of lists for a person alone, for when it is to be forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from box.core.lists.models import Preference, SavedView
from box.core.registry.capabilities import Eraser

if TYPE_CHECKING:
    from box.core.accounts.models import User


def kept(person: User) -> list[str]:
    """Saved views, counted in words."""
    views = SavedView.objects.filter(user=person).count()
    said = ngettext("%(num)s saved view", "%(num)s saved views", views)
    return [said % {"num": views}] if views else []


def forget(person: User, by: User) -> None:
    """Also those that are shared: what somebody looked for says something of them."""
    Preference.objects.filter(user=person).delete()
    SavedView.objects.filter(user=person).delete()


ERASER = Eraser(_("Lists"), kept, forget, ("lists.SavedView.user", "lists.Preference.user"))
