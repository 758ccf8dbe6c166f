"""`python -m installer install | upgrade | doctor | uninstall`; `release | frontend | borrow | messages`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from installer import install, options, release, words


def main() -> int:
    """Everything but `install` runs in a complete environment, and is loaded only when it is wanted."""
    words.remember()
    parser = argparse.ArgumentParser(prog="installer", description="Installs, examines and removes a box.")
    commands = parser.add_subparsers(dest="command", required=True)
    options.add_arguments(commands.add_parser("install", help="install, repair or upgrade this box"))
    for stage in ("--build", "--staged", "--silent", "--back"):
        commands.choices["install"].add_argument(stage, action="store_true", help=argparse.SUPPRESS)
    for name, text in (
        ("upgrade", "move the box over to another release, and back if that fails"),
        ("doctor", "find what is wrong"),
        ("uninstall", "remove the box, keeping its data"),
    ):
        commands.add_parser(name, help=text)
    packing = commands.add_parser("release", help="pack the release archive")
    packing.add_argument("--output", type=Path, default=Path("dist"), help="folder for the archive")
    packing.add_argument(
        "--offline", action="store_true", help="with Debian's packages: needs no network at all"
    )
    packing.add_argument("--sign", type=Path, metavar="KEY", help="sign it with this key of OpenSSH")
    packing.add_argument("--trust", type=Path, action="append", default=[], metavar="PUB",
                         help="a public key that may sign the next release too (repeatable)")  # fmt: skip
    imaging = commands.add_parser("image", help="make a virtual machine of a release archive (root)")
    imaging.add_argument("archive", type=Path, help="korobka-VERSION.tar.gz")
    imaging.add_argument("--output", type=Path, default=Path("dist"), help="folder for the disks")
    commands.add_parser("frontend", help="build the checkout's front end")
    commands.add_parser("borrow", help="link Debian's own Python packages into the checkout's environment")
    commands.add_parser("messages", help="compile the checkout's translations")
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    if command == "doctor":
        from installer import doctor

        doctor.add_arguments(commands.choices["doctor"])
        return doctor.main(parser.parse_args())
    if command == "upgrade":
        from installer import upgrade_plan

        upgrade_plan.add_arguments(commands.choices["upgrade"])
        upgrade_plan.main(parser.parse_args())
        return 0
    if command == "uninstall":
        from installer import uninstall

        uninstall.add_arguments(commands.choices["uninstall"])
        return uninstall.main(parser.parse_args())
    arguments = parser.parse_args()
    if command in ("release", "image"):
        return _make(command, arguments)
    if command in ("frontend", "borrow", "messages"):
        return install.prepare_checkout(command)
    return install.main(arguments)


def _make(command: str, arguments: argparse.Namespace) -> int:
    """What is handed out: an archive, or a virtual machine of one."""
    if command == "image":
        return install.make_image(arguments.archive, arguments.output)
    by = release.Signing(arguments.sign, tuple(arguments.trust)) if arguments.sign else None
    return install.pack(arguments.output, by, is_bundle=arguments.offline)


if __name__ == "__main__":
    sys.exit(main())
