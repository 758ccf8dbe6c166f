"""The console reacts: who looks after backups hears what is asked of them, and who has asked how it went."""

from __future__ import annotations

from box.console import jobs
from box.console.access import BACKUPS
from box.console.actions import those_who_may
from box.console.backups.cards import RETRIEVAL
from box.console.events import (
    RetrievalAllowed,
    RetrievalAsked,
    RetrievalLooked,
    RetrievalOver,
    RetrievalRefused,
)
from box.console.models import Retrieval
from box.console.notices import ASKED, LOOKED, OVER, REFUSED
from box.core.events.outbox import on
from box.core.notify.actions import notify
from box.core.registry.capabilities import Ref
from box.core.registry.notices import Notice


@on(RetrievalAsked)
def tell_keepers(event: RetrievalAsked) -> None:
    """Who asks; not for what."""
    retrieval = Retrieval.objects.waiting().select_related("asker").filter(pk=event.retrieval_id).first()
    if retrieval is None:
        return
    for person in those_who_may(BACKUPS):
        if person != retrieval.asker:
            about, key = Ref(RETRIEVAL, retrieval.pk), f"{ASKED}:{retrieval.pk}"
            notify(person, ASKED, about=about, key=key, actor=retrieval.asker)


@on(RetrievalAllowed)
def search(event: RetrievalAllowed) -> None:
    jobs.follow_retrievals()


@on(RetrievalRefused)
def tell_of_refusal(event: RetrievalRefused) -> None:
    _tell(event.retrieval_id, REFUSED)


@on(RetrievalLooked)
def tell_it_is_ready(event: RetrievalLooked) -> None:
    """The same whatever was found."""
    _tell(event.retrieval_id, LOOKED)


@on(RetrievalOver)
def tell_it_is_over(event: RetrievalOver) -> None:
    _tell(event.retrieval_id, OVER)


def _tell(retrieval_id: int, notice: Notice) -> None:
    retrieval = Retrieval.objects.select_related("asker", "answered_by").filter(pk=retrieval_id).first()
    if retrieval is not None:
        actor = retrieval.answered_by if notice is REFUSED else None
        about, key = Ref(RETRIEVAL, retrieval.pk), f"{notice}:{retrieval.pk}"
        notify(retrieval.asker, notice, about=about, key=key, actor=actor)
