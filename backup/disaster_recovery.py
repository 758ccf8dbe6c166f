"""The box onto an empty machine, from a target and a recovery key alone: the parts of it.

A note says what is under way. It is there from before the configuration, which comes first, to the files,
which come last; so an installation that was interrupted goes on where it ended. Another one says afterwards
what was brought back, until the installation has come to its end as well.
"""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from appliance import as_owner, config, quarantine, users
from appliance.files import write_atomically
from appliance.node import Machine, Node
from appliance.paths import Paths
from appliance.runner import CommandFailed
from appliance.services.database.names import cluster
from appliance.services.database.setup import has_cluster, query
from appliance.supervise import supervisor_for
from backup import (
    blobs,
    configuration,
    log_gaps,
    pgbackrest,
    recall,
    sets,
    settings,
    setup,
    store_authorities,
)
from backup.keys import KeyRefused, KeyRing, RecoveryKey
from backup.ledger import ledger_of
from backup.operations.restore import Plan, decide, reached, wait_until_recovered
from backup.portal import admit_nobody_unasked
from backup.rclone import Vault
from backup.settings import BackupRefused, Closed, Settings, Target
from backup.targets import kind_of, sftp
from backup.targets.s3 import SECRET
from backup.timeline import Timeline

_MOST_NAMED = 10

type Say = Callable[[str], None]


def place(words: str, *, access_key: str = "", secret_key: str = "", ca_pem: str = "") -> Target:
    """The target that somebody means by a folder, by `https://HOST[:PORT]/BUCKET/PREFIX`, or by
    `sftp://USER@HOST[:PORT]/FOLDER`."""
    if words.startswith("sftp://"):
        host, _, folder = words.removeprefix("sftp://").partition("/")
        sftp.parts(host)
        if not folder:
            raise BackupRefused("Name the folder there too: sftp://USER@HOST:PORT/home/backup.")
        return Target(1, "restored", "sftp", f"/{folder.rstrip('/')}", host)
    if not words.startswith("https://"):
        return Target(1, "restored", "folder", str(Path(words).absolute()))
    parts = urlsplit(words)
    bucket, _, prefix = parts.path.strip("/").partition("/")
    if not bucket or not access_key or not secret_key:
        raise BackupRefused(
            "A store is named as https://HOST:PORT/BUCKET/PREFIX, with --restore-access-key, and its "
            f"secret in {SECRET}."
        )
    return Target(
        1, "restored", "s3", prefix or "korobka", f"https://{parts.netloc}", bucket,
        access_key=access_key, secret_key=secret_key, ca_pem=ca_pem,
    )  # fmt: skip


def is_begun(paths: Paths) -> bool:
    """Whether anything of another box is in its place yet, be it a part of the configuration."""
    return _note(paths).exists()


def is_under_way(paths: Paths) -> bool:
    """Whether the configuration is in its place, and not all that follows."""
    return is_begun(paths) and "label" in _noted(paths)


def is_back(paths: Paths, asked: str) -> bool:
    """Whether all of what was asked for so is in its place, by an installation that has not ended yet."""
    done = _done(paths)
    return done.exists() and done.read_text(encoding="utf-8") == asked


def end(paths: Paths) -> None:
    """The installation has come to its end: who asks for the same again means another box."""
    _done(paths).unlink(missing_ok=True)


def begin(
    paths: Paths,
    target: Target,
    key: RecoveryKey,
    *,
    moment: datetime | None,
    version: str,
    say: Say,
    host_key: str = "",
    root_key: RecoveryKey | None = None,
    asked: str = "",
) -> list[str]:
    """Find the repository, open it, and put the configuration of the box in place. What of it root has to say
    again, in words. `asked` is how whoever asks for the same again says it."""
    # Nothing is known of the box yet but its folders; what it was configured with comes out of the vault.
    node = Node(paths, config.Box(), config.new_secrets(), Machine.here())
    if has_cluster(node):
        raise BackupRefused(
            "There is a box on this machine already: `boxctl backup restore` brings it back. To put another "
            "one in its place, remove it first: `boxctl uninstall --purge`."
        )
    target = kind_of(target).introduced(node, target, host_key, option="--restore-host-key")
    opened = _opened(node, target, key)
    found, plan = _fitting(node, opened, moment=moment, version=version)
    target = found.targets[0]
    say(str(plan))
    # The one that the host lets in; the set may hold another of that number.
    secret = kind_of(target).secret(node, target)
    whose, held = sets.configuration_of(node, Vault(node, found, target), plan.begin_with)
    # From here on the machine is no empty one, and what is there is not all.
    write_atomically(_note(paths), json.dumps({"asked": asked}) + "\n", mode=0o600)
    programs = configuration.put(held, paths, root_key)
    if whose != plan.begin_with:
        say(f"The configuration of that set cannot be read. It is that of {whose}.")
    changed = _with_repositories(
        node,
        replace(settings.load(paths), master_key=found.master_key, key_ring=found.key_ring),
        target,
        [one for one in opened if one is not found],
        made_on=whose.target,
    )
    ids = {one.id for one in changed.ring.holders}
    settings.save(paths, replace(changed, holders=tuple(one for one in changed.holders if one.id in ids)))
    used = changed.targets[0]
    kind_of(used).keep_secret(node, used, secret)
    for one in changed.closed:
        if one.spot == used.spot:
            kind_of(one).inherit(node, one, used)
    _move_memory(node, target, used)
    note = {
        "label": plan.begin_with.label,
        "moment": moment.isoformat() if moment else "",
        "target": used.name,
        "asked": asked,
    }
    # Before there is anything that a boot of the machine could start.
    quarantine.begin(paths)
    write_atomically(_note(paths), json.dumps(note) + "\n", mode=0o600)
    to_say = [
        f"{key} named a program, which no backup does: `boxctl config set {key} FILE` does"
        for key in programs
    ]
    if held.left_out:
        names = ", ".join(held.left_out[:_MOST_NAMED])
        to_say.append(f"what no backup brings, and this one holds, was left out: {names}")
    return to_say


def _opened(node: Node, place: Target, key: RecoveryKey) -> list[Settings]:
    """The repositories at this place that the key opens, from the oldest to the newest.

    Each key that there was has one of its own: see `backup.rotation`. Raises where there is none.
    """
    # Before anything is asked of it.
    store_authorities.write(node, (place,))
    opened: list[Settings] = []
    refused: Exception = BackupRefused(f"There is no repository at {place}: it would hold a folder korobka.")
    for generation in itertools.count(1):
        target = replace(place, generation=generation)
        kind_of(target).take_over(target)
        rings = [*Vault(node, Settings("00" * 32, KeyRing().dump()), target).rings()]
        if not rings:
            break
        for text in rings:
            try:
                master = KeyRing.parse(text).open(key)
            except KeyRefused as error:
                refused = error
            else:
                opened.append(Settings(master.value.hex(), text, targets=(target,)))
                break
    if not opened:
        raise refused
    return opened


def _fitting(
    node: Node, opened: Sequence[Settings], *, moment: datetime | None, version: str
) -> tuple[Settings, Plan]:
    """The one of these that tells what was lived last, and has a set that fits, with what is to be done."""
    refused: Exception = BackupRefused("There is no repository.")
    histories: list[Timeline | None] = [None] * len(opened)
    if len(opened) > 1:
        histories = [_history(node, found, moment, is_newest=found is opened[-1]) for found in opened]
    for found in by_history(opened, histories):
        (target,) = found.targets
        _learn(node, found)
        # The box that knew them is gone: what is missing of the log says where the time line has gaps.
        log_gaps.note_holes(node, target, pgbackrest.segments(node, target))
        known, gaps = sets.known(node, target), log_gaps.gaps_of(node, target)
        timeline, now = sets.lived(node, target, moment), datetime.now(UTC)
        try:
            return found, decide(
                known, label="", moment=moment, version=version, now=now, timeline=timeline, gaps=gaps
            )
        except BackupRefused as error:
            refused = error
    raise refused


def by_history[One](opened: Sequence[One], histories: Sequence[Timeline | None]) -> list[One]:
    """The repositories, from the oldest key to the newest, in the order in which they are tried.

    A box that came back from before a rotation went on in the older one, on a time line of a higher number:
    what the newer one tells was undone. On the same time line the newer one goes further.
    """
    ranked = sorted(
        enumerate(opened), key=lambda one: (told.number if (told := histories[one[0]]) else 0, one[0])
    )
    return [one for _, one in reversed(ranked)]


def _history(node: Node, found: Settings, moment: datetime | None, *, is_newest: bool) -> Timeline | None:
    """What a repository tells of a moment, or of the end; None where an older key's cannot be read. Where the
    newest cannot, that is to be known: what another one has is most often less."""
    try:
        _learn(node, found)
        return sets.lived(node, found.targets[0], moment)
    except (BackupRefused, CommandFailed):
        if is_newest:
            raise
        return None


def _learn(node: Node, found: Settings) -> None:
    (target,) = found.targets
    pgbackrest.write_config(node, found)
    # Under the number that they have in common another one's may be remembered.
    shutil.rmtree(sets.folder_of(node, target))
    sets.refresh(node, Vault(node, found, target))


def recover_database(node: Node, say: Say) -> None:
    """Put the database in its place and let it recover."""
    note, chosen = _noted(node.paths), settings.load(node.paths)
    pgbackrest.write_config(node, chosen)
    target = chosen.target(note["target"])
    beside = cluster(node).with_name(f"{cluster(node).name}.restored")
    if not has_cluster(node):
        owner = users.account(users.DATABASE)
        as_owner.make_folder(beside, owner)
        moment = datetime.fromisoformat(note["moment"]) if note["moment"] else None
        say("fetching")
        pgbackrest.restore(
            node,
            target,
            note["label"],
            beside,
            moment=moment,
            timeline=sets.lived(node, target, moment),
            heard=lambda _, __: None,
        )
        pgbackrest.forget_handed_over(node)
        as_owner.rename(beside, cluster(node), owner)
    say("applying its log")
    wait_until_recovered(node, supervisor_for(node))
    # It forgets that when it is started again.
    at = reached(node)
    write_atomically(
        _note(node.paths), json.dumps(note | {"at": at.isoformat() if at else ""}) + "\n", mode=0o600
    )


def is_database_back(node: Node) -> bool:
    """Whether it has recovered to its end."""
    try:
        return has_cluster(node) and query(node, "select pg_is_in_recovery()", database="postgres") == "f"
    except CommandFailed:
        return False


@dataclass(frozen=True)
class Recovered:
    """What came of it."""

    at: datetime | None
    """When the last thing was done that came back, where that is known."""
    missing: int
    """Files that nobody has. What is damaged among those that follow is not known yet."""
    undone: tuple[str, ...]
    """What was to be done before anybody is let in and could not be, in words."""


def recover_files(node: Node, say: Say) -> Recovered:
    """Bring the newest files into the portal's store, note the rest, end all sessions, begin a new time
    line."""
    note, chosen = _noted(node.paths), settings.load(node.paths)
    vault = Vault(node, chosen, chosen.target(note["target"]))
    blobs.admit(node)
    begun = recall.begin(node, vault)
    follow = f", {begun.to_come.left} older ones follow" if begun.to_come else ""
    say(f"{begun.count} brought back{follow}")
    undone = admit_nobody_unasked(node)
    for target in chosen.targets:
        with ledger_of(node, target) as ledger:
            ledger.write(mark=0, waiting="", wanted="full")
    for one in chosen.closed:
        # What cannot be read now is read with the next backup.
        with suppress(BackupRefused, CommandFailed):
            sets.refresh(node, Vault(node, chosen, one))
    write_atomically(_done(node.paths), note.get("asked", ""), mode=0o600)
    quarantine.end(node.paths)
    _note(node.paths).unlink()
    at = datetime.fromisoformat(note["at"]) if note.get("at") else None
    return Recovered(at, len(begun.missing), tuple(undone))


def _note(paths: Paths) -> Path:
    return paths.data / "backup/elsewhere.json"


def _done(paths: Paths) -> Path:
    return paths.data / "backup/brought-back"


def _noted(paths: Paths) -> dict[str, str]:
    said: dict[str, str] = json.loads(_note(paths).read_text(encoding="utf-8"))
    return said


def _with_repositories(
    node: Node, chosen: Settings, used: Target, siblings: Sequence[Settings], *, made_on: int
) -> Settings:
    """The settings of the set, with the target that is restored from in the place of the one it is, and with
    what other keys have at that place, which the set may not know of: it is read, and runs out."""
    alike = [one for one in chosen.targets if one.kind == used.kind]
    # Where a disk hangs elsewhere, its place says nothing. Sets of before do not know what they were made on.
    same = [one for one in alike if one.number == made_on]
    same = same or [one for one in alike if kind_of(one).is_at(one, used)] or alike
    if same:
        before = same[0]
        used = replace(
            used, number=before.number, name=before.name,
            locked_days=before.locked_days, renews_locks=before.renews_locks,
        )  # fmt: skip
    else:
        used = replace(used, number=setup.next_number(node, chosen))
    changed = replace(chosen, targets=(used, *(one for one in chosen.targets if one.number != used.number)))
    spot, rings = same[0].spot if same else (), {one.master_key: one.key_ring for one in siblings}
    changed = replace(changed, closed=tuple(_as_there(chosen.closed, used, spot, rings)))
    known = {one.generation for one in changed.closed if one.spot == used.spot}
    for sibling in siblings:
        generation = sibling.targets[0].generation
        if generation not in known:
            one = replace(
                used,
                number=setup.next_number(node, changed),
                name=settings.free_name(f"{used.name}-{generation}", changed),
                generation=generation,
                closed=Closed(sibling.master_key, sibling.key_ring, datetime.now(UTC)),
            )
            changed = replace(changed, closed=(*changed.closed, one))
    return changed


def _as_there(
    closed: Iterable[Target], used: Target, spot: tuple[str, ...], rings: Mapping[str, str]
) -> Iterator[Target]:
    """What the set knows to be closed, as it is now: at this spot it lies where `used` does on this machine,
    and who opens it may be others since. `rings` are key rings by master keys, which all places share."""
    for one in closed:
        assert one.closed is not None  # noqa: S101 - those among `Settings.closed` are
        latest = replace(one.closed, key_ring=rings.get(one.closed.master_key, one.closed.key_ring))
        if one.spot != spot:
            yield replace(one, closed=latest)
        elif one.generation != used.generation:
            yield replace(used, number=one.number, name=one.name, generation=one.generation, closed=latest)


def _move_memory(node: Node, found: Target, used: Target) -> None:
    """What was learnt of the repository under a number of no meaning belongs to its own."""
    if found.number != used.number:
        there = sets.folder_of(node, found)
        shutil.rmtree(sets.folder_of(node, used))
        there.rename(there.with_name(str(used.number)))
