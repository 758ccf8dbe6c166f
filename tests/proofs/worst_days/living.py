"""A day as it is lived: on a real box, whose operations are the product's own."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from appliance import folders, scratch
from appliance.agent import operations
from appliance.agent.answers import OperationState
from appliance.agent.journal import Journal
from appliance.node import Node
from appliance.paths import Paths
from appliance.supervise import supervisor_for
from backup import blobs, rotation, sets, settings, setup, status
from backup.ledger import ledger_of
from backup.rclone import KEY_RINGS, Vault
from backup.settings import Target
from tests.appliance.boxes import ROOT, query, wait_until
from tests.backup.conftest import Kept, acting_in, box_with_backups
from tests.backup.operating import ended, perform, performers, postgres_of
from tests.ports import hold_store
from tests.proofs.worst_days.days import (
    Away,
    Backup,
    Damage,
    Day,
    Death,
    Ending,
    Event,
    FailedRestore,
    FullDisk,
    Kill,
    Machine,
    Restore,
    Rotation,
)
from tests.proofs.worst_days.judge import Lived, Return, Wanted, judge
from tests.proofs.worst_days.places import Second, gone
from tests.proofs.worst_days.writing import Writer, look

MOST_BEHIND = 60.0
"""Seconds that the end of the time line may lie behind now, while the targets are there."""
_SILENCE = 2.0
"""Seconds around a return in which nobody chooses a moment: repositories tell the time in seconds."""
type Say = Callable[[str], None]

_ENGINES = ("pgbackrest", "rclone")
_MOST_SETS = 50
_PATIENCE = 240.0


@dataclass(frozen=True)
class Told:
    """What came of a day."""

    day: Day
    wanted: str
    found: str
    faults: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class Standing:
    """One box with a first set in its folder, put back to where it stood before each day."""

    kept: Kept
    copy: Path

    @contextmanager
    def again(self) -> Iterator[Kept]:
        """With the day gone through, none of its processes is left."""
        kept = self.kept
        for place in self._places():
            for path in place.iterdir():
                _remove(path)
            subprocess.run(["cp", "-a", f"{self.copy / place.name}/.", place], check=True)
        supervisor_for(kept.node).start("database", "objects")
        try:
            with acting_in(kept.node):
                yield Kept(kept.node, kept.folder, kept.key, kept.first)
        finally:
            _kill_all_of(kept.node.paths.prefix)

    def keep(self) -> None:
        for place in self._places():
            subprocess.run(["cp", "-a", place, self.copy], check=True)

    def _places(self) -> tuple[Path, Path]:
        return self.kept.node.paths.prefix, self.kept.folder


@contextmanager
def standing_box() -> Iterator[Standing]:
    """Making one takes longer than most days."""
    with box_with_backups() as kept, tempfile.TemporaryDirectory(prefix="korobka-standing-") as folder:
        with acting_in(kept.node):
            state = perform(kept, "backup", kind="full", targets=["disk"])
            assert state.state == "done", state.progress.text
        # No set of a day goes by rule: what is not offered any more is lost.
        settings.save(kept.node.paths, replace(kept.settings, keep_last=_MOST_SETS))
        scratch.stop(kept.node)
        standing = Standing(kept, Path(folder))
        standing.keep()
        yield standing


def live(standing: Standing, day: Day, second: Second | None, say: Say) -> Told:
    """From the box as it stood to what came back of it. `second` is where its second target is; `say` is told
    of all that is done."""
    began_at = time.monotonic()
    with standing.again() as kept, ExitStack() as undone:
        life = Life(kept, day, second, lambda text: say(f"{time.monotonic() - began_at:.0f} s {text}"))
        undone.callback(life.still)
        try:
            wanted, found = life.through()
        except Exception as error:
            # The days that follow are lived all the same.
            life.faults.append(f"It came to no end: {type(error).__name__}: {error}")
            wanted = found = "-"
    return Told(day, wanted, found, tuple(life.faults), time.monotonic() - began_at)


@dataclass
class Life:
    """A box on this day, and what it has gone through so far."""

    kept: Kept
    day: Day
    second: Second | None
    say: Say
    returns: list[Return] = field(default_factory=list)
    attempts: list[tuple[float, float]] = field(default_factory=list)
    unsteady: list[tuple[float, float]] = field(default_factory=list)
    """From when until when no moment is chosen: the box was on the way to another one."""
    good: tuple[set[str], set[str]] = field(default_factory=lambda: (set(), set()))
    """By target the labels of the sets that were made to their end."""
    harmed: set[int] = field(default_factory=set)
    """The targets in which something was damaged."""
    away_until: float = 0.0
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.node = self.kept.node
        self.writer = Writer(self.node)
        self.began_at = time.time()
        """Of the repositories that the box is brought back from."""
        self._keeper: subprocess.Popen[bytes] | None = None

    # --- the box

    @property
    def targets(self) -> list[Target]:
        return sorted(self.kept.settings.targets, key=lambda one: one.name != "disk")

    def keep(self) -> None:
        """The service begins, or is begun again."""
        self.still_keeper()
        self._keeper = subprocess.Popen(
            [sys.executable, "-P", "-m", "tests.proofs.worst_days.keeper"],
            env={**os.environ, "KOROBKA_PREFIX": str(self.node.paths.prefix), "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def still_keeper(self) -> None:
        if self._keeper:
            self._keeper.kill()
            self._keeper.wait()
            self._keeper = None

    def still(self) -> None:
        self.writer.stop()
        self.still_keeper()

    # --- the day

    def through(self) -> tuple[str, str]:
        """What was wanted in the end, and what was found."""
        if self.second:
            setup.add_target(self.node, self.kept.settings, self.second.target(self.node), lambda _: None)
            self.must_be_done(self.back_up("full", None, self.second.name))
        self.began_at = time.time()
        self.writer.start()
        self.keep()
        for event in self.day.events:
            time.sleep(1.0)
            self.say(f"{event}")
            self.meet(event)
        time.sleep(1.0)
        self.say("The end.")
        return self.end(self.day.ending)

    def meet(self, event: Event) -> None:
        match event:
            case Backup():
                self.back_up_once_more(self.back_up(event.kind, event.kill))
            case Death():
                time.sleep(event.kill.after)
                self.kill(event.kill.victim, None)
            case Away():
                self.be_away(event)
            case FullDisk():
                self.fill_disk()
            case Damage():
                self.damage(event)
            case Restore():
                self.restore(event)
            case FailedRestore():
                self.fail_to_restore()
            case Rotation():
                self.rotate(event)

    def back_up(self, kind: str, kill: Kill | None = None, *names: str) -> OperationState:
        arguments = {"kind": kind, "targets": list(names or (one.name for one in self.targets))}
        state = self.perform("backup", arguments, kill)
        self.note_sets()
        return state

    def back_up_once_more(self, state: OperationState) -> None:
        """What failed in bad weather is made in fair weather."""
        if state.state != "done":
            self.must_be_done(self.back_up("incr"))

    def must_be_done(self, state: OperationState) -> None:
        if state.state != "done":
            self.faults.append(f"{state.kind} failed in fair weather: {state.progress.text}")

    def perform(self, kind: str, arguments: dict[str, Any], kill: Kill | None) -> OperationState:
        journal = operations.begin(self.node.paths, kind, arguments, by="a worst day")
        if kill:
            time.sleep(kill.after)
            self.kill(kill.victim, journal)
        return ended(self.kept, journal)

    def kill(self, victim: str, journal: Journal | None) -> None:
        """kill -9, and what is supervised is back afterwards."""
        if victim == "keeper":
            self.keep()
            return
        if victim in _ENGINES:
            found = self.engines(victim)
        elif victim == "operation":
            found = performers(journal) if journal else []
        else:
            (before,) = supervisor_for(self.node).status(victim, with_health=False)
            found = postgres_of(before.pid) if before.pid else []
        for process in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        if victim in ("database", "objects") and not (journal and journal.kind == "restore"):
            wait_until(lambda: supervisor_for(self.node).status(victim)[0].is_healthy)

    def engines(self, name: str) -> list[psutil.Process]:
        """One process of this engine that works for this box, if there comes one."""
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            for process in psutil.process_iter():
                with contextlib.suppress(psutil.Error):
                    if process.name() == name and _is_of(process, self.node.paths.prefix):
                        return [process]
            time.sleep(0.02)
        return []

    def be_away(self, event: Away) -> None:
        place = self.place(event.target)
        with place():
            journal = operations.begin(
                self.node.paths, "backup", {"kind": "incr", "targets": [one.name for one in self.targets]},
                by="a worst day",
            )  # fmt: skip
            time.sleep(event.seconds)
        state = ended(self.kept, journal)
        self.note_sets()
        self.weather_is_fair()
        self.back_up_once_more(state)

    def place(self, target: int) -> Callable[[], contextlib.AbstractContextManager[None]]:
        """How it is away."""
        if target == 0:
            return lambda: gone(self.kept.folder)
        assert self.second is not None
        return self.second.away

    def weather_is_fair(self) -> None:
        self.away_until = time.time()
        self.remind_archiver()

    def remind_archiver(self) -> None:
        """PostgreSQL pauses for a minute after a few failures, unless it is told something."""
        query(self.node, "select pg_reload_conf()")

    def fill_disk(self) -> None:
        assert self.second is not None
        with self.second.full():
            state = self.back_up("full")
        self.weather_is_fair()
        self.back_up_once_more(state)

    def damage(self, event: Damage) -> None:
        folder = self.kept.folder if event.target == 0 or self.second is None else self.second.folder
        assert folder is not None
        repository, target = folder / self.targets[event.target].repository, self.targets[event.target]
        within = {"log": "database/archive", "set": "database/backup", "vault": "vault", "ring": "."}[
            event.place
        ]
        there = sorted(path for path in (repository / within).rglob("*") if path.is_file())
        if event.place == "ring":
            there = [repository / name for name in KEY_RINGS]
        self.harmed.add(event.target)
        victim = there[int(event.file * len(there))]
        content = victim.read_bytes()
        if event.is_lost or not content:
            victim.unlink()
        else:
            at = int(event.byte * len(content))
            victim.write_bytes(content[:at] + bytes([content[at] ^ 1 << event.bit]) + content[at + 1 :])
        said = perform(self.kept, "verify", target=target.name, all=True).progress.text
        if "Traceback" in said:
            self.faults.append(said)
        self.do_what_is_wanted()
        self.must_be_done(self.back_up("auto"))

    def do_what_is_wanted(self) -> None:
        """What the service begins by itself."""
        for target in self.targets:
            with ledger_of(self.node, target) as ledger:
                wanted = ledger.note("wanted")
                ledger.write(wanted="")
            if wanted:
                self.must_be_done(self.back_up(wanted, None, target.name))

    def restore(self, event: Restore) -> None:
        to = self.moment(event.target, event.to)
        if self.go_back(event.target, to, event.kill, with_safety=event.with_safety) and event.is_followed:
            self.do_what_is_wanted()

    def go_back(self, target: int, to: float | None, kill: Kill | None, *, with_safety: bool = False) -> bool:
        """Whether it came to its end."""
        handed_over_at = self.hand_over()
        self.still_keeper()
        began_at = time.time()
        arguments = {
            "target": self.targets[target].name, "set": "", "moment": _words(to), "with_safety": with_safety,
        }  # fmt: skip
        state = self.perform("restore", arguments, kill)
        self.say(state.progress.text)
        now = time.time()
        is_done = state.state == "done"
        if is_done:
            end = Wanted.end(handed_over_at, began_at)
            self.returns.append(Return(began_at, now, Wanted.moment(to) if to else end))
            # What was undone can still be gone to, as far as its log was handed over: the rest may have been
            # in a database that was killed before it was replaced.
            self.unsteady.append((handed_over_at, now))
        else:
            self.attempts.append((began_at, now))
            self.unsteady.append((began_at, now))
            if not (kill and kill.victim != "operation") and not self.is_excused(target, state.progress.text):
                self.faults.append(f"restore to {_words(to) or 'the end'} failed: {state.progress.text}")
        self.keep()
        self.hand_over()
        self.note_sets()
        return is_done

    def is_excused(self, target: int, words: str) -> bool:
        """Where the log or a set was damaged, a moment may be refused, and the refusal says so."""
        return target in self.harmed and any(
            said in words
            for said in ("The time line has a gap", "The time line begins at", "No good set is left")
        )

    def fail_to_restore(self) -> None:
        began_at = time.time()
        key = f"nowhere/{began_at}"
        query(
            self.node,
            "insert into files_blob (key, size, created_at, sha256, content_type, picture_attempts)"
            f" values ('{key}', 3, now(), '', '', 0)",
        )
        self.hand_over()
        self.still_keeper()
        state = perform(self.kept, "restore", target="disk", set="", moment="", with_safety=False)
        if "neither in the portal's store" not in state.progress.text:
            self.faults.append(f"A restore without a file ended so: {state.progress.text}")
        query(self.node, f"delete from files_blob where key = '{key}'")
        self.attempts.append((began_at, time.time()))
        self.unsteady.append(self.attempts[-1])
        self.keep()

    def rotate(self, event: Rotation) -> None:
        self.still_keeper()
        _, key = rotation.rotate(self.node, self.kept.settings, f"holder {time.time()}")
        setup.enforce(self.node, lambda _: None)
        self.kept.settle_down(key)
        confirmed = settings.confirmed(self.kept.settings, self.kept.settings.holders[0].id)
        settings.save(self.node.paths, confirmed)
        rotation.drop_old_keys(self.node, confirmed)
        self.keep()
        if event.is_followed:
            self.must_be_done(self.back_up("auto"))

    # --- what is noted

    def at(self, target: int) -> list[Target]:
        """All repositories at the place of a target, the open one and the closed ones."""
        chosen = self.kept.settings
        return [one for one in (*chosen.targets, *chosen.closed) if one.spot == self.targets[target].spot]

    def note_sets(self) -> None:
        for number in range(len(self.targets)):
            for one in self.at(number):
                self.good[number].update(
                    found.label for found in sets.known(self.node, one) if not found.problem
                )

    def hand_over(self) -> float:
        """Until all that was acknowledged before the moment that is given back is on every target."""
        now = time.time()
        with blobs.reading(self.node) as connection:
            # With nothing written since the last switch, its name would be that of a segment to come.
            connection.execute("select pg_logical_emit_message(true, 'test', '')")
            (last,) = connection.execute("select pg_walfile_name(pg_switch_wal())").fetchone() or ("",)
            looks = itertools.count(1)

            def is_gone() -> bool:
                if next(looks) % 60 == 0:
                    self.remind_archiver()
                found = connection.execute("select last_archived_wal from pg_stat_archiver").fetchone()
                return bool(found and found[0] and found[0] >= last)

            try:
                wait_until(is_gone)
            except AssertionError:
                (state,) = connection.execute(
                    "select row_to_json(a)::text from pg_stat_archiver a"
                ).fetchone() or ("",)
                words = "\n".join(supervisor_for(self.node).logs(["database"], lines=15))
                raise AssertionError(f"{last} was not handed over: {state}\n{words}") from None
        for target in self.targets:
            with ledger_of(self.node, target) as ledger:
                blobs.catch_up(
                    self.node, Vault(self.node, self.kept.settings, target), ledger, from_start=False
                )
        return now

    def moment(self, target: int, share: float | None) -> float | None:
        """One that was lived, between the first set of the target and now. None: the end."""
        if share is None:
            return None
        while not (spans := self.spans(target)):
            # All that was lived so far was on the way from or to somewhere.
            time.sleep(1.0)
        left = share * sum(until - since for since, until in spans)
        for since, until in spans:
            if left <= until - since:
                return since + left
            left -= until - since
        return spans[-1][1]

    def spans(self, target: int) -> list[tuple[float, float]]:
        """From when until when it was lived in peace since the first set of the target."""
        first = min(one.ended_at for at in self.at(target) for one in sets.known(self.node, at))
        found, since = list[tuple[float, float]](), max(first.timestamp(), self.began_at) + _SILENCE
        for began_at, ended_at in [*sorted(self.unsteady), (time.time(), 0.0)]:
            if since < began_at - _SILENCE:
                found.append((since, began_at - _SILENCE))
            since = ended_at + _SILENCE
        return found

    def told_until(self, target: int) -> float:
        """How far the box itself says that this target reaches."""
        reports = {one.name: one for one in status.look(self.node, self.kept.settings, datetime.now(UTC))}
        until = reports[self.targets[target].name].restorable_until
        return until.timestamp() if until else 0.0

    # --- the end

    def end(self, ending: Ending) -> tuple[str, str]:
        moment = self.moment(ending.target, ending.to)
        if ending.machine is None:
            kill = None if ending.kill_after is None else Kill("operation", ending.kill_after)
            if not self.go_back(ending.target, moment, kill):
                assert self.go_back(ending.target, None, None), "nothing could be brought back"
            self.writer.stop()
            now = time.time()
            # Of what was written since it is back nothing is lost either.
            return self.judged(self.node, ending, Wanted(now, now), _words(moment) or "end")
        kept_until = self.told_until(ending.target) if ending.is_sudden else self.hand_over()
        self.refuse_late(kept_until)
        self.note_sets()
        if moment is not None and moment > kept_until:
            moment = None
        place = self.targets[ending.target]
        self.burn()
        self.say("It has burnt.")
        end = Wanted.end(kept_until, time.time())
        with self.new_machine(place, ending.machine) as (paths, place):
            words = self.bring_back(paths, place, ending, moment)
            if words and moment and self.is_excused(ending.target, words):
                moment, words = None, self.bring_back(paths, place, ending, None)
            assert not words, words
            self.say("It is back.")
            node = Node.load(paths)
            with acting_in(node):
                wanted = Wanted.moment(moment) if moment else end
                return self.judged(node, ending, wanted, _words(moment) or "end")

    def refuse_late(self, until: float) -> None:
        now = time.time()
        # Before the day began the box stood still.
        if now - max(until, self.away_until, self.began_at) > MOST_BEHIND:
            self.faults.append(f"The time line ended {now - until:.0f} s before now.")

    def burn(self) -> None:
        """Every process of the box is killed, and what it had is gone."""
        self.writer.stop()
        self.still_keeper()
        _kill_all_of(self.node.paths.prefix)
        for name in ("database", "objects", "backup"):
            shutil.rmtree(self.node.data(name))

    @contextmanager
    def new_machine(self, place: Target, machine: Machine) -> Iterator[tuple[Paths, Target]]:
        """An empty one, and where the target is for it."""
        with ExitStack() as undone:
            prefix = Path(tempfile.mkdtemp(prefix="korobka-"))
            undone.callback(shutil.rmtree, prefix)
            prefix.chmod(0o755)
            paths = Paths(prefix)
            folders.prepare(paths)
            undone.callback(_stop, paths)
            if place.kind == "folder":
                if machine.owner is not None:
                    owner = f"{machine.owner}:{machine.owner}"
                    subprocess.run(["chown", "--recursive", owner, *Path(place.path).iterdir()], check=True)
                if machine.moves_disk:
                    elsewhere = Path(tempfile.mkdtemp(prefix="korobka-elsewhere-"))
                    elsewhere.chmod(0o755)
                    undone.callback(shutil.rmtree, elsewhere)
                    for repository in Path(place.path).iterdir():
                        shutil.move(repository, elsewhere)
                    place = replace(place, path=str(elsewhere))
            yield paths, place

    def bring_back(self, paths: Paths, place: Target, ending: Ending, moment: float | None) -> str:
        """What was wrong, in words; empty: the box is back."""
        machine, kill_after = ending.machine, ending.kill_after
        assert machine is not None
        asked = {
            "umask": machine.umask,
            "place": _address(place),
            "access": {
                "access_key": place.access_key,
                "secret_key": place.secret_key,
                "ca_pem": place.ca_pem,
            },
            "key": str(self.kept.key),
            "host_key": self.second.let_in(paths) if self.second and place.kind == "sftp" else "",
            "moment": _words(moment),
            "store_port": hold_store() if machine.moves_ports else 0,
        }
        command = [
            *("unshare", "--uts", "sh", "-c", 'hostname "$0"; exec "$@"', machine.host_name),
            *(sys.executable, "-P", "-m", "tests.proofs.worst_days.new_machine"),
        ]
        env = {
            **os.environ, "KOROBKA_PREFIX": str(paths.prefix), "PYTHONPATH": str(ROOT),
            "TZ": machine.time_zone, "LC_ALL": machine.locale,
        }  # fmt: skip
        while True:
            with subprocess.Popen(
                command, env=env, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            ) as run:  # fmt: skip
                try:
                    out, err = run.communicate(json.dumps(asked), timeout=kill_after or _PATIENCE)
                except subprocess.TimeoutExpired:
                    run.kill()
                    run.communicate()
                    assert kill_after is not None, "bringing it back took longer than anybody waits"
                    kill_after = None
                    continue
            if run.returncode == 0:
                # Whether any may be missing is judged by their rows.
                self.say(f"{json.loads(out)['missing']} files are missing.")
                return ""
            # The last words of a database that does not recover are fifteen lines.
            return "\n".join(err.strip().splitlines()[-16:]) or f"It ended with {run.returncode}."

    def judged(self, node: Node, ending: Ending, wanted: Wanted, words: str) -> tuple[str, str]:
        """What was wanted, and what was found."""
        chosen, offered = settings.load(node.paths), set[str]()
        is_harmed = ending.target in self.harmed
        # Onto an empty machine it came from the first one.
        spot = chosen.targets[0 if ending.machine else ending.target].spot
        for one in (*chosen.targets, *chosen.closed):
            if one.spot == spot:
                sets.refresh(node, Vault(node, chosen, one))
                known = sets.known(node, one)
                offered |= {each.label for each in known if not each.problem or is_harmed}
        found = replace(look(node), offered=frozenset(offered))
        good = frozenset(self.good[ending.target])
        lived = Lived(self.writer.written, tuple(self.returns), tuple(self.attempts), good)
        self.faults += judge(lived, wanted, found)
        acknowledged = sum(one.is_acknowledged for one in lived.writes)
        return words, f"{len(found.rows)} of {acknowledged} rows, {len(offered)} of {len(good)} sets"


def _words(moment: float | None) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat() if moment else ""


def _address(place: Target) -> str:
    """As somebody types it."""
    match place.kind:
        case "folder":
            return place.path
        case "sftp":
            return f"sftp://{place.endpoint}{place.path}"
        case "s3":
            return f"{place.endpoint}/{place.bucket}/{place.path}"


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _is_of(process: psutil.Process, prefix: Path) -> bool:
    return any(str(prefix) in word for word in (*process.cmdline(), *process.environ().values()))


def _kill_all_of(prefix: Path) -> None:
    """Whatever runs of a box, this process and those above it apart, until nothing does."""
    ours = {os.getpid(), *(one.pid for one in psutil.Process().parents())}
    while True:
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.pid not in ours and _is_of(process, prefix):
                    process.kill()
                    found.append(process)
        if not found:
            return
        psutil.wait_procs(found, timeout=5)


def _stop(paths: Paths) -> None:
    if paths.secrets_toml.exists():
        scratch.stop(Node.load(paths))
    _kill_all_of(paths.prefix)
