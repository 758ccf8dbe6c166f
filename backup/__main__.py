"""`boxctl backup`: everything about backups, from the terminal. Works while the portal is down."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from appliance.commands.common import box, fail, plain_errors
from appliance.node import Node
from appliance.runner import CommandFailed
from backup import moments
from backup.commands.holders import keys
from backup.commands.operations import KINDS, back_up_now, download, drill, find, put_back, verify
from backup.commands.restore import restore
from backup.commands.root_codes import root_key, show_codes
from backup.commands.status import list_sets, show_set, show_status
from backup.commands.targets import change_schedule, set_up
from backup.keys import KeyRefused
from backup.settings import HOURS, BackupRefused
from backup.targets.s3 import SECRET

type Command = Callable[[str, Callable[[Node, argparse.Namespace], None], str], argparse.ArgumentParser]


def main() -> None:
    if sys.argv[1:2] == ["serve"]:
        from backup import serve

        serve.main()
        return
    given = _parser().parse_args()
    act: Callable[[Node, argparse.Namespace], None] = given.act
    with plain_errors():
        try:
            node = Node.load(box())
            moments.use_zone_of(node)
            act(node, given)
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

    command("code", show_codes, "Show what waits for a code in the Console, and the code for it.")

    one = command("root-key", root_key, "Show the key that opens the authority's key in a backup.")
    one.add_argument("--give", action="store_true", help="after a restore without it: open it now")

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

    one = command(
        "find",
        find,
        "Look for one thing in a set: a post, a file, what lay on a drive, a department.",
    )
    one.add_argument("kind", choices=KINDS, metavar="KIND", help=f"one of {', '.join(KINDS)}")
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
    parser.add_argument("--every-hours", type=int, choices=HOURS)
    parser.add_argument("--full-every-days", type=int)
    parser.add_argument("--drill-every-days", type=int, metavar="N", help="0: by hand only; default 30")
    for unit in ("last", "days", "weeks", "months"):
        parser.add_argument(f"--keep-{unit}", type=int, metavar="N")


if __name__ == "__main__":
    main()
