"""The mutants of a module: each is one rule of one function, turned round or left out."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import CodeType

type Function = ast.FunctionDef | ast.AsyncFunctionDef

BOUNDARIES = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
OPPOSITES = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
SWAPPED = {"min": "max", "max": "min", "any": "all", "all": "any"}
CONDITIONS = {"filter", "exclude", "get"}

# What QuerySets of ours are said to be, also those behind a related name.
ADJECTIVES = {"active", "current", "leading", "unread", "waiting", "visible_to"}

# What ends a query or a chain, or changes only what it costs or locks: without it the next call fails, or
# nothing is different for a test that runs alone.
STAYING = {
    *("all", "count", "create", "delete", "exists", "first", "get", "in_bulk", "iterator", "last", "update"),
    *("bulk_create", "get_or_create", "update_or_create", "values", "values_list", "as_manager", "using"),
    *("select_for_update", "select_related", "prefetch_related", "only", "defer"),
    *(
        "encode",
        "decode",
        "format",
        "isoformat",
        "items",
        "join",
        "keys",
        "partition",
        "split",
        "total_seconds",
    ),
}

# Keywords whose other value fails at once, is seen only where several write, or changes only what it costs.
UNSEEN = {"batch_size", "chunk_size", "flat", "mode", "no_key", "skip_locked"}

# A lock that is taken for itself is missed only by tests in which several write at once.
LOCKS = re.compile(r"^_?lock(_\w+)?\(|select_for_update|FOR (UPDATE|SHARE)|pg_advisory")

# Of these neither what they say nor whether they are said is a rule.
SILENT = {"log", "logger", "_", "gettext", "gettext_lazy", "ngettext", "pgettext"}


@dataclass
class Place:
    """Where a node hangs in the tree: `parent.field`, or `parent.field[index]`."""

    parent: ast.AST
    field: str
    index: int | None = None

    @property
    def node(self) -> ast.AST:
        found = getattr(self.parent, self.field)
        node: ast.AST = found if self.index is None else found[self.index]
        return node

    @contextmanager
    def holding(self, new: ast.AST | None) -> Iterator[None]:
        """The tree with something else here meanwhile; with None, without what is here."""
        before = getattr(self.parent, self.field)
        changed: object
        if self.index is None:
            changed = new
        else:
            changed = [*before[: self.index], *([new] if new else []), *before[self.index + 1 :]]
        setattr(self.parent, self.field, changed)
        try:
            yield
        finally:
            setattr(self.parent, self.field, before)


@dataclass(frozen=True)
class Mutant:
    """A test can only see it that runs one of `lines`."""

    path: Path
    where: str
    first_line: int
    lines: range
    change: str
    compiled: Callable[[], CodeType]
    """The module with the change."""

    @property
    def code(self) -> CodeType:
        """What the function `where` becomes."""
        return _inside(self.compiled(), self.where, self.first_line)

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is known by in the list of those that are equal; lines move."""
        return (str(self.path), self.where, self.change)

    def __str__(self) -> str:
        return f"{self.path}:{self.lines.start} {self.where}: {self.change}"


def mutants_of(path: Path, root: Path, functions: tuple[str, ...] = ()) -> list[Mutant]:
    """All of the module, or of these functions of it."""
    tree = ast.parse((root / path).read_text(encoding="utf-8"))
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for where, function in _functions(tree):
        # What is said once, as the portal starts, is past when a test begins.
        if where == "declare" or (functions and where not in functions):
            continue
        for place, new, statement in _changes(function):
            if new is not None:
                ast.fix_missing_locations(ast.copy_location(new, place.node))
            said = _said(place, new, function)
            seen[where, said] += 1
            if (times := seen[where, said]) > 1:
                said += f" ({times})"
            compiled = partial(_compiled, tree, place, new, str(root / path))
            found.append(Mutant(path, where, _first_line(function), _lines(statement), said, compiled))
    return found


def _compiled(tree: ast.Module, place: Place, new: ast.AST | None, path: str) -> CodeType:
    with place.holding(new):
        return compile(tree, path, "exec", dont_inherit=True)


def _functions(tree: ast.AST, within: str = "") -> Iterator[tuple[str, Function]]:
    """The outermost functions: what is defined within one is a part of it."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield within + node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{within}{node.name}.")


def _first_line(function: Function) -> int:
    return min([function.lineno, *(one.lineno for one in function.decorator_list)])


def _inside(code: CodeType, qualified: str, first_line: int) -> CodeType:
    waiting = [code]
    while waiting:
        one = waiting.pop()
        if one.co_qualname == qualified and one.co_firstlineno == first_line:
            return one
        waiting += [constant for constant in one.co_consts if isinstance(constant, CodeType)]
    raise LookupError(qualified)


def _lines(statement: ast.stmt) -> range:
    """Of a compound statement only its head."""
    body = getattr(statement, "body", None)
    end = body[0].lineno - 1 if body else statement.end_lineno or statement.lineno
    return range(statement.lineno, max(end, statement.lineno) + 1)


def _said(place: Place, new: ast.AST | None, function: Function) -> str:
    """The change in words of the code, with as much around it as it takes to be recognised."""
    node: ast.AST = place.node
    shown = node
    while len(ast.unparse(shown)) < 24 or isinstance(shown, ast.Attribute | ast.keyword | ast.comprehension):
        parent = _parent_of(shown, function)
        if parent is None or isinstance(shown, ast.stmt) or isinstance(getattr(parent, "body", None), list):
            break
        shown = parent
    before = ast.unparse(shown)
    if shown is node:
        return f"{before} → {ast.unparse(new) if new and not isinstance(new, ast.Pass) else 'nothing'}"
    with place.holding(new):
        return f"{before} → {ast.unparse(shown)}"


def _parent_of(node: ast.AST, function: Function) -> ast.AST | None:
    for parent in ast.walk(function):
        if any(child is node for child in ast.iter_child_nodes(parent)):
            return parent
    return None


type Swap = tuple[Place, ast.AST | None]
type Change = tuple[Place, ast.AST | None, ast.stmt]


def _changes(function: Function) -> Iterator[Change]:
    for index, _statement in enumerate(function.body):
        yield from _of_statement(Place(function, "body", index), is_alone=False)


def _of_statement(place: Place, *, is_alone: bool) -> Iterator[Change]:
    """`is_alone`: the condition above it, turned off, is the same as leaving it out."""
    node = place.node
    assert isinstance(node, ast.stmt)
    if not is_alone and _can_be_left_out(node):
        yield place, ast.Pass(), node
    if isinstance(node, ast.Assign):
        yield from ((one, new, node) for one, new in _one_less_assigned(place, node))
    if isinstance(node, ast.If | ast.While):
        turned = _turned(Place(node, "test"))
        yield from ((*one, node) for one in (list(turned)[:1] if isinstance(node, ast.While) else turned))
    for field, value in ast.iter_fields(node):
        if field in {"annotation", "targets", "target", "decorator_list", "exc", "returns", "args"}:
            continue
        values = value if isinstance(value, list) else [value]
        for index, child in enumerate(values):
            inner = Place(node, field, index if isinstance(value, list) else None)
            if isinstance(child, ast.stmt):
                alone = isinstance(node, ast.If) and field == "body" and len(values) == 1 and not node.orelse
                yield from _of_statement(inner, is_alone=alone)
            elif isinstance(child, ast.ExceptHandler | ast.match_case):
                for position, _one in enumerate(child.body):
                    yield from _of_statement(Place(child, "body", position), is_alone=False)
            elif isinstance(child, ast.withitem):
                yield from ((*one, node) for one in _of_expression(Place(child, "context_expr")))
            elif isinstance(child, ast.expr):
                is_test = field == "test" and isinstance(node, ast.If | ast.While)
                yield from ((*one, node) for one in _of_expression(inner, is_test=is_test))


def _can_be_left_out(node: ast.stmt) -> bool:
    match node:
        case ast.Raise():
            return True
        case ast.Expr(value=ast.Call() as call):
            return not _is_silent(call) and not LOCKS.search(ast.unparse(call))
        case ast.Expr(value=ast.Yield() | ast.YieldFrom() | ast.Await()):
            return True
        case ast.Assign(targets=targets):
            return all(_is_stored(target) for target in targets)
        case ast.AugAssign(target=target):
            return True if _is_stored(target) else isinstance(target, ast.Name)
    return False


def _is_stored(target: ast.expr) -> bool:
    if isinstance(target, ast.Tuple):
        return all(_is_stored(one) for one in target.elts)
    return isinstance(target, ast.Attribute | ast.Subscript)


def _is_silent(call: ast.Call) -> bool:
    function = call.func
    while isinstance(function, ast.Attribute):
        function = function.value
    return isinstance(function, ast.Name) and function.id in SILENT


def _one_less_assigned(place: Place, node: ast.Assign) -> Iterator[tuple[Place, ast.AST]]:
    match node:
        case ast.Assign(targets=[ast.Tuple(elts=targets) as target], value=ast.Tuple(elts=values)):
            if _is_stored(target) and len(targets) == len(values) > 1:
                for index in range(len(targets)):
                    left = ast.Tuple([*targets[:index], *targets[index + 1 :]], ast.Store())
                    right = ast.Tuple([*values[:index], *values[index + 1 :]], ast.Load())
                    yield place, ast.Assign([left], right)


def _turned(place: Place) -> Iterator[Swap]:
    """A condition that never holds, and one that always does; it is still asked, for what it binds.

    Of one that is made of several, one of the two is enough: each of the several is left out besides, and a
    test that misses neither of those does not miss the other.
    """
    test = place.node
    assert isinstance(test, ast.expr)
    joint = type(test.op) if isinstance(test, ast.BoolOp) else None
    if joint is not ast.Or:
        yield place, ast.BoolOp(ast.And(), [test, ast.Constant(False)])
    if joint is not ast.And:
        yield place, ast.BoolOp(ast.Or(), [test, ast.Constant(True)])


def _of_expression(place: Place, *, is_test: bool = False) -> Iterator[Swap]:
    """`is_test`: a condition, or one of several that make it, which are turned where the condition stands."""
    node = place.node
    if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Call) and _is_silent(node)):
        return
    yield from _of_logic(place, is_test=is_test)
    yield from _of_value(place)
    yield from _of_collection(node)
    if isinstance(node, ast.Call):
        yield from _of_call(place, node)
    yield from _below(node, is_test=is_test)


def _of_logic(place: Place, *, is_test: bool) -> Iterator[Swap]:
    node = place.node
    match node:
        case ast.BoolOp(values=values):
            for index, _value in enumerate(values):
                left = [*values[:index], *values[index + 1 :]]
                yield place, left[0] if len(left) == 1 else ast.BoolOp(node.op, left)
        case ast.Compare(left=first, ops=ops, comparators=right):
            for index, one in enumerate(ops):
                other = BOUNDARIES.get(type(one)) or (None if is_test else OPPOSITES.get(type(one)))
                if other:
                    yield place, ast.Compare(first, [*ops[:index], other(), *ops[index + 1 :]], right)
        case ast.UnaryOp(op=ast.Not(), operand=operand) if not is_test:
            yield place, operand
        case ast.IfExp():
            yield from _turned(Place(node, "test"))


def _of_value(place: Place) -> Iterator[Swap]:
    node = place.node
    match node:
        case ast.Constant(value=bool(value)):
            yield place, ast.Constant(not value)
        case ast.Constant(value=int(value) | float(value)):
            yield place, ast.Constant(value + 1)
        case ast.BinOp(op=ast.Add() | ast.Sub() | ast.BitOr() | ast.BitAnd() | ast.Mult() | ast.FloorDiv()):
            if not any(_is_text(side) for side in (node.left, node.right)):
                yield place, node.left
                if isinstance(node.op, ast.BitOr | ast.BitAnd):
                    yield place, node.right
        case ast.Slice():
            yield from ((Place(node, side), None) for side in ("lower", "upper") if getattr(node, side))


def _of_collection(node: ast.AST) -> Iterator[Swap]:
    match node:
        case ast.List(elts=elements) | ast.Set(elts=elements):
            # There is no way to write an empty set.
            if isinstance(node, ast.List) or len(elements) > 1:
                yield from ((Place(node, "elts", index), None) for index, _one in enumerate(elements))
        case ast.Tuple(elts=elements):
            starred = (index for index, one in enumerate(elements) if isinstance(one, ast.Starred))
            yield from ((Place(node, "elts", index), None) for index in starred)
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            for loop in node.generators:
                yield from ((Place(loop, "ifs", index), None) for index, _one in enumerate(loop.ifs))


def _of_call(place: Place, node: ast.Call) -> Iterator[Swap]:
    several = len(node.args) + len(node.keywords) > 1
    match node.func:
        case ast.Name(id=name) if name in SWAPPED:
            yield Place(node, "func"), ast.Name(SWAPPED[name], ast.Load())
        case ast.Attribute(value=ast.Call() as chain, attr=name) if name not in STAYING | CONDITIONS:
            yield place, chain
        case ast.Attribute(value=chain, attr="strip" | "lower" | "casefold"):
            yield place, chain
        case ast.Attribute(value=chain, attr="filter" | "exclude") if (
            len(node.args) + len(node.keywords) == 1
        ):
            yield place, ast.Call(ast.Attribute(chain, "all", ast.Load()), [], [])
        case ast.Attribute(value=ast.Attribute() as chain, attr=name):
            is_manager = chain.attr == "objects" and name not in STAYING | CONDITIONS
            if is_manager or name in ADJECTIVES:
                yield place, ast.Call(ast.Attribute(chain, "all", ast.Load()), [], [])
    if isinstance(node.func, ast.Attribute) and node.func.attr in CONDITIONS:
        several = len(node.args) + len(node.keywords) > 1
        yield from ((Place(node, "keywords", at), None) for at, _one in enumerate(node.keywords) if several)
    for keyword in node.keywords:
        if keyword.arg == "defaults" and isinstance(keyword.value, ast.Dict):
            keys, values = keyword.value.keys, keyword.value.values
            for at in range(len(keys)):
                left = ast.Dict([*keys[:at], *keys[at + 1 :]], [*values[:at], *values[at + 1 :]])
                yield Place(keyword, "value"), left


def _is_text(node: ast.expr) -> bool:
    is_constant = isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
    return is_constant or isinstance(node, ast.JoinedStr)


def _below(node: ast.AST, *, is_test: bool) -> Iterator[Swap]:
    for field, value in ast.iter_fields(node):
        values = value if isinstance(value, list) else [value]
        for index, child in enumerate(values):
            place = Place(node, field, index if isinstance(value, list) else None)
            if isinstance(child, ast.keyword):
                if child.arg not in UNSEEN:
                    yield from _of_expression(Place(child, "value"))
            elif isinstance(child, ast.comprehension):
                yield from _of_expression(Place(child, "iter"))
                for at, _one in enumerate(child.ifs):
                    yield from _of_expression(Place(child, "ifs", at))
            elif isinstance(child, ast.expr):
                # Another place in a row fails by itself.
                if isinstance(node, ast.Subscript) and field == "slice" and isinstance(child, ast.Constant):
                    continue
                is_part = is_test and isinstance(node, ast.BoolOp)
                is_condition = is_part or (isinstance(node, ast.IfExp) and field == "test")
                yield from _of_expression(place, is_test=is_condition)
