"""Fields that a room hides from some of those who see its objects, for whoever keeps what stands in them
elsewhere, such as files: these have an audience, and that is the object's."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from box.core.registry.offers import Offers

if TYPE_CHECKING:
    from box.core.accounts.models import User


@dataclass(frozen=True)
class Guard:
    """Both are the numbers of fields, of those that are archived too; in a request without a query."""

    hidden_from: Callable[[User], Collection[int]]
    hidden_from_some: Callable[[], Collection[int]]


guards: Offers[Guard] = Offers("guards of fields")


def hidden_from(user: User) -> list[int]:
    return sorted({pk for guard in guards for pk in guard.hidden_from(user)})


def hidden_from_some() -> list[int]:
    """Of these nothing stands where all who see an object look, such as in the search."""
    return sorted({pk for guard in guards for pk in guard.hidden_from_some()})
