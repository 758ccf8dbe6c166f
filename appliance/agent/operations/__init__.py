"""Long operations: each a process of its own with a journal, outliving the agent, the portal and a power cut.

What runs is named here, in a table of argument lists. Nothing that a caller says becomes an argument: a
program reads what is asked of it from its journal.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from appliance.agent.answers import OperationState, Progress
from appliance.agent.journal import Journal, Unknown, progress_of
from appliance.files import locked
from appliance.paths import Paths
from appliance.supervise.processes import SERVICE_MARK

log = logging.getLogger(__name__)

JOURNAL_VARIABLE = "KOROBKA_OPERATION"
KEPT = 200
"""Journals are kept of this many operations."""
KEPT_OF_WORKERS = 20
"""Of them: what the load asks for every day shall not push out what people have done."""
REMEMBERED = timedelta(days=2)
"""For which what a node is asked to do a single time is known as begun; nobody may ask for it as late
(`instructions`)."""
_MARKED = frozenset({"apply", "rotate", "upgrade"})
"""Kinds that a node is asked for with a mark that root alone can make."""
ATTEMPTS = 3
REPEAT_SECONDS = 5.0
RELEASE = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class LongOperation:
    """Which program performs it, as arguments of the release's Python, and what follows an interruption."""

    arguments: tuple[str, ...]
    when_interrupted: Literal["resume", "roll back"]
    claims: frozenset[str] = frozenset({"services"})
    """What it needs for itself: of operations with a common claim one runs at a time."""


TABLE: Mapping[str, LongOperation] = {
    "restart": LongOperation(("-m", "appliance.agent.operations.restart"), "resume"),
    "apply": LongOperation(("-m", "appliance.agent.operations.apply"), "resume"),
    "workers": LongOperation(("-m", "appliance.agent.operations.workers"), "resume"),
    "rotate": LongOperation(("-m", "appliance.agent.operations.rotate"), "resume"),
    "switchover": LongOperation(("-m", "appliance.agent.operations.switchover"), "resume"),
    "node": LongOperation(("-m", "appliance.agent.operations.node"), "resume"),
    # Services are claimed by the restart that each node makes for it.
    "rolling": LongOperation(("-m", "appliance.agent.operations.rolling"), "resume", frozenset({"rolling"})),
    "backup": LongOperation(("-m", "backup.operations.back_up"), "resume", frozenset({"backup"})),
    "verify": LongOperation(("-m", "backup.operations.verify"), "resume", frozenset({"backup"})),
    "drill": LongOperation(("-m", "backup.operations.drill"), "resume", frozenset({"backup"})),
    "download": LongOperation(("-m", "backup.operations.download"), "resume", frozenset({"backup"})),
    "find": LongOperation(("-m", "backup.operations.find"), "resume", frozenset({"backup"})),
    "put-back": LongOperation(("-m", "backup.operations.put_back"), "resume", frozenset({"backup"})),
    # It claims nothing: who is kept waiting would learn of it.
    "put-own-back": LongOperation(("-m", "backup.operations.put_back"), "resume", frozenset()),
    "restore": LongOperation(
        ("-m", "backup.operations.restore"), "resume", frozenset({"backup", "services"})
    ),
    "examine": LongOperation(("-m", "installer.examine"), "resume"),
    "upgrade": LongOperation(("-m", "installer.upgrade"), "roll back"),
    "set_up": LongOperation(("-m", "backup.operations.set_up"), "resume", frozenset({"backup", "services"})),
}

KEEPS_PORTAL_DOWN = frozenset({"restore"})
"""Kinds that stop what makes the pages for longer than anybody waits for one. A restart is none of them."""

CANCELLABLE = frozenset({"backup", "verify", "drill", "find"})
"""Kinds that may end anywhere: what they leave is complete, or is not seen."""


HIDDEN = frozenset({"put-own-back"})
"""Kinds of which nobody hears but who has asked for it."""
MOST_HIDDEN = 8
"""At once: nobody waits for another one, and each is a process of root's that the portal has asked for."""
LOOKING = "looking"
"""The entry of a search after which everything depends on what is looked for, and for whom."""


class AlreadyRunning(Exception):
    """Another long operation claims the same: one at a time."""


class NotCancellable(Exception):
    """It has to go on to its end."""


def begin(
    paths: Paths, kind: str, arguments: dict[str, Any], *, by: str, once: str = "", by_agent: bool = False
) -> Journal:
    """Write the journal and start the program of `kind`; returns at once.

    `once` is the argument `key` of what is begun a single time, however often it is asked for. `by_agent`
    leaves the start to the agent, within seconds: for a service that the program ends, and would end with.
    """
    with _gate(paths):
        _recover(paths)
        if once and (begun := _begun(paths, kind, once)):
            return begun
        journal = _admitted(paths, kind, arguments, by=by)
        if not by_agent:
            _start(paths, journal)
    return journal


@contextlib.contextmanager
def begun_afterwards(paths: Paths, kind: str, *, by: str, unless: type[Exception]) -> Iterator[None]:
    """What `kind` needs is claimed before the block, and it begins behind it: nothing that began meanwhile
    refuses it then, when what was done in the block cannot be taken back.

    Raises `AlreadyRunning` before the block. Nothing begins where that raises `unless`, for then nothing was
    done; how far it came that failed otherwise, or was killed, is not known, and the agent begins it.
    """
    with _gate(paths):
        _recover(paths)
        journal = _admitted(paths, kind, {}, by=by)
        lock = journal.take()
    assert lock is not None  # noqa: S101 - nobody performs what nobody has heard of
    try:
        yield
    except unless:
        with _gate(paths):
            journal.path.unlink()
        raise
    finally:
        os.close(lock)
    # The agent tries again within seconds; what the block has made is handed on in any case.
    with contextlib.suppress(OSError):
        recover(paths)


@contextlib.contextmanager
def _gate(paths: Paths) -> Iterator[None]:
    """Between the look and the beginning nobody else may begin, neither a thread nor another boxctl."""
    paths.operations.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(paths.operations / ".begin"):
        yield


def _admitted(paths: Paths, kind: str, arguments: dict[str, Any], *, by: str) -> Journal:
    refuse_if_busy(paths, kind)
    _forget_old(paths)
    return Journal.begin(paths.operations, kind, arguments, by=by)


def _begun(paths: Paths, kind: str, key: str) -> Journal | None:
    journals = (journal for journal in Journal.all(paths.operations) if journal.named_kind == kind)
    return next((journal for journal in journals if journal.arguments.get("key") == key), None)


def refuse_if_busy(paths: Paths, kind: str) -> None:
    """Raises `AlreadyRunning` while something runs that claims what this kind needs."""
    running = unfinished(paths)
    if kind in HIDDEN and sum(journal.kind == kind for journal in running) >= MOST_HIDDEN:
        raise AlreadyRunning("Much is being put back at this moment: try again in a minute.")
    for journal in running:
        if not _do_conflict(kind, journal.kind):
            continue
        state = journal.state()
        raise AlreadyRunning(
            f"{state.kind!r} is running, begun by {state.asked_by} at {state.began_at:%H:%M:%S} UTC: "
            f"wait until it ends. `boxctl status` shows how far it is."
        )


def cancel(paths: Paths, journal: Journal, *, by: str, patience: float = 15.0) -> None:
    """End an operation before its end, with all that it has started."""
    if journal.kind not in CANCELLABLE:
        raise NotCancellable(f"{journal.kind!r} is not ended half-way: wait until it is over.")
    # Noted before it is done: nobody takes it up again in between.
    journal.append("cancel", by=by)
    deadline = time.monotonic() + patience
    while journal.is_performed():
        signal_ = signal.SIGTERM if time.monotonic() < deadline else signal.SIGKILL
        for leader in _performers(journal):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(leader, signal_)
        time.sleep(0.3)
    recover(paths)


def _performers(journal: Journal) -> list[int]:
    """Who performs it, each the leader of its own session: what it has started is in there with it."""
    mark = f"{JOURNAL_VARIABLE}={journal.path}".encode()
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            pid = int(folder.name)
            if mark in (folder / "environ").read_bytes().split(b"\0") and os.getsid(pid) == pid:
                found.append(pid)
    return found


def _do_conflict(kind: str, other: str) -> bool:
    """Whether two kinds claim the same; one that this version does not know claims everything."""
    if kind not in TABLE or other not in TABLE:
        return True
    return bool(TABLE[kind].claims & TABLE[other].claims)


def unfinished(paths: Paths) -> list[Journal]:
    """Operations without an end, performed by a living process or not."""
    return [journal for journal in Journal.all(paths.operations) if not journal.is_over()]


def recover(paths: Paths) -> list[Journal]:
    """Start again, or roll back, what was begun and is performed by nobody."""
    with _gate(paths):
        return _recover(paths)


def _recover(paths: Paths) -> list[Journal]:
    return [journal for journal in unfinished(paths) if not journal.is_performed() and _start(paths, journal)]


def follow(journal: Journal, *, patience: float = 15.0) -> Iterator[Progress]:
    """The progress of an operation as it happens, until its end.

    An operation that nobody performs is waited for a while, because the agent takes it up again. While a step
    lasts, it is told again every few seconds, so that who listens knows that somebody speaks.
    """
    seen, size, latest, told_at = 0, 0, Progress(""), time.monotonic()
    deadline = time.monotonic() + patience
    while True:
        if (grown := journal.path.stat().st_size) != size:
            size, entries = grown, journal.entries()
            for entry in entries[seen:]:
                if entry["entry"] == "progress":
                    latest, told_at = progress_of(entry), time.monotonic()
                    yield latest
                if entry["entry"] == "end":
                    return
            seen = len(entries)
        if journal.is_performed():
            deadline = time.monotonic() + patience
        elif time.monotonic() > deadline:
            return
        if time.monotonic() > told_at + REPEAT_SECONDS:
            told_at = time.monotonic()
            yield latest
        time.sleep(0.1)


def list_states(paths: Paths, limit: int) -> tuple[OperationState, ...]:
    """The latest operations, the newest first, as everybody may hear of them."""
    told = [journal for journal in Journal.all(paths.operations) if journal.named_kind not in HIDDEN]
    return tuple(state_for(journal, "") for journal in told[: max(0, limit)])


def state_for(journal: Journal, reader: str) -> OperationState:
    """What is told to this reader: of what is somebody else's own, that it runs or is over, and no more.

    That a search could not even begin to look is told too, with why: it is the same whatever it is for.
    """
    state, asked = journal.state(), journal.arguments
    if not asked.get("is_own") or (reader and reader == asked["reader"]):
        return state
    if journal.kind in HIDDEN:
        raise Unknown(f"There is no operation {journal.id!r}: `boxctl status` names the latest ones.")
    if state.state == "running" or not journal.noted(LOOKING):
        return state
    return replace(state, state="done", progress=Progress(""))


def _start(paths: Paths, journal: Journal) -> bool:
    """Start the program of a journal; False when a living process performs it, or it is over or given up."""
    lock = journal.take()
    if lock is None:
        return False
    try:
        operation, attempts = TABLE.get(journal.kind), journal.attempts
        if journal.noted("end"):
            return False
        if cancelled := journal.noted("cancel"):
            journal.end("failed", f"Cancelled by {cancelled['by']}.")
            return False
        if operation is None or attempts >= ATTEMPTS:
            journal.end(
                "failed", f"It was interrupted {attempts} times and is given up: see {_log_of(journal)}."
            )
            return False
        is_undone = attempts > 0 and operation.when_interrupted == "roll back"
        journal.append("attempt", number=attempts + 1, is_undone=is_undone)
        if journal.kind not in HIDDEN:
            log.info("%s: attempt %d", journal.id, attempts + 1)
        with _log_of(journal).open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-P", *operation.arguments, *(["--roll-back"] if is_undone else [])],
                env={
                    **{name: value for name, value in os.environ.items() if name != SERVICE_MARK},
                    "KOROBKA_PREFIX": str(paths.prefix),
                    "PYTHONPATH": str(RELEASE),
                    JOURNAL_VARIABLE: str(journal.path),
                },
                cwd="/",
                stdin=subprocess.DEVNULL,
                # Not the agent's own outputs: they end with the agent, and the operation goes on.
                stdout=output,
                stderr=output,
                # The program inherits the lock, and with it the operation; its own children do not.
                pass_fds=[lock],
                start_new_session=True,
            )
    finally:
        os.close(lock)
    threading.Thread(target=process.wait, name=f"reap {journal.id}", daemon=True).start()
    return True


def _log_of(journal: Journal) -> Path:
    return journal.path.with_suffix(".log")


def _forget_old(paths: Paths) -> None:
    """Keep the journals of the latest operations only, and of those that last."""
    everyone = Journal.all(paths.operations)
    routine = [journal for journal in everyone if journal.named_kind == "workers"]
    for journal in {*everyone[KEPT:], *routine[KEPT_OF_WORKERS:]}:
        if not journal.is_over() or _is_remembered(journal):
            continue
        _log_of(journal).unlink(missing_ok=True)
        journal.path.unlink(missing_ok=True)


def _is_remembered(journal: Journal) -> bool:
    """Of what anybody else asks for under a key there may be as many as would fill the disk: of restarts,
    which whoever writes into etcd has made, and of searches, which the portal has. A second one does no
    harm."""
    is_asked_for_once = journal.kind in _MARKED and "key" in journal.arguments
    return is_asked_for_once and datetime.now(UTC) - journal.state().began_at < REMEMBERED


@contextlib.contextmanager
def performing(*expected: type[Exception]) -> Iterator[Journal]:
    """The journal of the operation that this program performs; an error in the block ends it as failed.

    Of `expected` errors the text is told; any other one is a mistake of ours and leaves its traceback too.
    """
    try:
        journal = Journal(Path(os.environ[JOURNAL_VARIABLE]))
    except KeyError:
        sys.exit("This program is started by the agent. Use boxctl, for example `boxctl restart web`.")
    # Nothing that this program starts shall import from the release that it happens to belong to.
    os.environ.pop("PYTHONPATH", None)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        yield journal
    except expected as error:
        journal.end("failed", str(error))
        sys.exit(1)
    except Exception as error:
        journal.end(
            "failed", f"It failed unexpectedly ({type(error).__name__}: {error}): see {_log_of(journal)}."
        )
        raise
