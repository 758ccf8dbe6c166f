"""Rooms below tell people something by an event; letters are written when something happens."""

from __future__ import annotations

from typing import Any

from box.core.accounts.events import PeopleCalled
from box.core.accounts.models import User
from box.core.events.outbox import on, subscribe
from box.core.notify import jobs
from box.core.notify.actions import notify, queue_letters
from box.core.notify.events import LettersQueued
from box.core.registry.capabilities import LetterWriter, Ref, letters
from box.core.registry.notices import notices


def write_letters(key: str, writer: LetterWriter) -> None:
    """Makes a handler of the writer that a room offers under this key."""

    def handle(event: Any) -> None:
        queue_letters(writer.write(event))

    subscribe(f"{__name__}.letters:{key}", writer.event, handle)


letters.each(write_letters)


@on(LettersQueued)
def wake_sender(event: LettersQueued) -> None:
    jobs.send_letters()


@on(PeopleCalled)
def tell(event: PeopleCalled) -> None:
    people = User.objects.in_bulk({*event.user_ids, event.by_id} - {None})
    about = Ref(event.about_kind, event.about_id)
    for person in (people[pk] for pk in event.user_ids if pk in people and pk != event.by_id):
        notify(person, notices[event.kind], about=about, key=event.key, actor=people.get(event.by_id or 0))
