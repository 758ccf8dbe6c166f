"""A restore that opens early: the newest files are there, the others follow, and none is called lost before
all was tried."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from appliance.agent.journal import Journal
from appliance.runner import CommandFailed
from appliance.services.database.names import cluster
from appliance.supervise import supervisor_for
from backup import blobs, recall, sets
from backup.ledger import ledger_of
from backup.operations.restore import Restore
from backup.pack_format import FEWEST
from backup.rclone import Vault
from backup.settings import BackupRefused, Target
from tests.appliance import hostile
from tests.appliance.boxes import ROOT, query, wait_until
from tests.backup.conftest import Kept
from tests.backup.operating import back_up, flipped, perform, some_set, unplugged
from tests.randomness import chosen, is_thorough

OPEN_WITH = 2


@pytest.fixture(autouse=True)
def _opens_with_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recall, "NEWEST", OPEN_WITH)


@pytest.fixture(autouse=True)
def _nothing_to_come(kept: Kept) -> Iterator[None]:
    """Afterwards nothing is, whatever happened."""
    yield
    with blobs.reading(kept.node) as connection:
        blobs.bring_back(vault_of(kept), blobs.everything(connection))
    query(kept.node, "delete from registry_storedsetting where key = 'files.to_come'")


def vault_of(kept: Kept, target: Target | None = None) -> Vault:
    return Vault(kept.node, kept.settings, target or kept.target)


def catch_up(kept: Kept, target: Target | None = None) -> blobs.Caught:
    with ledger_of(kept.node, target or kept.target) as ledger:
        return blobs.catch_up(kept.node, vault_of(kept, target), ledger, from_start=True)


def lost_by_store(kept: Kept, count: int) -> list[str]:
    """New blobs that are in the backup, and with the store no more, as on a machine that was empty. The
    oldest first."""
    catch_up(kept)
    keys = kept.add_blobs(count)
    catch_up(kept)
    for key in keys:
        kept.lose(key)
    return keys


def there(kept: Kept, keys: list[str]) -> list[str]:
    return [key for key in keys if kept.stored(key) == kept.contents[key]]


def bring_rest(kept: Kept) -> None:
    recall.bring_rest(kept.node, kept.settings)


def remove(kept: Kept, *keys: str) -> None:
    for key in keys:
        query(kept.node, f"delete from files_blob where key = '{key}'")


# --- opening, and what follows


@pytest.mark.parametrize("count", [5, FEWEST + 5])
def test_the_box_opens_with_the_newest_files_and_the_others_follow(kept: Kept, count: int) -> None:
    keys = lost_by_store(kept, count)
    begun = recall.begin(kept.node, vault_of(kept))
    assert begun.count == OPEN_WITH
    assert there(kept, keys) == keys[-OPEN_WITH:]
    assert begun.missing == []
    to_come = recall.under_way(kept.node)
    assert to_come == begun.to_come
    assert to_come is not None
    assert (to_come.files, to_come.left, to_come.lost) == (count - OPEN_WITH, count - OPEN_WITH, 0)
    assert to_come.left_bytes == sum(len(kept.contents[key]) for key in keys[:-OPEN_WITH])
    assert f"{count - OPEN_WITH} of {count - OPEN_WITH} files" in str(to_come)
    bring_rest(kept)
    assert there(kept, keys) == keys
    assert recall.noted(kept.node) is None


def test_large_files_wait_however_new(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = lost_by_store(kept, 3)
    monkeypatch.setattr(recall, "NEWEST_BYTES", 1)
    assert recall.begin(kept.node, vault_of(kept)).count == 1
    assert there(kept, keys) == keys[-1:]


def test_where_nobody_would_bring_the_rest_all_of_it_comes_first(kept: Kept) -> None:
    keys = lost_by_store(kept, 5)
    begun = recall.begin(kept.node, vault_of(kept), is_early=False)
    assert (begun.count, begun.to_come) == (5, None)
    assert there(kept, keys) == keys
    assert recall.noted(kept.node) is None


def test_what_the_owner_hangs_on_the_note_is_not_done_by_the_superuser(kept: Kept) -> None:
    lost_by_store(kept, OPEN_WITH + 1)
    left = hostile.left(
        kept.node,
        {"fire()": ("trigger", "new")},
        "create trigger note before insert or update on public.registry_storedsetting"
        " for each row execute function public.fire()",
        "create trigger version before insert or update on public.registry_settingsversion"
        " for each row execute function public.fire()",
    )
    with left:
        to_come = recall.begin(kept.node, vault_of(kept)).to_come
        assert to_come and recall.noted(kept.node) == to_come
        assert not hostile.have_taken(kept.node)
    bring_rest(kept)
    assert recall.noted(kept.node) is None


def test_a_box_that_lacks_nothing_notes_nothing(kept: Kept) -> None:
    catch_up(kept)
    kept.add_blobs(OPEN_WITH + 1)
    assert recall.begin(kept.node, vault_of(kept)).to_come is None
    assert recall.noted(kept.node) is None


def test_the_next_restore_forgets_what_a_set_remembers_of_the_last(kept: Kept) -> None:
    """A set that is made meanwhile holds the note, too."""
    lost_by_store(kept, 5)
    recall.begin(kept.node, vault_of(kept))
    recall.begin(kept.node, vault_of(kept), is_early=False)
    assert recall.noted(kept.node) is None


def test_what_is_asked_for_comes_before_the_others(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = lost_by_store(kept, 6)
    recall.begin(kept.node, vault_of(kept))
    goes_on, bring = threading.Event(), recall._bring
    monkeypatch.setattr(recall, "_bring", lambda *args: (goes_on.wait(60), bring(*args))[1])
    service = threading.Thread(target=bring_rest, args=(kept,))
    service.start()
    try:

        def ask() -> bool:
            # Whoever waits asks again: nobody may have listened yet. And anybody may say anything.
            for word in (keys[1], "2026/11/" + "0" * 32, "../../etc/passwd", "x' or true --"):
                query(kept.node, f"select pg_notify('{recall.CHANNEL}', $word${word}$word$)")
            return kept.stored(keys[1]) is not None

        wait_until(ask, seconds=60)
        assert there(kept, keys) == [keys[1], *keys[-OPEN_WITH:]]
    finally:
        goes_on.set()
        service.join()
    assert there(kept, keys) == keys


def test_what_came_after_the_restore_is_none_of_it(kept: Kept) -> None:
    """A file that the portal itself loses later is not brought as if it were awaited."""
    keys = lost_by_store(kept, 4)
    recall.begin(kept.node, vault_of(kept))
    (later,) = lost_by_store(kept, 1)
    bring_rest(kept)
    assert there(kept, [*keys, later]) == keys
    remove(kept, later)


# --- lost


def test_what_nobody_has_is_known_at_once_and_what_is_damaged_when_all_was_tried(kept: Kept) -> None:
    keys = lost_by_store(kept, 5)
    (nowhere,) = kept.add_blobs(1)
    kept.lose(nowhere)
    damaged = vault_of(kept)._run("cryptdecode", "--reverse", "vault:", f"blobs/{keys[0]}").stdout.split()[-1]
    kept.add_blobs(OPEN_WITH)
    try:
        with flipped(kept.repository / "vault" / damaged):
            begun = recall.begin(kept.node, vault_of(kept))
            assert [one.key for one in begun.missing] == [nowhere]
            assert begun.to_come is not None
            assert begun.to_come.left == len(keys)
            bring_rest(kept)
        assert there(kept, keys) == keys[1:]
        over = recall.noted(kept.node)
        assert over is not None
        # The one that was missing from the beginning, too: it was looked for once more.
        assert (over.until, over.left, over.lost) == (0, 0, 2)
        assert recall.under_way(kept.node) is None
        assert str(over) == "2 files of the restore are missing: nobody has them."
    finally:
        remove(kept, nowhere, keys[0])


def test_what_another_target_has_comes_from_there_and_is_not_given_up_while_it_is_away(
    kept: Kept, second: Target
) -> None:
    keys = lost_by_store(kept, 2)
    for key in keys:
        kept.lose(key)
    (elsewhere,) = kept.add_blobs(1)
    catch_up(kept, second)
    kept.lose(elsewhere)
    kept.add_blobs(OPEN_WITH)
    place = Path(second.path) / second.repository
    away = place.with_name("away")
    place.rename(away)
    begun = recall.begin(kept.node, vault_of(kept))
    assert (begun.missing, begun.to_come and begun.to_come.left) == ([], 3)
    bring_rest(kept)
    waits = recall.under_way(kept.node)
    assert waits is not None
    assert (waits.left, waits.lost) == (1, 0)
    assert "second cannot be reached" in str(waits)
    assert there(kept, keys) == keys
    away.rename(place)
    bring_rest(kept)
    assert there(kept, [elsewhere]) == [elsewhere]
    assert recall.noted(kept.node) is None


def test_with_the_target_away_it_says_so_and_goes_on_when_it_is_back(kept: Kept) -> None:
    keys = lost_by_store(kept, 5)
    recall.begin(kept.node, vault_of(kept))
    with unplugged(kept):
        with pytest.raises((BackupRefused, CommandFailed)):
            bring_rest(kept)
        waits = recall.under_way(kept.node)
        assert waits is not None
        assert waits.problem
        assert waits.left == len(keys) - OPEN_WITH
    bring_rest(kept)
    assert there(kept, keys) == keys


# --- backups meanwhile


def test_a_backup_meanwhile_holds_what_is_still_to_come(kept: Kept, second: Target) -> None:
    """On its own target, where it lies, and on another one, which takes it over."""
    some_set(kept)
    keys = lost_by_store(kept, 5)
    recall.begin(kept.node, vault_of(kept))
    for target in (kept.target, second):
        # As on a machine that knows nothing: what lies there by itself is in no ledger.
        for file in kept.node.data("backup").glob(f"ledger-{target.number}.db*"):
            file.unlink()
        state = perform(kept, "backup", kind="full", targets=[target.name])
        assert state.state == "done", state.progress.text
        made = sets.known(kept.node, target)[-1]
        assert made.missing == 0
        assert {*keys} <= {one.key for one in sets.blobs_of(kept.node, vault_of(kept, target), made.label)}
        assert {*keys} <= vault_of(kept, target).sizes(keys).keys() | {*_packed(kept, target, keys)}
    # And nothing of it was brought back by that, nor called lost.
    assert there(kept, keys) == keys[-OPEN_WITH:]
    bring_rest(kept)
    assert there(kept, keys) == keys


def _packed(kept: Kept, target: Target, keys: list[str]) -> list[str]:
    with ledger_of(kept.node, target) as ledger:
        return [entry.key for entries in ledger.places(keys).values() for entry in entries]


def test_no_set_says_that_files_are_gone_which_are_still_to_come(kept: Kept, second: Target) -> None:
    some_set(kept)
    keys = lost_by_store(kept, 4)
    # By their hashes they would be found in the store's volumes until these are compacted.
    query(kept.node, f"update files_blob set sha256 = '' where key in {(*keys,)}")
    recall.begin(kept.node, vault_of(kept))
    with unplugged(kept):
        state = perform(kept, "backup", kind="full", targets=[second.name])
    assert state.state == "failed"
    assert "files are neither there nor in the portal's store yet" in state.progress.text
    assert sets.known(kept.node, second) == []
    bring_rest(kept)
    state = perform(kept, "backup", kind="full", targets=[second.name])
    assert state.state == "done", state.progress.text
    (made,) = sets.known(kept.node, second)
    assert made.missing == 0
    assert {*keys} <= {one.key for one in sets.blobs_of(kept.node, vault_of(kept, second), made.label)}


def test_what_a_target_lacked_meanwhile_is_copied_to_it_afterwards(kept: Kept, second: Target) -> None:
    keys = lost_by_store(kept, 5)
    recall.begin(kept.node, vault_of(kept))
    for _ in range(2):
        with ledger_of(kept.node, second) as ledger:
            blobs.catch_up(kept.node, vault_of(kept, second), ledger, from_start=False)
    bring_rest(kept)
    with ledger_of(kept.node, second) as ledger:
        blobs.catch_up(kept.node, vault_of(kept, second), ledger, from_start=False)
        assert ledger.unknown(keys) == []


# --- a whole restore


@contextmanager
def restoring(kept: Kept, label: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Restore, Journal]]:
    """A restore in this process, of a box whose service of backups runs."""
    folder = kept.node.paths.data / "operations"
    arguments = {"target": "disk", "set": label, "moment": "", "is_set_alone": True, "with_safety": False}
    journal = Journal.begin(folder, "restore", arguments, by="a test")
    restore = Restore(kept.node, journal)
    begins, plain = Restore.running, ["database", "objects", "cache"]
    assert {*plain} <= {*begins(restore)}
    monkeypatch.setattr(Restore, "running", lambda _: [*plain, "backup"])
    try:
        yield restore, journal
    finally:
        if not journal.is_over():
            journal.end("failed", "a test")
        kept.rest()


def recovered(kept: Kept) -> str:
    """How the database came to be as it is: what it was told, and what it said."""
    told = (cluster(kept.node) / "postgresql.auto.conf").read_text()
    return "\n".join([told, *supervisor_for(kept.node).logs(["database"], lines=80)])


def test_a_restore_opens_with_the_newest_and_the_service_brings_the_rest(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    catch_up(kept)
    keys = kept.add_blobs(6)
    made = back_up(kept)
    for key in keys:
        kept.lose(key)
    with restoring(kept, made.label, monkeypatch) as (restore, journal):
        said = restore.perform()
        journal.end("done", said)
        assert "4 older files follow" in said
        wait_until(lambda: recall.noted(kept.node) is None, seconds=120)
    assert there(kept, keys) == keys


def test_a_restore_that_is_taken_back_leaves_what_is_to_come_of_the_one_before(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    catch_up(kept)
    made = back_up(kept)
    keys = lost_by_store(kept, 5)
    recall.begin(kept.node, vault_of(kept))
    before = recall.noted(kept.node)
    assert before is not None
    with restoring(kept, made.label, monkeypatch) as (restore, _):

        def fail(*_: object) -> None:
            raise BackupRefused("no")

        monkeypatch.setattr(restore, "put_into_service", fail)
        with pytest.raises(BackupRefused, match=r"^no$"):
            restore.perform()
        assert not {*keys} & kept.keys(), recovered(kept)
        monkeypatch.setattr(Restore, "running", lambda _: ["database", "objects", "cache"])
        restore.take_back()
    assert recall.noted(kept.node) == before
    bring_rest(kept)
    assert there(kept, keys) == keys


# --- kills

KILLED = """
import os, signal, subprocess, sys
left, start = int(sys.argv[1]), subprocess.Popen._execute_child
def started(self, *args, **kwargs):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    start(self, *args, **kwargs)
subprocess.Popen._execute_child = started
from appliance.node import Node
from appliance.paths import Paths
from backup import recall, settings
from backup.rclone import Vault
recall.NEWEST = 2
node = Node.load(Paths.from_environment())
chosen = settings.load(node.paths)
if "open" in sys.argv:
    recall.begin(node, Vault(node, chosen, chosen.target("disk")))
recall.bring_rest(node, chosen)
"""


def killed_at(kept: Kept, number: int, *words: str) -> bool:
    """Whether who brings back was killed before its program of this number, from 1."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", KILLED, str(number), *words],
        env={"KOROBKA_PREFIX": str(kept.node.paths.prefix), "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        cwd="/",
        check=False,
    )
    assert done.returncode in (0, -9)
    return done.returncode == -9


@pytest.mark.parametrize("words", [("open",), ()])
def test_killed_before_any_of_its_programs_it_goes_on_where_it_was(
    kept: Kept, words: tuple[str, ...]
) -> None:
    keys = lost_by_store(kept, FEWEST + 3)
    if not words:
        recall.begin(kept.node, vault_of(kept))
    numbers = range(1, 60)
    for number in numbers if is_thorough() else [*chosen("program", range(1, 12)), 99]:
        was_killed = killed_at(kept, number, *words)
        # What is there stays, and what is not there is to come: nothing is called lost.
        to_come = recall.noted(kept.node)
        if to_come:
            assert to_come.lost == 0
            assert there(kept, keys)[-OPEN_WITH:] == keys[-OPEN_WITH:]
        if not was_killed:
            break
    else:
        raise AssertionError("it never came to its end")
    assert there(kept, keys) == keys
    assert recall.noted(kept.node) is None


def test_the_status_says_how_much_is_to_come(kept: Kept) -> None:
    lost_by_store(kept, 5)
    recall.begin(kept.node, vault_of(kept))

    def said() -> str:
        return subprocess.run(
            [sys.executable, "-P", "-m", "backup", "status"],
            env={"KOROBKA_PREFIX": str(kept.node.paths.prefix), "PYTHONPATH": str(ROOT), "PATH": "/usr/bin"},
            cwd="/", capture_output=True, text=True, check=False,
        ).stdout  # fmt: skip

    assert re.search(r"3 of 3 files \(\S+ \S+\) are still to come", said())
    bring_rest(kept)
    assert "to come" not in said()
