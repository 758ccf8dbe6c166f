"""The data's disk is full to the last byte: reading works, writing says so, and it recovers by itself."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ..living import PrefixBox, wait_until
from ..poster import Poster, Reader
from .truths import assert_effects_once, assert_kept

NO_SPACE = "There is no space left to write to."


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """One file takes all that is left, faster than anybody could react."""
    filler = folder / "filler"
    try:
        with filler.open("wb", buffering=0) as file:
            free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
            os.posix_fallocate(file.fileno(), 0, free - (4 << 20))
            file.seek(0, os.SEEK_END)
            with pytest.raises(OSError) as full:
                while True:
                    file.write(bytes(4096))
        assert full.value.errno == errno.ENOSPC
        yield
    finally:
        filler.unlink(missing_ok=True)


@pytest.fixture
def data(prefix_box: PrefixBox) -> Path:
    folder = prefix_box.path("var/lib/korobka")
    assert folder.is_mount(), (
        "the data of this test's box must have a disk of its own: see PrefixBox.installed"
    )
    return folder


def test_a_full_disk_stops_writing_only(
    prefix_box: PrefixBox, data: Path, measured: Callable[[str], None]
) -> None:
    olga = prefix_box.administrator()
    flag = prefix_box.path("run/korobka/state/read-only")
    with Poster(olga) as poster:
        with filled(data):
            filled_at = time.monotonic()
            wait_until(flag.exists, "the box to notice")
            noticed_at = time.monotonic()

            with Reader(olga) as reader:
                wait_until(lambda: reader.outcomes["200"] >= 10, "pages to be read")
            assert set(reader.outcomes) == {"200"}
            refused = olga.post("/feed/", {"text": "no room", "audience": "UA", "nonce": "no room for it"})
            assert refused.status == 503
            assert NO_SPACE in refused.text
            part = olga.post("/feed/", {"text": "no room"}, HX_Request="true")
            assert part.status == 503
            assert part.text.startswith(NO_SPACE)
            status = prefix_box.boxctl("status", check=False)
            assert "The portal takes no writes. The disk is full" in status.stdout

            # Long enough for whoever would still write to fall over it.
            acknowledged = len(poster.acknowledged)
            time.sleep(5)
            assert len(poster.acknowledged) == acknowledged, "the portal takes what there is no room for"
            assert prefix_box.query("SELECT 1") == [["1"]], "PostgreSQL must not be down"
            assert prefix_box.is_healthy("database")
        freed_at = time.monotonic()
        wait_until(lambda: not flag.exists(), "the box to take writes again")
        works_at = poster.go_on()
    measured(
        f"disk filled: noticed after {noticed_at - filled_at:.1f} s; freed: posting works after "
        f"{works_at - freed_at:.1f} s; {dict(poster.outcomes)}"
    )
    wait_until((data / "ballast").exists, "the ballast to be put back")
    assert prefix_box.is_healthy()
    assert_kept(prefix_box, poster)
    assert_effects_once(prefix_box, poster)
    file = olga.upload("note.txt", "there is room again")
    assert olga.get(f"/files/{file}/content").status == 302
