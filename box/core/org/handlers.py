"""What the structure does when something happens."""

from __future__ import annotations

from box.core.accounts.events import PeopleMerged, ProfileChanged, UserStatusChanged
from box.core.events.outbox import on
from box.core.org.actions import renew_structure
from box.core.org.events import PhotoChanged
from box.core.org.merging import move_again
from box.core.org.models import Membership
from box.core.registry.belongings import Pair
from box.core.registry.settings import raise_version

# What the structure shows of heads and deputies.
SHOWN = frozenset({"last_name", "first_name", "position"})
# What the portal says of the day.
BIRTHDAY = frozenset({"birthday_on", "birthday_shown"})


@on(UserStatusChanged)
def count_anew(event: UserStatusChanged) -> None:
    """Whoever is dismissed is not counted, leads nothing, and is neither new nor away."""
    renew_structure(event.by_id)


@on(PeopleMerged)
def take_along(event: PeopleMerged) -> None:
    """What other requests and workers wrote while the two became one, and nobody could see then."""
    move_again(Pair(event.gone_id, event.user_id))


@on(ProfileChanged)
def show_anew(event: ProfileChanged) -> None:
    if BIRTHDAY.intersection(event.fields):
        raise_version()
    elif SHOWN.intersection(event.fields):
        _show_leader(event.user_id, event.by_id)


@on(PhotoChanged)
def show_photo_anew(event: PhotoChanged) -> None:
    _show_leader(event.user_id, event.by_id)


def _show_leader(user_id: int, by_id: int | None) -> None:
    if Membership.objects.leading().filter(user=user_id).exists():
        renew_structure(by_id)
