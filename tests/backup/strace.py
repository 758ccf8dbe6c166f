"""What root does in folders of services: read from what the kernel was asked, not from what the code says.

`strace` follows the agent, the supervisor and all that they start. Each call is told with the process's user
at that moment, so that what root asks for is known apart from what it lets others do.
"""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from appliance import folders, users
from appliance.paths import Paths

_CHANGING = (
    *("creat", "mkdir", "mkdirat", "mknod", "mknodat", "chmod", "fchmod", "fchmodat", "fchmodat2"),
    *("chown", "fchown", "lchown", "fchownat", "rename", "renameat", "renameat2", "link", "linkat"),
    *("symlink", "symlinkat", "unlink", "unlinkat", "rmdir", "truncate", "setxattr", "fsetxattr"),
)
_OPENING = ("open", "openat")
_BECOMING = ("setuid", "setreuid", "setresuid")
_STARTING = ("clone", "clone3", "fork", "vfork")

_CALL = re.compile(r"(?P<pid>\d+) +(?:<\.\.\. )?(?P<name>\w+)(?P<rest>.*)")
_END, _OVER = re.compile(r"(\d+) +\+\+\+ (?:exited|killed|superseded)"), "+++"
_ANSWER = re.compile(r"= (-?\d+)")
# A descriptor with its path, and the name after it; or a path alone.
_PLACE = re.compile(r'(?:\d+|AT_FDCWD)<(?P<folder>/[^>]*)>(?:, "(?P<below>[^"]*)")?|"(?P<path>/[^"]*)"')


@dataclass(frozen=True)
class Deed:
    """One call that root has made, and a path that it was about."""

    call: str
    path: Path
    flags: str

    @property
    def is_reading(self) -> bool:
        return self.call in _OPENING and not re.search("O_CREAT|O_WRONLY|O_RDWR|O_TRUNC", self.flags)

    @property
    def follows_links(self) -> bool:
        return "O_NOFOLLOW" not in self.flags


@contextmanager
def followed(file: Path, *pids: int) -> Iterator[None]:
    """Write into `file` what these processes, and those that they start, ask of the file system."""
    calls = ",".join((*_CHANGING, *_OPENING, *_BECOMING, *_STARTING))
    command = [
        "strace",
        "-f",
        "-y",
        # What a drill or a search runs has numbers of its own: each is told by its number here too.
        "--decode-pids=pidns",
        "-s",
        "4096",
        "-o",
        str(file),
        "-e",
        f"trace={calls}",
        "-e",
        "signal=none",
    ]
    command += [word for pid in pids for word in ("-p", str(pid))]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr is not None
        for _ in pids:
            assert "attached" in strace.stderr.readline()
        # It names each process that it comes to follow, and all stand still where nobody listens.
        threading.Thread(target=strace.stderr.read, daemon=True).start()
        try:
            yield
        finally:
            strace.terminate()


def deeds(file: Path, root_pids: Iterable[int]) -> Iterator[Deed]:
    """What root did, of all that was traced. A process has the user of whoever has started it.

    Numbers are given again, and a process may speak, and be over, before the call that has made it is.
    """
    first = [str(pid) for pid in root_pids]
    parents: defaultdict[str, list[str]] = defaultdict(list, {pid: [""] for pid in first})
    for pid, name, rest in _calls(file):
        if name in _STARTING and (child := _started(rest)):
            parents[child].append(pid)
    user, born, gone = dict.fromkeys(first, "0"), Counter(first), Counter[str]()
    for pid, name, rest in _calls(file):
        if name == _OVER:
            user.pop(pid, "")
            gone[pid] += 1
            continue
        if pid not in user:
            before = parents[pid][gone[pid] : gone[pid] + 1]
            if not before or before[0] not in user:
                raise AssertionError(f"Whose process {pid} is cannot be told; it called {name}{rest}")
            user[pid] = user[before[0]]
        if name in _STARTING and (child := _started(rest)):
            born[child] += 1
            if born[child] > gone[child]:
                user.setdefault(child, user[pid])
        elif name in _BECOMING:
            wanted = re.findall(r"-?\d+", rest.rpartition(")")[0])
            user[pid] = wanted[min(1, len(wanted) - 1)]
        elif user[pid] == "0":
            yield from _deeds_of(name, rest.rpartition(")")[0])


def _calls(file: Path) -> Iterator[tuple[str, str, str]]:
    """Process, name and the rest of each call that did not fail, when it was over."""
    begun: dict[str, str] = {}
    with file.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            found = _CALL.match(line)
            if found is None:
                if over := _END.match(line):
                    yield over[1], _OVER, ""
                continue
            pid, name, rest = found["pid"], found["name"], found["rest"]
            if rest.endswith("<unfinished ...>"):
                begun[pid] = rest.removesuffix("<unfinished ...>")
                continue
            if "resumed>" in rest:
                rest = begun.pop(pid, "") + rest.partition("resumed>")[2]
            if (answer := _ANSWER.search(rest.rpartition(")")[2])) and not answer[1].startswith("-"):
                yield pid, name, rest


def _started(rest: str) -> str:
    """The process that was made, by its number here and not in a namespace of its own."""
    said = rest.rpartition(")")[2]
    here = re.search(r"(\d+) in strace's PID NS", said)
    found = here or _ANSWER.search(said)
    return found[1] if found else ""


def _deeds_of(name: str, said: str) -> Iterator[Deed]:
    flags = said.rpartition('"')[2]
    for place in _PLACE.finditer(said):
        path = Path(place["path"] or place["folder"]) / (place["below"] or "")
        yield Deed(name, Path(os.path.normpath(path)), flags)


def in_services_folders(paths: Paths, done: Iterable[Deed], places: Iterable[Path]) -> list[str]:
    """What must not be: that root has done it in a folder that a service may change meanwhile."""
    beside, found = paths.data / "beside", set()
    inside = tuple(f"{place}/" for place in places)
    for deed in done:
        # Given to the service, or made: at its own place, which lies in a folder of root's.
        if not str(deed.path).startswith(inside):
            continue
        # A second box goes as a whole, folder by folder through descriptors (shutil.rmtree).
        if deed.path.is_relative_to(beside) and (deed.is_reading or deed.call in ("unlinkat", "rmdir")):
            continue
        if deed.is_reading and not deed.follows_links:
            continue
        found.add(f"{deed.call} {deed.path} {deed.flags}")
    return sorted(found)


def threads_of(*pids: int) -> list[int]:
    """Each is followed by its own number."""
    return [int(task.name) for pid in pids for task in Path(f"/proc/{pid}/task").iterdir()]


def services_folders(paths: Paths, *others: Path) -> list[Path]:
    """Folders that a service owns: of the box, of the boxes beside it, and repositories."""
    boxes = [paths, *(Paths(paths.data / "beside" / name) for name in ("drill", "find", "download"))]
    return [
        *(folder.path for one in boxes for folder in folders.all_folders(one) if folder.owner != users.ROOT),
        *others,
    ]
