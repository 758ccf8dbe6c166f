"""The record of what the agent was asked."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import psutil
import pytest

from appliance.agent import operations_log
from appliance.agent.operations_log import Asker
from appliance.agent.protocol import AddKeyHolder, ExamineRelease, SetConfig
from appliance.paths import Paths


def test_the_record_is_bounded(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations_log, "MAX_BYTES", 300)
    asker = Asker(by="olga", acting="console", uid=7, pid=8)
    for _ in range(11):
        operations_log.note(paths, asker, SetConfig({"web.threads": 4}))
    sizes = [file.stat().st_size for file in paths.log.glob("operations.log*")]
    assert len(sizes) == 2
    assert max(sizes) < 600
    line = json.loads((paths.log / "operations.log.1").read_text().splitlines()[0])
    assert line["operation"] == "SetConfig"
    assert line["arguments"] == {"values": {"web.threads": 4}}
    assert (line["by"], line["acting"], line["uid"]) == ("olga", "console", 7)


def test_what_was_proven_is_not_pushed_out_by_whatever_else_the_portal_asks(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations_log, "MAX_BYTES", 20_000)
    portal, root = (Asker(by="olga", acting=acting, uid=7, pid=8) for acting in ("console", "root"))
    operations_log.note(paths, portal, AddKeyHolder("eve"))
    operations_log.note(paths, portal, "wrong proof to hand out a recovery key to 'eve'")
    operations_log.note(paths, root, SetConfig({"web.threads": 4}))
    operations_log.note(paths, root, "backup code")
    for _ in range(60):
        operations_log.note(paths, portal, ExamineRelease("x" * 255_000))
    texts = {file.name: file.read_text() for file in paths.log.iterdir()}
    assert {*texts} == {"operations.log", "operations.log.1", "proven.log"}
    assert "eve" not in texts["operations.log"] + texts["operations.log.1"]
    lines = [json.loads(line) for line in texts["proven.log"].splitlines()]
    assert [(line["operation"], line["acting"]) for line in lines] == [
        ("AddKeyHolder", "console"),
        ("wrong proof to hand out a recovery key to 'eve'", "console"),
        ("SetConfig", "root"),
        ("backup code", "root"),
    ]
    for _ in range(200):
        operations_log.note(paths, root, "backup code")
    assert (paths.log / "proven.log.1").stat().st_size < 21_000


@pytest.mark.parametrize(("length", "kept"), [(1000, "x" * 1000), (1001, "x" * 1000 + "…")])
def test_of_what_was_said_the_beginning_is_noted(paths: Paths, length: int, kept: str) -> None:
    long = "x" * length
    asker = Asker(by=long, acting="console", uid=7, pid=8)
    operations_log.note(paths, asker, long)
    operations_log.note(paths, asker, ExamineRelease(long))
    operations_log.note(paths, asker, SetConfig({f"{number}": long for number in range(200)}))
    said, asked, values = map(json.loads, (paths.log / "operations.log").read_text().splitlines())
    assert (said["by"], said["operation"], asked["arguments"]) == (kept, kept, {"archive": kept})
    assert len(values["arguments"]["values"]) == 1001
    assert operations_log.page(paths, cursor="", lines=5).lines[2].operation == "SetConfig"


def test_the_record_is_read_in_pages_each_line_once_and_over_the_rotation(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    asker = Asker(by="", acting="root", uid=7, pid=8)
    for number in range(7):
        # After the fourth the file is full: there are four lines in the older one and three in the newer.
        monkeypatch.setattr(operations_log, "MAX_BYTES", 1 if number == 3 else 1 << 20)
        operations_log.note(paths, asker, f"{number}")
    with (paths.log / "operations.log").open("a") as file:
        file.write("torn\n{}\n")
    pages, cursor = [], ""
    for _page in range(4):
        page = operations_log.page(paths, cursor=cursor, lines=3)
        pages.append([line.operation for line in page.lines])
        cursor = page.cursor
    assert pages == [["0", "1", "2"], ["3", "4", "5"], ["6"], []]
    operations_log.note(paths, asker, SetConfig({"web.threads": 4}))
    (line,) = operations_log.page(paths, cursor=cursor, lines=3).lines
    assert (line.by, line.operation) == ("uid 7 (root)", "SetConfig")
    assert json.loads(line.arguments) == {"values": {"web.threads": 4}}
    assert str(asker) == "uid 7"
    assert str(Asker(by="olga", acting="root", uid=7, pid=8)) == "olga"
    for unknown in ("", "x:y", "x:0", "1:0", f"{cursor.partition(':')[0]}:x", cursor.partition(":")[0]):
        assert operations_log.page(paths, cursor=unknown, lines=1).lines[0].operation == "0", unknown


def test_the_record_is_for_its_group_and_says_what_was_asked_as_it_was_written(paths: Paths) -> None:
    asker = Asker(by="olga", acting="console", uid=7, pid=8)
    opened = psutil.Process().num_fds()
    operations_log.note(paths, asker, SetConfig({"mail.from": "Ромашка"}))
    operations_log.note(paths, asker, "reload")
    assert psutil.Process().num_fds() == opened
    assert (paths.log / "operations.log").stat().st_mode & 0o777 == 0o640
    first, again = (operations_log.page(paths, cursor="", lines=5) for _twice in range(2))
    asked, plain = first.lines
    assert ("Ромашка" in asked.arguments, plain.arguments) == (True, "")
    # Whoever reads a line twice knows it again.
    assert first == again
    assert asked.key != plain.key


def test_a_record_of_just_so_many_bytes_is_not_put_aside(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    asker = Asker(by="olga", acting="console", uid=7, pid=8)
    monkeypatch.setattr(
        operations_log, "datetime", SimpleNamespace(now=lambda _zone: datetime(2026, 3, 2, tzinfo=UTC))
    )
    operations_log.note(paths, asker, "first")
    size = (paths.log / "operations.log").stat().st_size
    monkeypatch.setattr(operations_log, "MAX_BYTES", 2 * size)
    operations_log.note(paths, asker, "again")
    assert not (paths.log / "operations.log.1").exists()
    operations_log.note(paths, asker, "third")
    assert (paths.log / "operations.log.1").stat().st_size == 3 * size
    assert not (paths.log / "operations.log").exists()


def test_a_line_that_is_still_being_written_waits(paths: Paths) -> None:
    operations_log.note(paths, Asker(by="olga", acting="console", uid=7, pid=8), "first")
    whole = (paths.log / "operations.log").read_text()
    with (paths.log / "operations.log").open("a") as file:
        file.write(whole[:20])
    page = operations_log.page(paths, cursor="", lines=5)
    assert [line.operation for line in page.lines] == ["first"]
    with (paths.log / "operations.log").open("a") as file:
        file.write(whole[20:])
    assert [line.operation for line in operations_log.page(paths, cursor=page.cursor, lines=5).lines] == [
        "first"
    ]
