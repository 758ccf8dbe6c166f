"""What a text of people may point to: the people its writer may mention, and the portal's own addresses."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from django.conf import settings
from django.db.models import Q
from django.urls import reverse

from box.core.access.principals import codes_of
from box.core.accounts.models import User, UserQuerySet
from box.core.registry.origin import is_importing
from box.lib.rich_text import Context, Mentioned, mentioned_in


def mentionable_by(writer: User) -> UserQuerySet:
    """Whom this person may call by name: whoever works here and is not hidden from them."""
    people: UserQuerySet = User.objects.active().visible_to(writer)
    return people


def context_of(
    writer: User, *, tag_url: Callable[[str], str] | None = None, pictures: Collection[int] = ()
) -> Context:
    """For `box.lib.rich_text`: what holds for a text that this person writes."""

    def people(ids: Collection[int]) -> Mapping[int, Mentioned]:
        # Of an account that was merged since, the person who remains is meant.
        known = dict(User.objects.merged().filter(pk__in=ids).values_list("pk", "merged_into"))
        wanted = {pk: known.get(pk, pk) for pk in ids}
        known_to_writer = User.objects.all() if is_importing() else mentionable_by(writer)
        found = known_to_writer.in_bulk(set(wanted.values()))
        return {
            pk: Mentioned(found[meant].name, reverse("people:person", args=[meant]))
            for pk, meant in wanted.items()
            if meant in found
        }

    return Context(people=people, tag_url=tag_url, pictures=pictures, hosts=own_hosts())


def own_hosts() -> frozenset[str]:
    """The portal's names in links to it."""
    name, port = settings.KOROBKA["hostname"], settings.KOROBKA["https_port"]
    return frozenset({name, f"{name}:{port}"})


def people_mentioned(html: str, *, by_id: int, audience: Collection[str]) -> list[User]:
    """Who should hear that a kept text calls them: of its audience, and not who wrote it."""
    ids = mentioned_in(html)
    if not ids:
        return []
    merged = User.objects.merged().filter(pk__in=ids).values("merged_into")
    people = User.objects.active().filter(Q(pk__in=ids) | Q(pk__in=merged)).exclude(pk=by_id)
    return [person for person in people if not codes_of(person).isdisjoint(audience)]
