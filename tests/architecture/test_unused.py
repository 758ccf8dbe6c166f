"""What nobody uses is no part of the product, also where a test still asks for it."""

from __future__ import annotations

import ast
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("box", "appliance", "backup", "installer", "manage.py", "pyproject.toml")

# Django and its kin find these by their place.
FOUND_BY_PLACE = {"box/settings.py", "box/urls.py"}
# Decorators that only wrap: any other may hand over what it decorates.
WRAPPERS = {"transaction.atomic", "contextmanager", "dataclass", "cache", "lru_cache"}
# A courier delivers what is due one by one, for as long as it lives; a test waits until nothing is.
FOR_TESTS = {"deliver_all"}


def test_whatever_a_module_has_is_named_somewhere_else_in_the_product() -> None:
    texts = {name: (ROOT / name).read_text(encoding="utf-8", errors="replace") for name in _tracked()}
    named = Counter(word for text in texts.values() for word in re.findall(r"\w+", text))
    unused = [
        f"{file}: {name}"
        for file, text in texts.items()
        if file.endswith(".py") and file not in FOUND_BY_PLACE
        for name in _names(ast.parse(text))
        if named[name] == 1 and name not in FOR_TESTS
    ]
    assert unused == []


def _tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *PRODUCT],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    return [name for name in listed if (ROOT / name).is_file() and "/locale/" not in name]


def _names(module: ast.Module) -> Iterator[str]:
    """The functions, classes and constants of a module."""
    for node in module.body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() if _is_plain(node):
                yield node.name
            case ast.ClassDef() if _is_plain(node) and not _is_room(node):
                yield node.name
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                yield name


def _is_plain(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    return {ast.unparse(one).partition("(")[0] for one in node.decorator_list} <= WRAPPERS


def _is_room(node: ast.ClassDef) -> bool:
    return any(ast.unparse(base) in {"Room", "AppConfig"} for base in node.bases)
