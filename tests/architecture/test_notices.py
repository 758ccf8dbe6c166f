"""Whatever anybody is told is a declared notice: none is made in passing, and none is left out."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from box.core.registry.notices import Notice, notices

ROOT = Path(__file__).resolve().parents[2]
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in sorted((ROOT / "box").rglob("notices.py"))
    if path.parent.name != "registry"
]


def _calls(name: str) -> Iterator[str]:
    for path in sorted((ROOT / "box").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            called = (
                getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
            )
            if called == name:
                yield str(path.relative_to(ROOT))


@pytest.mark.parametrize("module", MODULES)
def test_what_a_room_declares_it_offers(module: str) -> None:
    declared = [one for one in vars(import_module(module)).values() if isinstance(one, Notice)]
    assert declared, "a module of notices without any: take it out"
    for one in declared:
        assert notices[one.kind] is one


def test_notices_are_made_where_they_are_declared() -> None:
    made = {path for path in _calls("Notice") if not path.endswith("/notices.py")}
    assert made == set(), "declare it in the room's notices.py"


def test_rooms_below_the_notifications_call_people_by_a_notice_too() -> None:
    assert set(_calls("PeopleCalled")) == {"box/core/accounts/notices.py"}
