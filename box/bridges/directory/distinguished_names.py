"""Distinguished names, by RFC 4514: taken apart where the standard does, never at any comma."""

from __future__ import annotations

import re
from functools import lru_cache

# A piece of a name: quoted (as LDAPv2 wrote it), escaped, or anything that parts nothing.
_QUOTED = r'"(?:\\.|[^"\\])*"'
_RDN = re.compile(rf"(?:{_QUOTED}|\\.|[^,;\\\"])+", re.DOTALL)
_PART = re.compile(rf"(?:{_QUOTED}|\\.|[^+\\\"])+", re.DOTALL)
_ESCAPED = re.compile(rb"\\([0-9A-Fa-f]{2})|\\(.)", re.DOTALL)
_TRAILING = re.compile(r"(?<!\\)((?:\\\\)*) +$")

type Rdn = tuple[tuple[str, str], ...]
"""One step of the way: attribute and value, most often one pair."""


def parse(dn: str) -> tuple[Rdn, ...]:
    """From the entry up to the root, values as they are meant. What is no name gives what can be read."""
    return tuple(tuple(_pair(part) for part in _PART.findall(rdn)) for rdn in _RDN.findall(dn))


def key(dn: str) -> str:
    """The same for each spelling of one name: for comparing, not for showing."""
    return ",".join(_keys(dn))


def ancestor_keys(dn: str) -> list[str]:
    """The keys of what it stands in, the nearest first."""
    keys = _keys(dn)
    return [",".join(keys[depth:]) for depth in range(1, len(keys))]


def is_within(dn: str, base: str) -> bool:
    """Whether it is the base or stands below it. Below nothing stands nothing."""
    if not base.strip():
        return False
    inner, outer = key(dn), key(base)
    return inner == outer or inner.endswith(f",{outer}")


def name_of(dn: str) -> str:
    """The value of its first step: how people call it, and so without zero bytes, which no table takes."""
    way = parse(dn)
    return (way[0][0][1] if way and way[0] else dn).replace("\0", "")


def escape(value: str) -> str:
    """A value as it stands in a name."""
    escaped = re.sub(r'([\\,+"<>;=])', r"\\\1", value).replace("\0", r"\00")
    if escaped.startswith((" ", "#")):
        escaped = "\\" + escaped
    if value.endswith(" ") and len(value) > 1:
        escaped = escaped[:-1] + r"\ "
    return escaped


def _keys(dn: str) -> list[str]:
    return [_key_of(rdn) for rdn in _RDN.findall(dn)]


@lru_cache(maxsize=1024)
def _key_of(rdn: str) -> str:
    """Of one step as it is written: those above are the same for many."""
    pairs = map(_pair, _PART.findall(rdn))
    return "+".join(sorted(f"{name}={escape(value.casefold())}" for name, value in pairs))


def _pair(part: str) -> tuple[str, str]:
    name, _equals, value = part.partition("=")
    value = _TRAILING.sub(r"\1", value.lstrip(" "))
    if len(value) > 1 and value.startswith('"') and value.endswith('"'):
        value = value[1:-1]
    if "\\" in value:
        raw = _ESCAPED.sub(_meant, value.encode())
        value = raw.decode(errors="replace")
    return name.strip().lower(), value


def _meant(match: re.Match[bytes]) -> bytes:
    return bytes.fromhex(match[1].decode()) if match[1] else match[2]
