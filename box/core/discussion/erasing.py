"""Which discussions a person follows, for when it is to be forgotten. What they said in them stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from box.core.discussion.models import Follower
from box.core.registry.capabilities import Eraser

if TYPE_CHECKING:
    from box.core.accounts.models import User


def followed(person: User) -> list[str]:
    count = Follower.objects.filter(user=person).count()
    if not count:
        return []
    return [
        ngettext("that they follow %(num)s post", "that they follow %(num)s posts", count) % {"num": count}
    ]


def forget(person: User, by: User) -> None:
    Follower.objects.filter(user=person).delete()


ERASER = Eraser(_("Discussions"), followed, forget, ("discussion.Follower.user",))
