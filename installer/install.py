"""Installing, in two stages: a bare Python brings the release's environment into being, which does the rest.

    install.sh -> /usr/bin/python3: questions, preflight, Debian packages, release
               -> RELEASE/venv/bin/python: everything else, with the release's own code

Running it again repairs; from a newer source, it upgrades.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from appliance.backup_file import is_set_up
from appliance.paths import Paths
from appliance.runner import CommandFailed
from installer import dist_packages, facts, first_password, options, preflight, release, steps, words
from installer.progress import Progress, progress_for_terminal
from installer.release import Source
from installer.steps import Host
from installer.words import said

HERE = Path(__file__).resolve().parents[1]


def main(arguments: argparse.Namespace) -> int:
    os.umask(0o022)
    words.remember()
    # The programs that are run must speak plainly, whatever the administrator's language.
    os.environ["LC_ALL"] = "C.UTF-8"
    progress = progress_for_terminal()
    chosen = options.from_arguments(arguments)
    if chosen.language == "ru":
        words.speak("ru")
    os.environ["KOROBKA_PREFIX"] = str(chosen.prefix)
    try:
        if arguments.staged:
            host = Host(chosen, Source(HERE), goes_back=arguments.back)
            return _second_stage(host, progress, is_silent=arguments.silent)
        if arguments.ask:
            chosen = options.ask(chosen)
        host = Host(chosen, Source(HERE))
        return _first_stage(host, progress, ends_there=arguments.build, is_silent=arguments.silent)
    except options.NoAnswer as error:
        progress.say(str(error))
        return 1
    except (KeyboardInterrupt, EOFError):
        progress.say("")
        progress.say("Interrupted. Run install.sh again: it goes on where this ended.")
        return 130


def pack(output: Path, by: release.Signing | None, *, is_bundle: bool) -> int:
    progress = progress_for_terminal()
    archive = release.pack(Source(HERE), output.absolute(), progress.say, by=by, is_bundle=is_bundle)
    progress.say(f"{archive} ({archive.stat().st_size >> 20} MiB)")
    return 0


def make_image(archive: Path, output: Path) -> int:
    from installer.image import build, formats

    progress = progress_for_terminal()
    output.mkdir(parents=True, exist_ok=True)
    disk = output.absolute() / f"{archive.name.removesuffix('.tar.gz')}.raw"
    try:
        build.build(archive.absolute(), disk, progress.say)
        written = formats.write_all(disk, progress.say)
    except CommandFailed as error:
        progress.say(f"{error.completed.stdout}\n{error}")
        return 1
    except build.CannotBuild as error:
        progress.say(str(error))
        return 1
    for made in written:
        progress.say(f"{made} ({made.stat().st_blocks >> 11} MiB)")
    return 0


def prepare_checkout(part: str) -> int:
    """For developers: a part of the checkout itself, or of the running environment."""
    if part == "frontend":
        release.build_frontend(HERE, Path(sysconfig.get_path("purelib")))
    elif part == "borrow":
        dist_packages.lend(Path(sys.prefix))
    else:
        release.compile_messages(HERE, Path(sys.executable))
    return 0


def _first_stage(host: Host, progress: Progress, *, ends_there: bool, is_silent: bool) -> int:
    found = preflight.findings(facts.gather(host.paths, host.source), host.options)
    for finding in found:
        progress.say(str(finding))
    if not all(finding.is_warning for finding in found):
        progress.say("Nothing was changed.")
        return 1
    try:
        # Never closed: the second stage inherits it, and it ends with the process, however that ends.
        os.set_inheritable(_lock(host.paths), True)
    except Busy as error:
        progress.say(str(error))
        return 1
    version = f"Korobka {host.source.name}"
    progress.say(
        f"{version}: {'installing' if host.is_fresh else 'looking after the box'} under {host.paths.prefix}"
    )
    try:
        steps.perform(steps.BARE, host, progress)
    except (CommandFailed, OSError, TimeoutError) as error:
        progress.say(f"{error}\nCure that, and run install.sh again: it goes on from here.")
        return 1
    if ends_there:
        return 0
    python = host.release / "venv/bin/python"
    os.environ["PYTHONPATH"] = str(host.release)
    os.chdir(host.release)
    sys.stdout.flush()
    again = ["-P", "-B", "-m", "installer", "install", "--staged", *options.as_arguments(host.options)]
    again += ["--silent"] if is_silent else []
    os.execv(python, [str(python), *again])  # noqa: S606 - the same program in its own environment
    raise AssertionError("unreachable")


def _second_stage(host: Host, progress: Progress, *, is_silent: bool) -> int:
    """Silent, it tells no codes at the end: what an upgrade says is read by the portal."""
    from appliance.certificates import CertificateRefused
    from appliance.config import ConfigError
    from appliance.services.database.setup import DatabaseMissing
    from appliance.services.objects.service import ProgramMissing
    from appliance.services.objects.setup import StoreRefused
    from appliance.supervise import SupervisorError
    from backup import disaster_recovery
    from backup.keys import KeyRefused
    from backup.settings import BackupRefused
    from installer.schema import SchemaRefused
    from installer.steps.final import BoxDoesNotAnswer

    known = (
        CommandFailed, OSError, TimeoutError, CertificateRefused, ConfigError, SupervisorError,
        BackupRefused, KeyRefused, BoxDoesNotAnswer, DatabaseMissing, ProgramMissing, StoreRefused,
        SchemaRefused, subprocess.CalledProcessError,
    )  # fmt: skip
    first = len(steps.BARE) + 1
    try:
        changed = steps.perform(steps.full()[len(steps.BARE) :], host, progress, first=first)
    except known as error:
        progress.say(f"{error}\nCure that, and run install.sh again: it goes on from here.")
        return 1
    disaster_recovery.end(host.paths)
    if not is_silent:
        _farewell(host, progress, changed)
    return 0


def _farewell(host: Host, progress: Progress, changed: int) -> None:
    from appliance import certificates
    from appliance.agent import proofs

    box = host.node.box
    port = "" if box.balancer.https_port == 443 else f":{box.balancer.https_port}"
    progress.say("")
    progress.say(said("The portal: {address}", address=f"https://{box.public_name}{port}/"))
    for line in host.news:
        progress.say(line)
    if kept := first_password.unseen(host.paths, now=datetime.now(UTC)):
        progress.say(said("Sign in as {email}", email=kept.email))
        progress.say(said("with the password {password} (shown this once).", password=kept.password))
        progress.say(said(_FORGOTTEN, email=kept.email))
    if not is_set_up(host.paths):
        progress.say(said(_BACKUPS, code=proofs.first_code(host.paths)))
    certificate = certificates.info(host.paths)
    if certificate.is_own:
        progress.say(said(_AUTHORITY, file=host.paths.tls / "ca.crt"))
    else:
        progress.say(said(_COMPANYS, day=f"{certificate.not_after:%Y-%m-%d}"))
    if changed <= 2:  # two checks are always done
        progress.say(said("Everything was as it should be: nothing to do."))
    # Only now has somebody seen it.
    sys.stdout.flush()
    first_password.forget(host.paths)


_FORGOTTEN = "A forgotten password is set anew by `sudo boxctl user password {email}`."
_BACKUPS = (
    "Backups are set up in the Console, with this code: {code} (`sudo boxctl backup code` shows it again)."
)
_AUTHORITY = (
    "Its certificate comes from the box's own authority: give {file} to your browsers. Its key is sealed in "
    "backups: `sudo boxctl backup root-key` shows what opens it, to be printed."
)
_COMPANYS = "Its certificate is the company's own, and ends on {day}."


class Busy(Exception):
    """Another installation is at work."""


@contextmanager
def alone(paths: Paths, *, patience: float = 0) -> Iterator[None]:
    """While nobody else installs here; for whoever runs the stages from outside. `patience` in seconds."""
    held = _lock(paths, patience)
    try:
        yield
    finally:
        os.close(held)


LOCK = Path("/run/korobka-install.lock")
"""Of the machine's own box. Root alone can open it, and so hold it; it is gone with the next boot."""


def _lock(paths: Paths, patience: float = 0) -> int:
    """One installation at a time: what is held until it is closed, and taking it changes nothing of the box.
    Of one below a prefix that is the folder; of the machine's own a file, for anybody can hold `/`."""
    if paths.prefix == paths.prefix.parent and os.geteuid() == 0:
        held = os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    else:
        held = os.open(facts.nearest_existing(paths.prefix), os.O_RDONLY | os.O_DIRECTORY)
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return held
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(held)
                raise Busy(
                    "Another installation is at work here: wait until it ends, then run install.sh again."
                ) from None
            time.sleep(0.2)
