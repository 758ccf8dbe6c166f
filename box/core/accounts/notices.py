"""What people are told of their account; and how rooms below the notifications tell anything."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from box.core.accounts.events import PeopleCalled
from box.core.events.outbox import emit
from box.core.registry.notices import Notice

if TYPE_CHECKING:
    from box.core.registry.capabilities import Ref

NEW_BROWSER = Notice(
    "accounts.new_browser",
    _("Somebody signed in as you in a new browser: %(about)s. If it was not you, change your password."),
)


def call_people(user_ids: Iterable[int], notice: Notice, *, about: Ref, key: str, by_id: int | None) -> None:
    """As `box.core.notify.actions.notify` tells a person, by an event: it stands above."""
    emit(
        PeopleCalled(
            user_ids=tuple(user_ids),
            kind=notice.kind,
            about_kind=about.kind,
            about_id=about.id,
            key=key,
            by_id=by_id,
        )
    )
