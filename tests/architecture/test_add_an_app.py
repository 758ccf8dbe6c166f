"""The page for developers that adds an app is true: the app is built from it, in a copy of the tree."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.app_page import ROOT, blocks, write_app

# The tree's parts that an app of the portal is built, checked and tested with.
COPIED = ("box", "tests", "appliance", "backup", "installer", "docs", "manage.py", "pyproject.toml")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The app of the page in a copy of the tree, with its migration and its compiled translation."""
    tree = tmp_path_factory.mktemp("tree")
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *COPIED]
    for name in subprocess.run(
        listed, cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines():
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)
    for block in blocks():
        block.put_into(tree)
    for command in (
        ("manage.py", "makemigrations", "ideas", "--name", "initial"),
        ("-m", "box.lib.messages", "compile"),
    ):
        run(tree, *command)
    yield tree
    shutil.rmtree(tree)


def run(tree: Path, *arguments: str, config: Path | None = None) -> None:
    """Runs Python in the tree; what it printed is what a failure says."""
    # What this very test run was told is not for the one inside.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    environment |= {"PYTHONDONTWRITEBYTECODE": "1"} | ({"KOROBKA_CONFIG": str(config)} if config else {})
    result = subprocess.run(
        [sys.executable, *arguments], cwd=tree, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, f"{' '.join(arguments)}:\n{result.stdout}\n{result.stderr}"


@pytest.fixture
def own_database(tmp_path: Path) -> Path:
    """The configuration with a database of another name: tests that run meanwhile are using the first."""
    config = json.loads(Path(os.environ["KOROBKA_CONFIG"]).read_text())
    config["database"]["name"] = f"ideas_{os.getpid()}"
    file = tmp_path / "portal.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps(config))
    return file


def test_the_page_has_every_part_of_an_app() -> None:
    names = {Path(block.path).name for block in blocks()}
    assert names >= {
        *("apps.py", "events.py", "models.py", "access.py", "actions.py", "handlers.py", "forms.py"),
        *("views.py", "urls.py", "demo.py", "list.html", "django.po", "visits.py", "settings.py"),
        *("lists.py", "importing.py", "searching.py", "export.py", "api.py", "auditing.py", "belongings.py"),
    }


def test_the_app_of_the_page_passes_its_own_tests(tree: Path, own_database: Path) -> None:
    """With its migration, and the table of permissions at its addresses."""
    tests = ["tests/box/apps/ideas", "tests/box/test_permissions.py", "tests/box/test_reach.py"]
    tests += ["-k", "ideas or every_address"]
    run(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, config=own_database)


def test_the_app_of_the_page_is_written_as_ours_are(tree: Path) -> None:
    app = ("box/apps/ideas", "tests/box/apps/ideas")
    run(tree, "-m", "ruff", "check", "--no-cache", *app)
    run(tree, "-m", "ruff", "format", "--no-cache", "--check", *app, "--exclude", "migrations")
    # What lint has found of the rest of the tree is true in a copy of it.
    if (known := ROOT / ".mypy_cache").is_dir():
        shutil.copytree(known, tree / ".mypy_cache")
    run(tree, "-m", "mypy", *app)
    run(tree, "-m", "djlint", "--quiet", "--lint", "box/apps/ideas")
    run(tree, "-m", "box.lib.messages", "check")
    run(tree, "manage.py", "makemigrations", "--check", "--dry-run")
    run(tree, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache")


def test_an_app_of_another_name_is_the_same_app(tmp_path: Path) -> None:
    for name in ("box/settings.py", "box/urls.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    paths = write_app("trips", "trip", tmp_path)
    for path in paths:
        text = (tmp_path / path).read_text()
        assert "idea" not in (path + text).lower()
        if path.endswith(".py"):
            compile(text, path, "exec")
    assert "class Trip(AudienceModel)" in (tmp_path / "box/apps/trips/models.py").read_text()
    assert '"box.apps.trips",' in (tmp_path / "box/settings.py").read_text()
    with pytest.raises(ValueError, match="is there already"):
        write_app("trips", "trip", tmp_path)
    with pytest.raises(ValueError, match="small letters"):
        write_app("../etc", "trip", tmp_path)
