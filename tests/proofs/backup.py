"""The proof of backups: a large box is destroyed while people write, and comes back as it was at any moment.

    python -m tests.proofs.backup                                     5,000 people, 300,000 posts, 4 GB; root
    python -m tests.proofs.backup --posts 300 --files 200 --seconds 30 --moments 2 --archive-seconds 3

A box on a machine of its own (`tests.system.machines`) is filled and backed up to a disk. Then people post,
each time with a file, and note what the portal acknowledged. The plug is pulled and the data folders removed.
For each of several random moments of that time a fresh machine gets the disk as it was, and nothing else but
the recovery key: `install.sh --restore`. The first one gets the root key too, and is an empty Debian; the
others have Debian's packages and the release already.

What must hold, or the program fails: every post acknowledged before the moment is there with its file, whose
content has the hash of what was sent; none that was begun after it is there; the older posts are all there,
and a sample of the older files has its hashes; the time line ended at most 60 s before the destruction. With
the root key the box has its authority's key again, without it the key stays sealed and is opened later.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.proofs.writing import Writer, wrong_files
from tests.system.boxes import installed
from tests.system.living import MachineBox, checked, wait_until
from tests.system.machines import CHECKOUT, Machine

MOST_BEHIND = 60
"""Seconds that the end of the time line may lie behind now: what was acknowledged before must come back."""
TARGET_SECONDS = 600
SAMPLE = 200
PATIENCE = 3600.0
_AUTHORITY = "etc/korobka/tls/ca.key"
_OF_THE_BOX = ("etc/korobka", "var/lib/korobka", "var/log/korobka", "usr/local/bin/boxctl")

type Tell = Callable[[str], None]


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    employees: int = 5000
    posts: int = 300_000
    files: int = 20_000
    file_bytes: int = 200_000
    seconds: float = 600
    """How long people write."""
    moments: int = 5
    archive_seconds: int = 0
    """How often the database hands over its log; 0: as the box does by itself."""
    seed: int = field(default_factory=lambda: random.randrange(10**6))


@dataclass(frozen=True)
class Destroyed:
    """What is left of a box: its disk of backups, its printed keys, and what people know that they wrote."""

    key: str
    root_key: str
    authority: bytes
    """The key of the box's own authority, which no backup shows."""
    writer: Writer
    old_posts: int
    old_files: dict[int, str]
    """A sample of the files from before, with their hashes."""
    ends_at: float
    """Where the time line ended, by the box's own word, when it was destroyed."""

    def moments(self, size: Size) -> list[float]:
        """Of the time in which people wrote, up to where the time line ended."""
        first = min(one.acknowledged_at for one in self.writer.written)
        chance = random.Random(size.seed)
        return sorted(chance.uniform(first, self.ends_at) for _ in range(size.moments))


def prove(
    size: Size,
    kept: Path,
    tell: Tell,
    *,
    meanwhile: Callable[[MachineBox], None] = lambda _: None,
    begins_empty: bool = True,
) -> None:
    """`kept` is a switched-off machine with a new box; `meanwhile` is done while people write."""
    with scratch() as folder:
        disk, software = folder / "disk", folder / "software"
        disk.mkdir(mode=0o755)
        with Machine("systemd", based_on=kept, disk=disk) as machine:
            left = write_and_destroy(MachineBox(machine), size, tell, meanwhile)
        prepare_software(kept, software)
        moments = left.moments(size)
        tell(
            f"{len(left.writer.written)} posts with files acknowledged; the time line ended "
            f"{left.writer.written[-1].acknowledged_at - left.ends_at:.0f} s before the last of them"
        )

        def restored(number: int) -> str:
            is_empty = begins_empty and number == 0
            with Machine(
                "systemd", based_on=None if is_empty else software, disk=disk, with_copy_of_disk=True
            ) as machine:
                return bring_back(machine, left, moments[number], is_empty=is_empty, has_root_key=number == 0)

        # The first alone: its time is a figure. Of the others two at a time.
        alone = 1 if begins_empty else 0
        for number in range(alone):
            tell(restored(number))
        with ThreadPoolExecutor(2) as machines:
            for told in machines.map(restored, range(alone, size.moments)):
                tell(told)


def write_and_destroy(
    box: MachineBox, size: Size, tell: Tell, meanwhile: Callable[[MachineBox], None]
) -> Destroyed:
    wait_until(box.is_healthy, "the new box", seconds=120)
    with timed(f"{size.employees} people, {size.posts} posts, {size.files} files made", tell):
        fill(box, size)
    key = set_up(box, size)
    root_key = printed_key(box.boxctl("backup", "root-key").stdout)
    authority = box.path(_AUTHORITY).read_bytes()
    with timed("first full backup", tell):
        tell(first_set(box))
    old_posts, old_files = count_posts(box), sample(box)
    with Writer(box.administrator()) as writer:
        until = time.monotonic() + size.seconds
        meanwhile(box)
        time.sleep(max(0.0, until - time.monotonic()))
    ends_at, progress = end_of_time_line(box), progress_of(box)
    box.machine.power_cut()
    for name in ("database", "objects"):
        shutil.rmtree(box.path("var/lib/korobka") / name)
    assert writer.written, f"nobody could write: {dict(writer.outcomes)}"
    behind = writer.written[-1].acknowledged_at - ends_at
    assert behind <= MOST_BEHIND, f"the time line ended {behind:.0f} s before the last post:\n{progress}"
    return Destroyed(key, root_key, authority, writer, old_posts, old_files, ends_at)


def fill(box: MachineBox, size: Size) -> None:
    demo = ["boxctl", "demo", "--employees", str(size.employees), "--posts", str(size.posts)]
    box.machine.run(demo, timeout=PATIENCE)
    script = (CHECKOUT / "tests/proofs/filling.py").read_text(encoding="utf-8")
    inside = (
        "import sys; from appliance.node import Node; from appliance.paths import Paths;"
        "from backup.portal import manage;"
        "manage(Node.load(Paths.from_environment()), 'shell', '-v', '0', stdin=sys.stdin.read())"
    )
    release = "/opt/korobka/current"
    box.machine.run(
        [f"{release}/venv/bin/python", "-P", "-c", inside], env={"PYTHONPATH": release},
        stdin=f"{script}\nfill({size.files}, {size.file_bytes})\n", timeout=PATIENCE,
    )  # fmt: skip


def set_up(box: MachineBox, size: Size) -> str:
    """Sets backups up as an administrator does; the recovery key."""
    said = box.boxctl("backup", "setup", "disk", "--folder", "/mnt/backup").stdout
    key = printed_key(said)
    if size.archive_seconds:
        box.query(f"ALTER SYSTEM SET archive_timeout = '{size.archive_seconds}s'")
        box.query("SELECT pg_reload_conf()")
    return key


def printed_key(said: str) -> str:
    """A recovery key, or root's own, as `boxctl` prints them."""
    found = re.search(r"^ {4}(\S{5}(?:-\S{5}){7})$", said, re.MULTILINE)
    assert found, said
    return found[1]


def first_set(box: MachineBox) -> str:
    """The service makes it by itself; this waits for it, and says what it is."""
    deadline = time.monotonic() + PATIENCE
    while not (said := box.boxctl("backup", "list").stdout.strip()):
        assert time.monotonic() < deadline, box.boxctl("backup", "status", check=False).stdout
        # Each look is a program of its own, beside the one that is waited for.
        time.sleep(1)
    return said


def end_of_time_line(box: MachineBox) -> float:
    """It is not told for a moment where the log hurries ahead of its archive, on a busy machine."""
    deadline = time.monotonic() + MOST_BEHIND
    while True:
        said = box.boxctl("backup", "status", check=False).stdout
        if found := re.search(r"can be restored up to (\S+ \S+)", said):
            break
        assert time.monotonic() < deadline, said
        time.sleep(1)
    return datetime.fromisoformat(found[1]).timestamp()


def progress_of(box: MachineBox) -> str:
    """How far the log and the files have come, in the engines' own words, for whoever looks for the cause."""
    archiver = "SELECT now(), pg_walfile_name(pg_current_wal_insert_lsn()), a.* FROM pg_stat_archiver a"
    copier = box.boxctl("logs", "backup", "--lines", "20", check=False).stdout
    return f"{box.query(archiver)}\n{copier}"


def bring_back(
    machine: Machine, left: Destroyed, moment: float, *, is_empty: bool, has_root_key: bool
) -> str:
    """From a machine that was just switched on to one that people sign in to, and what is there then."""
    at = datetime.fromtimestamp(moment, UTC)
    began_at = time.monotonic()
    keys = {"KOROBKA_RECOVERY_KEY": left.key} | ({"KOROBKA_ROOT_KEY": left.root_key} if has_root_key else {})
    said = machine.run(
        ["/src/install.sh", "--restore", "/mnt/backup", "--restore-to", at.isoformat()],
        env={**machine.registries, **keys}, timeout=PATIENCE,
    ).stdout  # fmt: skip
    box = MachineBox(machine)
    olga = box.administrator()
    took = time.monotonic() - began_at
    check_authority(box, left, said, has_root_key=has_root_key)
    there = posts_there(box, left.writer.run)
    expected = {one.text: one for one in left.writer.written if one.acknowledged_at < moment}
    assert expected.keys() - there.keys() == set(), f"acknowledged before {at}, and lost"
    late = {text for text in there if left.writer.begun[text] > moment}
    assert late == set(), f"begun after {at}, and there"
    # A file's hash is known to the portal a moment after the post; the bytes are read and compared below.
    for text, one in expected.items():
        assert there[text] in {(one.file, one.sha256), (one.file, "")}
    hashes = {one.file: one.sha256 for one in expected.values()} | left.old_files
    assert wrong_files(olga, hashes) == [], "these files are not what they were"
    assert count_posts(box) - len(there) == left.old_posts
    target = f" (target {TARGET_SECONDS} s)" if is_empty else " (with Debian's packages and the release)"
    return (
        f"back to {at:%H:%M:%S}: signed in after {took:.0f} s{target}; all {len(expected)} posts that were "
        f"acknowledged before, none from after it; {len(hashes)} files read and compared{loaded()}"
    )


def check_authority(box: MachineBox, left: Destroyed, said: str, *, has_root_key: bool) -> None:
    """What browsers trust goes on; its key is there with the root key, or once that is given."""
    key = box.path(_AUTHORITY)
    assert ("The authority's key was left sealed" in said) != has_root_key, said
    assert key.exists() == has_root_key
    if not has_root_key:
        given = ["env", f"KOROBKA_ROOT_KEY={left.root_key}", "boxctl", "backup", "root-key", "--give"]
        assert "has the key of its authority again" in box.run(given).stdout
    assert key.read_bytes() == left.authority
    assert key.stat().st_mode & 0o777 == 0o600
    assert printed_key(box.boxctl("backup", "root-key").stdout) == left.root_key


def posts_there(box: MachineBox, run: str) -> dict[str, tuple[int, str]]:
    """The posts of a run with the ids and the hashes of their files, by their texts."""
    rows = box.query(
        "SELECT p.text, f.id, b.sha256 FROM feed_post p JOIN feed_postfile pf ON pf.post_id = p.id"
        " JOIN files_file f ON f.id = pf.file_id JOIN files_blob b ON b.id = f.blob_id"
        f" WHERE p.text LIKE '{run} %'"
    )
    assert len(rows) == len({text for text, _, _ in rows}), "posted more than once"
    return {text: (int(file), digest) for text, file, digest in rows}


def count_posts(box: MachineBox) -> int:
    return int(box.query("SELECT count(*) FROM feed_post")[0][0])


def sample(box: MachineBox) -> dict[int, str]:
    rows = box.query(
        "SELECT f.id, b.sha256 FROM files_file f JOIN files_blob b ON b.id = f.blob_id"
        f" WHERE b.sha256 <> '' AND 'UA' = ANY (f.audience) ORDER BY random() LIMIT {SAMPLE}"
    )
    return {int(pk): digest for pk, digest in rows}


def prepare_software(kept: Path, folder: Path) -> None:
    """A machine that has what install.sh brings onto it, and no box."""
    checked(["cp", "--archive", "--link", str(kept), str(folder)])
    for name in _OF_THE_BOX:
        remove(folder / name)
    for unit in sorted((folder / "etc/systemd/system").rglob("korobka*")):
        remove(unit)


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def scratch() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="korobka-proof-", dir="/var/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def timed(what: str, tell: Tell) -> Iterator[None]:
    began_at = time.monotonic()
    yield
    tell(f"{what}: {time.monotonic() - began_at:.0f} s{loaded()}")


def loaded() -> str:
    """How busy the machine is, for whoever reads the figures."""
    return f"; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    given = Size()
    for name, what in (
        ("employees", "people"), ("posts", "posts of the demonstration company"), ("files", "files beside"),
        ("file-bytes", "size of each"), ("seconds", "how long people write"), ("moments", "how many"),
        ("archive-seconds", "how often the log is handed over; 0: as the box does"),
        ("seed", "of the moments"),
    ):  # fmt: skip
        default = getattr(given, name.replace("-", "_"))
        parser.add_argument(f"--{name}", type=type(default), default=default, help=f"{what} ({default})")
    size = Size(**vars(parser.parse_args()))

    def tell(text: str) -> None:
        sys.stdout.write(f"{datetime.now(UTC):%H:%M:%S} {text}\n")
        sys.stdout.flush()

    tell(f"{size}{loaded()}")
    with scratch() as folder:
        with timed("a new box installed", tell):
            # `installed` makes it unless it is there.
            kept = installed("systemd", Path(os.environ.get("KOROBKA_TEST_MACHINE", folder / "kept")))
        prove(size, kept, tell)
    tell("Everything that was acknowledged came back, and nothing else.")


if __name__ == "__main__":
    main()
