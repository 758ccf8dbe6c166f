"""What the agent is asked has the shape that was agreed, in every text of every operation."""

from __future__ import annotations

import dataclasses
import json
import os
import unicodedata
from typing import Any

import pytest

from appliance.agent.codec import Malformed, decode_request, encode
from appliance.agent.protocol import OPERATIONS, Operation, Request
from appliance.agent.server import Peer, understand
from tests.appliance.requests import NAME, Way, changed, field_at, sample, texts

ROOT = Peer(pid=1, uid=os.geteuid())
CONTROLS = [
    chr(code)
    for code in (*range(0x100), 0x2028, 0x2029, 0xD800)
    if unicodedata.category(chr(code)) in ("Cc", "Zl", "Zp", "Cs")
]
WITH_LINES = {"AddBackupTarget.ca_pem"}
"""What may have lines; of a new one, say why here: a certificate in PEM has them."""
PLACES = [
    pytest.param(kind, way, id=field_at(kind, way))
    for kind in OPERATIONS.values()
    for way in texts(sample(kind))
]


def ask(kind: type[Operation[Any]], arguments: Any, **envelope: Any) -> Operation[Any]:
    request = encode(Request(kind.__name__, {})) | {"arguments": arguments, **envelope}
    return understand(json.dumps(request).encode(), ROOT, "here")[0]


@pytest.mark.parametrize("kind", OPERATIONS.values(), ids=lambda kind: kind.__name__)
def test_every_operation_is_asked_for_in_plain_words(kind: type[Operation[Any]]) -> None:
    assert isinstance(ask(kind, sample(kind)), kind)


@pytest.mark.parametrize(("kind", "way"), PLACES)
def test_no_text_of_an_operation_holds_a_control_character(kind: type[Operation[Any]], way: Way) -> None:
    taken = "\r\n" if field_at(kind, way) in WITH_LINES else ""
    for control in CONTROLS:
        asked = changed(sample(kind), way, f"a{control}b")
        if control in taken:
            assert ask(kind, asked)
        else:
            with pytest.raises(Malformed):
                ask(kind, asked)


def test_lines_are_taken_where_they_are_meant_and_nowhere_else() -> None:
    marked = {
        f"{kind.__name__}.{field.name}"
        for kind in OPERATIONS.values()
        for field in dataclasses.fields(kind)
        if field.metadata
    }
    assert marked == WITH_LINES


@pytest.mark.parametrize("kind", OPERATIONS.values(), ids=lambda kind: kind.__name__)
def test_no_name_of_a_table_holds_one(kind: type[Operation[Any]]) -> None:
    for name, value in sample(kind).items():
        if isinstance(value, dict) and NAME in value:
            with pytest.raises(Malformed):
                ask(kind, sample(kind) | {name: {"a\nb": value[NAME]}})


@pytest.mark.parametrize("name", ["by", "node", "operation"])
def test_nor_does_what_comes_with_it(name: str) -> None:
    (kind,) = (kind for kind in OPERATIONS.values() if kind.__name__ == "ReadStatus")
    for control in CONTROLS:
        with pytest.raises(Malformed, match="on one line"):
            ask(kind, {}, **{name: f"a{control}b"})


def test_what_is_wrong_is_named_and_no_secret_is_repeated() -> None:
    kind = OPERATIONS["AddBackupTarget"]
    with pytest.raises(Malformed) as refused:
        ask(kind, sample(kind) | {"secret_key": "kept\ncmd-ssh=/tmp/evil"})
    assert "AddBackupTarget.secret_key has a control character ('\\n')" in str(refused.value)
    assert "kept" not in str(refused.value)
    assert "evil" not in str(refused.value)


def test_letters_of_every_script_are_no_control_characters() -> None:
    kind = OPERATIONS["AddKeyHolder"]
    for name in ("Ольга Петровна", "José", "王", "👩‍💻", "a\u00a0b"):
        assert decode_request(kind, {"name": name})
