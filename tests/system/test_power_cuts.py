"""Real power cuts, on a disk whose cache forgets: what was acknowledged was on disk."""

from __future__ import annotations

import http.client
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tests import require
from tests.randomness import seed

from . import images
from .poster import Person, Poster
from .virtual import VirtualMachine
from .volatile import PAGE, VolatileDisk

CUTS = 3
ROOT_PASSWORD = "another horse battery 7"
COUNTED = 'psql -XAtq -P pager=off -h /run/korobka/database -U postgres korobka -c "{}"'
EMULATED = 1800.0
"""Seconds until a box that starts on an emulated processor takes a post."""


def test_the_disk_forgets_what_was_not_flushed_and_nothing_else(tmp_path: Path) -> None:
    require.programs("qemu-io", cure="apt-get install qemu-utils")
    image, pages = tmp_path / "image", 64
    image.write_bytes(b"0" * PAGE)
    with VolatileDisk(image, capacity=pages * PAGE, chance=Random(7)) as disk:
        url = re.match("file=([^,]+)", disk.drive)
        assert url
        every = [f"write -P {ord('b')} {number * PAGE} {PAGE}" for number in range(1, pages)]
        words = ["write -P 97 0 4k", "flush", *every, "write -f -P 100 512 512", "abort"]
        spoken = ["qemu-io", "-t", "none", "-f", "raw", *(part for word in words for part in ("-c", word))]
        subprocess.run([*spoken, url[1]], check=False, capture_output=True)
        lost = disk.cut_power()
        kept = disk.read(0, pages * PAGE)
    assert kept[:PAGE] == b"a" * 512 + b"d" * 512 + b"a" * (PAGE - 1024)
    assert 10 < lost < 54
    assert kept.count(b"b" * PAGE) == pages - 1 - lost
    assert kept.count(b"\0") == lost * PAGE


def test_of_one_page_that_was_not_flushed_a_cut_takes_that_one(tmp_path: Path) -> None:
    require.programs("qemu-io", cure="apt-get install qemu-utils")
    image = tmp_path / "image"
    image.write_bytes(b"0" * PAGE)
    # By each half of the draws it would stay with one of these.
    for number in range(8):
        with VolatileDisk(image, capacity=PAGE, chance=Random(number)) as disk:
            url = re.match("file=([^,]+)", disk.drive)
            assert url
            written = ["qemu-io", "-t", "none", "-f", "raw", "-c", "write -P 97 0 4k", "-c", "abort", url[1]]
            subprocess.run(written, check=False, capture_output=True)
            assert disk.cut_power() == 1
            assert disk.read(0, PAGE) == b"0" * PAGE


def test_it_hangs_at_a_flush_that_has_something_to_flush(tmp_path: Path) -> None:
    image, pages = tmp_path / "image", 64
    image.write_bytes(b"0" * PAGE)
    with VolatileDisk(image, capacity=pages * PAGE, chance=Random(7)) as disk:
        url = re.match("file=([^,]+)", disk.drive)
        assert url
        words = ["flush", f"write -P 98 0 {pages * PAGE}", "flush"]
        spoken = ["qemu-io", "-t", "none", "-f", "raw", *(part for word in words for part in ("-c", word))]
        with pytest.raises(TimeoutError):
            disk.hang(within=0.01)
        with subprocess.Popen([*spoken, url[1]], stdout=subprocess.DEVNULL) as machine:
            disk.hang(within=EMULATED)
            machine.kill()
        lost = disk.cut_power()
        kept = disk.read(0, pages * PAGE)
    assert (10 < lost < 54, kept.count(b"b" * PAGE)) == (True, pages - lost)


def test_what_was_acknowledged_was_on_disk(image: Path, figure: Callable[[str], None]) -> None:
    """Three times in a row, at moments and with losses that the seed draws."""
    chance, posters, files = Random(seed()), list[Poster](), dict[int, str]()
    with VolatileDisk(image, capacity=images.CAPACITY, chance=chance) as disk:
        with VirtualMachine(disk) as machine:
            root, password = images.root_password(machine), images.administrator_password(machine)
            machine.log_in(root, chosen=ROOT_PASSWORD)
            write_until_the_cut(disk, machine, password, chance, posters, files)
        lost = [disk.cut_power()]
        while True:
            with VirtualMachine(disk) as machine:
                machine.log_in(ROOT_PASSWORD)
                olga = signed_in(machine, password)
                assert {pk: olga.download(pk).text for pk in files} == files
                for poster in posters:
                    assert_kept(machine, poster)
                if len(lost) == CUTS:
                    break
                write_until_the_cut(disk, machine, password, chance, posters, files)
            lost.append(disk.cut_power())
    posts = sum(len(poster.acknowledged) for poster in posters)
    figure(
        f"{CUTS} power cuts: {posts} posts and {len(files)} files acknowledged and there; pages lost: {lost}"
    )
    assert all(lost)


def write_until_the_cut(
    disk: VolatileDisk,
    machine: VirtualMachine,
    password: str,
    chance: Random,
    posters: list[Poster],
    files: dict[int, str],
) -> None:
    olga = signed_in(machine, password)
    olga.get("/feed/")  # the first page takes an emulated processor its time
    poster = Poster(olga.another_tab())
    posters.append(poster)
    with poster:
        for number in range(3):
            content = f"{poster.run} {number}"
            files[olga.upload(f"{number}.txt", content)] = content
        poster.go_on(until=time.monotonic() + EMULATED)
        time.sleep(chance.uniform(0, 10))
        disk.hang(within=EMULATED)
        machine.kill()


def signed_in(machine: VirtualMachine, password: str) -> Person:
    """As soon as the portal takes forms."""
    olga, deadline = Person(images.portal_of(machine)), time.monotonic() + EMULATED
    while True:
        try:
            olga.sign_in(images.ADMINISTRATOR, password)
        except (OSError, http.client.HTTPException, AssertionError):
            assert time.monotonic() < deadline
            time.sleep(5)
        else:
            return olga


def assert_kept(machine: VirtualMachine, poster: Poster) -> None:
    """On the console, as the database's superuser."""
    rows = machine.ask(COUNTED.format(f"select text from feed_post where text like '{poster.run} %'"))
    there = re.findall(rf"{poster.run} thread \d+ number \d+", rows)
    acknowledged = {post.text for post in poster.acknowledged}
    assert acknowledged
    assert acknowledged - {*there} == set(), "acknowledged and lost"
    assert len(there) == len({*there}), "posted more than once"
