"""A demonstration company: what it is to be, and what its rooms have made of it so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from random import Random


class DemoRefused(Exception):
    """The box is somebody's: nothing is written into it."""


@dataclass
class Company:
    """`random` decides everything, so that one seed makes one company. The lists hold ids."""

    employees: int
    posts: int
    now: datetime
    random: Random
    password: str | None = None
    tell: Callable[[str], None] = lambda text: None
    # Who administers the box, and so looks at all this first.
    hosts: list[int] = field(default_factory=list)
    people: list[int] = field(default_factory=list)
    guests: list[int] = field(default_factory=list)
    # Telephone numbers of clients, in E.164.
    client_numbers: list[str] = field(default_factory=list)
    # Each department's id with the ids of its way from the root, itself included.
    departments: dict[int, list[int]] = field(default_factory=dict)
    # Each group's id with the ids of the employees in it, and each guest's group.
    groups: dict[int, list[int]] = field(default_factory=dict)
    guest_groups: dict[int, int] = field(default_factory=dict)
