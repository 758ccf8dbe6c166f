"""kill -9 at every stage of every operation: of who performs it, of the agent, and of who answers a question.

An operation notes each of its stages before it does them, so its journal is watched, and the kill comes when
a stage is noted at which none has come yet. What is asked at once has no journal: its stages are the programs
that it runs, and it is killed when it has started one, which goes on or ends as it likes. There are many of
them: `step` says at which of them, the first always among them.

So it is with KOROBKA_THOROUGH=1. An everyday run kills each at one stage or program by chance, and with its
KOROBKA_SEED again at the same ones. That the next backup works, and a look at all there is, then come once at
the end, and not after each.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from appliance.agent import operations, search_results
from appliance.agent.codec import encode
from appliance.agent.journal import Journal
from appliance.agent.operations import ATTEMPTS, RELEASE
from appliance.agent.protocol import (
    AddBackupTarget,
    AddKeyHolder,
    ConfirmRecoveryKey,
    ListOperations,
    Operation,
    RemoveKeyHolder,
    RotateKeys,
)
from appliance.services.database.names import cluster
from appliance.supervise import supervisor_for
from backup import download_file, pgbackrest, serve, sets, settings, setup
from backup.keys import CONFIRMED, KeyRing, RecoveryKey
from backup.ledger import ledger_of
from backup.pack_format import FEWEST, SMALL
from backup.rclone import KEY_RINGS, Vault
from tests.appliance.boxes import agent_of, query, wait_until
from tests.backup.conftest import Kept
from tests.backup.operating import back_up, ended, hand_over, perform, performers
from tests.randomness import chosen, is_thorough

_MINUTES = 900.0
_NEVER = 10_000  # it has not so many programs


@pytest.fixture(scope="module")
def keeping(kept: Kept) -> Iterator[Kept]:
    """Nothing is thinned out here: what is gone afterwards was lost."""
    settings.save(kept.node.paths, replace(kept.settings, keep_last=99))
    kept.add_person("anna")
    kept.forget_files()
    kept.add_private_file("anna")
    back_up(kept, "full")
    before = good(kept)
    yield kept
    supervisor_for(kept.node).stop("agent", "backup")
    the_next_operations_work(kept, before)


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="korobka-file-") as path:
        yield Path(path)


# --- operations


@dataclass(frozen=True)
class Story:
    """What is asked for, and what is so when it is done."""

    kind: str
    arguments: Callable[[Kept], dict[str, Any]]
    stages: int
    """About how many it notes: chance chooses among so many, and once more where it has fewer."""
    check: Callable[[Kept, str], None] = lambda _, __: None
    most_kills: int = _NEVER
    """Of one of them: a restore takes itself back where it would be given up the next time."""


def newest(kept: Kept) -> str:
    return sets.known(kept.node, kept.target)[-1].label


def a_backup(kind: str) -> Callable[[Kept], dict[str, Any]]:
    def arguments(kept: Kept) -> dict[str, Any]:
        # As many as go into a pack, and one that does not.
        kept.add_blobs(FEWEST)
        kept.add_blobs(1, size=SMALL)
        return {"kind": kind, "targets": ["disk"]}

    return arguments


def a_restore(kept: Kept) -> dict[str, Any]:
    kept.noted = kept.keys()
    label = back_up(kept).label
    kept.add_blobs(1)
    return {"target": "disk", "set": label, "moment": "", "is_set_alone": True, "with_safety": True}


def what_was_found(kept: Kept) -> dict[str, Any]:
    kept.noted = {query(kept.node, "select name, blob_id from files_file")}
    state = perform(kept, "find", kind="files.file", text="plan", reader="anna")
    kept.forget_files()
    return {"id": state.id, "number": 1, "reader": "anna"}


def what_anna_found(kept: Kept) -> dict[str, Any]:
    return {**what_was_found(kept), "is_own": True}


def a_set_up(kept: Kept) -> dict[str, Any]:
    """It starts the service: nothing is due that the service would begin."""
    with ledger_of(kept.node, kept.target) as ledger:
        ledger.write(wanted="")
    return {}


def is_as_noted(kept: Kept, _: str) -> None:
    assert kept.keys() == kept.noted


def is_there_once(kept: Kept, _: str) -> None:
    assert {query(kept.node, "select name, blob_id from files_file")} == kept.noted


def is_found(kept: Kept, identifier: str) -> None:
    (thing,) = search_results.read(kept.node.paths, identifier, "anna").things
    assert thing.title == "plan.txt"


_LOOKING = {"kind": "files.file", "text": "plan", "reader": "anna"}
STORIES = {
    "backup": (Story("backup", a_backup("full"), 5), Story("backup", a_backup("incr"), 5)),
    "verify": (Story("verify", lambda _: {"target": "disk", "all": True}, 5),),
    "find": (
        Story("find", lambda _: _LOOKING, 4, is_found),
        Story("find", lambda _: {**_LOOKING, "is_own": True}, 4, is_found),
    ),
    "put-back": (
        Story("put-back", what_was_found, 2, is_there_once),
        Story("put-own-back", what_anna_found, 2, is_there_once),
    ),
    "restore": (Story("restore", a_restore, 17, is_as_noted, ATTEMPTS - 2),),
    "set_up": (Story("set_up", a_set_up, 3),),
}
"""Everyday one of those that stand beside each other, by chance."""


@pytest.mark.parametrize("name", STORIES)
def test_killed_at_its_stages_an_operation_ends_well_and_leaves_nothing(
    keeping: Kept, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Elsewhere it is given up the third time: here it is killed once more for each of its stages.
    monkeypatch.setattr(operations, "ATTEMPTS", 99)
    for story in chosen(f"kills {name}", STORIES[name]):
        before = good(keeping)
        journal = kill_at_its_stages(keeping, story)
        story.check(keeping, journal.id)
        nothing_is_lost(keeping, before)


def test_killed_at_its_stages_a_download_ends_with_one_whole_file(
    keeping: Kept, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "ATTEMPTS", 99)
    before, (identity, recipient) = good(keeping), download_file.new_key()
    file = folder / "set.age"
    arguments = {"file": str(file), "recipient": recipient}
    story = Story("download", lambda kept: {"target": "disk", "set": newest(kept), **arguments}, 5)
    kill_at_its_stages(keeping, story)
    (folder / "key.txt").write_text(identity)
    opened = subprocess.run(
        ["age", "--decrypt", "--identity", folder / "key.txt", file], check=True, capture_output=True
    )
    assert b"SHA256SUMS" in opened.stdout
    assert sorted(path.name for path in folder.iterdir()) == ["key.txt", "set.age"]
    nothing_is_lost(keeping, before)


def test_the_agent_killed_at_each_stage_of_an_operation_disturbs_none(keeping: Kept) -> None:
    """Who performs it goes on; the agent comes back by itself, and says what became of it."""
    supervisor = supervisor_for(keeping.node)
    supervisor.start("agent")
    before = good(keeping)
    # The others are begun, followed and ended in the same way, and take longer.
    names = ["backup", "verify", "put-back", "set_up", "restore"]
    for name in chosen("kills agent", names):
        story = STORIES[name][-1]
        journal = begun(keeping, story)
        seen: set[str] = set()
        while journal.state().state == "running":
            if new := [stage for stage in stages(journal, 1) if stage not in seen]:
                seen.update(new)
                (status,) = supervisor.status("agent", with_health=False)
                if status.pid:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(status.pid, signal.SIGKILL)
            time.sleep(0.01)
        assert (journal.state().state, journal.attempts) == ("done", 1), journal.state().progress.text
        story.check(keeping, journal.id)
        supervisor.stop("backup")
    wait_until(lambda: supervisor.status("agent")[0].is_healthy)
    agent = agent_of(keeping.node)
    told = {state.id: state.state for state in agent.ask(ListOperations(5)).operations}
    assert set(told.values()) == {"done"}
    supervisor.stop("agent")
    nothing_is_lost(keeping, before)


def begun(kept: Kept, story: Story) -> Journal:
    return operations.begin(kept.node.paths, story.kind, story.arguments(kept), by="a test")


def kill_at_its_stages(kept: Kept, story: Story) -> Journal:
    return kill_at_each(kept, story) if is_thorough() else kill_at_one(kept, story)


def kill_at_each(kept: Kept, story: Story) -> Journal:
    """Each attempt is killed at the first stage at which none was, until one comes to its end; where no more
    than a few may be, in several operations."""
    killed = list[str]()
    while True:
        journal, before = begun(kept, story), len(killed)
        while journal.state().state == "running" and len(killed) - before < story.most_kills:
            stage = kill_when(kept, journal, partial(first_new, journal, len(killed) - before + 1, killed))
            killed += [stage] if stage else []
        came_to_its_end(kept, journal, len(killed) - before)
        if len(killed) - before < story.most_kills:
            assert killed
            return journal
        story.check(kept, journal.id)


def came_to_its_end(kept: Kept, journal: Journal, kills: int) -> None:
    state = ended(kept, journal)
    assert state.state == "done", state.progress.text
    assert kills == journal.attempts - 1


def kill_at_one(kept: Kept, story: Story) -> Journal:
    """The first attempt is killed at a stage by chance, and the second comes to its end."""
    number = story.stages
    while True:
        (number,) = chosen(f"stage of {story.kind}", range(1, number + 1))
        journal = begun(kept, story)
        if kill_when(kept, journal, partial(nth_stage, journal, number)):
            came_to_its_end(kept, journal, 1)
            return journal
        # It has fewer, or was over before the kill: once more, at an earlier one.
        number = max(1, number - 1)


def kill_when(kept: Kept, journal: Journal, is_there: Callable[[], str | None]) -> str | None:
    """Who performs it, once there is this stage; None if it came to its end before. Another takes it up."""
    there = performers(journal)
    deadline = time.monotonic() + _MINUTES
    while (stage := is_there()) is None and journal.is_performed():
        assert time.monotonic() < deadline, journal.state().progress.text
        time.sleep(0.001)
    for process in there or performers(journal):
        # It may have come to its end in this very moment.
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    wait_until(lambda: not journal.is_performed())
    if journal.state().state != "running":
        return None
    operations.recover(kept.node.paths)
    wait_until(lambda: performers(journal) or journal.state().state != "running")
    return stage


def nth_stage(journal: Journal, number: int) -> str | None:
    names = stages(journal, 1)
    return names[number - 1] if len(names) >= number else None


def first_new(journal: Journal, attempt: int, killed: list[str]) -> str | None:
    return next((stage for stage in stages(journal, attempt) if stage not in killed), None)


def stages(journal: Journal, attempt: int) -> list[str]:
    """What an attempt has noted, without its figures, each once."""
    entries = journal.entries()
    begins = [at for at, entry in enumerate(entries) if entry["entry"] == "attempt"]
    if len(begins) < attempt:
        return []
    names = [
        str(entry.get("text", "")) if entry["entry"] == "progress" else entry["entry"]
        for entry in entries[begins[attempt - 1] :]
    ]
    shown = [re.sub(r"\d.*", "", name).strip() or name for name in names]
    # Engines that wait are waited for: no stage of ours.
    of_ours = [name for name in shown if name != "end" and not name.startswith("Nothing has been heard")]
    return list(dict.fromkeys(of_ours))


# --- what is asked at once


def always(asked: Operation[Any], _: int) -> Operation[Any]:
    return asked


# It kills itself, since whoever looks from outside sees a short-lived program or does not.
ANSWERS = """
import os, runpy, signal, subprocess, sys
left, start = int(sys.argv[1]), subprocess.Popen._execute_child
def started(self, *args, **kwargs):
    global left
    start(self, *args, **kwargs)
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
subprocess.Popen._execute_child = started
runpy.run_module("backup.answers", run_name="__main__", alter_sys=True)
"""


def ask_and_kill(kept: Kept, asked: Operation[Any], number: int) -> dict[str, Any] | None:
    """Kill who answers when its program of this number has started, counted from 1; None: no answer came."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", ANSWERS, str(number)],
        env={**os.environ, "KOROBKA_PREFIX": str(kept.node.paths.prefix), "PYTHONPATH": str(RELEASE)},
        cwd="/",
        input=json.dumps({"question": type(asked).__name__, "arguments": encode(asked)}),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    wait_until(lambda: left_running(kept) == [])
    assert done.returncode in (0, -signal.SIGKILL)
    return json.loads(done.stdout) if done.returncode == 0 else None


def kill_at_its_programs(
    kept: Kept, ask: Callable[[int], Operation[Any]], check: Callable[[], None], *, step: int = 1, most: int
) -> dict[str, Any]:
    """Asked again and again, killed `step` programs later each time, until it is answered; or killed at one
    of its first `most` programs by chance, and asked once more."""
    numbers = list(range(1, 100, step))
    if not is_thorough():
        numbers = [*chosen(f"program of {type(ask(1)).__name__}", range(1, most + 1)), _NEVER]
    for number in numbers:
        said = ask_and_kill(kept, ask(number), number)
        if said is not None:
            # With one attempt alone, nobody would have been killed.
            assert number > 1
            return said
        check()
    raise AssertionError("it never came to an answer")


def test_killed_at_its_programs_who_changes_keys_changes_all_or_nothing(keeping: Kept) -> None:
    before, first = good(keeping), keeping.settings

    def both_open() -> None:
        """The key on paper opens the repository, whatever else does; the settings can be read."""
        for name in KEY_RINGS:
            ring = KeyRing.parse((keeping.repository / name).read_text())
            assert ring.open(keeping.key) == first.master == keeping.settings.master
        assert {one.id for one in keeping.settings.ring.holders} == {
            one.id for one in keeping.settings.holders
        }

    said = kill_at_its_programs(
        keeping, lambda number: AddKeyHolder(f"boris {number}"), both_open, step=4, most=6
    )
    name, key = said["answer"]["holder"], RecoveryKey.parse(said["answer"]["key"])
    assert KeyRing.parse((keeping.repository / "keyring.json").read_text()).open(key) == first.master
    typed = tuple(keeping.key.groups[number - 1] for number in CONFIRMED)
    confirm = ConfirmRecoveryKey(first.holders[0].name, typed)
    # It starts no program that it could be killed at.
    assert "answer" in (ask_and_kill(keeping, confirm, _NEVER) or {})
    for one in keeping.settings.holders[1:]:
        # A key that was killed away before its answer came was shown to nobody, and goes like any other.
        remove = RemoveKeyHolder(one.name)
        kill_at_its_programs(keeping, partial(always, remove), both_open, step=4, most=6)
    assert name not in {one.name for one in keeping.settings.holders}
    nothing_is_lost(keeping, before)


def test_killed_at_its_programs_a_new_target_is_one_or_is_none(keeping: Kept, folder: Path) -> None:
    before, first = good(keeping), keeping.settings
    folder.chmod(0o755)

    def archives_where_it_is_said() -> None:
        """What the service does every half a minute."""
        serve.renew_config(keeping.node)
        named = set(re.findall(r"^repo(\d+)-path", pgbackrest.config_file(keeping.node).read_text(), re.M))
        assert named == {str(one.number) for one in keeping.settings.targets}
        if len(keeping.settings.targets) > len(first.targets):
            setup.remove_target(keeping.node, keeping.settings, folder.name, lambda _: None)
            # As it was before, but for what lies there: that is tried again.
        assert keeping.settings.targets == first.targets

    ask = AddBackupTarget("folder", str(folder))
    assert "answer" in kill_at_its_programs(keeping, lambda _: ask, archives_where_it_is_said, step=2, most=6)
    setup.enforce(keeping.node, lambda _: None)
    assert perform(keeping, "backup", kind="full", targets=[folder.name]).state == "done"
    assert not (folder / "korobka/probe").exists()
    number = keeping.settings.target(folder.name).number
    setup.remove_target(keeping.node, keeping.settings, folder.name, lambda _: None)
    # The files that are noted as copied there are missed in no other repository.
    assert setup.next_number(keeping.node, keeping.settings) > number
    nothing_is_lost(keeping, before)


def test_killed_at_its_programs_a_new_key_for_everything_leaves_one_that_opens(rotated: Kept) -> None:
    back_up(rotated, "full")
    before, first = good(rotated), rotated.settings

    there = rotated.repository / "keyring.json"

    def can_be_opened() -> None:
        """What there was, by the key on paper; also where the new one is in force and its answer is lost."""
        serve.renew_config(rotated.node)
        assert KeyRing.parse(there.read_text()).open(rotated.key) == first.master
        if rotated.settings.master == first.master:
            assert rotated.settings == first
        else:
            assert not any(one.is_confirmed for one in rotated.settings.holders)

    said = kill_at_its_programs(rotated, lambda _: RotateKeys("anna"), can_be_opened, step=5, most=6)
    key = RecoveryKey.parse(said["answer"]["key"])
    setup.enforce(rotated.node, lambda _: None)
    assert rotated.settings.master != first.master
    (old,) = (one for one in rotated.settings.closed if one.number == first.targets[0].number)
    assert {one.label for one in sets.known(rotated.node, old) if not one.problem} >= before
    assert perform(rotated, "verify", target=old.name).state == "done"
    assert back_up(rotated).kind == "full"
    rotated.settle_down(key)
    nothing_is_lost(rotated, set())


# --- what is so afterwards


def good(kept: Kept) -> set[str]:
    return {one.label for one in sets.known(kept.node, kept.target) if not one.problem}


def nothing_is_lost(kept: Kept, before: set[str]) -> None:
    """Good sets are there and good, and nothing that was begun is left."""
    supervisor_for(kept.node).stop("backup")
    wait_until(lambda: left_running(kept) == [])
    assert operations.unfinished(kept.node.paths) == []
    assert left_lying(kept) == []
    assert before <= good(kept)
    if is_thorough():
        the_next_operations_work(kept, before)


def the_next_operations_work(kept: Kept, before: set[str]) -> None:
    """A backup, a look at all there is, and the log that is handed over."""
    made = back_up(kept)
    assert before | {made.label} <= good(kept)
    state = perform(kept, "verify", target="disk", all=True)
    assert state.state == "done", state.progress.text
    hand_over(kept)
    Vault(kept.node, kept.settings, kept.target).require()


def left_running(kept: Kept) -> list[str]:
    """Programs of the backup in this box, but for what hands the log over."""
    prefix, found_ = str(kept.node.paths.prefix), []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            line, environment = " ".join(process.cmdline()), process.environ()
            is_of_box = any(
                place.startswith(prefix)
                for place in (environment.get("KOROBKA_PREFIX", ""), environment.get("HOME", ""))
            )
            is_engine = any(word in line for word in ("backup.", "pgbackrest", "rclone", "/beside/"))
            if (is_of_box or prefix in line) and is_engine and "archive-push" not in line:
                found_.append(line)
    return found_


def left_lying(kept: Kept) -> list[Path]:
    """What only somebody at work may have: a second box, a second cluster, what is being packed."""
    node, place = kept.node, cluster(kept.node)
    beside = node.paths.data / "beside"
    lying = [*beside.iterdir()] if beside.exists() else []
    lying += [place.with_name(f"{place.name}{end}") for end in (".restored", ".before")]
    lying += [*(node.data("backup") / "tmp").iterdir(), *(node.data("backup") / "outgoing").iterdir()]
    lying += [kept.repository / "probe"]
    lying += node.paths.operations.glob("*.new")
    return [path for path in lying if path.exists()]
