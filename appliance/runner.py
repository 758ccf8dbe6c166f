"""The one way in which the box runs other programs: argument lists, and secrets never among them."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shlex import join
from typing import IO, Any

from appliance import PLAIN_ENVIRONMENT, unseen
from appliance.users import Account


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


@dataclass(frozen=True)
class Standstill:
    """When a program counts as standing still: nothing has moved in it for so many seconds.

    Signs of life are its lines, and what it and its children write, by the kernel's count. Of a program that
    speaks while it waits, `is_word` says which lines are; they alone count then, since its speaking is
    writing too.
    """

    seconds: float
    is_word: Callable[[str], bool] | None = None
    after: Mapping[str, float] = field(default_factory=dict)
    """Other seconds, after a line in which these words are."""


class StoodStill(Exception):
    """A program was ended because nothing moved in it any more."""

    def __init__(self, program: str, seconds: float) -> None:
        super().__init__(f"Nothing has moved in `{program}` for {seconds:g} s, and it was ended.")
        self.seconds = seconds


def as_user(args: Sequence[str | Path], user: Account | None, *, is_unseen: bool = False) -> list[str]:
    """The same command, run by `user`. Unchanged for no user, or who runs it anyway.

    `is_unseen`: for no other process of the user to look into. The command is `python -P PROGRAM`, all of
    it root's.
    """
    plain = [str(arg) for arg in args]
    if user is None or user.uid == os.geteuid():
        return plain
    if is_unseen:
        python, safe_path, *program = plain
        become = [python, safe_path, unseen.__file__, str(user.uid), str(user.gid)]
        return ["setpriv", "--no-new-privs", "--inh-caps=-all", "--", *become, *program]
    return [
        *("setpriv", f"--reuid={user.uid}", f"--regid={user.gid}", "--init-groups"),
        *("--no-new-privs", "--inh-caps=-all", "--", *plain),
    ]


def environment_for(
    user: Account | None, *, env: Mapping[str, str] | None = None, secrets: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The environment of a program: a plain one for another user, so that nothing of root's leaks into it."""
    changes_user = user is not None and user.uid != os.geteuid()
    base = dict(PLAIN_ENVIRONMENT) if changes_user else dict(os.environ)
    if changes_user and "KOROBKA_PREFIX" in os.environ:
        base["KOROBKA_PREFIX"] = os.environ["KOROBKA_PREFIX"]
    return base | dict(env or {}) | dict(secrets or {})


_ENDS_WITH_US = ("--pdeathsig", "TERM")
"""Of setpriv. In a session of its own a program does not hear that the terminal was closed, either."""


def _is_apart(user: Account | None) -> bool:
    """Whether a program gets a session of its own, without the terminal at which root sits.

    Whoever has taken a service over has all programs of its user (ptrace(2)), and could type there as root,
    and read. Without a terminal it stays in the session of what has started it, and ends with that.
    """
    if user is None or user.uid == os.geteuid():
        return False
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def run(
    args: Sequence[str | Path],
    *,
    secrets: Mapping[str, str] | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | IO[bytes] | None = None,
    user: Account | None = None,
    is_unseen: bool = False,
    cwd: Path | None = None,
    timeout: float | None = None,
    check: bool = True,
) -> Completed:
    """Run a program to its end and keep what it says.

    `secrets` go into its environment (readable by root and all processes of its own user; with `is_unseen` by
    root only, see `as_user`) or, by the caller's choice, through `stdin`; there is no other way to hand one
    over. A file there is whole before the program starts, whatever becomes of this process. `user` drops
    root's rights for it. Raises
    `CommandFailed` on a bad exit code unless `check` is off, and `TimeoutError` after `timeout` seconds.
    """
    command = as_user(args, user, is_unseen=is_unseen)
    # Into one that is unseen nobody looks, and so nobody types through it.
    if is_alone := _is_apart(user) and not is_unseen:
        command[1:1] = _ENDS_WITH_US
    given: dict[str, Any] = (
        {"input": stdin or ""} if stdin is None or isinstance(stdin, str) else {"stdin": stdin}
    )
    try:
        done = subprocess.run(
            command,
            **given,
            env=environment_for(user, env=env, secrets=secrets),
            start_new_session=is_alone,
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


def stream(
    args: Sequence[str | Path],
    *,
    secrets: Mapping[str, str] | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
    user: Account | None = None,
    standstill: Standstill | None = None,
    pass_fds: Sequence[int] = (),
) -> Generator[str]:
    """Run a program that takes long, and hand out its lines (both outputs) as they come.

    It is ended when this process dies, even by kill -9: whoever takes the work up again finds nobody at it.
    Raises `CommandFailed` on a bad exit code, after the last line, and `StoodStill` where it was ended for
    `standstill`. Of what this process has open it gets `pass_fds`, under the same numbers.
    """
    command = ["setpriv", *_ENDS_WITH_US, "--", *as_user(args, user)]
    if user is not None and user.uid != os.geteuid():
        # A change of user clears the wish, so it is expressed together with it.
        command = as_user(args, user)
        command[1:1] = _ENDS_WITH_US
    last: list[str] = []
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment_for(user, env=env, secrets=secrets),
        start_new_session=_is_apart(user),
        cwd="/",
        text=True,
        errors="replace",
        pass_fds=pass_fds,
    ) as process:
        assert process.stdin is not None and process.stdout is not None  # noqa: S101 - they are pipes
        watch = _Watch(process, standstill) if standstill else None
        try:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(stdin)
                process.stdin.close()
            for line in process.stdout:
                last = [*last[-19:], line.rstrip("\n")]
                if watch:
                    watch.heard(last[-1])
                yield last[-1]
        except BaseException:
            process.terminate()
            raise
        finally:
            if watch:
                watch.close()
    if watch and watch.ended_after:
        raise StoodStill(str(args[0]), watch.ended_after)
    if process.returncode != 0:
        raise CommandFailed(
            Completed(tuple(str(arg) for arg in args), process.returncode, "\n".join(last), "")
        )


class _Watch:
    """Ends a program that stands still."""

    # Whoever tries again and again to reach somebody writes too, but only greetings.
    _SIGN_OF_LIFE = 1 << 16

    def __init__(self, process: subprocess.Popen[str], standstill: Standstill) -> None:
        self.ended_after = 0.0
        self._process, self._standstill = process, standstill
        self._seconds = standstill.seconds
        self._heard_at = time.monotonic()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def heard(self, line: str) -> None:
        if self._standstill.is_word and not self._standstill.is_word(line):
            return
        others = (seconds for words, seconds in self._standstill.after.items() if words in line)
        self._seconds = next(others, self._standstill.seconds)
        self._heard_at = time.monotonic()

    def close(self) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        written = sum(_written_by(self._process.pid).values())
        while not self._is_over.wait(self._standstill.seconds / 20):
            by_each = _written_by(self._process.pid)
            # A child that ends takes its count along: less is a sign of life too.
            moved = abs(sum(by_each.values()) - written) >= self._SIGN_OF_LIFE
            if moved and not self._standstill.is_word:
                written = sum(by_each.values())
                self._heard_at = time.monotonic()
            elif time.monotonic() - self._heard_at >= self._seconds:
                self.ended_after = self._seconds
                for pid in by_each:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGTERM)
                return


def _written_by(pid: int) -> dict[int, int]:
    """Bytes that a program and each of its children have handed to the kernel, for files and connections
    alike: `wchar` of proc_pid_io(5)."""
    found = {}
    with contextlib.suppress(OSError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for one in (pid, *map(int, children)):
            said = re.search(r"wchar: (\d+)", Path(f"/proc/{one}/io").read_text())
            found[one] = int(said[1]) if said else 0
    return found


@contextlib.contextmanager
def fed(args: Sequence[str | Path], *, to: IO[bytes]) -> Iterator[IO[bytes]]:
    """Run a program that reads what is written into the block's file, and writes into `to`.

    Raises `CommandFailed` on a bad exit code, also where it closed its ears before the end.
    """
    command = ["setpriv", *_ENDS_WITH_US, "--", *(str(arg) for arg in args)]
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=to, stderr=errors) as process,
    ):
        assert process.stdin is not None  # noqa: S101 - it is a pipe
        try:
            with contextlib.suppress(BrokenPipeError):
                yield process.stdin
                process.stdin.close()
        except BaseException:
            process.kill()
            raise
        process.wait()
        errors.seek(0)
        said = errors.read().decode(errors="replace")
    if process.returncode != 0:
        raise CommandFailed(Completed(tuple(str(arg) for arg in args), process.returncode, "", said))


@contextlib.contextmanager
def read_from(args: Sequence[str | Path]) -> Iterator[IO[bytes]]:
    """Run a program whose output is read in the block, as far as that likes.

    Raises `CommandFailed` on a bad exit code, unless the block ended before the program did.
    """
    command = ["setpriv", *_ENDS_WITH_US, "--", *(str(arg) for arg in args)]
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors) as process,
    ):
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        try:
            yield process.stdout
            is_over = not process.stdout.read(1)
        except BaseException:
            process.kill()
            raise
        if not is_over:
            process.kill()
        process.wait()
        errors.seek(0)
        said = errors.read().decode(errors="replace")
    if is_over and process.returncode != 0:
        raise CommandFailed(Completed(tuple(str(arg) for arg in args), process.returncode, "", said))


type Stage = tuple[Sequence[str | Path], Account | None, Mapping[str, str]]
"""A program with its arguments, who runs it, and its environment."""


def piped(source: Stage, target: Stage, *, cwd: Path) -> None:
    """Let the second program read what the first one says. Raises `CommandFailed` for whichever ended badly;
    the second must take an early end for a failure, for it may have come to it first."""
    with tempfile.TemporaryFile() as errors:

        def begin(stage: Stage, **ends: Any) -> subprocess.Popen[bytes]:
            args, user, env = stage
            command, environment = as_user(args, user), environment_for(user, env=env)
            if is_alone := _is_apart(user):
                command[1:1] = _ENDS_WITH_US
            return subprocess.Popen(
                command, env=environment, start_new_session=is_alone, cwd=cwd, stderr=errors, **ends
            )

        with (
            begin(source, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as first,
            begin(target, stdin=first.stdout, stdout=subprocess.DEVNULL) as second,
        ):
            # Its own end of the pipe is closed, so that the first one hears when nobody reads any more.
            if first.stdout:
                first.stdout.close()
            try:
                second.wait()
                first.wait()
            except BaseException:
                # Whoever interrupts this at a terminal does not reach them there.
                second.kill()
                first.kill()
                raise
        errors.seek(0)
        said = errors.read().decode(errors="replace")
    for process, (args, _, _) in ((second, target), (first, source)):
        if process.returncode != 0:
            raise CommandFailed(Completed(tuple(map(str, args)), process.returncode, "", said))
