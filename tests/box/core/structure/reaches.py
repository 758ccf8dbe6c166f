"""Whom this room's results reach."""

from __future__ import annotations

from box.core.structure.actions import create_department
from tests.box.reach import Found

FOUND = (
    Found(
        "org.department",
        lambda world, word: create_department(word, parent=world.cast.sales, by=None),
        "olga anna boris cara",
    ),
)
