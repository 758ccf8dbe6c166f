"""Becomes a service: what a systemd unit would arrange, for the box that has supervisord instead.

supervisord starts this with the service's user, its private /tmp and so on as arguments, and after them its
command. It starts in 30 ms and leaves nothing behind: at its end it *is* the service. Only the standard
library, and nothing of the box, so that no folder but Python's own is imported from as root.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

# Somebody who ends at once is started again after this long, however often: supervisord itself would wait
# longer each time, and give up in the end.
_PAUSE_SECONDS = 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stamp", type=Path, required=True, help="remembers the last start, for the pause")
    parser.add_argument("--user", help="UID:GID to become")
    parser.add_argument("--groups", default="", help="GID,... that it has beside its own")
    parser.add_argument("--capability", action="append", default=[], help="kept although not root")
    parser.add_argument("--tmp", type=Path, help="folder to see as /tmp")
    parser.add_argument("--pid-file", type=Path, help="removed when its process is another program's")
    parser.add_argument("--before", action="append", default=[], help="words of a program that runs first")
    parser.add_argument("--oom-score", type=int, help="how readily the kernel ends it when memory is short")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="-- PROGRAM ARGUMENT ...")
    arguments = parser.parse_args()
    command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command

    _pause_after(arguments.stamp)
    if arguments.pid_file:
        file, program = arguments.pid_file, Path(command[0]).name
        _as_user(arguments.user, lambda: _remove_stale(file, program=program))
    if arguments.oom_score is not None:
        with contextlib.suppress(PermissionError):  # a container may not lower it
            Path("/proc/self/oom_score_adj").write_text(str(arguments.oom_score), encoding="ascii")
    if arguments.tmp:
        _give_own_tmp(arguments.tmp)
    os.umask(0o027)
    become: list[str] = []
    if arguments.user:
        uid, gid = arguments.user.split(":")
        become = [
            *("setpriv", f"--reuid={uid}", f"--regid={gid}", "--no-new-privs"),
            f"--groups={arguments.groups}" if arguments.groups else "--init-groups",
            *_capabilities(arguments.capability),
            "--",
        ]
    if arguments.before:
        subprocess.run([*become, sys.executable, "-I", "-S", *arguments.before], check=False)
    sys.stdout.flush()
    command = [*become, *command]
    os.execvp(command[0], command)  # noqa: S606 - there is no shell, as it should be


def _pause_after(stamp: Path) -> None:
    now = time.time()
    try:
        waited = now - stamp.stat().st_mtime
    except FileNotFoundError:
        waited = _PAUSE_SECONDS
    if 0 <= waited < _PAUSE_SECONDS:
        time.sleep(_PAUSE_SECONDS - waited)
    stamp.touch()


def _as_user(user: str | None, act: Callable[[], None]) -> None:
    """In the service's own folders nothing is done as root: there may be a link to anywhere."""
    if user is None:
        act()
        return
    child = os.fork()
    if child == 0:
        try:
            uid, gid = map(int, user.split(":"))
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
            act()
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def _remove_stale(pid_file: Path, *, program: str) -> None:
    """After a kill of everything, the old number may be another process's by now; then the file is a lie."""
    try:
        pid = int(pid_file.read_text(encoding="ascii").split()[0])
        name = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
    except (OSError, ValueError, IndexError):
        return  # no file, or no such process: the program copes with both
    if name != program[:15]:
        pid_file.unlink()


def _give_own_tmp(folder: Path) -> None:
    """A mount namespace with `folder` as /tmp: in a shared one, others could take its fixed names first."""
    try:
        os.unshare(os.CLONE_NEWNS)
        for arguments in (["--make-rprivate", "/"], ["--bind", str(folder), "/tmp"]):  # noqa: S108
            subprocess.run(["mount", *arguments], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        # A container may not allow it. The service is as safe as without; only its start could be hindered.
        print(f"No /tmp of its own: {error}", file=sys.stderr)  # noqa: T201


def _capabilities(names: list[str]) -> list[str]:
    kept = ",".join(f"+{name}" for name in names)
    return [f"--inh-caps=-all,{kept}", f"--ambient-caps=-all,{kept}"] if names else ["--inh-caps=-all"]


if __name__ == "__main__":
    main()
