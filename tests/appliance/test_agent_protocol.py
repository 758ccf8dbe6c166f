"""What is said to the agent, and what is refused before anything is done."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.agent import handlers, server
from appliance.agent.answers import NodeStatus
from appliance.agent.codec import Malformed, decode, encode
from appliance.agent.protocol import OPERATIONS, Answer, ReadLog, ReadStatus, Request, SetConfig
from appliance.client import Agent, Failed
from appliance.paths import Paths
from tests.appliance.boxes import ROOT

moments = st.datetimes(timezones=st.just(UTC))
st.register_type_strategy(datetime, moments)
# JSON has no others.
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
plain = st.none() | st.booleans() | st.integers() | st.text()
jsons = st.recursive(plain, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
messages = [*OPERATIONS.values(), *{kind.answer for kind in OPERATIONS.values()}]


@pytest.mark.parametrize("kind", messages, ids=lambda kind: kind.__name__)
@given(data=st.data())
@settings(max_examples=25)
def test_what_is_said_is_what_is_heard(kind: type[Any], data: st.DataObject) -> None:
    said = data.draw(st.from_type(kind))
    heard = decode(kind, json.loads(json.dumps(encode(said))))
    assert heard == said


@pytest.mark.parametrize("kind", [NodeStatus, Request, Answer, SetConfig])
@given(data=jsons)
@settings(max_examples=200)
def test_no_data_whatever_gets_past_its_type(kind: type[Any], data: object) -> None:
    try:
        heard = decode(kind, data)
    except Malformed:
        return
    assert isinstance(heard, kind)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"lines": 5}, "lacks the field 'service'"),
        ({"service": "web", "lines": "5"}, "lines must be int, not str"),
        ({"service": "web", "lines": True}, "lines must be int, not bool"),
        ({"service": "web", "shell": "id"}, "no field 'shell'; it knows service, lines, before"),
        ("web", "must be dict"),
    ],
)
def test_a_mistake_is_named_with_its_place(data: object, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        decode(ReadLog, data)


def test_every_operation_has_its_handler_and_no_handler_is_hidden() -> None:
    assert set(handlers.HANDLERS) == set(OPERATIONS.values())


def test_a_handler_takes_what_its_operation_is() -> None:
    for kind, handler in handlers.HANDLERS.items():
        hints = list(get_type_hints(handler).values())
        assert hints[1] is kind
        assert hints[-1] is kind.answer


def test_the_client_needs_nothing_but_python() -> None:
    program = "import sys, appliance.client; print(*{name.partition('.')[0] for name in sys.modules})"
    # Without site-packages there is nothing else to be imported.
    command = [sys.executable, "-S", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert not {"box", "django", "rich", "cryptography"} & set(done.stdout.split())


def test_who_finds_no_place_hears_why_however_soon_the_agent_hangs_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "MOST_AT_ONCE", 0)
    # A name of pytest's is too long for a socket.
    with tempfile.TemporaryDirectory(prefix="korobka-") as folder:
        paths = Paths(Path(folder))
        (paths.run / "agent").mkdir(parents=True)
        with server.Server(paths, "node-1") as serving:
            threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.1}).start()
            try:
                for _ in range(50):
                    with pytest.raises(Failed, match="try again in a moment"):
                        Agent(serving.path).ask(ReadStatus())
            finally:
                serving.shutdown()
