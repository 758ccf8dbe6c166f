"""Whatever company comes out of the dice, it goes into an archive and out of it, and is the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from box.transfer.models import Migration
from tests.box.transfer.archived import Canonical, archive, moved_in, undone
from tests.box.transfer.generated import Company
from tests.box.transfer.test_round_trip import DIFFERENCES, without
from tests.cast import person
from tests.randomness import is_thorough, seed

if TYPE_CHECKING:
    from box.bridges.storage.client import S3Store


NAMED = {**DIFFERENCES, "clients": {"observers": "whoever has left watches nothing any more"}}
"""By kind the fields that may differ, with why."""


@pytest.mark.django_db
@pytest.mark.parametrize("turn", range(40 if is_thorough() else 1))
def test_a_generated_company_comes_back_as_it_was(turn: int, store: S3Store) -> None:
    number = seed() + turn
    print(f"company {number}")  # noqa: T201 - KOROBKA_SEED gives it again
    olga = person("Olga", is_administrator=True)
    with undone():
        Company(number, olga).make()
        went = archive()
    migration = moved_in(went.getvalue(), olga)
    assert migration.state == Migration.State.DONE
    assert [str(one) for one in migration.remarks.all()] == []
    before, after = Canonical(went).dump(), Canonical(archive()).dump()
    assert before.keys() == after.keys()
    # Whoever has left is in no group any more.
    before["groups"] = _of_who_works_here(before["groups"], before["people"])
    for kind in before:
        allowed = set(NAMED.get(kind, {}))
        left, right = (without(lines[kind], allowed) for lines in (before, after))
        missing, extra = ([one for one in a if one not in b] for a, b in ((left, right), (right, left)))
        print(*missing, "became", *extra, sep="\n")  # noqa: T201 - whole, where pytest cuts them
        assert (missing, extra, len(left)) == ([], [], len(right)), kind


def _of_who_works_here(groups: list[str], people: list[str]) -> list[str]:
    gone = {one["email"] for one in map(json.loads, people) if one["status"] != "active"}
    return [json.dumps(_without_any(json.loads(line), gone), ensure_ascii=False) for line in groups]


def _without_any(row: dict[str, Any], gone: set[str]) -> dict[str, Any]:
    kept = {
        name: [one for one in value if one not in gone] if isinstance(value, list) else value
        for name, value in row.items()
    }
    return {name: value for name, value in kept.items() if value != []}
