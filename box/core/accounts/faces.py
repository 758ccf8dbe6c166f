"""How people are shown beside what they made, by their numbers: one query a page that is composed once, in
place of a join of their whole rows.

    faces = faces_of(task.responsible_id for task in tasks)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from box.core.accounts.models import Face, User
from box.lib.prepared import Param, Prepared

if TYPE_CHECKING:
    from box.lib.prepared import Asked

_CALLED = ("id", "login", "first_name", "last_name", "photo_id")
_FACES = Prepared(lambda: User.objects.filter(id__in_array=Param("people")).order_by().values_list(*_CALLED))


def face_facts(person: str) -> tuple[str, ...]:
    """What `values_list` asks for, by way of the foreign key of this name, for `Face.of`."""
    return (f"{person}_id", *(f"{person}__{name}" for name in _CALLED[1:]))


def faces_of(people: Iterable[int | None]) -> Mapping[int, Face]:
    """None among the numbers is nobody."""
    return faces_in(faces_asked(people).rows())


def faces_asked(people: Iterable[int | None]) -> Asked:
    """To be asked together with something else, see `faces_in`."""
    return _FACES.asked(people=sorted({pk for pk in people if pk}))


def faces_in(rows: Iterable[Sequence[Any]]) -> Mapping[int, Face]:
    """Of what `faces_asked` has found."""
    return {row[0]: Face.of(*row) for row in rows}
