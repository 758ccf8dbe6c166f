"""What nobody uses is no part of the product, also where a test still asks for it."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("box", "appliance", "backup", "installer", "manage.py", "pyproject.toml")
# A company's own app is written by it.
PAGE = "docs/dev/add-an-app.md"

# Django and its kin find these by their place, and those by their name.
FOUND_BY_PLACE = {"box/settings.py", "box/urls.py"}
FOUND_BY_NAME = {"__all__", "app_name", "BREAKS_THE_RELEASE_BEFORE", "WORKS_BESIDE_THE_RELEASE_BEFORE"}
# Decorators that only wrap: any other may hand over what it decorates.
WRAPPERS = {"transaction.atomic", "contextmanager", "dataclass", "cache", "lru_cache"}
# A courier delivers what is due one by one, for as long as it lives; a test waits until nothing is.
FOR_TESTS = {"deliver_all"}


def test_whatever_a_module_has_is_used_somewhere_in_the_product() -> None:
    texts = {name: (ROOT / name).read_text(encoding="utf-8", errors="replace") for name in _tracked()}
    modules = {name: ast.parse(text) for name, text in texts.items() if name.endswith(".py")}
    used = FOR_TESTS | FOUND_BY_NAME | {word for module in modules.values() for word in _used(module)}
    for name in texts.keys() - modules.keys():
        used.update(re.findall(r"\w+", texts[name]))
    unused = [
        f"{file}: {name}"
        for file in sorted(modules.keys() - FOUND_BY_PLACE)
        for name in _names(modules[file])
        if name not in used
    ]
    assert unused == []


def _tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *PRODUCT, PAGE],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    return [name for name in listed if (ROOT / name).is_file() and "/locale/" not in name]


def _used(module: ast.Module) -> Iterator[str]:
    """What its code names, in strings too, but for sentences."""
    for node in ast.walk(module):
        match node:
            case ast.Name(id=name, ctx=ast.Load()) | ast.Attribute(attr=name) | ast.alias(name=name):
                yield name
            case ast.Constant(value=str(text)) if " " not in text.strip():
                yield from re.findall(r"\w+", text)


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
