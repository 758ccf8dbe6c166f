"""rclone: files into a repository and out of it, encrypted with their names.

Remotes: `plain:` is the target's folder of the box, `vault:` what is encrypted in it, `live:` the store's
bucket. They are described in the environment, which the engine's own user and root alone can read.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import IO, Any

from appliance import runner, users
from appliance.agent.codec import encode
from appliance.node import Node
from appliance.runner import CommandFailed, Standstill
from appliance.services.objects import volume_files
from appliance.services.objects.service import endpoint
from backup import store_authorities, timeouts
from backup.keys import KeyRefused, KeyRing
from backup.pack_job import Job, Part, Store
from backup.settings import BackupRefused, Settings, Target
from backup.targets import kind_of, s3
from backup.targets.kind import Kind

_COPY = (
    "--transfers=8", "--checkers=8", "--no-traverse", "--retries=2", "--low-level-retries=10",
    "--stats=1s", "--use-json-log", "--stats-log-level=NOTICE",
)  # fmt: skip
PACKS = "packs"
_FOLDERS = frozenset({"blobs/", f"{PACKS}/", "sets/"})
"""All that lies at the top of what is encrypted."""
KEY_RINGS = ("keyring.json", "keyring-copy.json")
"""The same twice: without one no recovery key opens anything."""
_LOST = ("directory not found", "object not found", "couldn't be found")


@dataclass(frozen=True)
class Moved:
    """How far a copy is, in bytes; `rate` in bytes a second. Two are equal if nothing moved between them."""

    done: int
    total: int = field(compare=False)
    rate: float = field(compare=False)
    looked_at: int = 0
    """Files that were there, or are by now."""


@dataclass(frozen=True)
class Vault:
    """The files of one repository."""

    node: Node
    settings: Settings
    target: Target

    # --- plain files: the key ring

    def rings(self) -> Iterator[str]:
        """What lies there of it, the first one first. A repository of before has one alone."""
        for name in KEY_RINGS:
            if (text := self.read_plain(name)) is not None:
                yield text

    def write_ring(self, text: str) -> None:
        for name in KEY_RINGS:
            self.write_plain(name, text)

    def remove_ring(self) -> None:
        for name in KEY_RINGS:
            self._run("deletefile", f"plain:{name}", check=False)

    def is_opened_by(self, ring: KeyRing, rings: Iterable[str] | None = None) -> bool | None:
        """Whether a key ring that lies there has a holder in common with this one; None: none lies there.

        `rings` are what was just read of it. Raises `KeyRefused` where none can be read.
        """
        refused: KeyRefused | None = None
        for text in self.rings() if rings is None else rings:
            try:
                there = KeyRing.parse(text)
            except KeyRefused as error:
                refused = error
            else:
                return bool({one.id for one in there.holders} & {one.id for one in ring.holders})
        if refused:
            raise refused
        return None

    def read_plain(self, name: str) -> str | None:
        """A file that is not encrypted; None when it is not there."""
        done = self._run("cat", f"plain:{name}", check=False)
        if done.code == 0:
            # Of what is not there, rclone's cat says nothing and is content.
            return done.stdout or None
        if any(words in done.stderr for words in _LOST):
            return None
        raise BackupRefused(
            f"The target {self.target.name} ({self.target}) cannot be read: {_why(done.stderr)}"
        )

    def write_plain(self, name: str, text: str) -> None:
        # By no pipe: whoever is killed before anything was written into it would leave an empty key ring.
        with tempfile.TemporaryFile() as file:
            file.write(text.encode())
            file.seek(0)
            self._run("rcat", f"plain:{name}", stdin=file)

    def require(self, rings: Iterable[str] | None = None) -> None:
        """Refuse where the repository is not: an empty mount point is no empty repository.

        `rings` are what was just read of its key ring.
        """
        try:
            is_own = self.is_opened_by(self.settings.ring_of(self.target), rings)
        except KeyRefused as error:
            raise BackupRefused(
                f"{error} At {self.target}: `boxctl backup verify --target {self.target.name}` mends it."
            ) from error
        if is_own is None:
            raise BackupRefused(
                f"The repository of {self.target.name} is not at {self.target}: is the disk mounted?"
            )
        if not is_own:
            raise BackupRefused(f"At {self.target} lies the repository of another box.")

    def refuse_other_key(self) -> None:
        """Refuse where something is encrypted, and nothing of it can be read."""
        # In this order: what is there at first is there afterwards, while the first files are copied. Of
        # another key's names about each 256th passes for one: https://rclone.org/crypt/#name-encryption
        is_filled = self._run("lsf", "plain:vault", check=False).stdout.strip()
        if is_filled and _FOLDERS.isdisjoint(self.names("")):
            raise BackupRefused(
                f"The repository of {self.target.name} cannot be read with this box's key: it is "
                f"another box's, or backup.json was replaced. Bring it back with the recovery key."
            )

    def probe(self) -> None:
        """Write, read and delete a small file; raises with what went wrong."""
        try:
            self.write_plain("probe", "korobka")
            if self.read_plain("probe") != "korobka":
                raise BackupRefused(f"The target {self.target} does not give back what was written to it.")
            self._run("deletefile", "plain:probe")
        except CommandFailed as error:
            raise BackupRefused(
                f"The target {self.target} cannot be written to: {_why(error.completed.stderr)}"
            ) from error

    # --- encrypted files

    def put(self, local: Path, name: str) -> None:
        """Copy a file of this machine, readable by the database's user."""
        with timeouts.told_of_full_target(self.target):
            self._run("copyto", "--ignore-times", str(local), f"vault:{name}")

    def get(self, name: str, local: Path) -> None:
        """Copy a file into a folder of the engines' user: see `sets.taken_out`."""
        self._run("copyto", f"vault:{name}", str(local))

    def names(self, folder: str) -> list[str]:
        """The names in a folder, those of folders with a slash at the end."""
        done = self._run("lsf", f"vault:{folder}", check=False)
        if done.code != 0 and not any(words in done.stderr for words in _LOST):
            raise CommandFailed(done)
        return done.stdout.split()

    def sizes(self, keys: Iterable[str]) -> dict[str, int]:
        """Which of these blobs are there, with the sizes they have decrypted."""
        return self._sizes("vault:blobs", keys)

    def live_sizes(self, keys: Iterable[str]) -> dict[str, int]:
        """Which of these blobs the portal's store has."""
        return self._sizes(self._live, keys)

    def hashes(self, keys: Iterable[str], folder: str = "blobs") -> dict[str, str]:
        """SHA-256 of these files, read and decrypted in full; one that cannot be is not among them."""
        done = self._run(
            "hashsum", "SHA-256", "--download", "--files-from-raw=-", "--no-traverse", f"vault:{folder}",
            stdin=_lines(keys), check=False,
        )  # fmt: skip
        found = (line.split(maxsplit=1) for line in done.stdout.splitlines())
        return {parts[1]: parts[0] for parts in found if len(parts) == 2 and len(parts[0]) == 64}

    def take(self, keys: Iterable[str], heard: Callable[[Moved], None], *, is_anew: bool = False) -> None:
        """Copy blobs from the portal's store into the repository; anew also those that seem to be there."""
        with timeouts.told_of_full_target(self.target):
            self._copy(self._live, "vault:blobs", keys, heard, "--ignore-times" if is_anew else "--size-only")

    def give_back(self, keys: Iterable[str], heard: Callable[[Moved], None]) -> None:
        """Copy blobs from the repository into the portal's store."""
        self._copy("vault:blobs", self._live, keys, heard)

    def fetch(self, names: Iterable[str], into: Path, folder: str = "blobs") -> None:
        """Copy files from the repository into a folder of the engines' user."""
        self._copy(f"vault:{folder}", str(into), names, lambda _: None)

    def take_from(self, folder: Path, keys: Iterable[str]) -> None:
        """Copy blobs from there into the repository, over what there is under their names."""
        with timeouts.told_of_full_target(self.target):
            self._copy(str(folder), "vault:blobs", keys, lambda _: None, "--ignore-times")

    def forget(self, names: Iterable[str], folder: str = "blobs") -> None:
        """Delete files from the repository."""
        self._run("delete", "--files-from-raw=-", "--no-traverse", f"vault:{folder}", stdin=_lines(names))

    # --- packs

    def packs(self) -> dict[str, int]:
        """What lies among the packs, indexes too, with the sizes decrypted."""
        done = self._run("lsf", "--files-only", "--format=sp", "--separator=;", f"vault:{PACKS}", check=False)
        return _listed(done)

    def write(self, name: str, text: str) -> None:
        """A file of the repository, which survives a power cut before this returns."""
        # By no pipe: see `write_plain`.
        with timeouts.told_of_full_target(self.target), tempfile.TemporaryFile() as file:
            file.write(text.encode())
            file.seek(0)
            self._run("rcat", f"vault:{name}", stdin=file)
        self.sync()

    def sync(self) -> None:
        """What was written survives a power cut from now on."""
        if synced := self._kind.synced(self.target):
            runner.run(synced, user=users.account(users.DATABASE))

    def engine(self, parts: Iterable[Part], heard: Callable[[int], None] = lambda _: None) -> Iterator[Any]:
        """What `backup.pack_engine` answers to these, one by one; `heard` are the bytes moved so far."""
        box, bundle = self.node.box.objects, store_authorities.bundle(self.node)
        store = Store(
            endpoint(self.node), box.region, box.bucket,
            box.path_style or box.engine != "external", str(bundle) if bundle.exists() else "",
        )  # fmt: skip
        rclone = [program(), "--low-level-retries=5", *self._timeouts, *self._limit]
        index, asked = self.node.data("backup") / "home/volumes.db", [*parts]
        with volume_files.opened(self.node) if _need_volumes(asked) else nullcontext(()) as volumes:
            job = Job(tuple(rclone), f"vault:{PACKS}", store, str(index), volumes)
            said = runner.stream(
                [self.node.python, "-P", "-m", "backup.pack_engine"],
                stdin="".join(json.dumps(encode(one)) + "\n" for one in (job, *asked)),
                pass_fds=[file for _, file in volumes],
                env={**self._environment, "PYTHONPATH": str(self.node.release)},
                secrets=self._secrets,
                user=users.account(users.DATABASE),
                standstill=Standstill(timeouts.of(self.node).seconds, is_word=_is_answer),
            )
            with (
                timeouts.told_of_standstill(self.target),
                timeouts.told_of_full_target(self.target),
                _told_plainly(),
                closing(said),
            ):
                for line in said:
                    answer = json.loads(line) if _is_answer(line) else {}
                    if "moved" in answer:
                        heard(answer["moved"])
                    elif answer:
                        yield answer

    def is_empty(self) -> bool:
        """Whether nothing at all lies where the repository is to be."""
        return not self._run("lsf", "plain:").stdout.strip()

    def empty(self) -> None:
        """Delete all of it but the key ring, by which the next repository at this place is found."""
        done = self._run("lsf", "plain:", check=False)
        if done.code != 0 and not any(words in done.stderr for words in _LOST):
            raise CommandFailed(done)
        for name in done.stdout.split():
            if name.endswith("/"):
                self._remove_folder(f"plain:{name.rstrip('/')}")
            elif name not in KEY_RINGS:
                self._run("deletefile", f"plain:{name}")

    def forget_set(self, label: str) -> None:
        self._remove_folder(f"vault:sets/{label}")

    # --- how

    def _remove_folder(self, place: str) -> None:
        done = self._run(self._kind.removal, place, check=False)
        if done.code != 0 and not any(words in done.stderr for words in _LOST):
            raise CommandFailed(done)

    @property
    def others(self) -> list[Vault]:
        """Those of the other repositories, of other keys at this place too."""
        everywhere = (*self.settings.targets, *self.settings.closed)
        here = self.target.spot, self.target.generation
        return [replace(self, target=one) for one in everywhere if (one.spot, one.generation) != here]

    @property
    def _kind(self) -> Kind:
        return kind_of(self.target)

    @property
    def _live(self) -> str:
        return f"live:{self.node.box.objects.bucket}"

    def _sizes(self, place: str, keys: Iterable[str]) -> dict[str, int]:
        done = self._run(
            "lsf", "--recursive", "--files-only", "--format=sp", "--separator=;", "--files-from-raw=-",
            "--no-traverse", place, stdin=_lines(keys), check=False,
        )  # fmt: skip
        return _listed(done)

    def _copy(
        self,
        source: str,
        to: str,
        keys: Iterable[str],
        heard: Callable[[Moved], None],
        skipping: str = "--size-only",
    ) -> None:
        words = [*_COPY, skipping, *self._limit, "--files-from-raw=-", source, to]
        figures = _Figures()
        said = runner.stream(
            [program(), "copy", *self._timeouts, *words],
            stdin=_lines(keys), env=self._environment, secrets=self._secrets,
            user=users.account(users.DATABASE),
            standstill=Standstill(timeouts.of(self.node).seconds, is_word=figures.have_moved),
        )  # fmt: skip
        with timeouts.told_of_standstill(self.target), _told_plainly(), closing(said):
            told = figures.latest
            for _ in said:
                # Where nothing has moved there is nothing to tell: it would pass for a word.
                if figures.latest and figures.latest != told:
                    told = figures.latest
                    heard(told)
        if to.startswith("vault:"):
            # What is noted as copied must survive a power cut.
            self.sync()

    def _run(
        self, *words: str, stdin: str | IO[bytes] | None = None, check: bool = True, timeout: float = 3600
    ) -> runner.Completed:
        done = runner.run(
            [program(), "--retries=2", "--low-level-retries=5", *self._timeouts, *words],
            stdin=stdin, env=self._environment, secrets=self._secrets,
            user=users.account(users.DATABASE), timeout=timeout, check=False,
        )  # fmt: skip
        if check and done.code != 0:
            raise CommandFailed(done)
        return done

    @property
    def _limit(self) -> list[str]:
        return [f"--bwlimit={self.target.bandwidth_kib}k"] if self.target.bandwidth_kib else []

    @property
    def _timeouts(self) -> tuple[str, str]:
        waits = timeouts.of(self.node)
        return f"--contimeout={waits.connecting}s", f"--timeout={waits.reading_files}s"

    @property
    def _environment(self) -> dict[str, str]:
        bundle = store_authorities.bundle(self.node)
        box = self.node.box.objects
        live = s3.remote(
            endpoint(self.node), box.region, path_style=box.path_style or box.engine != "external"
        )
        return {
            "HOME": str(self.node.data("backup") / "home"),
            "RCLONE_CONFIG": "/dev/null",
            # An authority named there would be the only one that is believed.
            "AWS_CA_BUNDLE": "",
            **({"RCLONE_CA_CERT": str(bundle)} if bundle.exists() else {}),
            "RCLONE_CONFIG_PLAIN_TYPE": "alias",
            "RCLONE_CONFIG_PLAIN_REMOTE": self._kind.base(self.target),
            "RCLONE_CONFIG_VAULT_TYPE": "crypt",
            "RCLONE_CONFIG_VAULT_REMOTE": "plain:vault",
            **_named("AWAY", self._kind.remote(self.node, self.target)),
            **_named("LIVE", live),
        }

    @cached_property
    def _secrets(self) -> dict[str, str]:
        master, secrets = self.settings.master_of(self.target), self.node.secrets
        return {
            "RCLONE_CONFIG_VAULT_PASSWORD": obscured(master.password("files")),
            "RCLONE_CONFIG_VAULT_PASSWORD2": obscured(master.password("files salt")),
            "RCLONE_CONFIG_AWAY_ACCESS_KEY_ID": self.target.access_key,
            "RCLONE_CONFIG_AWAY_SECRET_ACCESS_KEY": self.target.secret_key,
            "RCLONE_CONFIG_LIVE_ACCESS_KEY_ID": secrets.objects_access_key,
            "RCLONE_CONFIG_LIVE_SECRET_ACCESS_KEY": secrets.objects_secret_key,
        }


def program() -> str:
    found = shutil.which("rclone", path="/usr/local/bin:/usr/bin:/bin")
    if found is None:
        raise BackupRefused("rclone is missing: `apt-get install pgbackrest rclone`.")
    return found


def _is_answer(line: str) -> bool:
    return line.startswith("{")


def _need_volumes(parts: Iterable[Part]) -> bool:
    return any(part.do == "pack" for part in parts)


@cache
def obscured(password: str) -> str:
    """A password as rclone wants it written. That hides nothing: it keeps it from being read aloud."""
    return runner.run([program(), "obscure", "-"], stdin=password).stdout.strip()


def _named(name: str, values: Mapping[str, str]) -> Mapping[str, str]:
    return {f"RCLONE_CONFIG_{name}_{key}": value for key, value in values.items()}


def _moved(line: str) -> Moved | None:
    """The statistics that rclone writes every second, as JSON among its messages."""
    if not line.startswith("{"):
        return None
    try:
        stats = json.loads(line).get("stats")
    except ValueError:
        return None
    if not stats:
        return None
    looked_at = stats["checks"] + stats["transfers"]
    return Moved(stats["bytes"], stats["totalBytes"], stats["speed"], looked_at)


@contextmanager
def _told_plainly() -> Iterator[None]:
    """Of what rclone says as JSON, for programs, the sentences in which something went wrong."""
    try:
        yield
    except CommandFailed as error:
        done = error.completed
        words = [_sentence(line) for line in done.stdout.splitlines()]
        said = "\n".join(dict.fromkeys(one for one in words if one)) or done.stdout
        raise CommandFailed(replace(done, stdout=said)) from error


def _sentence(line: str) -> str:
    try:
        said = json.loads(line)
    except ValueError:
        return line
    return str(said.get("msg", "")).strip() if said.get("level") in ("error", "critical", "fatal") else ""


class _Figures:
    """rclone tells its figures every second, also while it tries in vain, for longer than five minutes."""

    def __init__(self) -> None:
        self.latest: Moved | None = None

    def have_moved(self, line: str) -> bool:
        moved = _moved(line)
        if moved is None or moved == self.latest:
            return False
        self.latest = moved
        return True


def _listed(done: runner.Completed) -> dict[str, int]:
    """The names that rclone has listed, with their sizes before them."""
    if done.code != 0 and not any(words in done.stderr for words in _LOST):
        raise CommandFailed(done)
    found = (line.split(";", 1) for line in done.stdout.splitlines())
    return {name: int(size) for size, name in found}


def _lines(keys: Iterable[str]) -> str:
    return "".join(f"{key}\n" for key in keys)


def _why(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line]
    return lines[-1] if lines else "it says nothing"
