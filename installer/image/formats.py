"""One disk, as hypervisors take it: raw, qcow2 (KVM, Proxmox), VMDK, and OVA (VMware, VirtualBox)."""

from __future__ import annotations

import hashlib
import tarfile
import tempfile
from pathlib import Path
from string import Template

from appliance.runner import run
from installer.release import Report

CAPACITY = 32 << 30
"""Bytes of the virtual disks, which take room as they fill; the machine's file system grows to them."""
MEMORY_MIB, PROCESSORS = 4096, 2
_OVF = Path(__file__).with_name("machine.ovf")


def write_all(disk: Path, report: Report) -> list[Path]:
    """Beside the raw disk the other files, called alike."""
    qcow2, vmdk, ova = (disk.with_suffix(f".{suffix}") for suffix in ("qcow2", "vmdk", "ova"))
    with tempfile.TemporaryDirectory(dir=disk.parent, prefix=".image-") as scratch:
        wide = Path(scratch) / "wide.raw"
        run(["cp", "--sparse=always", disk, wide])
        with wide.open("r+b") as file:
            file.truncate(CAPACITY)
        report("writing the qcow2")
        _convert(wide, qcow2, "qcow2", "-c")
        report("writing the VMDK")
        _convert(wide, vmdk, "vmdk", "-o", "subformat=streamOptimized,adapter_type=lsilogic")
    report("writing the OVA")
    pack_ova(vmdk, ova)
    return [disk, qcow2, vmdk, ova]


def _convert(disk: Path, to: Path, kind: str, *options: str) -> None:
    run(["qemu-img", "convert", "-f", "raw", "-O", kind, *options, disk, to], timeout=3600)


def pack_ova(vmdk: Path, ova: Path) -> None:
    """A tar of the machine's description, the sums of it all, and the disk, in this order (DMTF DSP0243)."""
    name = ova.stem
    with tempfile.TemporaryDirectory(dir=ova.parent, prefix=".image-") as scratch:
        ovf, sums = Path(scratch) / f"{name}.ovf", Path(scratch) / f"{name}.mf"
        template = Template(_OVF.read_text(encoding="utf-8"))
        ovf.write_text(
            template.substitute(
                name=name, disk=vmdk.name, size=vmdk.stat().st_size, capacity=CAPACITY,
                memory=MEMORY_MIB, processors=PROCESSORS,
            ),
            encoding="utf-8",
        )  # fmt: skip
        sums.write_text("".join(f"SHA256({file.name})= {_digest(file)}\n" for file in (ovf, vmdk)))
        with tarfile.open(ova, "w", format=tarfile.USTAR_FORMAT) as tar:
            for file in (ovf, sums, vmdk):
                tar.add(file, file.name, filter=_anonymous)


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    return entry.replace(uid=0, gid=0, uname="root", gname="root", mode=0o644, deep=False)


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
