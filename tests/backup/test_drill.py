"""A set is brought back to life beside the box, looked at, and taken away."""

from __future__ import annotations

import hashlib
import io
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import psycopg
import pytest

from appliance.agent import operations
from appliance.agent.answers import DrillCheck, DrillReport
from appliance.runner import run
from appliance.supervise import processes
from backup import drill_child, drills, row_counts, second_box, sets, status
from backup.row_counts import Count, Counted
from backup.settings import BackupRefused, Settings
from tests.appliance import hostile
from tests.appliance.boxes import boxctl, query, wait_until
from tests.backup.conftest import Kept
from tests.backup.made_up import GIB, NOW, a_set
from tests.backup.operating import (
    back_up,
    ended,
    flipped,
    know_mail_server,
    perform,
    performers,
    queue_hook,
    queue_letter,
    reaching_here,
    send_what_is_due,
    told,
    wait_for,
)
from tests.box.ear import listening_ear
from tests.box.mailbox import mailbox


@pytest.fixture(scope="module")
def peopled(kept: Kept) -> Kept:
    """With somebody who has files, and who signs in: a drill takes who has come last."""
    login = f"reader-{secrets.token_hex(4)}"
    for person in ("anna", login):
        kept.add_person(person)
    keys = kept.add_blobs(4)
    kept.forget_files()
    query(
        kept.node,
        "insert into files_file (owner_id, name, blob_id, created_at, audience, is_private)"
        " select u.id, 'plan.txt', b.id, now(), array['U' || u.id], true from accounts_user u, files_blob b"
        f" where u.login = '{login}' and b.key in ({', '.join(f"'{key}'" for key in keys)})",
    )
    return kept


def running() -> list[str]:
    return [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]


def is_swept(kept: Kept) -> bool:
    place = second_box.place_of(kept.node, drill_child.NAME)
    return not place.exists() and not processes.marked(place)


def test_a_drill_signs_in_counts_rows_opens_files_and_leaves_nothing(peopled: Kept) -> None:
    with mailbox() as sink, listening_ear() as ear, reaching_here(peopled):
        know_mail_server(peopled, sink.port)
        queue_letter(peopled, "waits")
        queue_hook(peopled, ear, 7)
        made = back_up(peopled, "full")
        state = perform(peopled, "drill", target="disk")
        assert state.state == "done", state.progress.text
        # In the set both wait and are due, and the servers are there for whoever may reach them.
        assert (sink.letters, ear.heard) == ([], [])
        for _ in range(2):
            send_what_is_due(peopled)
            assert [letter["Subject"] for letter in sink.letters] == ["waits"]
            assert told(ear) == ["7"]
    report = drills.known(peopled.node)[0]
    assert (report.set, report.is_good, report.is_sample) == (made.label, True, False)
    found = {check.part: check for check in report.checks}
    assert list(found) == ["database", "rows", "network", "portal", "sign-in", "files"]
    assert (found["files"].count, found["files"].of) == (4, 4)
    assert found["rows"].count == sum(most for _, most in made.rows.values())
    assert is_swept(peopled)
    said = boxctl(peopled.node, "backup", "drill", "--last").stdout
    assert "all is well" in said
    assert "4 of 4 files opened" in said


def test_what_was_made_of_the_set_since_is_not_in_it(peopled: Kept) -> None:
    made = back_up(peopled)
    fewest, most = made.rows["accounts_user"]
    assert fewest == most == int(query(peopled.node, "select count(*) from accounts_user"))


def test_a_damaged_database_is_reported_not_shown_as_good(peopled: Kept) -> None:
    made = back_up(peopled, "full")
    stored = peopled.repository / "database/backup/korobka" / made.label
    with flipped(max(stored.rglob("bundle/*"), key=lambda path: path.stat().st_size)):
        state = perform(peopled, "drill", target="disk")
    assert state.state == "failed"
    assert "It came to no end" in state.progress.text
    assert is_swept(peopled)
    (report,) = status.look(peopled.node, peopled.settings, datetime.now(UTC))
    assert any("last drill failed" in problem for problem in report.problems)


def test_killed_twice_it_leaves_nothing_that_runs_and_the_next_one_sweeps(peopled: Kept) -> None:
    # A set that another file's tests have made may know nobody who could sign in.
    back_up(peopled)
    place = second_box.place_of(peopled.node, drill_child.NAME)
    journal = operations.begin(peopled.node.paths, "drill", {"target": "disk"}, by="a test")
    for attempt, stage in ((1, "Bringing the database"), (2, "Starting it")):
        wait_for(journal, stage, attempt=attempt)
        assert journal.state().state == "running", journal.state().progress.text
        for process in performers(journal):
            process.kill()
        # Nobody has to look for them: they end with what has started them.
        wait_until(lambda: not any("rehearsing" in line for line in running()))
        wait_until(lambda: not processes.marked(place))
        wait_until(lambda: not journal.is_performed())
        operations.recover(peopled.node.paths)
    state = ended(peopled, journal)
    assert state.state == "done", state.progress.text
    assert is_swept(peopled)


def test_the_place_of_a_drill_reaches_nobody(kept: Kept) -> None:
    """What a drill starts is started by this very command."""
    answer = run(
        [
            *("unshare", "--net", "--", str(kept.node.python), "-c"),
            "from backup.drill_child import *; print(interfaces()); bring_up_loopback()\n"
            "import socket\n"
            "for place in (('192.0.2.1', 25), ('127.0.0.1', 25)):\n"
            "    try: socket.create_connection(place, timeout=2)\n"
            "    except OSError as error: print(error.strerror)",
        ],
        env={"PYTHONPATH": str(Path(second_box.__file__).parents[1])},
    ).stdout
    assert answer.splitlines() == ["['lo']", "Network is unreachable", "Connection refused"]


# --- deciding


def test_a_drill_says_what_it_needs_and_takes_a_sample_where_there_is_less() -> None:
    whole = drills.plan(a_set(), free=60 * GIB, total=100 * GIB)
    assert (whole.is_sample, whole.file_bytes) == (False, 10 * GIB)
    assert "It needs 12.5 GiB for a while; 55.0 GiB can be spared." in str(whole)
    part = drills.plan(a_set(), free=9 * GIB, total=100 * GIB)
    assert (part.is_sample, part.file_bytes) == (True, drills.SAMPLE_BYTES)
    assert "only a sample of 256 MiB" in str(part)
    with pytest.raises(BackupRefused, match=r"no room for that: without the files it needs 2\.5 GiB"):
        drills.plan(a_set(), free=6 * GIB, total=100 * GIB)


def test_a_drill_is_made_every_month_again_a_day_after_a_bad_one_and_never_when_it_is_off() -> None:
    monthly, never = Settings("", ""), Settings("", "", drill_every_days=0)
    good = DrillReport(NOW, NOW, "disk", "a", (DrillCheck("database"),))
    bad = DrillReport(NOW, NOW, "disk", "a", problem="no room")
    day = timedelta(days=1)

    def due(chosen: Settings, last: DrillReport | None, after: timedelta) -> bool:
        return drills.is_due(chosen, last=last, first_set=NOW, now=NOW + after)

    assert (due(monthly, None, day / 2), due(monthly, None, day)) == (False, True)
    assert (due(monthly, good, 29 * day), due(monthly, good, 30 * day)) == (False, True)
    assert (due(monthly, bad, day / 2), due(monthly, bad, day)) == (False, True)
    assert not due(never, good, 99 * day)
    assert not drills.is_due(monthly, last=None, first_set=None, now=NOW)


def test_rows_that_are_lost_are_told_and_what_was_written_meanwhile_is_allowed_for() -> None:
    before = Count({"people": Counted(10, 10, 0), "posts": Counted(100, 150, 50), "gone": Counted(1, 1, 0)})
    after = Count({"people": Counted(10, 10, 0), "posts": Counted(104, 160, 56), "new": Counted(1, 1, 0)})
    expected = row_counts.bounds(before, after)
    # Of the posts ten came and six went meanwhile: the copy may be from before the first, or after the last.
    assert expected == {"people": (10, 10), "posts": (94, 114)}
    assert row_counts.outside(before, expected) == row_counts.outside(after, expected) == []
    lost = Count({"people": Counted(9, 0, 0), "posts": Counted(115, 0, 0)})
    assert row_counts.outside(lost, expected) == [
        "people: 9 instead of 10",
        "posts: 115 instead of 94 to 114",
    ]
    assert row_counts.outside(Count({"people": Counted(10, 0, 0)}), expected) == [
        "posts: no table instead of 94 to 114"
    ]


def test_a_row_that_came_and_went_while_the_database_was_copied_is_allowed_for(kept: Kept) -> None:
    """What an idle process did in its last second is in no statistics for ten more."""
    before = row_counts.count(kept.node)
    with psycopg.connect(
        host=str(kept.node.run("database")),
        dbname="korobka",
        user="korobka_app",
        port=kept.node.box.database.port,
        autocommit=True,
    ) as process:
        for _again in range(2):
            process.execute(
                "insert into files_blob (key, size, created_at, sha256, content_type, picture_attempts)"
                " values ('came and went', 1, now(), '', '', 0)"
            )
            process.execute("delete from files_blob where key = 'came and went'")
        after = row_counts.settle(kept.node, before, row_counts.count(kept.node))
    rows = before.tables["files_blob"].rows
    assert row_counts.bounds(before, after)["files_blob"] == (max(0, rows - 2), rows + 2)


def test_what_the_owner_leaves_in_its_schema_is_not_found_while_rows_are_counted(kept: Kept) -> None:
    left = hostile.left(
        kept.node,
        {"join(text, regclass)": ("text", "$1 operator(pg_catalog.||) $2::text")},
        "create operator public.|| (leftarg = text, rightarg = regclass, function = public.join)",
    )
    with left:
        before = row_counts.count(kept.node)
        row_counts.settle(kept.node, before, row_counts.Count(before.tables, "another"))
        assert not hostile.have_taken(kept.node)
    assert before.tables["files_blob"].rows == int(query(kept.node, "select count(*) from files_blob"))


def test_where_nothing_was_written_nothing_is_waited_for(kept: Kept) -> None:
    before, after = row_counts.count(kept.node), row_counts.count(kept.node)
    assert row_counts.settle(kept.node, before, after) is after
    assert all(fewest == most for fewest, most in row_counts.bounds(before, after).values())


def test_without_a_set_there_is_nothing_to_try(kept: Kept) -> None:
    shutil.rmtree(sets.folder_of(kept.node, kept.target))
    with pytest.raises(BackupRefused, match="There is no good set yet"):
        drills.decide(kept.node, kept.target)


def test_a_file_is_looked_at_in_pieces(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a film a second box has no room for the whole in its memory."""
    data = bytes(range(256)) * 20_000
    asked = list[int | None]()

    class Answer(io.BytesIO):
        status = 200

        def read(self, most: int | None = None) -> bytes:
            asked.append(most)
            return super().read(most)

    @contextmanager
    def opened(_: drill_child.Page, path: str) -> Iterator[tuple[str, Answer]]:
        yield path, Answer(data)

    monkeypatch.setattr(drill_child.Page, "_open", opened)
    page, digest = drill_child.Page(kept.node), hashlib.sha256(data).hexdigest()
    file = {"path": "/film", "size": len(data), "sha256": digest}
    assert page.is_wrong(file) == ""
    assert len(asked) > 2
    assert None not in asked
    for wrong in ({"size": len(data) - 1}, {"sha256": "0" * 64}):
        assert page.is_wrong({**file, **wrong}) == "/film is not what it was"
