"""The page for developers that adds an app is true: the app is built from it, in a copy of the tree."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/dev/add-an-app.md"
# The tree's parts that an app of the portal is built, checked and tested with.
COPIED = ("box", "tests", "appliance", "backup", "installer", "docs", "manage.py", "pyproject.toml")
BLOCK = re.compile(
    r"^\*\*(?P<path>[\w./-]+)\*\*\n\n```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """A file of the page, or lines for one that is there."""

    path: str
    kind: str
    text: str

    def put_into(self, tree: Path) -> None:
        file = tree / self.path
        if self.kind == "diff":
            file.write_text(with_lines(file.read_text(), self.text, self.path))
            return
        assert not file.exists(), f"{self.path} is there already: the page adds to it with a diff."
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self.text)


def with_lines(source: str, change: str, path: str) -> str:
    """The source with the change's `+` lines below the lines that the change names."""
    lines = change.splitlines()
    above = "".join(f"{line[1:]}\n" for line in lines if line.startswith(" "))
    added = "".join(f"{line[1:]}\n" for line in lines if line.startswith("+"))
    assert source.count(above) == 1, f"{path} has no place for the page's lines: it no longer holds\n{above}"
    return source.replace(above, above + added)


def blocks() -> list[Block]:
    return [Block(**found.groupdict()) for found in BLOCK.finditer(PAGE.read_text())]


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
    }


def test_the_app_of_the_page_passes_its_own_tests(tree: Path, own_database: Path) -> None:
    """With its migration, and the table of permissions at its addresses."""
    tests = ["tests/box/apps/ideas", "tests/box/test_permissions.py", "-k", "ideas or every_address"]
    run(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, config=own_database)


def test_the_app_of_the_page_is_written_as_ours_are(tree: Path) -> None:
    app = ("box/apps/ideas", "tests/box/apps/ideas")
    run(tree, "-m", "ruff", "check", "--no-cache", *app)
    run(tree, "-m", "ruff", "format", "--no-cache", "--check", *app, "--exclude", "migrations")
    run(tree, "-m", "mypy", "--cache-dir", "mypy-cache", *app)
    run(tree, "-m", "djlint", "--quiet", "--lint", "box/apps/ideas")
    run(tree, "-m", "box.lib.messages", "check")
    run(tree, "manage.py", "makemigrations", "--check", "--dry-run")
    run(tree, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache")
