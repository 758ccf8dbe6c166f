"""The image: it brings nothing of the machine where it was built, and becomes a box without being asked."""

from __future__ import annotations

import hashlib
import re
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from installer.image import build

from . import images
from .poster import Person
from .virtual import VirtualMachine


@pytest.fixture(scope="module")
def tree(image: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The machine's files as they lie in the image."""
    table = subprocess.run(
        ["sfdisk", "--dump", str(image)], capture_output=True, text=True, check=True
    ).stdout
    (start,) = re.findall(rf"start= *(\d+).*type={build.ROOT}", table)
    place = tmp_path_factory.mktemp("tree")
    options = f"ro,loop,offset={int(start) * 512}"
    subprocess.run(["mount", "-t", "ext4", "-o", options, str(image), str(place)], check=True)
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_no_key_and_no_secret_is_in_the_image(tree: Path) -> None:
    keys = [
        str(file.relative_to(tree))
        for file in tree.rglob("*")
        if file.is_file() and not file.is_symlink() and _has_private_key(file)
    ]
    # Of programs that know how one begins, and of examples that come with documentation or with a published
    # package's own tests, there is none.
    published = re.compile("usr/|opt/korobka/releases/[^/]+/venv/lib/python3[.0-9]+/site-packages/")
    assert [name for name in keys if not published.match(name)] == []
    assert list(tree.glob("etc/ssh/ssh_host_*")) == []
    assert not (tree / "etc/korobka").exists()
    assert not (tree / "var/lib/korobka").exists()
    assert not (tree / "var/lib/systemd/random-seed").exists()
    locked = [line.split(":")[1][:1] in ("*", "!") for line in (tree / "etc/shadow").read_text().splitlines()]
    assert locked
    assert all(locked)


def _has_private_key(file: Path) -> bool:
    return (
        file.stat().st_size < 1 << 20
        and re.search(rb"^-----BEGIN [A-Z ]*PRIVATE KEY", file.read_bytes(), re.M) is not None
    )


def test_nothing_tells_where_it_was_built(tree: Path) -> None:
    assert (tree / "etc/machine-id").read_text() == ""
    assert (tree / "etc/hostname").read_text() == "korobka\n"
    assert (tree / "etc/resolv.conf").is_symlink()
    assert [file for file in tree.glob("var/log/**/*") if file.is_file()] == []
    assert list(tree.glob("var/cache/apt/archives/*.deb")) == []
    assert not (tree / "root/release").exists()
    written = [file for top in ("etc", "var", "root", "boot") for file in tree.glob(f"{top}/**/*")]
    assert [file for file in written if file.is_file() and images.BUILDER.encode() in file.read_bytes()] == []


def test_every_file_for_a_hypervisor_holds_the_same_disk(image: Path, tmp_path: Path) -> None:
    with tarfile.open(image.with_suffix(".ova")) as ova:
        assert [Path(name).suffix for name in ova.getnames()] == [".ovf", ".mf", ".vmdk"]
        ova.extractall(tmp_path, filter="data")
    sums = dict(re.findall(r"SHA256\((.+)\)= (\w+)", (tmp_path / "korobka.mf").read_text()))
    assert sums == {
        name: hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
        for name in ("korobka.ovf", "korobka.vmdk")
    }
    for other in (image.with_suffix(".qcow2"), tmp_path / "korobka.vmdk"):
        # Apart from the size: the rest of the larger one is empty.
        subprocess.run(["qemu-img", "compare", str(image), str(other)], check=True)


def test_by_uefi_it_starts(image: Path) -> None:
    with VirtualMachine(image.with_suffix(".qcow2"), capacity=images.CAPACITY, firmware="uefi") as machine:
        machine.wait_for("Korobka is being set up")
        machine.wait_for("korobka login:")


def test_started_once_it_is_a_box(image: Path, figure: Callable[[str], None]) -> None:
    begun = time.monotonic()
    with VirtualMachine(image.with_suffix(".qcow2"), capacity=images.CAPACITY, firmware="bios") as machine:
        root = images.root_password(machine)
        first = time.monotonic() - begun
        password = images.administrator_password(machine)
        ready = time.monotonic() - begun
        figure(f"the image: {first:.0f} s until its console speaks, {ready:.0f} s until it is a box")

        # Root's password is good once, and chosen anew.
        machine.log_in(root, chosen="another horse battery 7")

        # It has grown to its disk, has keys of its own, and what it runs is well.
        size = re.search(r"size (\d+)", machine.ask("echo size $(df --output=size -B1 / | tail -1)"))
        assert size
        assert int(size[1]) > images.CAPACITY * 9 // 10
        assert "ssh_host_ed25519_key" in machine.ask("ls /etc/ssh")
        # Nobody tells it the time: it has no way out.
        assert "Nothing found" in machine.ask("boxctl doctor --accept 'clock synchronisation'")
        assert "root, password" not in machine.ask("/usr/local/lib/korobka-image/start; cat /run/issue.d/*")

        # And whoever has read the console signs in.
        olga = Person(images.portal_of(machine))
        olga.sign_in(images.ADMINISTRATOR, password)
        assert olga.get("/").status in (200, 302)
