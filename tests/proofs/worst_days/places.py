"""The second place that a day's backups go to, if it has one."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from appliance import config
from appliance.node import Machine, Node
from appliance.paths import Paths
from backup.settings import Target
from backup.targets import sftp
from tests.appliance.test_external import BUCKET, KEYS, Store, running_store
from tests.backup.test_sftp import Host, running_host
from tests.proofs.worst_days.days import Place

NAME, _NUMBER = "second", 2


@dataclass(frozen=True)
class Second:
    """What a day knows of it."""

    kind: Place
    folder: Path | None
    """Where its repositories lie on this machine, if they lie as files."""
    server: int
    """The process that answers; 0: it is a folder."""
    store: Store | None = None
    host: Host | None = None

    @property
    def name(self) -> str:
        """Of the target."""
        return NAME

    def target(self, node: Node) -> Target:
        """The same to setting it up, whose key is let in before."""
        if self.store:
            pem = self.store.ca_file.read_text(encoding="ascii")
            return Target(
                _NUMBER, NAME, "s3", uuid4().hex, self.store.endpoint, BUCKET, "us-east-1",
                KEYS["objects_access_key"], KEYS["objects_secret_key"], pem,
            )  # fmt: skip
        if self.host:
            target = Target(_NUMBER, NAME, "sftp", str(self.folder), self.host.place)
            self._admit(sftp.public_key(node, target))
            return sftp.Sftp().introduced(node, target, self._fingerprint(), option="--host-key")
        return Target(_NUMBER, NAME, "folder", str(self.folder))

    def let_in(self, paths: Paths) -> str:
        """An empty machine: its key, which it makes when it is asked for it. What the host is known by."""
        node = Node(paths, config.Box(), config.new_secrets(), Machine.here())
        self._admit(sftp.public_key(node, Target(1, "restored", "sftp", "/")))
        return self._fingerprint()

    def _admit(self, line: str) -> None:
        assert self.host is not None
        with self.host.authorized.open("a", encoding="ascii") as file:
            file.write(f"{line}\n")

    def _fingerprint(self) -> str:
        assert self.host is not None
        return sftp.fingerprint(sftp.scan(self.host.place))

    def away(self) -> AbstractContextManager[None]:
        """A folder is not there; a server takes everything and answers nothing."""
        return gone(self.folder) if self.folder and not self.server else _silent(self.server)

    @contextmanager
    def full(self) -> Iterator[None]:
        """Somebody else's file takes all the room there is."""
        assert self.folder is not None
        filler = self.folder / "somebody-elses"
        with filler.open("wb") as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(1 << 20))
                file.flush()
        try:
            yield
        finally:
            filler.unlink()


@contextmanager
def gone(folder: Path) -> Iterator[None]:
    """What lies in a folder is not there, as when a disk is pulled out."""
    there = [path for path in folder.iterdir() if path.name.startswith("korobka")]
    for path in there:
        path.rename(path.with_name(f"away-{path.name}"))
        path.touch()
    try:
        yield
    finally:
        for path in there:
            path.unlink()
            path.with_name(f"away-{path.name}").rename(path)


@contextmanager
def _silent(server: int) -> Iterator[None]:
    os.kill(server, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server, signal.SIGCONT)


class Places:
    """Servers that are started for the first day that needs them, and end with the last."""

    def __init__(self) -> None:
        self._running = ExitStack()
        self._store: Store | None = None
        self._host: Host | None = None

    def __enter__(self) -> Places:
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    @contextmanager
    def prepared(self, kind: Place | None) -> Iterator[Second | None]:
        """An empty place of this kind."""
        match kind:
            case None:
                yield None
            case "folder":
                with _disk() as folder:
                    yield Second(kind, folder, 0)
            case "s3":
                if self._store is None:
                    folder = self._running.enter_context(_folder())
                    self._store = self._running.enter_context(running_store(folder))
                yield Second(kind, None, self._store.pid, store=self._store)
            case "sftp":
                if self._host is None:
                    self._host = self._running.enter_context(running_host())
                folder = self._host.folder / uuid4().hex
                folder.mkdir()
                yield Second(kind, folder, self._host.pid, host=self._host)
                shutil.rmtree(folder)


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="korobka-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def _disk() -> Iterator[Path]:
    """Of 192 MiB, so that it is soon full."""
    with ExitStack() as undone:
        folder = Path(tempfile.mkdtemp(prefix="korobka-second-"))
        undone.callback(folder.rmdir)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=192m,mode=755", "tmpfs", folder], check=True)
        undone.callback(lambda: subprocess.run(["umount", "--lazy", folder], check=True))
        yield folder
