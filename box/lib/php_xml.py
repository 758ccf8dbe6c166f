"""Values as PHP's programs write them in XML: what a list holds is an `item`, true is 1, false and null are
nothing.

Pure. Source: https://apidocs.bitrix24.com/settings/how-to-call-rest-api/ names the transport `xml` and no
schema; the elements are those of the answer in JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from xml.sax.saxutils import escape

from box.lib.xml_text import sayable

ITEM = "item"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*", re.ASCII)


def xml_of(value: Any, *, root: str) -> bytes:
    """A document of one element. A key that is no name of XML becomes an attribute of its `item`."""
    return ('<?xml version="1.0" encoding="UTF-8"?>' + "".join(_element(root, value))).encode()


def _element(key: str, value: Any) -> Iterator[str]:
    is_name = _NAME.fullmatch(key) is not None
    yield f"<{key}>" if is_name else f'<{ITEM} key="{_text(key)}">'
    match value:
        case Mapping():
            for name, one in value.items():
                yield from _element(str(name), one)
        case list():
            for one in value:
                yield from _element(ITEM, one)
        case None | False:
            pass
        case True:
            yield "1"
        case _:
            yield _text(str(value))
    yield f"</{key if is_name else ITEM}>"


def _text(text: str) -> str:
    return escape(sayable(text), {'"': "&quot;"})
