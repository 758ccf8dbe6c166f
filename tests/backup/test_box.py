"""Backups of a real box on a folder: made, looked at, damaged, restored."""

from __future__ import annotations

import dataclasses
import gzip
import json
import os
import re
import shutil
import stat
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from appliance import as_owner, folders, users
from appliance.agent import operations
from appliance.agent.codec import encode
from appliance.agent.journal import Journal
from appliance.agent.operations import AlreadyRunning
from appliance.files import new_file
from appliance.services.database.names import cluster
from appliance.supervise import supervisor_for
from backup import blobs, moments, pgbackrest, serve, sets, settings, setup, status
from backup.keys import KeyRefused, KeyRing, RecoveryKey
from backup.ledger import ledger_of
from backup.portal import manage
from backup.rclone import Vault
from backup.settings import BackupRefused, Target
from tests.appliance.boxes import boxctl, query
from tests.backup.conftest import MARKER, Kept
from tests.backup.operating import (
    back_up,
    copy_what_is_new,
    ended,
    flipped,
    hand_over,
    know_mail_server,
    moved_away,
    perform,
    queue_hook,
    queue_letter,
    reaching_here,
    restore,
    send_what_is_due,
    some_set,
    told,
    unplugged,
    wait_for,
)
from tests.box.ear import Ear, listening_ear
from tests.box.mailbox import Mailbox, mailbox


def now(kept: Kept) -> datetime:
    return datetime.fromisoformat(query(kept.node, "select clock_timestamp()")).astimezone(UTC)


def test_a_set_holds_the_database_the_files_and_the_configuration(kept: Kept) -> None:
    keys = kept.add_blobs(5)
    made = back_up(kept, "full")
    assert made.kind == "full"
    assert (made.blobs, made.missing) == (len(kept.keys()), 0)
    vault = Vault(kept.node, kept.settings, kept.target)
    assert set(keys) <= {blob.key for blob in sets.blobs_of(kept.node, vault, made.label)}
    assert sorted(vault.names(f"sets/{made.label}")) == [sets.CONFIGURATION, sets.MANIFEST]
    assert vault.sizes(keys) == {key: len(kept.contents[key]) for key in keys}


def test_a_key_that_is_made_during_a_backup_is_told_of_after_it(kept: Kept) -> None:
    journal = operations.begin(kept.node.paths, "backup", {"kind": "full", "targets": ["disk"]}, by="a test")
    wait_for(journal, "Database to")
    with settings.changing(kept.node.paths):
        setup.add_holder(kept.node, kept.settings, "latecomer")
    assert ended(kept, journal).state == "done"
    noted = json.loads((kept.node.data("backup") / "state.json").read_text(encoding="utf-8"))
    assert "latecomer" in {one["name"] for one in noted["holders"]}
    kept.begin_anew()


def test_a_name_stays_with_its_place(kept: Kept, tmp_path: Path) -> None:
    """What is remembered of the one place would be believed of the other."""
    before = kept.settings
    done = boxctl(kept.node, "backup", "setup", "disk", "--folder", tmp_path)
    assert done.returncode != 0
    assert "give another place another name" in " ".join(done.stderr.split())
    assert kept.settings == before


def test_an_incremental_set_builds_on_the_one_before(kept: Kept) -> None:
    before = some_set(kept)
    made = back_up(kept)
    assert (made.kind, made.parent) == ("incr", before.label)
    assert made.stored_bytes < made.database_bytes / 10


def test_the_repository_reveals_nothing(kept: Kept) -> None:
    (key, *_) = kept.add_blobs(1)
    back_up(kept)
    names, found = [], []
    for path in kept.folder.rglob("*"):
        names.append(str(path))
        if path.is_file():
            content = path.read_bytes()
            words = (MARKER, "files_blob", "korobka_app", key, kept.node.secrets.secret_key)
            found += [(path, word) for word in words if word.encode() in content]
    assert found == []
    assert not any(key.rpartition("/")[2] in name for name in names)
    vault = [name for name in names if "/vault/" in name]
    assert not any(word in name for name in vault for word in ("blobs", "sets", "manifest", "2026"))


def test_no_secret_is_in_an_argument_of_any_process(kept: Kept) -> None:
    kept.add_blobs(20, size=200_000)
    chosen, secrets = kept.settings, kept.node.secrets
    forbidden = (
        chosen.master_key, chosen.master.password("database"), chosen.master.password("files"),
        secrets.objects_secret_key, str(kept.key),
    )  # fmt: skip
    journal = operations.begin(kept.node.paths, "backup", {"kind": "full", "targets": ["disk"]}, by="a test")
    seen: set[str] = set()
    while journal.state().state == "running":
        for process in psutil.process_iter(["cmdline"]):
            seen.add(" ".join(process.info["cmdline"] or []))
    assert ended(kept, journal).state == "done"
    assert any("pgbackrest" in line for line in seen)
    assert any("rclone" in line for line in seen)
    assert [line for line in seen for word in forbidden if word in line] == []
    log = journal.path.with_suffix(".log").read_text() + journal.path.read_text()
    assert [word for word in forbidden if word in log] == []


def test_new_files_are_copied_once_and_the_mark_waits_for_open_transactions(kept: Kept) -> None:
    vault = Vault(kept.node, kept.settings, kept.target)
    with ledger_of(kept.node, kept.target) as ledger:
        blobs.catch_up(kept.node, vault, ledger, from_start=False)
        with psycopg.connect(
            host=str(kept.node.run("database")),
            dbname="korobka",
            user="korobka_app",
            port=kept.node.box.database.port,
        ) as late:
            (key,) = kept.add_blobs(1)
            # The same row again, with a smaller id that is committed last.
            late.execute("select nextval(pg_get_serial_sequence('files_blob', 'id'))")
            late.execute("update files_blob set key = key where key = %s", (key,))
            (later,) = kept.add_blobs(1)
            first = blobs.catch_up(kept.node, vault, ledger, from_start=False)
            mark = int(ledger.note("mark"))
            again = blobs.catch_up(kept.node, vault, ledger, from_start=False)
            assert (first.copied, again.copied) == (2, 0)
            assert int(ledger.note("mark")) == mark
            late.rollback()
        blobs.catch_up(kept.node, vault, ledger, from_start=False)
        blobs.catch_up(kept.node, vault, ledger, from_start=False)
        highest = int(query(kept.node, "select max(id) from files_blob"))
        assert int(ledger.note("mark")) == highest
        assert vault.sizes([later]) == {later: len(kept.contents[later])}


def test_a_pass_ends_where_people_upload_all_the_time(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes while it copies is the next one's: the time line reaches to where this one began."""
    vault = Vault(kept.node, kept.settings, kept.target)
    copied = Vault.take
    during: list[str] = []

    def take(*given: Any) -> None:
        assert len(during) < 3, "it runs after what comes, for ever"
        copied(*given)
        during.extend(kept.add_blobs(1))

    monkeypatch.setattr(Vault, "take", take)
    with ledger_of(kept.node, kept.target) as ledger:
        blobs.catch_up(kept.node, vault, ledger, from_start=False)
        before = kept.add_blobs(1)
        began_at = now(kept)
        caught = blobs.catch_up(kept.node, vault, ledger, from_start=False)
        assert caught.reached_at >= began_at
        assert vault.sizes([*before, during[-1]]) == {before[0]: len(kept.contents[before[0]])}


def test_two_backups_at_once_are_refused(kept: Kept) -> None:
    journal = operations.begin(kept.node.paths, "backup", {"kind": "full", "targets": ["disk"]}, by="a test")
    with pytest.raises(AlreadyRunning, match="'backup' is running"):
        operations.begin(kept.node.paths, "backup", {"kind": "incr", "targets": ["disk"]}, by="a test")
    assert ended(kept, journal).state == "done"


def test_a_flipped_bit_is_found_in_the_database_and_in_a_file_and_the_sets_are_named(kept: Kept) -> None:
    # Of a size that nothing else has: its name there is nobody's to know.
    (key,) = kept.add_blobs(1, size=45_671)
    made = back_up(kept, "full")
    stored = kept.repository / "database/backup/korobka" / made.label
    with flipped(max(stored.rglob("bundle/*"), key=lambda path: path.stat().st_size)):
        state = perform(kept, "verify", target="disk", set=made.label)
        assert state.state == "failed"
        assert made.label in state.progress.text
        assert "database backup is damaged" in state.progress.text
        # A damaged set is not offered, and nothing is built on it.
        assert sets.known(kept.node, kept.target)[-1].problem
    assert perform(kept, "verify", target="disk", set=made.label).state == "done"

    size = len(kept.contents[key]) + 48  # rclone's crypt adds a header of 32 bytes, and 16 to a block
    (victim,) = [path for path in (kept.repository / "vault").rglob("*") if path.stat().st_size == size]
    with flipped(victim):
        state = perform(kept, "verify", target="disk", set=made.label, all=True)
        # The portal still had it: it is copied anew, and all is well again.
        assert state.state == "done"
        assert "1 damaged file was copied anew" in state.progress.text
    assert perform(kept, "verify", target="disk", all=True).state == "done"


def test_a_missing_log_segment_is_found(kept: Kept) -> None:
    made = some_set(kept)
    archive = kept.repository / "database/archive/korobka"
    (segment,) = list(archive.rglob(f"{made.first_wal}-*"))
    with moved_away(segment):
        state = perform(kept, "verify", target="disk", set=made.label)
        assert (state.state, made.first_wal in state.progress.text) == ("failed", True)
    assert perform(kept, "verify", target="disk", set=made.label).state == "done"


@pytest.fixture
def sink() -> Iterator[Mailbox]:
    with mailbox() as box:
        yield box


@pytest.fixture
def ear(kept: Kept) -> Iterator[Ear]:
    with listening_ear() as found, reaching_here(kept):
        yield found


def test_the_box_goes_back_to_a_moment_with_its_files_and_without_its_sessions(
    kept: Kept, sink: Mailbox, ear: Ear
) -> None:
    some_set(kept)
    (lost, *_) = kept.add_blobs(3)
    copy_what_is_new(kept)
    # Inside at the moment: a session that ends meanwhile, an event and a letter that are delivered meanwhile.
    query(
        kept.node,
        "insert into accounts_session (session_key, session_data, expire_date, started_at, agent)"
        " values ('stolen', '', now() + interval '1 day', now(), '');"
        " insert into events_event (kind, payload, origin, created_at) values ('test', '{}', '{}', now());"
        " insert into events_delivery (event_id, handler, due_at, attempts, error)"
        " select max(id), 'nobody', now(), 0, '' from events_event;",
    )
    know_mail_server(kept, sink.port)
    queue_letter(kept, "old")
    last_written = now(kept)
    queue_hook(kept, ear, 1)
    time.sleep(1.1)
    moment, there = now(kept), kept.keys()
    time.sleep(1.1)
    send_what_is_due(kept)
    assert [letter["Subject"] for letter in sink.letters] == ["old"]
    assert told(ear) == ["1"]
    later = kept.add_blobs(2)
    query(kept.node, f"delete from files_blob where key = '{lost}'")
    hand_over(kept)
    kept.lose(lost)
    state = restore(kept, moment=moment.isoformat(), with_safety=True)
    assert state.state == "done", state.progress.text
    named = re.search(r"as it was at (.*?)\. ", state.progress.text)
    assert named, state.progress.text
    # To the second.
    assert last_written - timedelta(seconds=1) <= moments.understood(named[1], UTC) <= moment
    assert kept.keys() == there
    assert kept.stored(lost) == kept.contents[lost]
    assert not set(later) & kept.keys()
    # What was made after the moment lies in the store still: nothing is deleted there.
    assert kept.stored(later[0]) == kept.contents[later[0]]
    assert query(kept.node, "select count(*) from accounts_session") == "0"
    assert query(kept.node, "select count(*) from events_delivery where completed_at is null") == "0"
    queue_letter(kept, "new")
    queue_hook(kept, ear, 2)
    send_what_is_due(kept)
    assert [letter["Subject"] for letter in sink.letters] == ["old", "new"]
    assert told(ear) == ["1", "2"]
    waiting = "select count(*) from notify_queuedletter where sent_at is null and failed_at is null"
    assert query(kept.node, waiting) == "0"
    # And forward again: the moment before the restore lies on the time line that was left.
    kept.add_blobs(1)
    serve.begin_what_is_due(kept.node, kept.settings, datetime.now(UTC))
    assert ended(kept, Journal.all(kept.node.paths.operations)[0]).state == "done"
    *_, safety, following = sets.known(kept.node, kept.target)
    assert (following.kind, following.timeline > 1) == ("full", True)
    # Nobody has asked for these two: they push no other set out.
    assert (safety.is_extra, following.is_extra, back_up(kept).is_extra) == (True, True, False)


def test_what_a_restore_has_undone_stays_undone(kept: Kept) -> None:
    """Also before there is a set of the time line that the restore began, and over one made meanwhile."""
    begun = some_set(kept)
    (first,) = kept.add_blobs(1)
    copy_what_is_new(kept)
    to = settled_moment(kept)
    (undone,) = kept.add_blobs(1)
    copy_what_is_new(kept)
    back_up(kept)
    while_undone = settled_moment(kept)
    state = restore(kept, moment=to.isoformat())
    assert state.state == "done", state.progress.text
    assert {first, undone} & kept.keys() == {first}
    (after,) = kept.add_blobs(1)
    copy_what_is_new(kept)
    since = settled_moment(kept)
    (last,) = kept.add_blobs(1)
    copy_what_is_new(kept)
    hand_over(kept)
    mine = {first, undone, after, last}

    for moment, there in ((since, {first, after}), (while_undone, {first, undone}), (since, {first, after})):
        state = restore(kept, moment=moment.isoformat())
        assert state.state == "done", state.progress.text
        assert mine & kept.keys() == there
    refused = restore(kept, moment=since.isoformat(), set=sets.known(kept.node, kept.target)[-1].label)
    assert refused.state == "failed"
    assert "was undone by a restore before that moment" in refused.progress.text
    # To the end of what is lived now, of which there is no set yet.
    (newest,) = kept.add_blobs(1)
    copy_what_is_new(kept)
    hand_over(kept)
    state = restore(kept)
    assert state.state == "done", state.progress.text
    assert {*mine, newest} & kept.keys() == {first, after, newest}
    # Nothing has been done on the newest time line: its end is where it begins.
    for file in (kept.repository / "database/archive/korobka").rglob(f"{timeline(kept):08X}*-*"):
        file.unlink()
    state = restore(kept)
    assert state.state == "done", state.progress.text
    assert {*mine, newest} & kept.keys() == {first, after, newest}
    assert begun.label in {one.label for one in sets.known(kept.node, kept.target)}


def timeline(kept: Kept) -> int:
    return int(query(kept.node, "select timeline_id from pg_control_checkpoint()"))


def settled_moment(kept: Kept) -> datetime:
    """A moment with a second of silence around it: repositories tell the time in seconds."""
    time.sleep(1.5)
    moment = now(kept)
    time.sleep(1.5)
    return moment


def test_to_a_moment_after_which_nothing_was_written_the_box_comes_back_as_well(kept: Kept) -> None:
    """PostgreSQL itself gives up where no transaction tells it that the moment is reached."""
    some_set(kept)
    (last,) = kept.add_blobs(1)
    copy_what_is_new(kept)
    hand_over(kept)
    there = kept.keys()
    state = restore(kept, moment=now(kept).isoformat())
    assert state.state == "done", state.progress.text
    assert kept.keys() == there
    assert kept.stored(last) == kept.contents[last]


def test_a_set_of_an_older_version_is_brought_up_to_date(kept: Kept) -> None:
    manage(kept.node, "migrate", "notify", "0002", as_owner=True)
    made = back_up(kept, "full")
    manage(kept.node, "migrate", "--noinput", as_owner=True)
    state = restore(kept, set=made.label, is_set_alone=True)
    assert state.state == "done", state.progress.text
    assert any(
        entry.get("text") == "Bringing the tables to this version."
        for entry in Journal.find(kept.node.paths.operations, state.id).entries()
    )
    assert query(kept.node, "select to_regclass('notify_preferences')") == "notify_preferences"


def test_with_the_data_folders_destroyed_all_comes_back_up_to_the_end(kept: Kept) -> None:
    some_set(kept)
    kept.add_blobs(2)
    copy_what_is_new(kept)
    there = kept.keys()
    hand_over(kept)
    supervisor = supervisor_for(kept.node)
    supervisor.stop("database")
    shutil.rmtree(cluster(kept.node))
    victim = sorted(there)[0]
    kept.lose(victim)
    state = restore(kept)
    assert state.state == "done", state.progress.text
    assert kept.keys() == there
    assert kept.stored(victim) == kept.contents[victim]


def test_a_restore_that_fails_leaves_the_box_as_it_was(kept: Kept) -> None:
    made = some_set(kept)
    (key,) = kept.add_blobs(1)
    archive = kept.repository / "database/archive/korobka"
    (segment,) = list(archive.rglob(f"{made.last_wal}-*"))
    there = kept.keys()
    with moved_away(segment):
        state = restore(kept, set=made.label, is_set_alone=True)
    assert state.state == "failed"
    assert "as it was before the restore" in state.progress.text
    assert kept.keys() == there
    assert not cluster(kept.node).with_name("17.before").exists()
    assert not cluster(kept.node).with_name("17.restored").exists()
    assert kept.stored(key) == kept.contents[key]


def test_the_end_is_that_of_a_box_whose_restore_was_taken_back(kept: Kept) -> None:
    """What it had begun to live on stays in the repository, and nobody lives there."""
    some_set(kept)
    (nowhere,) = kept.add_blobs(1)
    kept.lose(nowhere)
    hand_over(kept)
    state = restore(kept)
    assert state.state == "failed"
    assert "1 files are neither in the portal's store" in state.progress.text
    archive = kept.repository / "database/archive/korobka"
    assert list(archive.rglob(f"{timeline(kept) + 1:08X}.history"))
    query(kept.node, f"delete from files_blob where key = '{nowhere}'")
    (after,) = kept.add_blobs(1)
    copy_what_is_new(kept)
    hand_over(kept)
    state = restore(kept)
    assert state.state == "done", state.progress.text
    assert {nowhere, after} & kept.keys() == {after}


def test_no_manifest_names_a_file_of_another_place(kept: Kept) -> None:
    """A set's label becomes the name of a file of root's."""
    made, vault = back_up(kept), Vault(kept.node, kept.settings, kept.target)
    known = sets.known(kept.node, kept.target)
    outgoing, group = kept.node.data("backup") / "outgoing", users.group_id(users.DATABASE)
    evil = dataclasses.replace(made, label="../../../../evil")
    with new_file(outgoing / "evil", mode=0o640, group=group) as file:
        file.write(gzip.compress(json.dumps(encode(evil)).encode() + b"\n"))
    other = "20200101-000000F"
    for label in ("evil", other):
        vault.put(outgoing / "evil", f"sets/{label}/{sets.MANIFEST}")
    (outgoing / "evil").unlink()
    sets.refresh(kept.node, vault)
    for label in ("evil", other):
        vault.forget_set(label)
    assert sets.known(kept.node, kept.target) == known
    assert not list(kept.node.paths.prefix.rglob("evil*"))


def test_whoever_hands_over_the_log_is_told_what_has_arrived_while_a_set_is_brought_back_beside(
    kept: Kept,
) -> None:
    made = back_up(kept)
    hand_over(kept)
    told = kept.node.data("backup") / "spool/archive/korobka/out"
    note = told / f"{'F' * 24}.ok"
    note.touch()
    aside = cluster(kept.node).with_name("aside")
    as_owner.make_folder(aside, users.account(users.DATABASE))
    pgbackrest.restore(
        kept.node, kept.target, made.label, aside, moment=None, timeline=None, heard=lambda _, __: None
    )  # fmt: skip
    assert (aside / "PG_VERSION").exists()
    assert note.exists()
    shutil.rmtree(aside)
    # A cluster in the place of this one has a log of its own, perhaps under the same names.
    state = restore(kept, set=made.label, is_set_alone=True)
    assert state.state == "done", state.progress.text
    assert not note.exists()


def test_a_moment_before_the_first_set_and_a_set_of_a_newer_version_are_refused(kept: Kept) -> None:
    from dataclasses import replace

    from backup.operations.restore import decide

    made = back_up(kept)
    at = datetime.now(UTC)
    with pytest.raises(BackupRefused, match="The time line begins at"):
        decide(
            [made], label="", moment=made.ended_at - timedelta(days=1), version="0.1.0", now=at, timeline=None
        )
    with pytest.raises(BackupRefused, match="yet to come"):
        decide([made], label="", moment=at + timedelta(days=1), version="0.1.0", now=at, timeline=None)
    with pytest.raises(BackupRefused, match="upgrade the box first"):
        decide(
            [replace(made, version="9.0.0")], label="", moment=None, version="0.1.0", now=at, timeline=None
        )
    with pytest.raises(BackupRefused, match="no good set"):
        decide(
            [replace(made, problem="damaged")], label="", moment=None, version="0.1.0", now=at, timeline=None
        )


def test_a_target_that_is_gone_fails_loudly_stops_nobody_and_is_caught_up_with(kept: Kept) -> None:
    back_up(kept)
    known = sets.known(kept.node, kept.target)
    with unplugged(kept):
        (key,) = kept.add_blobs(1)
        query(kept.node, "select pg_switch_wal()")
        state = perform(kept, "backup", kind="incr", targets=["disk"])
        assert state.state == "failed"
        assert "disk:" in state.progress.text
        assert sets.known(kept.node, kept.target) == known
        (report,) = status.look(kept.node, kept.settings, datetime.now(UTC))
        assert report.problems
    back_up(kept)
    assert Vault(kept.node, kept.settings, kept.target).sizes([key])
    (report,) = status.look(kept.node, kept.settings, datetime.now(UTC))
    assert report.problems == ("No recovery key was ever confirmed: `boxctl backup key confirm`.",)


def test_a_box_whose_notes_were_the_engines_own_goes_on_with_them_as_roots(kept: Kept) -> None:
    """As an upgrade finds it: all of `data/backup` was their user's, and two folders were not there."""
    made = back_up(kept)
    notes, engines = kept.node.data("backup"), users.account(users.DATABASE)
    shutil.rmtree(notes / "outgoing")
    shutil.rmtree(notes / "tmp")
    for path in (notes, *notes.rglob("*")):
        os.chown(path, engines.uid, engines.gid)
        path.chmod(0o700 if path.is_dir() else 0o600)
    folders.prepare(kept.node.paths)
    later = back_up(kept)
    assert later.label != made.label
    assert {made.label, later.label} <= {one.label for one in sets.known(kept.node, kept.target)}
    assert perform(kept, "verify", target="disk", set=later.label).state == "done"
    # What root writes and believes is where nobody else writes.
    assert (notes.stat().st_uid, stat.S_IMODE(notes.stat().st_mode)) == (0, 0o710)
    for name in ("sets", "outgoing", "ledger-1.db", f"sets/1/{later.label}.json"):
        assert (notes / name).stat().st_uid == 0, name
    for name in ("home", "lock", "spool", "tmp"):
        assert (notes / name).stat().st_uid == engines.uid, name


def test_with_the_printed_key_and_the_target_alone_the_master_key_is_found(kept: Kept) -> None:
    ring = KeyRing.parse((kept.repository / "keyring.json").read_text())
    assert ring.open(RecoveryKey.parse(str(kept.key))) == kept.settings.master
    with pytest.raises(KeyRefused, match="does not open"):
        ring.open(RecoveryKey.new())


def test_a_second_holder_is_added_and_one_who_leaves_is_removed(kept: Kept) -> None:
    before = kept.settings
    changed, key = setup.add_holder(kept.node, before, "boris")
    ring = KeyRing.parse((kept.repository / "keyring.json").read_text())
    assert ring.open(key) == before.master
    with pytest.raises(BackupRefused, match="No other key is confirmed"):
        setup.remove_holder(kept.node, changed, "boris")
    from backup import settings

    settings.save(kept.node.paths, settings.confirmed(changed, changed.holders[0].id))
    setup.remove_holder(kept.node, kept.settings, "boris")
    ring = KeyRing.parse((kept.repository / "keyring.json").read_text())
    with pytest.raises(KeyRefused):
        ring.open(key)
    settings.save(kept.node.paths, before)
    setup.write_ring(kept.node, before)


def test_another_boxs_repository_is_not_overwritten(kept: Kept) -> None:
    stranger, _ = setup.begin()
    with pytest.raises(BackupRefused, match="another box's repository"):
        setup.add_target(kept.node, stranger, Target(1, "disk", "folder", str(kept.folder)), lambda _: None)
    pgbackrest.write_config(kept.node, kept.settings)
    assert KeyRing.parse((kept.repository / "keyring.json").read_text()).open(kept.key)


def test_a_folder_that_is_not_there_is_refused(kept: Kept) -> None:
    with pytest.raises(BackupRefused, match="There is no folder"):
        setup.add_target(
            kept.node, kept.settings, Target(2, "usb", "folder", "/nowhere/at/all"), lambda _: None
        )


def test_boxctl_lists_sets_and_their_figures_and_says_how_backups_are(kept: Kept) -> None:
    made = back_up(kept)
    assert made.label in boxctl(kept.node, "backup", "list").stdout
    assert "first wal" in boxctl(kept.node, "backup", "show", made.label).stdout
    said = boxctl(kept.node, "backup", "status")
    assert (said.returncode, "No recovery key was ever confirmed" in said.stdout) == (1, True)
    assert "There is no set" in boxctl(kept.node, "backup", "show", "nonsense").stderr
    assert "no moment" in boxctl(kept.node, "backup", "restore", "--to", "yesterday", "--yes").stderr
    assert "Every day at 02:00" in boxctl(kept.node, "backup", "schedule").stdout
