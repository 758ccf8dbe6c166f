"""Typed capabilities: one room offers, another asks, and neither knows the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator


class NotOffered(LookupError):
    """Nobody offers what was asked for."""


class Offers[T]:
    """What the rooms of the portal offer under one name, by key, in the order in which they were added.

    Filled while Django starts (`AppConfig.ready`), only read afterwards.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._offers: dict[str, T] = {}
        self._askers: list[Callable[[str, T], None]] = []

    def add(self, key: str, offer: T) -> T:
        if key in self._offers:
            raise ValueError(f"{self.name}: {key!r} is offered twice; give one of them another key.")
        self._offers[key] = offer
        for asker in self._askers:
            asker(key, offer)
        return offer

    def each(self, asker: Callable[[str, T], None]) -> None:
        """Calls it with every offer: with those that are there, and with those that come later."""
        self._askers.append(asker)
        for key, offer in self._offers.items():
            asker(key, offer)

    def __getitem__(self, key: str) -> T:
        try:
            return self._offers[key]
        except KeyError:
            known = ", ".join(self._offers) or "nothing"
            raise NotOffered(f"{self.name}: nobody offers {key!r}; offered are {known}.") from None

    def __contains__(self, key: str) -> bool:
        return key in self._offers

    def __iter__(self) -> Iterator[T]:
        return iter(self._offers.values())

    def items(self) -> Iterator[tuple[str, T]]:
        return iter(self._offers.items())
