"""pgBackRest: what it is told, and what it says."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from appliance import as_owner, quoting, runner, users
from appliance.files import write_atomically
from appliance.node import Node
from appliance.runner import CommandFailed, Standstill
from appliance.services.database import setup
from appliance.services.database.names import STANZA, SUPERUSER, cluster
from appliance.supervise import processes
from backup import store_authorities, timeouts
from backup import timeline as timelines
from backup.settings import BackupRefused, Settings, Target
from backup.targets import kind_of
from backup.timeline import Segment, Timeline

# Exit codes: src/common/error.yaml of pgBackRest, "lock-acquire".
_LOCKED = 50
_LEFT_BY_ANOTHER = "is not later than latest backup label"
_PATIENCE = 60.0
_GIB = 1 << 30
# pgBackRest's own retention is never reached: which sets go is decided in backup.retention.
_KEEP_ALL = 9_999_999


@dataclass(frozen=True)
class Stored:
    """A database backup as the repository knows it."""

    label: str
    kind: str
    parent: str | None
    began_at: datetime
    ended_at: datetime
    first_wal: str
    last_wal: str
    database_bytes: int
    stored_bytes: int
    """What this backup itself added to the repository."""
    has_error: bool

    @property
    def timeline(self) -> int:
        segment = Segment.parse(self.first_wal)
        return segment.timeline if segment else 1


def program() -> str:
    found = shutil.which("pgbackrest", path="/usr/local/bin:/usr/bin:/bin")
    if found is None:
        raise BackupRefused("pgBackRest is missing: `apt-get install pgbackrest rclone`.")
    return found


def config_file(node: Node, target: Target | None = None) -> Path:
    """What pgBackRest reads. PostgreSQL archives to all that one names, so closed targets have another."""
    return node.paths.backup / ("pgbackrest-closed.conf" if target and target.closed else "pgbackrest.conf")


def queue_limit(total: int, free: int) -> int:
    """Bytes of log that may wait for a target that is away: a twentieth of the disk, at most 16 GiB; next to
    nothing where less than a fifth of the disk is free.

    Beyond it the queue is dropped, which leaves a gap in the time line, and the portal goes on.
    """
    least = _GIB // 4
    return least if free < total // 5 else max(min(total // 20, 16 * _GIB), least)


def config_text(node: Node, settings: Settings, targets: Sequence[Target]) -> str:
    """`pgbackrest.conf` for these targets."""
    space, waits = shutil.disk_usage(node.paths.data), timeouts.of(node)
    general: dict[str, object] = {
        "archive-async": "y",
        "archive-push-queue-max": queue_limit(space.total, space.free),
        "spool-path": _spool(node),
        "lock-path": _lock(node),
        "log-level-file": "off",
        "log-level-console": "warn",
        "compress-type": "zst",
        "compress-level": 3,
        "process-max": min(node.machine.cores, 4),
        "start-fast": "y",
        "archive-timeout": waits.log,
        "expire-auto": "n",
        # A network that swallows everything is given up after a few times this, not after minutes of it.
        "io-timeout": waits.reading_database,
    }
    for target in targets:
        values = _repository(node, settings, target)
        general |= {f"repo{target.number}-{name}": value for name, value in values.items()}
    stanza: dict[str, object] = {
        "pg1-path": cluster(node),
        "pg1-socket-path": node.run("database"),
        "pg1-port": node.box.database.port,
        "pg1-user": SUPERUSER,
        "pg1-database": "postgres",
    }
    lines = ["# Written by the box. Holds secrets: the database's user alone reads it."]
    for section, said in (("global", general), (STANZA, stanza)):
        lines += [f"[{section}]", *(f"{name}={quoting.trimmed(value, name)}" for name, value in said.items())]
    return "\n".join(lines) + "\n"


def _spool(node: Node) -> Path:
    return node.data("backup") / "spool"


def _lock(node: Node) -> Path:
    return node.data("backup") / "lock"


_FETCHING = "fetching"
"""Where a recovering server keeps its lock, and what it has fetched ahead."""


def _repository(node: Node, settings: Settings, target: Target) -> dict[str, object]:
    values: dict[str, object] = {
        "cipher-type": "aes-256-cbc",
        "cipher-pass": settings.master_of(target).password("database"),
        "bundle": "y",
        "block": "y",
        "retention-full": _KEEP_ALL,
    }
    return {**values, **kind_of(target).database_options(node, target)}


def write_config(node: Node, settings: Settings) -> None:
    """Tell pgBackRest, and PostgreSQL's sandbox, where archiving goes."""
    owner = users.account(users.DATABASE)
    everywhere = (*settings.targets, *settings.closed)
    for target in everywhere:
        kind_of(target).repair(node, target)
    text = config_text(node, settings, settings.written)
    write_atomically(config_file(node), text, mode=0o400, owner=owner)
    closed = node.paths.backup / "pgbackrest-closed.conf"
    if settings.closed:
        text = config_text(node, settings, settings.closed)
        write_atomically(closed, text, mode=0o400, owner=owner)
    else:
        closed.unlink(missing_ok=True)
    places = {
        "folders": [one.path for one in everywhere if not kind_of(one).is_network],
        "network": any(kind_of(one).is_network for one in everywhere),
    }
    write_atomically(node.paths.backup / "places.json", json.dumps(places) + "\n", mode=0o644)
    store_authorities.write(node, everywhere)


def renew_config(node: Node, settings: Settings) -> None:
    """Have it say what the settings say, and let as much log wait as there is room for now.

    They differ where somebody was killed while a target was tried: it would keep the log from the others.
    """
    text = config_text(node, settings, settings.written)
    if config_file(node).read_text(encoding="utf-8") != text:
        write_config(node, settings)


def say(
    node: Node,
    *words: str,
    target: Target | None = None,
    standstill: Standstill | None = None,
    config: Path | None = None,
) -> Iterator[str]:
    """Run pgBackRest as the database's user; another run that is just ending is waited for."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            yield from runner.stream(
                [program(), f"--config={config or config_file(node, target)}", f"--stanza={STANZA}", *words],
                user=users.account(users.DATABASE),
                standstill=standstill,
            )
            return
        except CommandFailed as error:
            if error.completed.code != _LOCKED or time.monotonic() > deadline:
                raise
            time.sleep(1)


def tell(node: Node, *words: str, target: Target | None = None, config: Path | None = None) -> str:
    return "\n".join(say(node, *words, target=target, config=config))


def _moving(node: Node, *words: str, by: Target, target: Target | None = None) -> Iterator[str]:
    """The same for what carries files. A network that takes everything and answers nothing is tried by
    pgBackRest again and again, for longer than ten minutes."""
    with timeouts.told_of_standstill(by):
        yield from say(node, *words, target=target, standstill=timeouts.of(node).database)


@contextmanager
def _by_itself(node: Node, settings: Settings, target: Target) -> Iterator[Path]:
    """A configuration that names this target alone: what another one is like is no matter then."""
    file = node.paths.backup / f"pgbackrest-{target.number}.conf"
    write_atomically(
        file, config_text(node, settings, [target]), mode=0o400, owner=users.account(users.DATABASE)
    )
    try:
        yield file
    finally:
        file.unlink(missing_ok=True)


def create_stanza(node: Node, settings: Settings, target: Target) -> None:
    """Make the repository ready for this cluster. What is ready stays."""
    with _by_itself(node, settings, target) as file:
        tell(node, "stanza-create", config=file)


def check(node: Node, settings: Settings, target: Target) -> None:
    """Have PostgreSQL hand over its log, and wait until it has arrived at this target."""
    with _by_itself(node, settings, target) as file:
        tell(node, "check", config=file)


def back_up(node: Node, target: Target, kind: str, heard: Callable[[int, float], None]) -> None:
    """Make a database backup; `heard` is told the bytes of the latest file and the share done (0 to 1).

    A full one where an interrupted one has left something: pgBackRest lets none that builds on an older one
    come after that.
    """
    try:
        _back_up(node, target, kind, heard)
    except CommandFailed as error:
        if kind == "full" or _LEFT_BY_ANOTHER not in str(error):
            raise
        _back_up(node, target, "full", heard)


def _back_up(node: Node, target: Target, kind: str, heard: Callable[[int, float], None]) -> None:
    _checkpoint_of_new_timeline(node)
    # This one may go on with the set that an attempt has left which was killed.
    _end_workers("backup:local", f"--config={config_file(node)}")
    words = ("backup", f"--type={kind}", f"--repo={target.number}", "--log-level-console=detail")
    with timeouts.told_of_full_target(target):
        for line in _moving(node, *words, by=target):
            if match := _FILE_DONE.search(line):
                heard(0, float(match.group(1)) / 100)


def _checkpoint_of_new_timeline(node: Node) -> None:
    """Have the control file name the timeline that is written, where it does not.

    A server that has just taken the lead of a cluster writes it there with its first checkpoint, which it may
    spread over minutes. pgBackRest reads the file before the checkpoint that it asks for itself, and ends
    with error 58, "WAL timeline does not match pg_control timeline".
    """
    if setup.query(node, _CONTROL_FILE_IS_BEHIND, database="postgres") == "t":
        setup.query(node, "checkpoint", database="postgres")


_CONTROL_FILE_IS_BEHIND = """
    select lpad(upper(to_hex(timeline_id)), 8, '0') <> left(pg_walfile_name(pg_current_wal_lsn()), 8)
    from pg_control_checkpoint()
"""


# P01 DETAIL: backup file /path/16385 (bundle 1/0, 8KB, 12.34%) checksum ...
_FILE_DONE = re.compile(r"backup file .*[(, ](\d+(?:\.\d+)?)%\)")


def stored(node: Node, target: Target) -> tuple[Stored, ...]:
    """What the repository holds, oldest first."""
    text = runner.run(
        [
            program(), f"--config={config_file(node, target)}", f"--stanza={STANZA}", "info", "--output=json",
            f"--repo={target.number}",
        ],
        user=users.account(users.DATABASE),
        timeout=max(timeouts.of(node).seconds, 120),
    ).stdout  # fmt: skip
    found = json.loads(text)
    if not found:
        return ()
    return tuple(_stored(entry) for entry in found[0].get("backup", []))


def _stored(entry: dict[str, dict[str, object]]) -> Stored:
    data = json.loads(json.dumps(entry))
    repository = data["info"]["repository"]
    return Stored(
        label=data["label"],
        kind=data["type"],
        parent=data.get("prior"),
        began_at=datetime.fromtimestamp(data["timestamp"]["start"], UTC),
        ended_at=datetime.fromtimestamp(data["timestamp"]["stop"], UTC),
        first_wal=data["archive"]["start"],
        last_wal=data["archive"]["stop"],
        database_bytes=data["info"]["size"],
        stored_bytes=repository.get("delta", 0),
        has_error=bool(data.get("error")),
    )


def segments(node: Node, target: Target) -> list[Segment]:
    """Every segment of write-ahead log in the repository."""
    text = tell(
        node, "repo-ls", "--recurse", "--filter=[0-9A-F]{24}", f"archive/{STANZA}",
        f"--repo={target.number}", target=target,
    )  # fmt: skip
    found = (Segment.parse(line.rpartition("/")[2].strip()) for line in text.splitlines())
    return sorted(one for one in found if one is not None)


def segments_between(node: Node, target: Target, first: Segment, last: Segment) -> list[Segment]:
    """The same within the folders that these two and all between them lie in, which is cheap to ask."""
    ids = tell(node, "repo-ls", f"archive/{STANZA}", f"--repo={target.number}", target=target).split()
    folders = dict.fromkeys(str(one)[:16] for one in first.through(last))
    found: list[Segment | None] = []
    for name in (one for one in ids if re.fullmatch(r"[0-9]+-[0-9]+", one)):
        for folder in folders:
            text = tell(
                node, "repo-ls", f"archive/{STANZA}/{name}/{folder}", f"--repo={target.number}", target=target
            )
            found += [Segment.parse(line) for line in text.split()]
    return sorted(one for one in found if one is not None)


def lived(
    node: Node, target: Target, moment: datetime | None, backed_up: Mapping[int, datetime]
) -> Timeline | None:
    """The time line on which the database lived at a moment, or lives now; None: there is no log.

    `backed_up`: when the first backup of each time line began.
    """
    text = tell(
        node, "repo-ls", "--recurse", "--output=json", r"--filter=[0-9A-F]{24}|[0-9A-F]{8}\.history",
        f"archive/{STANZA}", f"--repo={target.number}", target=target,
    )  # fmt: skip
    paths = {
        path: datetime.fromtimestamp(entry["time"], UTC)
        for path, entry in json.loads(text).items()
        if entry["type"] == "file"
    }
    there = timelines.archived(((path.rpartition("/")[2], at) for path, at in paths.items()), backed_up)
    found = timelines.lived(there, moment)
    if found is None:
        return None
    (history, *_) = [path for path in paths if path.endswith(f"/{found.number:08X}.history")] or [""]
    if not history:
        return Timeline(found.number)
    said = tell(node, "repo-get", f"archive/{STANZA}/{history}", f"--repo={target.number}", target=target)
    return timelines.from_history(found.number, said, is_begun=found.is_begun)


def verify(node: Node, target: Target, label: str) -> str:
    """Have pgBackRest read the whole of a set and compare checksums; what it finds wrong, or nothing."""
    try:
        text = tell(
            node, "verify", f"--set={label}", f"--repo={target.number}", "--output=text", "--verbose",
            target=target,
        )  # fmt: skip
    except CommandFailed as error:
        return str(error)
    return "" if "status: ok" in text else text


@dataclass(frozen=True)
class Verified:
    """What pgBackRest found when it read all of a repository."""

    wrong: Mapping[str, str]
    """By the label of every set that it has looked at, in words; empty: nothing."""
    damaged: frozenset[Segment]
    unnamed: int = 0
    """Segments that it found wrong and did not name in words that we know."""


def verify_everything(node: Node, target: Target) -> Verified:
    """The same for all sets at once, and for all of the log, also between the sets. It looks at no set whose
    own description it cannot read."""
    text = tell(
        node, "verify", f"--repo={target.number}", "--output=text", "--verbose", "--log-level-console=info",
        target=target,
    )  # fmt: skip
    return verified_in(text)


def verified_in(text: str) -> Verified:
    """What pgBackRest says of a whole repository."""
    wrong = {
        match["label"]: "" if match["status"] == "valid" else " ".join(match[0].split())
        for match in _VERIFIED.finditer(text)
    }
    named = (Segment.parse(match[1]) for match in _LOG_DAMAGED.finditer(text))
    damaged = frozenset(one for one in named if one is not None)
    # It says the sum twice, as a message and as its answer.
    counts = {match[0]: int(match[2]) - int(match[3]) for match in _LOG_COUNTED.finditer(text)}
    return Verified(wrong, damaged, max(0, sum(counts.values()) - len(damaged)))


_VERIFIED = re.compile(
    r"^ *backup: (?P<label>\S+), status: (?P<status>[^,\n]+).*(?:\n +missing: .*)?", re.MULTILINE
)
# P01 INFO: invalid checksum '17-1/0000000100000000/000000010000000000000005-86fb2a8f...zst'
# P02 INFO: invalid result 17-1/0000000100000000/000000010000000000000005-17a1af7a...zst: [29] raised from ...
_LOG_DAMAGED = re.compile(r"INFO: [a-z ]*'?[0-9]+-[0-9]+/[0-9A-F]{16}/([0-9A-F]{24})-")
_LOG_COUNTED = re.compile(
    r"archiveId: ([0-9]+-[0-9]+), total WAL checked: ([0-9]+), total valid WAL: ([0-9]+)"
)


def remove(node: Node, target: Target, label: str) -> None:
    """Take one set out of the repository, with what builds on it and the log that only it needed."""
    tell(node, "expire", f"--set={label}", f"--repo={target.number}", target=target)


def restore(
    node: Node,
    target: Target,
    label: str,
    into: Path,
    *,
    moment: datetime | None,
    timeline: Timeline | None,
    is_another_box: bool = False,
    heard: Callable[[int, float], None],
) -> None:
    """Put the files of a set into the folder `into`, ready to recover along a time line, up to `moment` or to
    its end; without a time line as they were when the set was made.

    The cluster will be this box's, unless it `is_another_box`, which stays there.
    """
    # Fetched by the configuration of the box, which stays, whatever this one's file is called later.
    fetch = f"{program()} --config={_in_command(config_file(node, target))} --stanza={STANZA}"
    if is_another_box:
        # Beside this box's own archiving, in whose spool it has no business.
        fetch += f" --pg1-path={_in_command(into)} --no-archive-async"
    else:
        # Whoever fetches ahead holds the lock of whoever hands over, who asks for it once and then waits for
        # `archive-timeout`. The recovered server does both in its first moments.
        fetch += f" --lock-path={_in_command(_lock(node) / _FETCHING)}"
        fetch += f" --spool-path={_in_command(_spool(node) / _FETCHING)}"
    fetch += f' --repo={target.number} archive-get %f "%p"'
    # PostgreSQL takes every code up to 125 for the end of the log, and recovers no further; with a later one
    # it ends, and is started again ("Recovering Using a Continuous Archive Backup"; src/common/wait_error.c).
    # Of pgBackRest's codes 1 alone says that it is the end; another one, that the target is away, say.
    fetch += " || case $? in 1) exit 1;; *) exit 255;; esac"
    words = [
        "restore", f"--repo={target.number}", f"--set={label}", f"--pg1-path={into}",
        f"--recovery-option=restore_command={fetch}",
        "--log-level-console=detail", "--delta",
        # It empties the spool, by which who hands over the running cluster's log is told that it has arrived:
        # they would wait for that until `archive-timeout`. This one is nobody's.
        f"--spool-path={into}.spool",
    ]  # fmt: skip
    words += _where_to(timeline, moment)
    end_workers(into)
    if not any((into / name).exists() for name in _KNOWN_BY):
        # What an attempt has left: pgBackRest refuses to go on where it cannot tell what that is.
        owner = users.account(users.DATABASE)
        as_owner.remove(into, owner)
        as_owner.make_folder(into, owner)
    for line in _moving(node, *words, by=target, target=target):
        if match := _FILE_RESTORED.search(line):
            heard(0, float(match.group(1)) / 100)


_KNOWN_BY = ("PG_VERSION", "backup.manifest")
"""By one of these it takes a folder for one that it may go on with."""


def end_workers(into: Path) -> None:
    """Those of a restore that was killed would put `postgresql.auto.conf` without a `restore_command`, say,
    over that of the next attempt, and files into a folder that is being removed."""
    _end_workers(f"--pg1-path={into}")


def _end_workers(*words: str) -> None:
    """End those of an attempt that was killed, by what they were started with.

    What they are at they begin anew when nobody hears that it is done, at once and after 15 s once more
    (`job-retry`), and so write over what the next attempt has written meanwhile: a backup that had ended well
    would be damaged.
    """
    while pids := set.intersection(*map(processes.with_argument, words)):
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)


def _where_to(timeline: Timeline | None, moment: datetime | None) -> list[str]:
    """How far recovery goes, and along which time line.

    The set's own ("current") would lead through what was undone by a restore since, and the newest through a
    restore that was taken back.
    """
    if timeline is None:
        return ["--type=immediate", "--target-action=promote"]
    if not timeline.is_begun and timeline.ancestors:
        # Nothing that was done on it has been archived. PostgreSQL would fill the place of its first segment
        # with what was undone: so to where it begins, on the one that it came out of.
        left = timeline.ancestors[-1]
        position = f"{left.left_at >> 32:X}/{left.left_at & 0xFFFFFFFF:X}"
        return [
            "--type=lsn", f"--target={position}", "--target-exclusive", "--target-action=promote",
            f"--target-timeline={left.number}",
        ]  # fmt: skip
    # Of a time line on which a repository was begun it has no history, and PostgreSQL takes no number without
    # one. All of its sets are of that time line themselves, or of later ones.
    along = f"--target-timeline={timeline.number if timeline.ancestors else 'current'}"
    if moment is None:
        return [along]
    at = f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f+00}"
    return ["--type=time", f"--target={at}", "--target-action=promote", along]


def _in_command(path: Path) -> str:
    """A word of a command that PostgreSQL fills in: what begins with a percent sign is its own."""
    return quoting.shell(path).replace("%", "%%")


def forget_handed_over(node: Node) -> None:
    """Forget which of the log has arrived, and what was fetched of it: a cluster that takes this one's place
    may use the same names."""
    for left in (_spool(node) / "archive", _spool(node) / _FETCHING):
        as_owner.remove(left, users.account(users.DATABASE))


def forget_moment(node: Node) -> None:
    """Have a cluster that is to recover to a moment recover to the end of its log."""
    file = cluster(node) / "postgresql.auto.conf"
    runner.run(
        ["sed", "-i", r"/^recovery_target_\(time\|lsn\)\b/d", file], user=users.account(users.DATABASE)
    )


_FILE_RESTORED = re.compile(r"restore file .*[(, ](\d+(?:\.\d+)?)%\)")


def has_room(folder: Path, needed: int) -> bool:
    space = os.statvfs(folder)
    return space.f_bavail * space.f_frsize > needed
