from __future__ import annotations

from pathlib import Path

import pytest

from tests.databases import digest

MIGRATION = "box/apps/trips/migrations/0001_initial.py"
IMPORTED = "box/lib/names.py"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    written = {MIGRATION: "from box.lib.names import fold\n", IMPORTED: "one = 1\n", "box/lib/other.py": ""}
    for name, text in written.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize("name", [MIGRATION, IMPORTED, "box/apps/trips/migrations/0002_more.py"])
def test_what_migrations_do_makes_another_database(tree: Path, name: str) -> None:
    before = digest(tree)
    with (tree / name).open("a") as file:
        file.write("two = 2\n")
    assert digest(tree) != before


def test_what_they_do_not_play_makes_none(tree: Path) -> None:
    before = digest(tree)
    (tree / "box/lib/other.py").write_text("three = 3\n")
    assert digest(tree) == before
