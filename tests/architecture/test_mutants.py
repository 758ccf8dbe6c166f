"""What `make mutants` turns round, and that its list of equal ones names mutants that there are."""

from __future__ import annotations

import gc
from collections import Counter
from pathlib import Path
from typing import NamedTuple, cast

import pytest

from tests.mutants import estimates, trial
from tests.mutants.__main__ import ROOT, SCOPE, Area, known_equal, rooms_of, sampled, share
from tests.mutants.estimates import Stratum
from tests.mutants.operators import mutants_of
from tests.mutants.reach import Memory, Reach
from tests.mutants.results import Results
from tests.mutants.trial import Fate

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


class Item(NamedTuple):
    path: Path
    nodeid: str


def test_what_only_locks_is_not_left_out(tmp_path: Path) -> None:
    body = (
        "lock()",
        "_lock_views(by, key)",
        "rows.select_for_update().get(pk=1)",
        'cursor.execute("SELECT pg_advisory_xact_lock(1)")',
        "unlock()",
        "locked(task)",
    )
    (tmp_path / "door.py").write_text("def close():\n" + "".join(f"    {line}\n" for line in body))
    left_out = [one.change for one in mutants_of(Path("door.py"), tmp_path) if one.change.endswith("nothing")]
    assert left_out == ["unlock() → nothing", "locked(task) → nothing"]


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


def test_a_run_goes_on_where_another_ended(tmp_path: Path) -> None:
    (tmp_path / "door.py").write_text(MODULE)
    first, second, third, *_others = mutants_of(Path("door.py"), tmp_path)
    file = tmp_path / "results"
    before = Results(file)
    before.add(first, Fate.SURVIVED)
    before.add(first, Fate.KILLED)
    before.add(second, Fate.UNREACHED)
    after = Results(file)
    assert [after.fate(one) for one in (first, second, third)] == [Fate.KILLED, Fate.UNREACHED, None]
    assert [after.is_caught(one) for one in (first, second, third)] == [True, False, False]


def test_a_seed_draws_the_same_of_a_room_whatever_else_is_asked_for() -> None:
    (room,) = rooms_of([ROOT / "backup/retention.py"])
    assert sampled(room, 5, 28).mutants == sampled(room, 5, 28).mutants != sampled(room, 5, 29).mutants
    assert sampled(room, 10_000, 28).mutants != room.mutants
    assert {one.key for one in sampled(room, 10_000, 28).mutants} == {one.key for one in room.mutants}


def test_each_room_weighs_as_many_mutants_as_it_has() -> None:
    small, large = Stratum("a", 100, killed=10, survived=0), Stratum("b", 300, killed=5, survived=5)
    assert estimates.share([small, large]) == pytest.approx(0.625)
    # Half of those of the third are equal, and so likely of those that were not tried.
    assert Stratum("c", 400, killed=4, survived=1, equal=5).counted == 200
    assert estimates.share([]) == 1


def test_only_what_was_not_tried_is_uncertain() -> None:
    assert estimates.interval([Stratum("a", 20, killed=17, survived=3)]) == (0.85, 0.85)
    least, most = estimates.interval([Stratum("a", 1000, killed=40, survived=0)])
    assert 0.9 < least < most == 1
    narrow, wide = (estimates.interval([Stratum("a", 1000, 9 * n, n)]) for n in (20, 2))
    assert wide[0] < narrow[0] < 0.9 < narrow[1] < wide[1]


def test_functions_are_found_although_the_collector_was_told_to_leave_them_alone() -> None:
    gc.freeze()
    try:
        found = trial._functions({estimates.__file__})
    finally:
        gc.freeze()
    assert "interval" in {name for _path, name, _line in found}


def test_what_a_test_reaches_is_known_until_its_file_or_the_code_changes(tmp_path: Path) -> None:
    for path in ("box/door.py", "tests/cast.py", "tests/test_door.py", "tests/test_hall.py"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(path)
    door, hall = (
        cast("pytest.Item", Item(tmp_path / f"tests/{name}.py", name)) for name in ("test_door", "test_hall")
    )

    def known() -> list[bool]:
        memory = Memory(tmp_path / "reach.json", tmp_path, ["door.py"])
        return [memory.reach(item) is not None for item in (door, hall)]

    reach = Reach(cpu=1, wall=2)
    reach.lines["door.py"] = {3, 4}
    memory = Memory(tmp_path / "reach.json", tmp_path, ["door.py"])
    memory.keep({door: reach, hall: reach})
    assert memory.reach(door) == Memory(tmp_path / "reach.json", tmp_path, ["door.py"]).reach(door) == reach
    (tmp_path / "tests/test_hall.py").write_text("Another.")
    assert known() == [True, False]
    for path in ("tests/cast.py", "box/door.py"):
        memory.keep({door: reach})
        assert known() == [True, False]
        (tmp_path / path).write_text("Another.")
        assert known() == [False, False]
        memory = Memory(tmp_path / "reach.json", tmp_path, ["door.py"])
    memory.keep({door: Reach(trouble="It fails.")})
    assert known() == [False, False]
