"""The proof of backups (`tests.proofs.backup`), as small as can be: a box under systemd that is destroyed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.proofs.backup import Size, prove
from tests.randomness import is_thorough

from .living import MachineBox

SMALL = Size(
    employees=20, posts=300, files=100, file_bytes=20_000, seconds=25, archive_seconds=3,
    moments=2 if is_thorough() else 1,
)  # fmt: skip


def test_a_destroyed_box_comes_back_as_it_was_at_any_moment(
    kept_systemd_box: Path, figure: Callable[[str], None]
) -> None:
    """While people write, a drill under systemd finds all well, and leaves nothing."""
    prove(SMALL, kept_systemd_box, figure, meanwhile=drill, begins_empty=False)


def drill(box: MachineBox) -> None:
    refuse_what_units_hide(box)
    said = box.boxctl("backup", "drill").stdout
    assert "all is well" in said, said
    assert "somebody signed in: well" in said
    units = box.run(["systemctl", "list-units", "--all", "--plain", "--no-legend", "korobka-drill*"]).stdout
    assert units == ""
    assert not list(box.path("var/lib/korobka/beside").glob("*"))


def refuse_what_units_hide(box: MachineBox) -> None:
    """The database's unit has a /tmp of its own: what root sees there it would never see."""
    for place in ("/tmp/backups", "/home/backups"):
        box.run(["install", "-d", "-m", "0777", place])
        refused = box.boxctl("backup", "setup", "hidden", "--folder", place, check=False)
        assert refused.returncode != 0
        assert "The database does not see" in refused.stderr, refused.stderr
        assert box.run(["find", place, "-mindepth", "1"]).stdout == ""
    assert "hidden" not in box.boxctl("backup", "status", check=False).stdout
