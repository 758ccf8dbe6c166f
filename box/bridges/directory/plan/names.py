"""Which logins and e-mails change hands in a run. Decided for all of it at once: what one person gives up
another may take, and in a circle everybody does both."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

type Holder = tuple[int, str]
"""A person and the field in which they have the name."""


@dataclass(frozen=True, slots=True)
class Wish:
    """That this field of an entry's person becomes this name. `person` is None of somebody who is only about
    to be made; `gives_up` is what they have there until then, and with `lets_go` they do
    so even if they get nothing for it."""

    stable_id: str
    field: str
    name: str
    person: int | None = None
    gives_up: str = ""
    lets_go: bool = False

    @property
    def key(self) -> tuple[str, str]:
        return self.stable_id, self.field


def granted(
    wishes: Sequence[Wish], certain: Collection[Wish], holders: Mapping[str, frozenset[Holder]]
) -> frozenset[tuple[str, str]]:
    """The keys of those wishes that can all come true together: as many as there can be, of two for one name
    that of whom is here already. `certain` ones come true whatever is decided, `holders` says who has a name
    now."""
    return _Decision(wishes, certain, holders).made()


class _Decision:
    def __init__(
        self, wishes: Sequence[Wish], certain: Collection[Wish], holders: Mapping[str, frozenset[Holder]]
    ) -> None:
        # Whoever is here comes before whoever is new.
        self._wishes = sorted(wishes, key=lambda wish: wish.person is None)
        self._holders = holders
        self._all = {wish.key for wish in wishes}
        self._given = {wish.key for wish in certain}
        self._leaving = {
            (wish.person, wish.field): wish
            for wish in (*certain, *wishes)
            if wish.person is not None and wish.gives_up
        }

    def made(self) -> frozenset[tuple[str, str]]:
        """First all are let through, and those fall that cannot be; then whoever found a name given away
        already gets it after all where that one fell."""
        self._let_in(lambda wish: True)
        while self._let_out():
            pass
        while self._let_in(self._may_take):
            pass
        return frozenset(self._given & self._all)

    def _let_in(self, may: Callable[[Wish], bool]) -> bool:
        takers = {wish.name: wish.stable_id for wish in self._wishes if wish.key in self._given}
        is_changed = False
        for wish in self._wishes:
            if wish.key in self._given or not may(wish):
                continue
            if takers.setdefault(wish.name, wish.stable_id) == wish.stable_id:
                self._given.add(wish.key)
                is_changed = True
        return is_changed

    def _let_out(self) -> bool:
        fallen = [wish for wish in self._wishes if wish.key in self._given and not self._may_take(wish)]
        self._given -= {wish.key for wish in fallen}
        return bool(fallen)

    def _may_take(self, wish: Wish) -> bool:
        login = (wish.stable_id, "login")
        # Who gets no login is not made at all.
        if wish.person is None and wish.field != "login" and login not in self._given:
            return False
        return all(
            person == wish.person or self._is_left(person, field, wish.name)
            for person, field in self._holders.get(wish.name, ())
        )

    def _is_left(self, person: int, field: str, name: str) -> bool:
        leaving = self._leaving.get((person, field))
        if leaving is None or leaving.gives_up != name:
            return False
        return leaving.lets_go or leaving.key in self._given
