"""Nothing knows what time it was when it was imported: the process lives on, and the moment gets older."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CODE = ("appliance", "backup", "box", "installer", "tests")
CLOCKS = frozenset({
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today",
    "timezone.now", "timezone.localdate", "timezone.localtime",
    "time.time", "time.time_ns", "time.localtime", "time.gmtime", "time.strftime",
    "time.monotonic", "time.perf_counter",
})  # fmt: skip
"""By the last two words of their names; imported by itself (`from time import time`), by one."""
_ALONE = {name.rpartition(".")[2] for name in CLOCKS}


def read_at_import(source: str) -> list[int]:
    """The lines in which a clock is read when this is imported, in their order."""
    tree = ast.parse(source)
    borrowed = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").rpartition(".")[2] in {"time", "timezone"}
        for alias in node.names
        if alias.name in _ALONE
    }
    return sorted(
        call.lineno
        for call in _run_at_import(tree)
        if isinstance(call, ast.Call) and (_ends(call.func) in CLOCKS or _ends(call.func) in borrowed)
    )


def _run_at_import(node: ast.AST) -> Iterator[ast.AST]:
    """Everything but the insides of functions: their decorators and defaults are made with them."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        parts: list[ast.AST] = [*node.decorator_list, node.args]
    elif isinstance(node, ast.Lambda):
        parts = [node.args]
    elif isinstance(node, ast.If) and "__main__" in ast.dump(node.test):
        parts = []
    else:
        yield node
        parts = list(ast.iter_child_nodes(node))
    for part in parts:
        yield from _run_at_import(part)


def _ends(name: ast.expr) -> str:
    return ".".join(ast.unparse(name).rsplit(".", 2)[-2:])


def test_no_clock_is_read_at_import() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for folder in CODE
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "node_modules" not in path.parts
        for line in read_at_import(path.read_text(encoding="utf-8"))
    ]
    assert found == [], "the clock is read at import: read it where the moment is needed, or pass it in"


@pytest.mark.parametrize(
    "source",
    [
        "NOW = datetime.now(UTC)",
        "NOW = datetime.datetime.now().replace(microsecond=0)",
        "class Note:\n    at = timezone.now()",
        "def note(at=timezone.now()): ...",
        "def note(*, on=date.today()): ...",
        "async def note(at=lambda since=time.time(): since): ...",
        "@pytest.mark.parametrize('on', [timezone.localdate()])\ndef test(on): ...",
        "if not TESTING:\n    BEGAN = time.monotonic()",
        "DAYS = [timezone.localdate() + day for day in range(3)]",
        "from time import time\nBEGAN = time()",
        "from django.utils.timezone import now as moment\nNOW = moment()",
    ],
)
def test_a_clock_that_is_read_at_import_is_found(source: str) -> None:
    assert len(read_at_import(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "def note():\n    return timezone.now()",
        "at = models.DateTimeField(default=timezone.now)",
        "later = lambda: datetime.now(UTC)",
        "class Note:\n    def at(self):\n        return time.time()",
        "NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)",
        "def now(): ...\nif __name__ == '__main__':\n    print(time.time())",
        "STATE = Shape.now()",
        "from datetime import time\nMORNING = time(5)",
    ],
)
def test_what_reads_it_later_or_not_at_all_may_stay(source: str) -> None:
    assert read_at_import(source) == []
