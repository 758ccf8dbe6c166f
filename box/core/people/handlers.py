"""What follows for people when something happens."""

from __future__ import annotations

from box.core.accounts.events import PeopleMerged, ProfileChanged
from box.core.events.outbox import on
from box.core.people.events import PhotoChanged
from box.core.people.merging import move_again
from box.core.registry.belongings import Pair
from box.core.registry.settings import raise_version
from box.core.structure.actions import renew_leader

# What the portal says of the day.
BIRTHDAY = frozenset({"birthday_on", "birthday_shown"})


@on(PeopleMerged, formerly="box.core.org.handlers.take_along")
def take_along(event: PeopleMerged) -> None:
    """What other requests and workers wrote while the two became one, and nobody could see then."""
    move_again(Pair(event.gone_id, event.user_id))


@on(ProfileChanged)
def show_birthday_anew(event: ProfileChanged) -> None:
    if BIRTHDAY.intersection(event.fields):
        raise_version()


@on(PhotoChanged, formerly="box.core.org.handlers.show_photo_anew")
def show_photo_anew(event: PhotoChanged) -> None:
    renew_leader(event.user_id, event.by_id)
