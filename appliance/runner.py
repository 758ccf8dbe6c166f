"""The one way in which the box runs other programs: argument lists, and secrets never among them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import join

from appliance.users import Account

# What a program needs to find other programs and to speak plainly; everything else of the caller's
# environment stays behind when the user changes.
_PLAIN = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}


@dataclass(frozen=True)
class Completed:
    """What a finished program left: its exit code and its two outputs, decoded."""

    args: tuple[str, ...]
    code: int
    stdout: str
    stderr: str


class CommandFailed(Exception):
    """A program ended badly. The message holds its arguments and its last lines, never a secret."""

    def __init__(self, completed: Completed) -> None:
        self.completed = completed
        words = (completed.stderr.strip() or completed.stdout.strip()).splitlines()[-20:]
        super().__init__("\n".join([f"`{join(completed.args)}` ended with code {completed.code}.", *words]))


def as_user(args: Sequence[str | Path], user: Account | None) -> list[str]:
    """The same command, run by `user`. Unchanged for no user, or who runs it anyway."""
    plain = [str(arg) for arg in args]
    if user is None or user.uid == os.geteuid():
        return plain
    return [
        *("setpriv", f"--reuid={user.uid}", f"--regid={user.gid}", "--init-groups"),
        *("--no-new-privs", "--inh-caps=-all", "--", *plain),
    ]


def environment_for(
    user: Account | None, *, env: Mapping[str, str] | None = None, secrets: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The environment of a program: a plain one for another user, so that nothing of root's leaks into it."""
    changes_user = user is not None and user.uid != os.geteuid()
    base = dict(_PLAIN) if changes_user else dict(os.environ)
    if changes_user and "KOROBKA_PREFIX" in os.environ:
        base["KOROBKA_PREFIX"] = os.environ["KOROBKA_PREFIX"]
    return base | dict(env or {}) | dict(secrets or {})


def run(
    args: Sequence[str | Path],
    *,
    secrets: Mapping[str, str] | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    user: Account | None = None,
    cwd: Path | None = None,
    timeout: float | None = None,
    check: bool = True,
) -> Completed:
    """Run a program to its end and keep what it says.

    `secrets` go into its environment (readable by its own user and root only) or, by the caller's choice,
    through `stdin`; there is no other way to hand one over. `user` drops root's rights for it. Raises
    `CommandFailed` on a bad exit code unless `check` is off, and `TimeoutError` after `timeout` seconds.
    """
    command = as_user(args, user)
    try:
        done = subprocess.run(
            command,
            input=stdin if stdin is not None else "",
            env=environment_for(user, env=env, secrets=secrets),
            cwd=cwd or ("/" if user is not None else None),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(f"`{join(command)}` did not end within {timeout:.0f} s.") from error
    except FileNotFoundError as error:
        raise CommandFailed(Completed(tuple(command), 127, "", f"{error.filename} was not found.")) from error
    completed = Completed(tuple(str(arg) for arg in args), done.returncode, done.stdout, done.stderr)
    if check and completed.code != 0:
        raise CommandFailed(completed)
    return completed
