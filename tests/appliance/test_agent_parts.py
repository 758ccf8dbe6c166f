"""The agent's parts alone: the language on the wire, the journal, the log pages, the record."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_type_hints

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance import config
from appliance.agent import __main__ as agent
from appliance.agent import backups, handlers, operations, operations_log, server
from appliance.agent.answers import NodeStatus, Progress
from appliance.agent.applied_config import read_box_toml, write_box_toml
from appliance.agent.codec import Malformed, decode, encode
from appliance.agent.journal import Journal, Unknown
from appliance.agent.operations import TABLE, AlreadyRunning, LongOperation
from appliance.agent.operations.apply import Plan, added, change, decide
from appliance.agent.operations_log import Asker
from appliance.agent.protocol import (
    OPERATIONS,
    AddBackupTarget,
    AddKeyHolder,
    Answer,
    ExamineRelease,
    ReadLog,
    ReadStatus,
    Request,
    RotateKeys,
    SetConfig,
)
from appliance.client import Agent, Failed
from appliance.node import Machine, Node
from appliance.paths import Paths
from appliance.services import enabled
from appliance.services.balancer.service import progress_file
from appliance.supervise import log_files
from tests.appliance.boxes import ROOT, wait_until

moments = st.datetimes(timezones=st.just(UTC))
st.register_type_strategy(datetime, moments)
# JSON has no others.
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
plain = st.none() | st.booleans() | st.integers() | st.text()
jsons = st.recursive(plain, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
messages = [*OPERATIONS.values(), *{kind.answer for kind in OPERATIONS.values()}]


# The language


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


# The journal


def test_a_journal_tells_its_story(tmp_path: Path) -> None:
    journal = Journal.begin(tmp_path, "restart", {"service": "web"}, by="olga")
    journal.progress("web@1: restarting", 0, 2)
    state = journal.state()
    assert (state.kind, state.asked_by, state.state) == ("restart", "olga", "running")
    assert state.progress == Progress("web@1: restarting", 0, 2)
    journal.end("done", "web is restarted.")
    assert journal.state().state == "done"
    assert journal.state().ended_at
    assert Journal.find(tmp_path, journal.id) == journal
    assert oct(journal.path.stat().st_mode & 0o777) == "0o600"


@given(cut=st.integers(min_value=0), texts=st.lists(st.text(max_size=20), min_size=1, max_size=5))
@settings(max_examples=60)
def test_a_journal_cut_anywhere_by_a_power_cut_is_read_up_to_there_and_goes_on(
    cut: int, texts: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal.begin(Path(folder), "restart", {}, by="olga")
        first = journal.path.stat().st_size
        for text in texts:
            journal.progress(text)
        whole, before = journal.path.read_bytes(), journal.entries()
        journal.path.write_bytes(whole[: first + cut % (len(whole) - first + 1)])
        left = journal.entries()
        assert left == before[: len(left)]
        journal.progress("after")
        assert journal.entries()[:-1] == left
        assert journal.entries()[-1]["text"] == "after"


def test_a_journal_is_looked_for_and_not_opened_by_path(tmp_path: Path) -> None:
    (tmp_path / "operations").mkdir()
    Journal.begin(tmp_path, "restart", {}, by="")
    with pytest.raises(Unknown):
        Journal.find(tmp_path / "operations", f"../{next(tmp_path.glob('*.jsonl')).stem}")


def test_the_lock_passes_to_whoever_inherits_it(tmp_path: Path) -> None:
    journal = Journal.begin(tmp_path, "restart", {}, by="")
    assert not journal.is_performed()
    lock = journal.take()
    assert lock is not None
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[lock])
    os.close(lock)
    assert journal.is_performed()
    assert journal.take(patience=0) is None
    child.communicate(b"\n")
    assert not journal.is_performed()


# Long operations


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path)
    paths.log.mkdir(parents=True)
    return paths


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes `test` a long operation whose program is the given Python text."""

    def define(text: str, when_interrupted: Any = "resume") -> None:
        monkeypatch.setattr(operations, "TABLE", {"test": LongOperation(("-c", text), when_interrupted)})

    return define


ENDS_WELL = """
from appliance.agent.operations import performing
with performing() as journal:
    journal.progress("half", 1, 2)
    journal.end("done", f"attempt {journal.attempts}")
"""
DIES = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
FAILS = """
from appliance.agent.operations import performing
with performing(OSError):
    raise {error}
"""
LASTS = """
import time
from pathlib import Path
from types import SimpleNamespace
from appliance.agent.operations import performing
with performing() as journal:
    while not Path({go_on!r}).exists():
        time.sleep(0.01)
    journal.end("done", "")
"""
TELLS_ARGUMENTS = """
import sys
from appliance.agent.operations import performing
with performing() as journal:
    journal.end("done", repr(sys.argv[1:]))
"""


def test_a_program_reports_and_ends(paths: Paths, program: Any) -> None:
    program(ENDS_WELL)
    journal = operations.begin(paths, "test", {"x": 1}, by="olga")
    assert list(operations.follow(journal)) == [Progress("half", 1, 2)]
    assert journal.state().progress.text == "attempt 1"
    assert journal.arguments == {"x": 1}


def test_an_expected_error_is_told_and_another_leaves_its_traceback(paths: Paths, program: Any) -> None:
    program(FAILS.format(error="OSError('disk gone')"))
    journal = operations.begin(paths, "test", {}, by="olga")
    list(operations.follow(journal))
    assert (journal.state().state, journal.state().progress.text) == ("failed", "disk gone")

    program(FAILS.format(error="KeyError('oops')"))
    journal = operations.begin(paths, "test", {}, by="olga")
    list(operations.follow(journal))
    assert "KeyError" in journal.state().progress.text
    # It is written after the last entry.
    wait_until(lambda: "Traceback" in journal.path.with_suffix(".log").read_text())


def wait_for_death(journal: Journal) -> None:
    for _ in range(200):
        if not journal.is_performed():
            return
        lock = journal.take(patience=0.05)
        if lock is not None:
            os.close(lock)
            return


@pytest.mark.parametrize("longest", [0, 1 << 17])
def test_whether_it_is_over_is_seen_by_its_last_whole_line(tmp_path: Path, longest: int) -> None:
    journal = Journal.begin(tmp_path, "restart", {}, by="olga")
    assert not journal.is_over()
    journal.progress("x" * longest)
    assert not journal.is_over()
    with journal.path.open("a") as file:
        file.write('{"entry": "end", "state": "do')
    assert not journal.is_over(), "torn by a power cut"
    journal.end("done", "x" * longest)
    assert journal.is_over()
    assert journal.state().state == "done"


@pytest.mark.parametrize("longest", [0, 1 << 17])
def test_a_cancel_that_comes_too_late_changes_nothing(
    paths: Paths, program: Any, monkeypatch: pytest.MonkeyPatch, longest: int
) -> None:
    """Whoever cancels looks first, and notes it then."""
    program(ENDS_WELL)
    monkeypatch.setattr(operations, "CANCELLABLE", frozenset({"test"}))
    journal = Journal.begin(paths.operations, "test", {}, by="olga")
    journal.append("cancel", by="boris")
    assert not journal.is_over() and journal.state().state == "running"
    journal.end("done", "x" * longest)
    for _ in range(2):
        operations.cancel(paths, journal, by="boris")
        assert journal.is_over()
        assert (journal.state().state, journal.state().progress.text) == ("done", "x" * longest)
    assert list(operations.follow(journal, patience=60)) == []
    assert operations.recover(paths) == []
    list(operations.follow(operations.begin(paths, "test", {}, by="anna")))


def test_an_interrupted_operation_is_resumed_three_times_and_then_given_up(
    paths: Paths, program: Any
) -> None:
    program(DIES)
    journal = operations.begin(paths, "test", {}, by="olga")
    for attempt in (2, 3):
        wait_for_death(journal)
        assert operations.recover(paths) == [journal]
        assert journal.attempts == attempt
    wait_for_death(journal)
    assert operations.recover(paths) == []
    assert journal.state().state == "failed"
    assert "given up" in journal.state().progress.text


def test_an_operation_that_cannot_be_resumed_is_rolled_back(paths: Paths, program: Any) -> None:
    program(DIES, "roll back")
    journal = operations.begin(paths, "test", {}, by="olga")
    wait_for_death(journal)
    program(TELLS_ARGUMENTS, "roll back")
    operations.recover(paths)
    list(operations.follow(journal))
    assert journal.state().progress.text == "['--roll-back']"


def test_what_is_over_is_not_begun_again(paths: Paths, program: Any) -> None:
    program(ENDS_WELL)
    journal = operations.begin(paths, "test", {}, by="olga")
    list(operations.follow(journal))
    wait_for_death(journal)
    assert operations.recover(paths) == []
    assert journal.attempts == 1


def test_what_is_left_to_the_agent_is_begun_once_and_not_by_who_asks(paths: Paths, program: Any) -> None:
    program(ENDS_WELL)

    def ask(key: str) -> Journal:
        return operations.begin(paths, "test", {"key": key}, by="the cluster", once=key, by_agent=True)

    journal = ask("restart 1")
    assert (journal.attempts, journal.is_performed()) == (0, False)
    # Asked for again, it is the same one; and the agent has begun it by the way (`recover`).
    assert ask("restart 1") == journal
    list(operations.follow(journal))
    assert (journal.attempts, journal.state().state) == (1, "done")
    assert ask("restart 1") == journal and ask("restart 2") != journal


def test_a_change_is_taken_back_by_who_has_made_it(paths: Paths) -> None:
    paths.etc.mkdir(parents=True)
    write_box_toml(paths, "# ours\n[cache]\nmemory_mb = 64\n")
    made = Journal.begin(
        paths.operations, "apply",
        {"values": {"cache.memory_mb": 96}, "from_console": False, "key": "apply 1"}, by="the cluster",
    )  # fmt: skip
    change(paths, made)
    assert "memory_mb = 96" in read_box_toml(paths)
    for key, text in (("apply 2", "memory_mb = 96"), ("apply 1", "memory_mb = 64")):
        undone = {"values": {}, "from_console": False, "takes_back": key, "key": f"take-back of {key}"}
        change(paths, Journal.begin(paths.operations, "apply", undone, by="the cluster"))
        assert text in read_box_toml(paths)
    assert read_box_toml(paths).startswith("# ours")


def test_a_change_that_was_noted_and_not_written_is_written_by_the_next_attempt(paths: Paths) -> None:
    paths.etc.mkdir(parents=True)
    before = "# ours\n[cache]\nmemory_mb = 64\n"
    write_box_toml(paths, before)
    asked = {"values": {"cache.memory_mb": 96}, "from_console": False, "key": "apply 1"}
    made = Journal.begin(paths.operations, "apply", asked, by="anna")
    # Here it was killed.
    made.append("before", text=before)
    change(paths, made)
    assert "memory_mb = 96" in read_box_toml(paths)
    # Written, it is written again: by what somebody has edited meanwhile, and to be taken back as noted.
    write_box_toml(paths, read_box_toml(paths) + "[web]\nthreads = 4\n")
    change(paths, made)
    assert config.parse(read_box_toml(paths)).cache.memory_mb == 96
    assert config.parse(read_box_toml(paths)).web.threads == 4
    assert [one["text"] for one in made.entries() if one["entry"] == "before"] == [before]

    undone = {"values": {}, "from_console": False, "takes_back": "apply 1", "key": "take-back"}
    taken = Journal.begin(paths.operations, "apply", undone, by="anna")
    taken.append("before", text=read_box_toml(paths))
    change(paths, taken)
    assert read_box_toml(paths) == before


def test_two_at_once_are_refused(paths: Paths, program: Any) -> None:
    go_on = paths.prefix / "go on"
    program(LASTS.format(go_on=str(go_on)))
    journal = operations.begin(paths, "test", {}, by="anna")
    with pytest.raises(AlreadyRunning, match="begun by anna"):
        operations.begin(paths, "test", {}, by="boris")
    go_on.touch()
    list(operations.follow(journal))


class Declined(Exception):
    """Nothing was done."""


def test_what_follows_has_its_claims_before_anything_is_done(paths: Paths, program: Any) -> None:
    program(ENDS_WELL)
    with operations.begun_afterwards(paths, "test", by="olga", unless=Declined):
        with pytest.raises(AlreadyRunning, match="begun by olga"):
            operations.begin(paths, "test", {}, by="anna")
        assert operations.recover(paths) == [], "not before the block is over"
    (journal,) = Journal.all(paths.operations)
    list(operations.follow(journal))
    assert (journal.attempts, journal.state().state) == (1, "done")


def test_nobody_takes_up_what_is_just_being_claimed(
    paths: Paths, program: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(ENDS_WELL)
    take, recovering = Journal.take, threading.Thread(target=operations.recover, args=[paths])

    def taking(journal: Journal, **kwargs: float) -> int | None:
        if recovering.ident is None:
            recovering.start()
            recovering.join(0.5)
        return take(journal, **kwargs)

    monkeypatch.setattr(Journal, "take", taking)
    with operations.begun_afterwards(paths, "test", by="olga", unless=Declined):
        recovering.join()
        (journal,) = Journal.all(paths.operations)
        assert journal.attempts == 0
    list(operations.follow(journal))


def test_where_something_runs_nothing_is_done_that_it_would_refuse_then(paths: Paths, program: Any) -> None:
    go_on = paths.prefix / "go on"
    program(LASTS.format(go_on=str(go_on)))
    journal, done = operations.begin(paths, "test", {}, by="anna"), []
    with (
        pytest.raises(AlreadyRunning, match="begun by anna"),
        operations.begun_afterwards(paths, "test", by="olga", unless=Declined),
    ):
        done.append("something")
    assert (done, Journal.all(paths.operations)) == ([], [journal])
    go_on.touch()
    list(operations.follow(journal))


@pytest.mark.parametrize(("error", "follows"), [(Declined, False), (TimeoutError, True)])
def test_where_nothing_was_done_nothing_follows_and_where_nobody_knows_it_does(
    paths: Paths, program: Any, error: type[Exception], follows: bool
) -> None:
    program(ENDS_WELL)
    with pytest.raises(error), operations.begun_afterwards(paths, "test", by="olga", unless=Declined):
        raise error
    begun = operations.recover(paths)
    assert len(begun) == follows
    for journal in begun:
        list(operations.follow(journal))
    list(operations.follow(operations.begin(paths, "test", {}, by="anna")))


@pytest.mark.parametrize(
    "asked", [AddBackupTarget("folder", "/mnt/backup"), RotateKeys("anna")], ids=["first", "rotation"]
)
def test_a_key_that_was_made_arrives_whatever_else_begins_and_does_not(
    paths: Paths, program: Any, monkeypatch: pytest.MonkeyPatch, asked: Any
) -> None:
    program(ENDS_WELL)
    monkeypatch.setattr(operations, "TABLE", dict.fromkeys(("set_up", "workers"), operations.TABLE["test"]))
    root, start = Asker("root", "root", 0, 1), operations._start

    def answer(*_: object) -> object:
        with pytest.raises(AlreadyRunning):
            operations.begin(paths, "workers", {}, by="agent")
        # From here on nothing can be written, until it is mended.
        monkeypatch.setattr(operations, "_start", lambda *_: os.write(-1, b""))
        return {"holder": "anna", "key": "AAAAA-BBBBB", "target": "disk"}

    monkeypatch.setattr(backups, "_answer", answer)
    assert handlers.perform(paths, asked, root, lambda _: None).key == "AAAAA-BBBBB"
    monkeypatch.setattr(operations, "_start", start)
    (journal,) = operations.recover(paths)
    list(operations.follow(journal))
    assert (journal.kind, journal.state().asked_by, journal.state().state) == ("set_up", "root", "done")


def test_of_what_keeps_nobody_waiting_some_run_at_once_and_no_more(
    paths: Paths, program: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is a process of root's, and the portal may ask for any number."""
    monkeypatch.setattr(operations, "MOST_HIDDEN", 2)
    go_on = paths.prefix / "go on"
    program(LASTS.format(go_on=str(go_on)))
    lasting = replace(operations.TABLE["test"], claims=frozenset())
    monkeypatch.setattr(operations, "TABLE", {"put-own-back": lasting})

    def begin() -> Journal:
        return operations.begin(paths, "put-own-back", {"is_own": True, "reader": "anna"}, by="the portal")

    begun = [begin(), begin()]
    with pytest.raises(AlreadyRunning, match="try again in a minute") as refused:
        begin()
    assert "anna" not in str(refused.value)
    go_on.touch()
    for journal in begun:
        list(operations.follow(journal))
    list(operations.follow(begin()))


def test_old_journals_go(paths: Paths, program: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "KEPT", 2)
    program(ENDS_WELL)
    for _ in range(4):
        list(operations.follow(operations.begin(paths, "test", {}, by="")))
    assert len(operations.list_states(paths, 10)) == 3
    assert len(list(paths.operations.glob("*.log"))) == 3


def test_what_lasts_is_not_forgotten_however_much_has_begun_since(
    paths: Paths, program: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "KEPT", 2)
    go_on = paths.prefix / "go on"
    program(LASTS.format(go_on=str(go_on)))
    lasting = replace(operations.TABLE["test"], claims=frozenset({"backup"}))
    program(ENDS_WELL)
    monkeypatch.setattr(operations, "TABLE", {**operations.TABLE, "verify": lasting})
    verify = operations.begin(paths, "verify", {}, by="anna")
    for _ in range(4):
        list(operations.follow(operations.begin(paths, "test", {}, by="")))
    assert (verify.kind, verify.state().state) == ("verify", "running")
    go_on.touch()
    list(operations.follow(verify))
    list(operations.follow(operations.begin(paths, "test", {}, by="")))
    assert verify not in Journal.all(paths.operations)


def test_a_journal_that_was_forgotten_is_not_made_anew(tmp_path: Path) -> None:
    journal = Journal.begin(tmp_path, "restart", {}, by="olga")
    journal.path.unlink()
    with pytest.raises(FileNotFoundError):
        journal.end("done", "")
    assert Journal.all(tmp_path) == []


@pytest.mark.parametrize(("kind", "kept"), [("upgrade", 4), ("restart", 3)])
def test_what_is_begun_a_single_time_is_known_for_as_long_as_it_may_be_asked_for(
    paths: Paths, program: Any, monkeypatch: pytest.MonkeyPatch, kind: str, kept: int
) -> None:
    """Whoever asks for restarts pushes nothing else out, and could begin it again."""
    monkeypatch.setattr(operations, "KEPT", 2)
    program(ENDS_WELL)
    monkeypatch.setattr(operations, "TABLE", {**operations.TABLE, kind: operations.TABLE["test"]})
    once = operations.begin(paths, kind, {"key": "upgrade 1"}, by="the cluster", once="upgrade 1")
    list(operations.follow(once))
    for _ in range(3):
        list(operations.follow(operations.begin(paths, "test", {}, by="")))
    assert len(Journal.all(paths.operations)) == kept
    if kind == "upgrade":
        assert operations.begin(paths, kind, {"key": "upgrade 1"}, by="", once="upgrade 1").id == once.id
        monkeypatch.setattr(operations, "REMEMBERED", timedelta(0))
        list(operations.follow(operations.begin(paths, "test", {}, by="")))
        assert len(Journal.all(paths.operations)) == 3


def test_searches_that_the_portal_begins_once_fill_no_disk(
    paths: Paths, program: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each under a key of its own, each with as much text as a request may have."""
    monkeypatch.setattr(operations, "KEPT", 2)
    program(ENDS_WELL)
    monkeypatch.setattr(operations, "TABLE", {**operations.TABLE, "find": operations.TABLE["test"]})
    for key in ("1", "2", "3", "4", "5"):
        asked = {"key": key, "text": "x" * 1000, "is_own": True}
        list(operations.follow(operations.begin(paths, "find", asked, by="the portal", once=key)))
    assert len(Journal.all(paths.operations)) == 3


def test_what_may_end_anywhere_is_cancelled_with_all_that_it_has_started(
    paths: Paths, program: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "CANCELLABLE", frozenset({"test"}))
    asleep = ["sleep", f"98765.{os.getpid()}"]
    program(f"import subprocess; subprocess.run({asleep})")

    def is_asleep() -> bool:
        return any(one.info["cmdline"] == asleep for one in psutil.process_iter(["cmdline"]))

    journal = operations.begin(paths, "test", {}, by="anna")
    wait_until(is_asleep)
    operations.cancel(paths, journal, by="boris")
    state = journal.state()
    assert (state.state, state.progress.text) == ("failed", "Cancelled by boris.")
    assert not is_asleep()
    assert operations.recover(paths) == []


def test_what_has_to_come_to_its_end_is_not_cancelled(paths: Paths, program: Any) -> None:
    go_on = paths.prefix / "go on"
    program(LASTS.format(go_on=str(go_on)))
    journal = operations.begin(paths, "test", {}, by="anna")
    with pytest.raises(operations.NotCancellable, match="wait until it is over"):
        operations.cancel(paths, journal, by="boris")
    go_on.touch()
    list(operations.follow(journal))
    assert journal.state().state == "done"


def test_the_balancer_hears_how_far_a_restore_is_and_of_nothing_else(paths: Paths) -> None:
    file = progress_file(paths)
    file.parent.mkdir(parents=True)
    restart = Journal.begin(paths.operations, "restart", {}, by="anna")
    restart.progress("web@1", 0, 2)
    agent.tell_balancer(paths)
    assert not file.exists()
    restart.end("done", "")
    restore = Journal.begin(paths.operations, "restore", {}, by="anna")
    restore.progress("Files: 300 MiB of 1.2 GiB", 300, 1200)
    agent.tell_balancer(paths)
    assert file.read_text() == "300\n1200\nFiles: 300 MiB of 1.2 GiB\n"
    restore.end("done", "")
    agent.tell_balancer(paths)
    assert not file.exists()


def reads(monkeypatch: pytest.MonkeyPatch) -> list[Journal]:
    """Journals that are read whole from now on."""
    found: list[Journal] = []
    entries = Journal.entries

    def reading(journal: Journal) -> list[dict[str, Any]]:
        found.append(journal)
        return entries(journal)

    monkeypatch.setattr(Journal, "entries", reading)
    return found


def test_of_many_journals_those_alone_are_read_that_are_told_of(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once a second that is asked, for ever."""
    for kind in ("restart", "backup", "put-own-back", "find"):
        for _ in range(3):
            Journal.begin(paths.operations, kind, {}, by="anna").end("done", "")
    read = reads(monkeypatch)
    assert [state.kind for state in operations.list_states(paths, limit=4)] == ["find"] * 3 + ["backup"]
    assert len({*read}) == 4


def test_who_follows_reads_again_what_has_grown_and_nothing_else(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal.begin(paths.operations, "backup", {}, by="anna")
    read = reads(monkeypatch)
    told = operations.follow(journal, patience=60)
    journal.progress("half", 1, 2)
    assert next(told) == Progress("half", 1, 2)
    ending = threading.Timer(1.0, journal.end, ["done", ""])
    ending.start()
    assert list(told) == []
    ending.join()
    assert len(read) == 2


def test_no_word_of_a_caller_becomes_an_argument() -> None:
    for operation in TABLE.values():
        assert operation.arguments[0] == "-m"
        assert not any("{" in argument for argument in operation.arguments)


# Changes of the configuration


def plan_of(workers: int, *, files: set[str], units: set[str], wanted: set[str] | None = None) -> Plan:
    box = config.parse(f"[node]\nweb_workers = {workers}\n")
    node = Node(Paths(Path("/nowhere")), box, config.new_secrets(), Machine(memory_mb=4096, cores=2))
    everybody = {service.name for service in enabled(node)}
    return decide(node, wanted=everybody if wanted is None else wanted, files=files, units=units)


def test_a_service_that_is_switched_on_is_wanted_and_one_that_was_there_is_not() -> None:
    off, on = (
        Node(
            Paths(Path("/nowhere")),
            config.parse(f"[telephony]\nenabled = {value}\n"),
            config.new_secrets(),
            Machine(memory_mb=4096, cores=2),
        )
        for value in ("false", "true")
    )
    assert added(on, off) == {"telephony"}
    assert added(on, on) == added(off, on) == added(on, None) == set()


def test_nothing_changed_concerns_nobody() -> None:
    plan = plan_of(2, files=set(), units=set())
    assert plan == Plan((), (), ())
    assert str(plan) == "Nothing to do: it is in force already."


def test_new_files_are_reloaded_and_new_units_restarted() -> None:
    plan = plan_of(2, files={"balancer", "cache"}, units={"cache"})
    assert plan == Plan(restarted=("cache",), reloaded=("balancer",), leaving=())


def test_the_portals_file_concerns_also_the_workers_whose_unit_stays() -> None:
    plan = plan_of(2, files={"web", "push", "jobs"}, units={"web@2", "jobs"})
    assert plan == Plan(restarted=("web@2", "jobs"), reloaded=("web", "push"), leaving=())


def test_one_more_worker_leaves_the_others_alone() -> None:
    assert plan_of(3, files={"balancer"}, units={"web@3"}) == Plan(("web@3",), ("balancer",), ())


def test_a_worker_less_is_nobody_to_restart() -> None:
    plan = plan_of(2, files={"balancer"}, units={"web@3"})
    assert plan == Plan((), ("balancer",), ("web@3",))
    assert str(plan) == "In force: balancer, web@3 left."


def test_who_does_not_run_is_not_woken() -> None:
    assert plan_of(2, files={"web", "push", "jobs"}, units={"web@1"}, wanted={"push"}) == Plan(
        (), ("push",), ()
    )


# Logs


@given(
    files=st.lists(st.lists(st.text(alphabet="aяё\t{}%", max_size=300), max_size=40), min_size=1, max_size=3),
    size=st.integers(min_value=1, max_value=30),
)
@settings(max_examples=60)
def test_pages_hold_every_line_once_and_in_order(files: list[list[str]], size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.log" for number in range(len(files))]
        for number, (path, lines) in enumerate(zip(paths, files, strict=True)):
            stamped = [f"2026-11-24 12:00:{i:02d}.{number} {line}" for i, line in enumerate(lines)]
            path.write_text("".join(f"{line}\n" for line in stamped), encoding="utf-8")
        every = sorted(line for path in paths for line in path.read_text(encoding="utf-8").splitlines())
        found: list[str] = []
        cursor = ""
        while True:
            taken, cursor = log_files.page(paths, lines=size, before=cursor)
            assert len(taken) <= size
            found = [*taken, *found]
            if not cursor:
                break
        assert found == every


def test_a_traceback_stays_behind_its_line_and_long_files_are_read_from_the_end(tmp_path: Path) -> None:
    one, two = tmp_path / "web@1.log", tmp_path / "web@2.log"
    one.write_text("x" * 200_000 + "\n2026-11-24 12:00:01 error\nTraceback\n  KeyError\n")
    two.write_text("2026-11-24 12:00:02 fine\n2026-11-24 12:00:00 the clock was set back\n")
    lines, older = log_files.page([one, two, tmp_path / "absent.log"], lines=5)
    assert lines == (
        "2026-11-24 12:00:01 error",
        "Traceback",
        "  KeyError",
        "2026-11-24 12:00:02 fine",
        "2026-11-24 12:00:00 the clock was set back",
    )
    assert older


def test_a_foreign_cursor_is_no_way_in(tmp_path: Path) -> None:
    file = tmp_path / "cache.log"
    file.write_text("one\ntwo\n")
    for cursor in ("-1", "999999999", "x", "1,2,3", "²"):
        assert log_files.page([file], lines=1, before=cursor)[0] == ("two",)


# The record


def test_the_record_is_bounded(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations_log, "MAX_BYTES", 300)
    asker = Asker(by="olga", acting="console", uid=7, pid=8)
    for _ in range(11):
        operations_log.note(paths, asker, SetConfig({"web.threads": 4}))
    sizes = [file.stat().st_size for file in paths.log.glob("operations.log*")]
    assert len(sizes) == 2
    assert max(sizes) < 600
    line = json.loads((paths.log / "operations.log.1").read_text().splitlines()[0])
    assert line["operation"] == "SetConfig"
    assert line["arguments"] == {"values": {"web.threads": 4}}
    assert (line["by"], line["acting"], line["uid"]) == ("olga", "console", 7)


def test_what_was_proven_is_not_pushed_out_by_whatever_else_the_portal_asks(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations_log, "MAX_BYTES", 20_000)
    portal, root = (Asker(by="olga", acting=acting, uid=7, pid=8) for acting in ("console", "root"))
    operations_log.note(paths, portal, AddKeyHolder("eve"))
    operations_log.note(paths, portal, "wrong proof to hand out a recovery key to 'eve'")
    operations_log.note(paths, root, SetConfig({"web.threads": 4}))
    operations_log.note(paths, root, "backup code")
    for _ in range(60):
        operations_log.note(paths, portal, ExamineRelease("x" * 255_000))
    texts = {file.name: file.read_text() for file in paths.log.iterdir()}
    assert {*texts} == {"operations.log", "operations.log.1", "proven.log"}
    assert "eve" not in texts["operations.log"] + texts["operations.log.1"]
    lines = [json.loads(line) for line in texts["proven.log"].splitlines()]
    assert [(line["operation"], line["acting"]) for line in lines] == [
        ("AddKeyHolder", "console"),
        ("wrong proof to hand out a recovery key to 'eve'", "console"),
        ("SetConfig", "root"),
        ("backup code", "root"),
    ]
    for _ in range(200):
        operations_log.note(paths, root, "backup code")
    assert (paths.log / "proven.log.1").stat().st_size < 21_000


@pytest.mark.parametrize(("length", "kept"), [(1000, "x" * 1000), (1001, "x" * 1000 + "…")])
def test_of_what_was_said_the_beginning_is_noted(paths: Paths, length: int, kept: str) -> None:
    long = "x" * length
    asker = Asker(by=long, acting="console", uid=7, pid=8)
    operations_log.note(paths, asker, long)
    operations_log.note(paths, asker, ExamineRelease(long))
    operations_log.note(paths, asker, SetConfig({f"{number}": long for number in range(200)}))
    said, asked, values = map(json.loads, (paths.log / "operations.log").read_text().splitlines())
    assert (said["by"], said["operation"], asked["arguments"]) == (kept, kept, {"archive": kept})
    assert len(values["arguments"]["values"]) == 1001
    assert operations_log.page(paths, cursor="", lines=5).lines[2].operation == "SetConfig"


def test_the_record_is_read_in_pages_each_line_once_and_over_the_rotation(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    asker = Asker(by="", acting="root", uid=7, pid=8)
    for number in range(7):
        # After the fourth the file is full: there are four lines in the older one and three in the newer.
        monkeypatch.setattr(operations_log, "MAX_BYTES", 1 if number == 3 else 1 << 20)
        operations_log.note(paths, asker, f"{number}")
    with (paths.log / "operations.log").open("a") as file:
        file.write("torn\n{}\n")
    pages, cursor = [], ""
    for _page in range(4):
        page = operations_log.page(paths, cursor=cursor, lines=3)
        pages.append([line.operation for line in page.lines])
        cursor = page.cursor
    assert pages == [["0", "1", "2"], ["3", "4", "5"], ["6"], []]
    operations_log.note(paths, asker, SetConfig({"web.threads": 4}))
    (line,) = operations_log.page(paths, cursor=cursor, lines=3).lines
    assert (line.by, line.operation) == ("uid 7 (root)", "SetConfig")
    assert json.loads(line.arguments) == {"values": {"web.threads": 4}}
    assert str(asker) == "uid 7"
    assert str(Asker(by="olga", acting="root", uid=7, pid=8)) == "olga"
    for unknown in ("", "x:y", "x:0", "1:0", f"{cursor.partition(':')[0]}:x", cursor.partition(":")[0]):
        assert operations_log.page(paths, cursor=unknown, lines=1).lines[0].operation == "0", unknown


def test_the_record_is_for_its_group_and_says_what_was_asked_as_it_was_written(paths: Paths) -> None:
    asker = Asker(by="olga", acting="console", uid=7, pid=8)
    opened = psutil.Process().num_fds()
    operations_log.note(paths, asker, SetConfig({"mail.from": "Ромашка"}))
    operations_log.note(paths, asker, "reload")
    assert psutil.Process().num_fds() == opened
    assert (paths.log / "operations.log").stat().st_mode & 0o777 == 0o640
    first, again = (operations_log.page(paths, cursor="", lines=5) for _twice in range(2))
    asked, plain = first.lines
    assert ("Ромашка" in asked.arguments, plain.arguments) == (True, "")
    # Whoever reads a line twice knows it again.
    assert first == again
    assert asked.key != plain.key


def test_a_record_of_just_so_many_bytes_is_not_put_aside(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    asker = Asker(by="olga", acting="console", uid=7, pid=8)
    monkeypatch.setattr(
        operations_log, "datetime", SimpleNamespace(now=lambda _zone: datetime(2026, 3, 2, tzinfo=UTC))
    )
    operations_log.note(paths, asker, "first")
    size = (paths.log / "operations.log").stat().st_size
    monkeypatch.setattr(operations_log, "MAX_BYTES", 2 * size)
    operations_log.note(paths, asker, "again")
    assert not (paths.log / "operations.log.1").exists()
    operations_log.note(paths, asker, "third")
    assert (paths.log / "operations.log.1").stat().st_size == 3 * size
    assert not (paths.log / "operations.log").exists()


def test_a_line_that_is_still_being_written_waits(paths: Paths) -> None:
    operations_log.note(paths, Asker(by="olga", acting="console", uid=7, pid=8), "first")
    whole = (paths.log / "operations.log").read_text()
    with (paths.log / "operations.log").open("a") as file:
        file.write(whole[:20])
    page = operations_log.page(paths, cursor="", lines=5)
    assert [line.operation for line in page.lines] == ["first"]
    with (paths.log / "operations.log").open("a") as file:
        file.write(whole[20:])
    assert [line.operation for line in operations_log.page(paths, cursor=page.cursor, lines=5).lines] == [
        "first"
    ]


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
