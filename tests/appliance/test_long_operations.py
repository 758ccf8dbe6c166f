"""Operations that are programs of their own: begun once, resumed, cancelled, taken back, forgotten late."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from appliance import config
from appliance.agent import __main__ as agent
from appliance.agent import backups, handlers, operations
from appliance.agent.answers import Progress
from appliance.agent.applied_config import read_box_toml, write_box_toml
from appliance.agent.journal import Journal
from appliance.agent.operations import TABLE, AlreadyRunning, LongOperation
from appliance.agent.operations.apply import change
from appliance.agent.operations_log import Asker
from appliance.agent.protocol import AddBackupTarget, RotateKeys
from appliance.paths import Paths
from appliance.services.balancer.service import progress_file
from tests.appliance.boxes import wait_until


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
