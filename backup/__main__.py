"""`boxctl backup`: everything about backups, from the terminal. Works while the portal is down."""

from __future__ import annotations

import argparse
import dataclasses
import getpass
import json
import os
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from appliance.agent import found, operations, record
from appliance.agent.answers import OperationState
from appliance.agent.protocol import FindInBackup, Operation, PutBack
from appliance.agent.record import Asker
from appliance.commands.common import ask, box, fail, follow, out, plain_errors, say
from appliance.node import Node
from appliance.runner import CommandFailed
from appliance.services import portal
from appliance.supervise import supervisor_for
from backup import downloading, drills, rotation, schedule, sets, settings, setup, sftp, status
from backup.keys import CONFIRMED, KeyRefused, RecoveryKey, is_confirmed_by
from backup.portal import manage
from backup.progress import size
from backup.settings import BackupRefused, Settings, Target
from backup.vault import Vault

type Command = Callable[[str, Callable[[Node, argparse.Namespace], None], str], argparse.ArgumentParser]

SECRET = "KOROBKA_BACKUP_SECRET_KEY"  # noqa: S105 - the name of a variable


def main() -> None:
    if sys.argv[1:2] == ["serve"]:
        from backup import serve

        serve.main()
        return
    given = _parser().parse_args()
    act: Callable[[Node, argparse.Namespace], None] = given.act
    with plain_errors():
        try:
            act(Node.load(box()), given)
        except (BackupRefused, KeyRefused, CommandFailed) as error:
            fail(str(error))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="boxctl backup", description="Backups that restore.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(
        name: str, act: Callable[[Node, argparse.Namespace], None], text: str
    ) -> argparse.ArgumentParser:
        found = commands.add_parser(name, help=text, description=text)
        found.set_defaults(act=act)
        return found

    one = command("setup", set_up, "Add a target or change one, and choose when and for how long.")
    one.add_argument("name", help="what you call the target, such as disk or offsite")
    place = one.add_mutually_exclusive_group(required=True)
    place.add_argument("--folder", type=Path, help="a folder on another disk, or a mounted share")
    place.add_argument("--s3", metavar="URL", help="an S3 store with TLS, such as https://s3.example.com")
    place.add_argument("--sftp", metavar="USER@HOST[:PORT]", help="a machine that speaks SFTP")
    place.add_argument("--remove", action="store_true", help="use the target no more; what is there stays")
    one.add_argument("--path", default="", help="of SFTP: the folder there, from the root")
    one.add_argument("--host-key", default="", metavar="SHA256:...", help="of SFTP: the host's fingerprint")
    one.add_argument("--bucket", default="")
    one.add_argument("--prefix", default="korobka", help="folder within the bucket")
    one.add_argument("--region", default="us-east-1")
    one.add_argument("--access-key", default="", help=f"its secret is asked for, or read from {SECRET}")
    one.add_argument("--ca-file", type=Path, help="the certificate authority of the store, PEM")
    one.add_argument("--bandwidth", type=int, default=0, metavar="KIB", help="KiB a second at most for files")
    _add_schedule(one)

    one = command("schedule", change_schedule, "Show or change when backups are made and how long they stay.")
    _add_schedule(one)

    one = command("now", back_up_now, "Make a backup.")
    one.add_argument("--full", action="store_true", help="a full one, whatever the schedule says")
    one.add_argument("--target", default="", help="to this target only")

    one = command("list", list_sets, "What there is to restore.")
    one.add_argument("--target", default="")
    one.add_argument("--refresh", action="store_true", help="ask the targets, not this machine's memory")

    one = command("show", show_set, "One set with its figures.")
    one.add_argument("set")

    one = command(
        "verify", verify, "Read sets and compare every checksum of the database, the log, the files."
    )
    one.add_argument("--target", default="", help="default: the first one")
    one.add_argument("--set", default="", help="one set; default: all")
    one.add_argument("--all", action="store_true", help="read every file, not a sample")

    _add_what_looks_into_sets(command)

    one = command("restore", restore, "Bring the whole box back as it was.")
    one.add_argument("--target", default="", help="default: the first one")
    one.add_argument("--set", default="", help="the set to begin with; default: the right one for the moment")
    one.add_argument("--to", default="", metavar="MOMENT", help="such as 2026-11-24T17:30; default: the end")
    one.add_argument("--without-safety-backup", action="store_true")
    one.add_argument("--yes", action="store_true", help="do not ask")

    one = command("key", keys, "Who can open the backups.")
    one.add_argument("action", choices=("list", "confirm", "add", "remove", "rotate"))
    one.add_argument("holder", nargs="?", default="", help="a name for who keeps the key")

    command("status", show_status, "Whether backups are well. Exits with 1 when they are not.")
    return parser


def _add_what_looks_into_sets(command: Command) -> None:
    one = command("drill", drill, "Bring the newest set back to life beside the box, and look at it.")
    one.add_argument("--target", default="", help="default: the first one")
    one.add_argument("--last", action="store_true", help="show the report of the last one")

    one = command("download", download, "Write a set into one encrypted file, which public tools open.")
    one.add_argument("file", type=Path)
    one.add_argument("--target", default="", help="default: the first one")
    one.add_argument("--set", default="", help="default: the newest good one")

    one = command("find", find, "Look for one thing in a set: a post, a comment, a file, a department.")
    one.add_argument("kind", help="such as feed.post, feed.comment, files.file, org.department")
    one.add_argument("text", help="a word of it")
    one.add_argument("--as", dest="reader", required=True, metavar="LOGIN", help="who wants it back")
    one.add_argument("--target", default="", help="default: the first one")
    one.add_argument("--set", default="", help="default: the newest good one")

    one = command("put-back", put_back, "Put one thing back that a search has found.")
    one.add_argument("search", help="as `boxctl backup find` has named it")
    one.add_argument("number", type=int)
    one.add_argument("--as", dest="reader", required=True, metavar="LOGIN", help="who wants it back")


def _add_schedule(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--at", metavar="HH:MM", help="when the day's first backup begins")
    parser.add_argument("--every-hours", type=int, choices=(1, 2, 3, 4, 6, 8, 12, 24))
    parser.add_argument("--full-every-days", type=int)
    parser.add_argument("--drill-every-days", type=int, metavar="N", help="0: by hand only; default 30")
    for unit in ("last", "days", "weeks", "months"):
        parser.add_argument(f"--keep-{unit}", type=int, metavar="N")


# --- setting up


def set_up(node: Node, given: argparse.Namespace) -> None:
    with settings.changing(node.paths):
        chosen, key = change_targets(node, given)
    if given.remove:
        return
    _show_calendar(node, chosen)
    if key is not None:
        _hand_out(node, chosen, chosen.holders[0].name, key)
    say("The first backup begins by itself within a minute; `boxctl backup now` begins it at once.")


def change_targets(node: Node, given: argparse.Namespace) -> tuple[Settings, RecoveryKey | None]:
    key: RecoveryKey | None = None
    try:
        chosen = settings.load(node.paths)
    except BackupRefused:
        if settings.file_of(node.paths).exists():
            raise
        chosen, key = setup.begin()
    record.note(node.paths, Asker.here(), f"backup setup {given.name}")
    if given.remove:
        chosen = setup.remove_target(node, chosen, given.name, say)
        setup.keep_up(supervisor_for(node))
        say(f"{given.name} is used no more.", style="green")
        return chosen, None
    target = _target(node, chosen, given)
    same = [one for one in chosen.targets if one.spot == target.spot]
    target = dataclasses.replace(target, generation=same[0].generation if same else 1)
    if target.kind == "sftp":
        target = sftp.introduce(node, target, given.host_key)
    chosen = setup.add_target(node, _with_schedule(chosen, given), target, say)
    setup.keep_up(supervisor_for(node))
    say(f"Backups go to {', '.join(one.name for one in chosen.targets)}.", style="green")
    return chosen, key


def _target(node: Node, chosen: Settings, given: argparse.Namespace) -> Target:
    same = [one for one in (*chosen.targets, *chosen.closed) if one.name == given.name]
    target = _place(given, same[0].number if same else setup.next_number(node, chosen))
    if same and (same[0].closed or same[0].spot != target.spot):
        # What is remembered of one place must not be believed of another.
        raise BackupRefused(
            f"{given.name} is {same[0]} already: give another place another name. Nothing goes to the first "
            f"one any more after `boxctl backup setup {given.name} --remove`."
        )
    return target


def _place(given: argparse.Namespace, number: int) -> Target:
    if given.folder:
        return Target(number, given.name, "folder", str(given.folder), bandwidth_kib=given.bandwidth)
    if given.sftp:
        if not given.path.startswith("/"):
            raise BackupRefused("Give --path too: the folder there, from the root, such as /home/backup.")
        sftp.parts(given.sftp)
        return Target(number, given.name, "sftp", given.path, given.sftp, bandwidth_kib=given.bandwidth)
    if not given.s3.startswith("https://"):
        raise BackupRefused("The store must speak TLS: give an address that begins with https://.")
    if not given.bucket or not given.access_key:
        raise BackupRefused("Give --bucket and --access-key too.")
    secret = os.environ.get(SECRET) or (getpass.getpass("Secret key: ") if sys.stdin.isatty() else "")
    if not secret:
        raise BackupRefused(f"The secret key is missing: put it into {SECRET}.")
    return Target(
        number, given.name, "s3", given.prefix, given.s3.rstrip("/"), given.bucket, given.region,
        given.access_key, secret, str(given.ca_file.absolute()) if given.ca_file else "", given.bandwidth,
    )  # fmt: skip


def _with_schedule(chosen: Settings, given: argparse.Namespace) -> Settings:
    names = (
        "at", "every_hours", "full_every_days", "keep_last", "keep_days", "keep_weeks", "keep_months",
        "drill_every_days",
    )  # fmt: skip
    said = {name: value for name in names if (value := getattr(given, name)) is not None}
    changed = dataclasses.replace(chosen, **said)
    try:
        _ = changed.schedule
    except ValueError:
        raise BackupRefused(f"{given.at} is no time of day: give one such as 02:00.") from None
    if changed.keep_last < 1 or changed.full_every_days < 1:
        raise BackupRefused("At least the last set is kept, and a full one made every so many days.")
    return changed


def change_schedule(node: Node, given: argparse.Namespace) -> None:
    before = settings.load(node.paths)
    chosen = _with_schedule(before, given)
    if chosen != before:
        record.note(node.paths, Asker.here(), f"backup schedule: {chosen.schedule} {chosen.rule}")
        settings.save(node.paths, chosen)
    _show_calendar(node, chosen)


def _show_calendar(node: Node, chosen: Settings) -> None:
    zone, now = ZoneInfo(node.box.time_zone), datetime.now(UTC)
    say(f"{chosen.schedule} Kept: {chosen.rule}")
    coming = schedule.calendar(
        chosen.schedule, chosen.rule, now=now, zone=zone, locked_days=chosen.locked_days
    )
    say(f"A year from now there will be {len(coming)} sets, of:")
    for moment, reasons in coming:
        say(f"  {moment.astimezone(zone):%Y-%m-%d %H:%M}\t{', '.join(sorted(reasons))}")


# --- keys


def keys(node: Node, given: argparse.Namespace) -> None:
    if given.action not in ("list", "confirm"):
        # Not while somebody types: what is handed out is noted already.
        with settings.changing(node.paths):
            handed = change_keys(node, given)
        if handed is not None:
            _hand_out(node, *handed)
        return
    chosen = settings.load(node.paths)
    if given.action == "list":
        for one in chosen.holders:
            state = "confirmed" if one.is_confirmed else "not confirmed"
            say(f"{one.name}\t{one.made_at:%Y-%m-%d}\t{state}")
        return
    name = given.holder or chosen.holders[0].name
    record.note(node.paths, Asker.here(), f"backup key confirm {name}")
    _confirm(node, chosen, name)


def change_keys(node: Node, given: argparse.Namespace) -> tuple[Settings, str, RecoveryKey] | None:
    """The key that is to be handed out, where there is one."""
    chosen, name = settings.load(node.paths), given.holder
    if not name:
        raise BackupRefused(f"Say whose key it is: `boxctl backup key {given.action} NAME`.")
    record.note(node.paths, Asker.here(), f"backup key {given.action} {name}")
    if given.action == "remove":
        setup.remove_holder(node, chosen, name)
        say(f"The key of {name} opens nothing any more.", style="green")
        say("Whoever has opened the backups with it may have kept what it opens: `boxctl backup key rotate`.")
        return None
    if given.action == "rotate":
        operations.refuse_if_busy(node.paths, "set_up")
        chosen, key = rotation.rotate(node, chosen, name)
        setup.enforce(node, say)
        setup.keep_up(supervisor_for(node))
        say("Backups begin anew, with a full one, beside those that there are.", style="green")
        say("Those go as they would have gone; until then the new key opens them too.")
    else:
        chosen, key = setup.add_holder(node, chosen, name)
    return chosen, name, key


def _hand_out(node: Node, chosen: Settings, name: str, key: RecoveryKey) -> None:
    say("")
    say(f"The recovery key of '{name}'. It is shown this once: print it, or write it down, and lock it away.")
    say("Without it nobody can restore this box onto another machine, not even you.")
    say(f"\n    {key}\n")
    if sys.stdin.isatty():
        _confirm(node, chosen, name)
    else:
        say(f"Confirm that it was written down: boxctl backup key confirm {name}")


def _confirm(node: Node, chosen: Settings, name: str) -> None:
    holder = next((one for one in chosen.holders if one.name == name), None)
    if holder is None:
        raise BackupRefused(f"{name} holds no key. `boxctl backup key list` names those who do.")
    if not is_confirmed_by(_typed(), holder.confirmation):
        raise KeyRefused(
            "That is not what the key says: look at the paper and try `boxctl backup key confirm`."
        )
    settings.save(node.paths, settings.confirmed(settings.load(node.paths), holder.id))
    rotation.settle(node, settings.load(node.paths))
    say(f"The key of {name} is confirmed.", style="green")


def _typed() -> Sequence[str]:
    return [input(f"Group {number} of the recovery key: ") for number in CONFIRMED]


# --- what there is


def list_sets(node: Node, given: argparse.Namespace) -> None:
    chosen = settings.load(node.paths)
    for target in (*chosen.targets, *chosen.closed):
        if given.target not in ("", target.name):
            continue
        if given.refresh:
            sets.refresh(node, Vault(node, chosen, target))
        if target.locked_days:
            say(f"{target.name}\t{locked(target)}")
        for one in sets.known(node, target):
            state = f"damaged: {one.problem}" if one.problem else "verified" if one.verified_at else "good"
            say(
                f"{target.name}\t{one}\t{size(one.database_bytes)} (+{size(one.stored_bytes)})"
                f"\t{one.blobs} files, {size(one.blob_bytes)}\t{state}"
            )


def locked(target: Target) -> str:
    return f"what is written there is locked for {target.locked_days} days"


def show_set(node: Node, given: argparse.Namespace) -> None:
    chosen = settings.load(node.paths)
    for target in (*chosen.targets, *chosen.closed):
        for one in sets.known(node, target):
            if one.label == given.set:
                for field in dataclasses.fields(one):
                    if field.name == "rows":
                        continue
                    value = getattr(one, field.name)
                    is_size = field.name.endswith("_bytes")
                    say(f"{field.name.replace('_', ' ')}\t{size(value) if is_size else value}")
                say(f"target\t{target.name}")
                return
    raise BackupRefused(f"There is no set {given.set}. `boxctl backup list` names those there are.")


def show_status(node: Node, _: argparse.Namespace) -> None:
    chosen = settings.load(node.paths)
    found = status.look(node, chosen, datetime.now(UTC))
    for old in chosen.closed:
        say(f"{old.name}\t{old}\t{len(sets.known(node, old))} sets of an older key, which go by themselves")
    for one, target in zip(found, chosen.targets, strict=True):
        say(f"{one.name}\t{one.place}\t{one.sets} sets, the newest {one.newest or 'is yet to be made'}")
        if target.locked_days:
            say(f"\t{locked(target)}")
        if one.restorable_until:
            say(f"\tcan be restored up to {one.restorable_until:%Y-%m-%d %H:%M:%S} UTC")
        for problem in one.problems:
            say(f"\t{problem}", style="red")
    sys.exit(1 if any(one.problems for one in found) else 0)


# --- what takes long


def back_up_now(node: Node, given: argparse.Namespace) -> None:
    chosen = settings.load(node.paths)
    names = [chosen.target(given.target).name] if given.target else [one.name for one in chosen.targets]
    _perform(node, "backup", {"kind": "full" if given.full else "incr", "targets": names})


def verify(node: Node, given: argparse.Namespace) -> None:
    target = _chosen(settings.load(node.paths), given.target)
    _perform(node, "verify", {"target": target.name, "set": given.set, "all": given.all})


def drill(node: Node, given: argparse.Namespace) -> None:
    chosen = settings.load(node.paths)
    if not given.last:
        target = _chosen(chosen, given.target)
        sets.refresh(node, Vault(node, chosen, target))
        say(str(drills.decide(node, target)))
        try:
            _perform(node, "drill", {"target": target.name})
        finally:
            _show_drill(node)
        return
    if not _show_drill(node):
        raise BackupRefused("There has been no drill yet: `boxctl backup drill` makes one.")


def _show_drill(node: Node) -> bool:
    known = drills.known(node)
    for line in drills.told(known[0]) if known else ():
        say(line)
    return bool(known)


def download(node: Node, given: argparse.Namespace) -> None:
    chosen = settings.load(node.paths)
    target = _chosen(chosen, given.target)
    sets.refresh(node, Vault(node, chosen, target))
    one = sets.chosen(sets.known(node, target), given.set)
    file = given.file.absolute()
    if file.exists() or not file.parent.is_dir():
        raise BackupRefused(f"{file} is there already, or its folder is not: name a new file.")
    identity, recipient = downloading.new_key()
    arguments = {"target": target.name, "set": one.label, "file": str(file), "recipient": recipient}
    _perform(node, "download", dict(arguments))
    say("The key that opens the file. It is shown this once: keep it apart from the file.")
    say(f"\n    {identity}\n")
    say("How to open it, with or without a Korobka: the page 'Backups' in the administrator's documentation.")


def find(node: Node, given: argparse.Namespace) -> None:
    asked = FindInBackup(given.kind, given.text, given.reader, given.target, given.set)
    state = _begin(node, asked)
    seen = found.read(node.paths, state.id, given.reader)
    for thing in seen.things:
        say(f"{thing.number}\t{thing.at:%Y-%m-%d %H:%M}\t{thing.now}\t{thing.about}\t{thing.title}")
    if seen.things:
        say(f"Put one back: boxctl backup put-back {seen.id} NUMBER --as {given.reader}")


def put_back(node: Node, given: argparse.Namespace) -> None:
    _begin(node, PutBack(given.search, given.number, given.reader))


def _begin(node: Node, asked: Operation[OperationState]) -> OperationState:
    """Ask the agent, and follow what it begins."""
    state = ask(node.paths, asked)
    follow(node.paths, state)
    return state


def restore(node: Node, given: argparse.Namespace) -> None:
    from backup.operations.restore import decide

    chosen = settings.load(node.paths)
    target = _chosen(chosen, given.target)
    sets.refresh(node, Vault(node, chosen, target))
    moment = _moment(given.to, ZoneInfo(node.box.time_zone))
    plan = decide(
        sets.known(node, target),
        label=given.set,
        moment=moment,
        version=portal.version(node),
        now=datetime.now(UTC),
    )
    say(str(plan))
    say(_what_is_lost(node, plan.moment or (plan.begin_with.ended_at if plan.is_set_alone else None)))
    if not given.yes and not _is_meant():
        fail("Nothing was changed.")
    arguments = {
        "target": target.name,
        "set": plan.begin_with.label,
        "moment": moment.isoformat() if moment else "",
        "is_set_alone": plan.is_set_alone,
        "with_safety": not given.without_safety_backup,
    }
    _perform(node, "restore", arguments)


def _what_is_lost(node: Node, moment: datetime | None) -> str:
    """In numbers, where the database still answers."""
    if moment is None:
        return ""
    done = manage(node, "lost", f"--since={moment.isoformat()}", check=False)
    counted = [f"{count} {label}" for label, count in json.loads(done.stdout or "[]") if count]
    return f"Made since then, and lost: {', '.join(counted)}." if counted else ""


def _is_meant() -> bool:
    return sys.stdin.isatty() and input("Type 'restore' to go on: ").strip() == "restore"


def _moment(text: str, zone: ZoneInfo) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BackupRefused(f"{text} is no moment: give one such as 2026-11-24T17:30.") from None
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)


def _chosen(chosen: Settings, name: str) -> Target:
    return chosen.target(name) if name else chosen.targets[0]


def _perform(node: Node, kind: str, arguments: dict[str, object]) -> None:
    record.note(node.paths, Asker.here(), f"backup: {kind} {arguments}")
    with out.status("Beginning …"):
        journal = operations.begin(node.paths, kind, arguments, by=str(Asker.here()))
    follow(node.paths, journal.state())


if __name__ == "__main__":
    main()
