"""Going back is refused where the tables have gone too far, and allowed where they still serve."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.paths import Paths
from installer import release, schema
from installer.schema import Schema

from .releases import ONE, THREE, TWO, tree


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path / "box")
    paths.releases.mkdir(parents=True)
    return paths


def runs(paths: Paths, release_folder: Path) -> None:
    release.switch(paths, release_folder)


def test_a_release_knows_the_migrations_of_its_rooms(tmp_path: Path) -> None:
    found = Schema.of(tree(tmp_path, ONE, TWO, THREE, before=(ONE,)))
    assert found.migrations == {ONE, TWO, THREE}
    assert found.beside == {ONE}


def test_a_room_that_moved_keeps_the_name_of_its_migrations(tmp_path: Path) -> None:
    folder = tree(tmp_path, "structure.0001_initial")
    (folder / "box/apps/structure/apps.py").write_text('class Structure(Room):\n    label = "org"\n')
    assert Schema.of(folder).migrations == {"org.0001_initial"}


def test_the_release_before_works_beside_and_an_older_one_does_not(tmp_path: Path) -> None:
    oldest = Schema.of(tree(tmp_path / "1", ONE))
    before = Schema.of(tree(tmp_path / "2", ONE, TWO, before=(ONE,)))
    newest = Schema.of(tree(tmp_path / "3", ONE, TWO, THREE, before=(ONE, TWO)))
    assert newest.carries(before)
    assert not newest.carries(oldest)


def test_a_migration_that_breaks_must_be_known(tmp_path: Path) -> None:
    before = Schema.of(tree(tmp_path / "1", ONE))
    newest = Schema.of(tree(tmp_path / "2", ONE, TWO, before=(ONE,), breaks=TWO))
    assert not newest.carries(before)


def test_nothing_is_older_than_nothing(tmp_path: Path, paths: Paths) -> None:
    assert schema.going_back(tree(tmp_path / "1", ONE), paths) == ""


def test_a_newer_release_is_welcome(tmp_path: Path, paths: Paths) -> None:
    runs(paths, tree(paths.releases / "1", ONE))
    assert schema.going_back(tree(tmp_path / "2", ONE, TWO, before=(ONE,)), paths) == ""


def test_going_back_is_refused_before_anything_is_changed(tmp_path: Path, paths: Paths) -> None:
    runs(paths, tree(paths.releases / "3", ONE, TWO, THREE, before=(ONE, TWO)))
    refused = schema.going_back(tree(tmp_path / "1", ONE), paths)
    assert "of a newer release" in refused
    assert f"{THREE} and 1 more" in refused


def test_going_back_to_the_release_before_is_no_harm(tmp_path: Path, paths: Paths) -> None:
    runs(paths, tree(paths.releases / "2", ONE, TWO, before=(ONE,)))
    assert schema.going_back(tree(tmp_path / "1", ONE), paths) == ""


def test_tables_of_a_release_that_nobody_has_any_more_are_refused(paths: Paths) -> None:
    mine = tree(paths.releases / "1", ONE)
    assert schema.unknown([ONE, TWO], mine, [mine]) == {TWO}
    assert schema.unknown([ONE], mine, [mine]) == set()


def test_an_upgrade_that_was_cut_short_leaves_the_old_release_on_new_tables(paths: Paths) -> None:
    mine = tree(paths.releases / "1", ONE)
    newer = tree(paths.releases / "2", ONE, TWO, before=(ONE,))
    assert schema.unknown([ONE, TWO], mine, [mine, newer]) == set()
    breaking = tree(paths.releases / "3", ONE, TWO, THREE, before=(ONE, TWO))
    assert schema.unknown([ONE, TWO, THREE], mine, [mine, newer, breaking]) == {TWO, THREE}


def test_djangos_own_tables_are_known_to_whoever_has_django(paths: Paths) -> None:
    mine = tree(paths.releases / "1", ONE)
    contrib = mine / "venv/lib/python3.13/site-packages/django/contrib/auth"
    (contrib / "migrations").mkdir(parents=True)
    (contrib / "apps.py").touch()
    assert schema.unknown([ONE, "auth.0001_initial"], mine, []) == {"auth.0001_initial"}
    (contrib / "migrations/0001_initial.py").touch()
    assert schema.unknown([ONE, "auth.0001_initial"], mine, []) == set()
