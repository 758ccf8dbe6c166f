"""`box.toml`: read, checked, and edited with its comments kept."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from typing import Any, cast

from appliance import quoting
from appliance.config.errors import ConfigError, Problem, RootOnly
from appliance.config.keys import KEYS, TABLES, Box, Value
from appliance.paths import Paths

_TYPE_NAMES = {
    str: "a text in quotes",
    int: "a whole number",
    bool: "true or false",
    tuple: "a list of texts",
}


def parse(text: str, file: str = "box.toml") -> Box:
    """The typed configuration of a `box.toml`; raises `ConfigError` naming each wrong key and its line."""
    values, problems = _flatten(load_toml(text, file))
    problems += [problem for name, value in values.items() if (problem := _problem_with(name, value))]
    told = [(name, name, words) for name, words in problems] or [
        *(need for need in _needs(values) if not values.get(need[1])),
        *_contradictions(values),
    ]
    if told:
        raise ConfigError(
            file,
            tuple(Problem(name, lines_of(text, at)[0], f"{name} {words}.") for at, name, words in told),
        )
    typed = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    arguments: dict[str, Any] = {
        **{name: value for name, value in typed.items() if "." not in name},
        **{
            table: kind(
                **{name.partition(".")[2]: v for name, v in typed.items() if name.startswith(f"{table}.")}
            )
            for table, kind in TABLES.items()
        },
    }
    return Box(**arguments)


def load(paths: Paths) -> Box:
    """The configuration of the box at `paths`; a missing `box.toml` is an empty one."""
    try:
        text = paths.box_toml.read_text(encoding="utf-8")
    except FileNotFoundError:
        text = ""
    except UnicodeDecodeError as error:
        raise ConfigError(
            str(paths.box_toml), (Problem("", None, f"the file is not UTF-8 text ({error.reason})."),)
        ) from None
    return parse(text, str(paths.box_toml))


def set_value(text: str, name: str, value: Value, *, from_console: bool, file: str = "box.toml") -> str:
    """The text of `box.toml` with one key changed; see `set_values`."""
    return set_values(text, {name: value}, from_console=from_console, file=file)


def set_values(text: str, values: Mapping[str, Value], *, from_console: bool, file: str = "box.toml") -> str:
    """The text of `box.toml` with these keys changed, comments kept, and checked as a whole.

    Checked once, after all: keys that need each other may come in any order. Raises `RootOnly` when the
    console may not change one of them, `ConfigError` when the result is no valid box.
    """
    for name, value in values.items():
        text = _edited(text, name, value, from_console=from_console, file=file)
    parse(text, file)
    return text


def _edited(text: str, name: str, value: Value, *, from_console: bool, file: str) -> str:
    key = KEYS.get(name)
    if key is None:
        raise ConfigError(file, (Problem(name, None, f"{name} {_unknown(name)}."),))
    if from_console and not key.console:
        raise RootOnly(f"{name} can only be changed by root on the machine: `boxctl config set {name} ...`.")
    if problem := _problem_with(name, list(value) if isinstance(value, tuple) else value):
        raise ConfigError(file, (Problem(name, None, f"{name} {problem[1]}."),))

    before, _ = _flatten(load_toml(text, file))
    table, _, leaf = name.rpartition(".")
    assignment = f"{leaf} = {literal(value)}"
    lines = text.splitlines()
    start, end = lines_of(text, name)
    header, _ = lines_of(text, table) if table else (None, None)
    first_table = next((n for n, line in enumerate(lines) if line.lstrip().startswith("[")), len(lines))
    if start is not None and end is not None:
        lines[start - 1 : end] = [assignment]
    elif not table:
        lines[first_table:first_table] = [assignment]
    elif header is not None:
        lines[header:header] = [assignment]
    else:
        lines += ["", f"[{table}]", assignment] if lines else [f"[{table}]", assignment]
    changed = "\n".join(lines) + "\n"

    # The edit above knows the usual way to write a key. Where somebody wrote it another way (an inline
    # table), the result reads differently from what was asked, and it is left to them.
    wanted = before | {name: list(value) if isinstance(value, tuple) else value}
    try:
        is_right = _flatten(load_toml(changed, file))[0] == wanted
    except ConfigError:
        is_right = False
    if not is_right:
        raise ConfigError(
            file, (Problem(name, start, f"{name} is written in a way that only an editor can change."),)
        )
    return changed


def without_programs(text: str, file: str = "box.toml") -> tuple[str, tuple[str, ...]]:
    """The text of a `box.toml` that comes from elsewhere with no program named, and the keys that named one.

    What else may be wrong with it stays. Raises `ConfigError` where it is no TOML.
    """
    values, _ = _flatten(load_toml(text, file))
    named = tuple(name for name, key in KEYS.items() if key.is_program and values.get(name, "") != "")
    try:
        for name in named:
            text = _edited(text, name, "", from_console=False, file=file)
    except ConfigError:
        # Written in a way that only an editor can change: the rest of it, without the comments.
        box = parse(text, file)
        kept = {name: value_of(box, name) for name in KEYS if name not in named}
        text = text_of(kept)
    return text, named


def text_of(values: Mapping[str, Value]) -> str:
    """The text of a `box.toml` that says these, as far as they are no defaults."""
    told = {name: value for name, value in values.items() if value != KEYS[name].default}
    return set_values("", told, from_console=False)


def parse_value(name: str, words: str) -> Value:
    """What somebody typed after `boxctl config set NAME`: by the key's type; lists with commas."""
    key = KEYS.get(name)
    if key is None:
        raise ConfigError("box.toml", (Problem(name, None, f"{name} {_unknown(name)}."),))
    if key.type is bool and words in ("true", "false"):
        return words == "true"
    if key.type is int and re.fullmatch(r"-?\d{1,18}", words):
        return int(words)
    if key.type is tuple:
        return tuple(part.strip() for part in words.split(",") if part.strip())
    if key.type is str:
        return words
    raise ConfigError("box.toml", (Problem(name, None, f"{name} must be {_TYPE_NAMES[key.type]}."),))


def value_of(box: Box, name: str) -> Value:
    """The value of a dotted key."""
    table, _, leaf = name.rpartition(".")
    return cast(Value, getattr(getattr(box, table) if table else box, leaf))


def load_toml(text: str, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        words = str(error)
        at = re.search(r"\(at line (\d+), column \d+\)", words)
        words = words.partition(" (at ")[0]
        line = int(at.group(1)) if at else text.count("\n") + 1
        raise ConfigError(file, (Problem("", line, f"this is not TOML: {words}."),)) from None


def _flatten(document: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Dotted keys to values, and what is wrong about the tables."""
    values: dict[str, Any] = {}
    problems: list[tuple[str, str]] = []
    for name, value in document.items():
        if name not in TABLES:
            values[name] = value
        elif isinstance(value, dict):
            values |= {f"{name}.{leaf}": inner for leaf, inner in value.items()}
        else:
            problems.append((name, "must be a table"))
    return values, problems


def _problem_with(name: str, value: Any) -> tuple[str, str] | None:
    key = KEYS.get(name)
    if key is None:
        return name, _unknown(name)
    is_right_type = (
        isinstance(value, list) and all(isinstance(entry, str) for entry in value)
        if key.type is tuple
        else type(value) is key.type  # not isinstance: to Python, true is a whole number
    )
    if not is_right_type:
        return name, f"must be {_TYPE_NAMES[key.type]}"
    words = key.check(tuple(value) if isinstance(value, list) else value) if key.check else None
    return (name, words) if words else None


def _needs(values: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Keys that others make necessary: the key that asks, the key that is needed, and why."""
    needs = []
    if values.get("objects.engine") == "external":
        needs.append(("objects.engine", "objects.endpoint", "must be given when objects.engine is external"))
    if values.get("balancer.proxy_protocol"):
        needs.append(
            (
                "balancer.proxy_protocol",
                "balancer.trusted_proxies",
                "must be given when balancer.proxy_protocol is true",
            )
        )
    return needs


def _contradictions(values: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Keys that cannot both hold, in the same form; of those that the box chooses, none does."""
    fewest, most = values.get("node.web_workers_min"), values.get("node.web_workers_max")
    if fewest and most and fewest > most:
        words = f"must not be above node.web_workers_max, which is {most}: lower it, or raise that"
        return [("node.web_workers_min", "node.web_workers_min", words)]
    return []


def _unknown(name: str) -> str:
    close = difflib.get_close_matches(name, list(KEYS) + list(TABLES), n=1)
    return "is not a key of the box" + (f" (did you mean {close[0]}?)" if close else "")


def lines_of(text: str, name: str) -> tuple[int | None, int | None]:
    """First and last line, from 1, on which the dotted key `name` is given.

    `tomllib` tells no positions. But the key stands where reading one line more makes it appear: between the
    last beginning of the file that was whole without it, and the first that is whole with it.
    """
    lines = text.splitlines(keepends=True)
    path = name.split(".")
    whole_without = 0
    for count in range(1, len(lines) + 1):
        try:
            found: Any = tomllib.loads("".join(lines[:count]))
        except tomllib.TOMLDecodeError:
            continue
        for part in path:
            found = found.get(part) if isinstance(found, dict) else None
        if found is not None:
            return whole_without + 1, count
        whole_without = count
    return None, None


def literal(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return "[" + ", ".join(literal(entry) for entry in value) + "]"
    return quoting.toml(value) if isinstance(value, str) else str(value)
