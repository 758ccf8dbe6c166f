"""What directories hold, as LDIF (RFC 2849)."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

type Value = str | bytes
type Values = Value | Sequence[Value]

_SAFE = re.compile(r"[\x21-\x39\x3b\x3d-\x7e][\x20-\x7e]*(?<! )")


@dataclass(frozen=True)
class Entry:
    dn: str
    attributes: Mapping[str, Values] = field(default_factory=dict)

    def ldif(self) -> str:
        lines = [line("dn", self.dn)]
        for name, values in self.attributes.items():
            lines += [line(name, value) for value in each(values)]
        return "\n".join(lines) + "\n"


def ldif(entries: Iterable[Entry]) -> str:
    return "\n".join(entry.ldif() for entry in entries)


def each(values: Values) -> Sequence[Value]:
    return [values] if isinstance(values, str | bytes) else values


def line(name: str, value: Value) -> str:
    """One value, in base64 unless it is plain. Never folded: the tools read lines of any length."""
    if isinstance(value, str) and _SAFE.fullmatch(value):
        return f"{name}: {value}"
    raw = value.encode() if isinstance(value, str) else value
    return f"{name}:: {base64.b64encode(raw).decode()}"


def rdn(name: str, value: str, parent: str) -> str:
    """The DN of an entry below the parent, with what is special in the value escaped (RFC 4514)."""
    escaped = re.sub(r'([,+"\\<>;=])', r"\\\1", value)
    if escaped[:1] in {" ", "#"}:
        escaped = f"\\{escaped}"
    if value.endswith(" ") and len(value) > 1:
        escaped = f"{escaped[:-1]}\\ "
    return f"{name}={escaped},{parent}"


def modify(dn: str, **changes: Values | None) -> str:
    """LDIF that replaces these attributes of an entry; None takes one away."""
    lines = [line("dn", dn), "changetype: modify"]
    for name, values in changes.items():
        lines.append(f"replace: {name}")
        if values is not None:
            lines += [line(name, value) for value in each(values)]
        lines.append("-")
    return "\n".join(lines) + "\n"


def delete(dn: str) -> str:
    return f"{line('dn', dn)}\nchangetype: delete\n"


def move(dn: str, *, new_rdn: str, parent: str) -> str:
    """LDIF that renames an entry or a whole subtree, or moves it below another parent."""
    return "\n".join(
        [
            line("dn", dn),
            "changetype: modrdn",
            line("newrdn", new_rdn),
            "deleteoldrdn: 1",
            line("newsuperior", parent),
            "",
        ]
    )


def added(entry: Entry) -> str:
    """LDIF that adds an entry among other changes."""
    dn, rest = entry.ldif().split("\n", 1)
    return f"{dn}\nchangetype: add\n{rest}"
