"""The portal itself: tables, limits and faults, with a clock that is given to it.

It answers as the cloud does: numbers are strings, what is empty is `false`, an empty object is `[]`, totals
may be stale.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

PAGE = 50
REFERENCE = re.compile(r"\$result((?:\[[^\]]+\])+)")
PREFIX = re.compile(r"(>=|<=|!=|!|>|<|=|@|%)?(.+)")


@dataclass
class Fault:
    """What goes wrong with a request: a status and body instead of the answer, or `cut` of it."""

    status: int = 503
    body: bytes | None = b"<html>Service Unavailable</html>"
    cut: float | None = None
    """The share of the answer that arrives."""
    is_late: bool = False
    """It comes when the request has been carried out already."""


@dataclass
class Worked:
    """What a method has worked in the last ten minutes; adding it up anew for each call would take a large
    portal longer than all it does."""

    seconds: float = 0.0
    _calls: deque[tuple[float, float]] = field(default_factory=deque)

    def add(self, now: float, cost: float) -> None:
        self._calls.append((now, cost))
        self.seconds += cost

    def forget(self, before: float) -> None:
        while self._calls and self._calls[0][0] < before:
            self.seconds -= self._calls.popleft()[1]
        if not self._calls:
            self.seconds = 0.0

    def begun(self, now: float) -> float:
        """When the oldest of these calls came."""
        return self._calls[0][0] if self._calls else now


@dataclass
class Portal:
    """`tables` are rows by method, each with its ID as an integer."""

    tables: Mapping[str, list[dict[str, Any]]]
    clock: Callable[[], float]
    burst: int = 50
    per_second: float = 2.0
    costs: Mapping[str, float] = field(default_factory=dict)
    """By method how many seconds of work a call of it is."""
    scopes: tuple[str, ...] = ("user", "department", "sonet_group", "log", "task", "crm")
    faults: deque[Fault | None] = field(default_factory=deque)
    """One a request, in their order; None lets it pass."""
    total_is_off_by: int = 0
    answers: Mapping[str, Callable[[Mapping[str, Any]], Any]] = field(default_factory=dict)
    """By method what else it answers: rows, or an object with `rows` and `total`."""
    on_request: Callable[[Portal], object] = lambda portal: None

    requests: int = 0
    refusals: list[str] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)
    _level: float = 0.0
    _at: float = 0.0
    _work: dict[str, Worked] = field(default_factory=lambda: defaultdict(Worked))

    def handle(self, method: str, parameters: Mapping[str, Any]) -> tuple[int, bytes]:
        """The status and the body of the answer."""
        self.requests += 1
        self.moments.append(self.clock())
        self.on_request(self)
        fault = self.faults.popleft() if self.faults else None
        if fault is not None and fault.cut is None and not fault.is_late:
            return fault.status, fault.body or b""
        status, said = self._answer(method, parameters)
        if fault is not None and fault.is_late:
            return fault.status, fault.body or b""
        body = json.dumps(said).encode()
        return status, body[: int(len(body) * fault.cut)] if fault and fault.cut is not None else body

    def _answer(self, method: str, parameters: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        if not self._fits():
            self.refusals.append("QUERY_LIMIT_EXCEEDED")
            return 503, {"error": "QUERY_LIMIT_EXCEEDED", "error_description": "Too many requests"}
        if method == "batch":
            return 200, {"result": self._batch(parameters.get("cmd", {})), "time": self._time("batch")}
        try:
            found = self._call(method, parameters)
        except Refused as refused:
            return refused.status, {"error": refused.code, "error_description": refused.said}
        return 200, {**found, "time": self._time(method)}

    def _fits(self) -> bool:
        """Refused requests do not fill the bucket."""
        now = self.clock()
        self._level = max(0.0, self._level - (now - self._at) * self.per_second)
        self._at = now
        if self._level + 1 > self.burst:
            return False
        self._level += 1
        return True

    def _batch(self, commands: Mapping[str, str] | list[str]) -> dict[str, Any]:
        named = commands if isinstance(commands, dict) else {str(n): one for n, one in enumerate(commands)}
        if len(named) > PAGE:
            return {"result_error": {"": {"error": "ERROR_BATCH_LENGTH_EXCEEDED", "error_description": ""}}}
        results: dict[str, Any] = {}
        errors: dict[str, Any] = {}
        totals: dict[str, Any] = {}
        times: dict[str, Any] = {}
        for name, command in named.items():
            method, _sign, query = command.partition("?")
            try:
                found = self._call(method, nested(_referred(query, results)))
            except Refused as refused:
                errors[name] = {"error": refused.code, "error_description": refused.said}
                continue
            results[name] = found["result"]
            if "total" in found:
                totals[name] = found["total"]
            times[name] = self._time(method)
        return {
            "result": results or [],
            "result_error": errors or [],
            "result_total": totals or [],
            "result_next": [],
            "result_time": times or [],
        }

    def _call(self, method: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        self._work_on(method)
        if method == "scope":
            return {"result": list(self.scopes)}
        if method == "profile":
            return {"result": {"ID": "1", "ADMIN": True, "NAME": "Anna", "LAST_NAME": "Orlova"}}
        # Names of methods know no capitals.
        method = next((one for one in self.answers if one.lower() == method.lower()), method)
        if method in self.answers:
            found = self.answers[method](parameters)
            if hasattr(found, "rows"):
                return {"result": _as_php(found.rows), "total": found.total + self.total_is_off_by}
            return {"result": _as_php(found)}
        if method not in self.tables:
            raise Refused("ERROR_METHOD_NOT_FOUND", "Method not found!", 404)
        return self._list(method, parameters)

    def _list(self, method: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        # Newer methods write their parameters in small letters, older ones in capitals.
        given = {name.lower(): value for name, value in parameters.items()}
        order = given.get("order") or "ASC"
        direction = next(iter(order.values())) if isinstance(order, dict) else order
        key = "id" if method == "tasks.task.list" else "ID"
        found = [row for row in self.tables[method] if _is_meant(row, given.get("filter") or {}, key)]
        found.sort(key=lambda row: int(row[key]), reverse=direction.upper() == "DESC")
        start = int(parameters.get("start") or 0)
        page = [_as_php(_selected(row, given)) for row in found[max(start, 0) :][:PAGE]]
        rows = {"tasks": page} if method == "tasks.task.list" else page
        # -1 says that nobody needs to know how many there are.
        return {"result": rows} if start < 0 else {"result": rows, "total": len(found) + self.total_is_off_by}

    def _work_on(self, method: str) -> None:
        now, work = self.clock(), self._work[method]
        work.forget(now - 600)
        if work.seconds > 480:
            self.refusals.append("OPERATION_TIME_LIMIT")
            raise Refused("OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.", 429)
        work.add(now, self.costs.get(method, 0.0))

    def _time(self, method: str) -> dict[str, Any]:
        work, now = self._work[method], self.clock()
        return {"start": now, "operating": work.seconds, "operating_reset_at": int(work.begun(now)) + 601}


class Refused(Exception):
    def __init__(self, code: str, said: str, status: int = 400) -> None:
        super().__init__(code)
        self.code, self.said, self.status = code, said, status


def _referred(query: str, results: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (name, REFERENCE.sub(lambda found: _found(found[1], results), text))
        for name, text in parse_qsl(query)
    ]


def _found(path: str, results: Any) -> str:
    """What does not exist is nothing, and no error."""
    for key in re.findall(r"\[([^\]]+)\]", path):
        try:
            results = results[int(key)] if isinstance(results, list) else results[key]
        except (KeyError, IndexError, ValueError, TypeError):
            return ""
    return str(results)


def camel(name: str) -> str:
    """As newer methods write it."""
    first, *others = name.lower().split("_")
    return first + "".join(other.capitalize() for other in others)


def nested(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, text in pairs:
        first, *path = [name.partition("[")[0], *re.findall(r"\[([^\]]*)\]", name)]
        here, key = values, first
        for deeper in path:
            here = here.setdefault(key, {})
            key = deeper
        here[key] = text
    return values


def listed(value: Any) -> list[Any]:
    """A list as a form of PHP's writes it, or as JSON does."""
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list) else [value] if value not in (None, "") else []


def _is_meant(row: Mapping[str, Any], conditions: Mapping[str, Any], id_name: str = "ID") -> bool:
    for name, given in conditions.items():
        match = PREFIX.fullmatch(name)
        assert match is not None
        sign, key = match[1] or "=", match[2]
        if given == "":
            continue
        if key != "ID" and not str(row.get(key, "")).isdecimal():
            if str(row.get(key) or "").casefold() != str(given).casefold():
                return False
            continue
        value, wanted = int(row[id_name if key == "ID" else key]), int(given)
        if sign == ">" and not value > wanted:
            return False
        if sign == ">=" and not value >= wanted:
            return False
        if sign == "=" and value != wanted:
            return False
    return True


def _selected(row: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Of tasks without fields that nobody has asked for: there `ufAuto1` is what `UF_AUTO_1` is called."""
    asked = {str(name).replace("_", "").lower() for name in listed(given.get("select"))}
    return {name: value for name, value in row.items() if name[:2] != "uf" or name.lower() in asked}


def _as_php(value: Any) -> Any:
    """Numbers as strings, nothing as `false`, an empty object as an empty list. What begins with `_` is the
    stand-in's own."""
    if value is None:
        return False
    if isinstance(value, dict):
        return {key: _as_php(one) for key, one in value.items() if not key.startswith("_")} or []
    if isinstance(value, list | tuple):
        return [_as_php(one) for one in value]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value
