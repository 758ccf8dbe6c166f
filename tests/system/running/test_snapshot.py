"""The company's own tool takes a snapshot of the disk under load: a box that starts from it lacks nothing."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from ..living import PrefixBox, checked, wait_until
from ..poster import Poster
from .truths import assert_effects_once, assert_kept


@contextmanager
def frozen(folder: Path) -> Iterator[None]:
    """Nothing is written to the disk of this folder meanwhile, as when a hypervisor takes a snapshot."""
    checked(["fsfreeze", "--freeze", str(folder)])
    try:
        yield
    finally:
        checked(["fsfreeze", "--unfreeze", str(folder)])


def image_of(folder: Path) -> Path:
    """The file that holds the disk which is mounted there."""
    device = checked(["findmnt", "--noheadings", "--output", "SOURCE", str(folder)]).stdout.strip()
    return Path(checked(["losetup", "--noheadings", "--output", "BACK-FILE", device]).stdout.strip())


def test_a_box_starts_from_a_snapshot_that_was_taken_under_load(
    prefix_box: PrefixBox, measured: Callable[[str], None]
) -> None:
    data, olga = prefix_box.path("var/lib/korobka"), prefix_box.administrator()
    image = image_of(data)
    snapshot = image.with_name(f"snapshot-{uuid4().hex[:8]}.img")
    file = olga.upload("note.txt", "it was there before")
    with Poster(olga) as poster:
        with frozen(data):
            frozen_at = time.monotonic()
            checked(["cp", "--sparse=always", str(image), str(snapshot)])
        thawed_at = time.monotonic()
        poster.go_on()
    # The box is gone, with all that was written since; another disk is in its place.
    olga.hang_up()
    prefix_box.kill()
    wait_until(lambda: not prefix_box.processes(), "everything to be dead")
    wait_until(lambda: is_unmounted(data), "the disk to be free")
    image.unlink()
    checked(["mount", "-o", "loop", str(snapshot), str(data)])
    began_at = time.monotonic()
    prefix_box.boxctl("start")
    with Poster(olga) as after:
        works_at = after.go_on()
    measured(
        f"snapshot taken in {thawed_at - frozen_at:.1f} s; posting works {works_at - began_at:.1f} s after "
        "`boxctl start` from it"
    )
    wait_until(prefix_box.is_healthy, "every service", seconds=60)
    assert olga.get(f"/files/{file}/content").status == 302
    assert_kept(prefix_box, poster, until=frozen_at)
    assert_effects_once(prefix_box, poster)
    assert_kept(prefix_box, after)
    assert_effects_once(prefix_box, after)


def is_unmounted(folder: Path) -> bool:
    return subprocess.run(["umount", str(folder)], capture_output=True, check=False).returncode == 0
