"""What may be discussed: the objects of any app that stand over a thread.

    class Deal(AudienceModel):
        thread = models.OneToOneField(Thread, models.PROTECT)       # open_thread(KIND)

    threads.add(KIND, Discussed(Deal.objects.all, can_write=can_edit, can_moderate=can_manage))

Whoever sees the object sees what is said below it. Its page holds `below(talk, csrf_input)` of
`discussion/ui.html`, with `talk_below(deal, reader)` of `presenters`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from django.contrib.postgres.fields import ArrayField
from django.db.models import BigIntegerField, TextField
from django.http import Http404
from django.shortcuts import get_object_or_404

from box.core.access.audiences import is_ruled_by_codes
from box.core.access.principals import codes_of
from box.core.discussion.models import Comment
from box.core.discussion.notices import COMMENTED, MENTIONED
from box.core.registry.offers import Offers
from box.core.registry.services import is_on
from box.lib.prepared import Param, PreparedModels

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from box.core.access.audiences import AudienceQuerySet
    from box.core.accounts.models import User
    from box.core.discussion.models import Thread
    from box.core.registry.capabilities import Ref
    from box.core.registry.notices import Notice


class Subject(Protocol):
    """An object that is discussed."""

    pk: Any
    thread_id: int
    thread: Thread
    audience: list[str]

    @property
    def ref(self) -> Ref: ...

    def get_absolute_url(self) -> str: ...


@dataclass(frozen=True)
class Told:
    """The notices of a comment: to who is called in it, to those who stand behind the object, to the others
    who listen."""

    mentioned: Notice = MENTIONED
    own: Notice = COMMENTED
    followed: Notice = COMMENTED


@dataclass(frozen=True)
class Discussed:
    """How a kind of objects is discussed. The key of the offer is the kind.

    `find` gives those that there are, of which a reader sees what their codes say. `can_moderate` is whether
    a person takes back what others have said. `listeners` hear of comments though they have said nothing: by
    id, the object's author unless told otherwise.
    """

    find: Callable[[], AudienceQuerySet[Any]]
    can_write: Callable[[User, Any], bool]
    can_moderate: Callable[[User, Any], bool]
    listeners: Callable[[Any], Iterable[int]] = lambda subject: [subject.author_id]
    told: Told = Told()
    has_dislikes: Callable[[], bool] = lambda: False


threads: Offers[Discussed] = Offers("threads")


def discussed(kind: str) -> Discussed:
    """Raises Http404 for what nobody discusses, also because its service is switched off."""
    if kind not in threads or not is_on(kind.partition(".")[0]):
        raise Http404
    return threads[kind]


def subject_for(reader: User, kind: str, pk: int) -> Any:
    """The object with its thread; Http404 where the reader does not see it."""
    find = discussed(kind).find
    if not is_ruled_by_codes(reader):
        return get_object_or_404(find().visible_to(reader).select_related("thread"), pk=pk)
    rows = _one(find).rows(pk=pk, codes=sorted(codes_of(reader)))
    if not rows:
        raise Http404
    return rows[0]


@cache
def _one(find: Callable[[], AudienceQuerySet[Any]]) -> PreparedModels[Any]:
    """All that is done below an object begins with it, so it is composed once."""
    return PreparedModels(
        lambda: (
            find()
            .filter(pk=Param("pk", BigIntegerField()))
            .reachable_by_many(Param("codes", ArrayField(TextField())))
            .select_related("thread")
        )
    )


def subject_over(thread: Thread, reader: User) -> Any:
    """As above, by its thread."""
    seen = discussed(thread.kind).find().visible_to(reader).select_related("thread")
    return get_object_or_404(seen, thread=thread.pk)


def comments_within(ref: Ref) -> tuple[str, QuerySet[Any, int]] | None:
    """The kind and the numbers of the comments below an object: see `box.core.relations.relatable.parts`."""
    if ref.kind not in threads:
        return None
    below = threads[ref.kind].find().filter(pk=ref.id).values("thread")
    ids = Comment.objects.filter(thread__in=below, is_deleted=False).values_list("pk", flat=True)
    return f"{ref.kind.partition('.')[0]}.comment", ids


def subject_of(kind: str, thread_id: int) -> Any | None:
    """For what follows from a comment, whoever sees it; None where it is gone, or of no kind any more."""
    return subjects_over(kind, [thread_id]).get(thread_id)


def subjects_over(kind: str, thread_ids: Collection[int]) -> dict[int, Any]:
    """The objects that stand over these threads, by thread, with their threads."""
    if kind not in threads:
        return {}
    rows = _over(threads[kind].find).rows(threads=list(thread_ids))
    return {subject.thread_id: subject for subject in rows}


@cache
def _over(find: Callable[[], AudienceQuerySet[Any]]) -> PreparedModels[Any]:
    """Everything that follows from a comment begins with it."""
    return PreparedModels(
        lambda: find().filter(thread__id__in_array=Param("threads")).select_related("thread")
    )
