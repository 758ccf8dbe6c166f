"""Log files in pages."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.supervise import log_files


@given(
    files=st.lists(st.lists(st.text(alphabet="aяё\t{}%", max_size=300), max_size=40), min_size=1, max_size=3),
    size=st.integers(min_value=1, max_value=30),
)
@settings(max_examples=60)
def test_pages_hold_every_line_once_and_in_order(files: list[list[str]], size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.log" for number in range(len(files))]
        for number, (path, lines) in enumerate(zip(paths, files, strict=True)):
            stamped = [f"2026-11-24 12:00:{i:02d}.{number} {line}" for i, line in enumerate(lines)]
            path.write_text("".join(f"{line}\n" for line in stamped), encoding="utf-8")
        every = sorted(line for path in paths for line in path.read_text(encoding="utf-8").splitlines())
        found: list[str] = []
        cursor = ""
        while True:
            taken, cursor = log_files.page(paths, lines=size, before=cursor)
            assert len(taken) <= size
            found = [*taken, *found]
            if not cursor:
                break
        assert found == every


def test_a_traceback_stays_behind_its_line_and_long_files_are_read_from_the_end(tmp_path: Path) -> None:
    one, two = tmp_path / "web@1.log", tmp_path / "web@2.log"
    one.write_text("x" * 200_000 + "\n2026-11-24 12:00:01 error\nTraceback\n  KeyError\n")
    two.write_text("2026-11-24 12:00:02 fine\n2026-11-24 12:00:00 the clock was set back\n")
    lines, older = log_files.page([one, two, tmp_path / "absent.log"], lines=5)
    assert lines == (
        "2026-11-24 12:00:01 error",
        "Traceback",
        "  KeyError",
        "2026-11-24 12:00:02 fine",
        "2026-11-24 12:00:00 the clock was set back",
    )
    assert older


def test_a_foreign_cursor_is_no_way_in(tmp_path: Path) -> None:
    file = tmp_path / "cache.log"
    file.write_text("one\ntwo\n")
    for cursor in ("-1", "999999999", "x", "1,2,3", "²"):
        assert log_files.page([file], lines=1, before=cursor)[0] == ("two",)
