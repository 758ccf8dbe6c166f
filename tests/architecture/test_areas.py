"""The map of areas: nothing is outside of it, and what it names is there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests import areas, parts, tiers
from tests.areas import ALWAYS, ROOT, SHARED, Areas, Stamp, files_here
from tests.randomness import THOROUGH
from tests.report import Outcome
from tests.tiers import Plan, is_within, plan

AREAS = Areas.load()
EVERY = [*AREAS.areas.values(), AREAS.always]


def test_every_file_belongs_to_an_area() -> None:
    assert [path for path in files_here() if AREAS.home_of(path) is None] == []


def test_a_file_outside_the_map_is_seen() -> None:
    assert AREAS.home_of("telephone/__init__.py") is None


@pytest.mark.parametrize(
    ("path", "home"),
    [
        ("box/console/views.py", "console"),
        ("box/console/backups/views.py", "backup"),
        ("box/core/access/actions.py", SHARED),
        ("box/settings.py", SHARED),
        ("tests/box/core/structure/test_actions.py", "always"),
        ("tests/system/test_install_plain.py", "installer"),
        ("tests/system/running/test_kills.py", "machine"),
        ("requirements/portal.txt", SHARED),
    ],
)
def test_the_nearest_path_decides(path: str, home: str) -> None:
    assert AREAS.home_of(path) == home


def test_every_test_runs_somewhere() -> None:
    named = [Path(test.partition("::")[0]) for area in EVERY for test in area.tests]
    tests = [
        Path(path)
        for path in files_here()
        if path.startswith("tests/") and Path(path).name.startswith("test_")
    ]
    assert [str(test) for test in tests if not {test, *test.parents} & set(named)] == []


def test_what_is_named_is_there() -> None:
    named = [
        test
        for area in EVERY
        for test in (*area.tests, *area.alone, *area.before_release, *filter(None, [area.journey]))
    ]
    for test in (*named, *AREAS.machines):
        file, _, name = test.partition("::")
        assert (ROOT / file).exists(), test
        assert not name or f"def {name}(" in (ROOT / file).read_text(encoding="utf-8"), test


def test_an_area_has_changed_until_it_passes_in_this_state(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(areas, "STAMPS", tmp_path / "stamps")
    monkeypatch.setattr(areas, "ROOT", tmp_path)
    for path in ("box/apps/drive/views.py", "box/core/search/views.py", "box/settings.py", "docs/index.md"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("1")
    files = [str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*.*")]

    def changed() -> set[str]:
        return {area.name for area in AREAS.changed(files)}

    assert changed() == set(AREAS.areas)
    for name in AREAS.areas:
        Stamp(AREAS.digest(name, files), seed=1, minutes=1, was_thorough=False).save(name)
    assert changed() == set()
    (tmp_path / "box/apps/drive/views.py").write_text("2")
    assert changed() == {"drive"}
    stamp = Stamp.of("drive")
    assert stamp is not None
    replace(stamp, content=AREAS.digest("drive", files)).save("drive")
    (tmp_path / "docs/index.md").write_text("2")
    assert changed() == set()
    (tmp_path / "box/settings.py").write_text("2")
    assert changed() == set(AREAS.areas)


def asked(planned: Plan) -> list[list[str]]:
    """The tests of each leg."""
    legs = [leg for stage in planned.stages for lane in stage for leg in lane]
    return [[word for word in leg.command if word.startswith("tests/")] for leg in legs]


@pytest.mark.parametrize("name", AREAS.areas)
def test_an_area_runs_alone_where_it_is_named(name: str) -> None:
    legs = asked(plan("whole", AREAS, files_here(), [name]))
    every = AREAS.areas[name].tests
    assert all(is_within(test, every) for leg in legs for test in leg)
    assert set(every) <= {test for leg in legs for test in leg}
    assert all(legs), "pytest would take every test that there is"


def words_of(planned: Plan) -> dict[str, tuple[str, ...]]:
    """What each leg asks for, in the order in which they begin."""
    return {leg.name: leg.command for stage in planned.stages for lane in stage for leg in lane}


@pytest.mark.parametrize("name", ["cluster", "machine"])
def test_what_measures_pauses_has_the_machine_for_itself(name: str) -> None:
    planned = plan("whole", AREAS, files_here(), [name])
    assert [leg.name for lane in planned.stages[-1] for leg in lane] == ["alone"]
    (alone,) = AREAS.areas["cluster"].alone
    assert words_of(planned)["alone"][-1] == alone
    ignored = {
        word for leg, words in words_of(planned).items() for word in words if word.startswith("--ignore")
    }
    assert ignored == ({f"--ignore={alone}"} if name == "machine" else set())


def test_each_part_of_a_run_has_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one that is everybody's, whoever begins closes it to those whom others have let in."""
    monkeypatch.setattr(tiers, "BUILD", tmp_path)
    words = [leg for leg in words_of(plan("whole", AREAS, files_here())).values() if "pytest" in leg]
    folders = {word for leg in words for word in leg if word.startswith("--basetemp=")}
    assert len(folders) == len(words) == 4
    folder = tmp_path / "folder"
    folder.mkdir()
    tiers.run(tiers.Leg("units", ("true",), folder), {})
    assert not folder.exists(), "it would fill the disk of whoever runs often"


def test_what_takes_too_long_belongs_to_a_thorough_run(monkeypatch: pytest.MonkeyPatch) -> None:
    too_long = {f"--ignore={test}" for test in AREAS.areas["cluster"].before_release}
    monkeypatch.delenv(THOROUGH, raising=False)
    monkeypatch.setattr(Areas, "changed", lambda self, _: [self.areas["cluster"]])
    assert too_long and too_long <= set(words_of(plan("changed", AREAS, files_here()))["alone"])
    assert not too_long & set(words_of(plan("whole", AREAS, files_here()))["alone"])
    monkeypatch.setenv(THOROUGH, "1")
    assert not too_long & set(words_of(plan("changed", AREAS, files_here()))["alone"])


def test_what_always_runs_has_a_story_of_each_area_that_is_left_out() -> None:
    journeys = {area.journey for area in AREAS.areas.values() if area.journey}
    every = {*AREAS.always.tests, *AREAS.machines, *journeys}
    for planned in (
        plan(ALWAYS, AREAS, files_here()),
        plan("whole", AREAS, files_here(), [ALWAYS]),
    ):
        assert {test for leg in asked(planned) for test in leg} == every
    crm = AREAS.areas["crm"]
    beside = {test for leg in asked(plan("whole", AREAS, files_here(), [ALWAYS, "crm"])) for test in leg}
    assert beside == every - {crm.journey} | set(crm.tests)


@pytest.mark.parametrize(("second", "stamped"), [("passed", ["rest"]), ("failed", [])])
def test_an_area_is_stamped_that_passed_at_its_second_run_and_none_that_failed_twice(
    second: str, stamped: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steady, unsteady = (f"{file}::test_one" for file in AREAS.areas["rest"].tests)
    leg, saved = tiers.make_leg("browsers"), list[str]()

    def result(code: int, **outcomes: str) -> tiers.Result:
        tests = {test: Outcome(how, 1.0, 1.0) for test, how in outcomes.items()}
        return tiers.Result(leg, code, 1.0, tests)

    monkeypatch.setattr(tiers, "run_all", lambda *_: [result(1, **{steady: "passed", unsteady: "failed"})])
    monkeypatch.setattr(tiers, "run", lambda *_: result(0, **{unsteady: second}))
    monkeypatch.setattr(parts, "start", lambda: tmp_path)
    monkeypatch.setattr(tiers, "BUILD", tmp_path)
    monkeypatch.setattr(tiers, "UNSTEADY", tmp_path / "unsteady.toml")
    tiers.UNSTEADY.write_text("# None.\n")
    monkeypatch.setattr(Stamp, "save", lambda _, name: saved.append(name))
    assert tiers.run_tier("whole", AREAS, files_here(), ("rest",)) == (second != "passed")
    assert saved == stamped
