"""What `make mutants` turns round, and that its list of equal ones names mutants that there are."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.mutants.__main__ import ROOT, SCOPE, Area, known_equal, rooms_of, share
from tests.mutants.operators import mutants_of

MODULE = '''
class Door:
    @lock
    def open(self, guests, *, by, at=9):
        """Opens it."""
        if by.is_away or at < 9:
            raise Refused(_("Come back at %(hour)s.") % {"hour": 9})
        if guests:
            self.guests = sorted(guests, key=lambda one: one.age, reverse=True)[:3]
        self.row.objects.filter(pk=1, is_open=False).update(is_open=True)
        log.info("open at %s", 9)
        tell(by, guests)
        return by.pk if by else None
'''


def test_each_rule_of_a_function_is_turned_round(tmp_path: Path) -> None:
    (tmp_path / "door.py").write_text(MODULE)
    mutants = mutants_of(Path("door.py"), tmp_path)
    assert {mutant.where for mutant in mutants} == {"Door.open"}
    assert [(mutant.lines.start, mutant.change.partition(" → ")[2]) for mutant in mutants] == [
        (6, "(by.is_away or at < 9) or True"),
        (6, "at < 9"),
        (6, "by.is_away"),
        (6, "by.is_away or at <= 9"),
        (6, "by.is_away or at < 10"),
        (8, "guests and False"),
        (8, "guests or True"),
        (9, "sorted(guests, key=lambda one: one.age, reverse=False)"),
        (9, "sorted(guests, key=lambda one: one.age, reverse=True)[:]"),
        (9, "sorted(guests, key=lambda one: one.age, reverse=True)[:4]"),
        (10, "nothing"),
        (10, "self.row.objects.filter(is_open=False)"),
        (10, "self.row.objects.filter(pk=1)"),
        (10, "self.row.objects.filter(pk=2, is_open=False)"),
        (10, "self.row.objects.filter(pk=1, is_open=True)"),
        (10, "self.row.objects.filter(pk=1, is_open=False).update(is_open=False)"),
        (12, "nothing"),
        (13, "return by.pk if by and False else None"),
        (13, "return by.pk if by or True else None"),
    ]
    assert len({mutant.key for mutant in mutants}) == len(mutants)
    assert len({mutant.code for mutant in mutants}) == len(mutants)


@pytest.mark.parametrize("area", SCOPE, ids=lambda area: area.modules)
def test_every_area_has_modules_and_tests(area: Area) -> None:
    modules = [module.relative_to(ROOT) for module in ROOT.glob(area.modules)]
    assert modules
    assert all((ROOT / tests).exists() for tests in area.tests)
    assert any(mutants_of(module, ROOT, area.functions) for module in modules)


def test_what_is_equal_is_there_with_its_reason() -> None:
    there = {mutant.key for room in rooms_of([]) for mutant in room.mutants}
    for one in known_equal():
        assert (one["file"], one["where"], one["change"]) in there, one
        assert one["reason"]


def test_a_timeout_counts_as_killed_and_an_equal_one_not_at_all() -> None:
    assert share(Counter(killed=16, timeout=1, survived=3, equal=20)) == 85
    assert share(Counter()) == 100
