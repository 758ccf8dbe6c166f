"""Damage in a repository costs what is damaged, and nothing else; what can be healed is."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from appliance import users
from appliance.agent.answers import TimeLineGap
from appliance.files import ensure_folder
from appliance.paths import Paths
from appliance.runner import CommandFailed, Completed
from backup import (
    blobs,
    configuration,
    disaster_recovery,
    log_gaps,
    pgbackrest,
    retention,
    sets,
    setup,
    status,
)
from backup import settings as saved_settings
from backup.keys import KeyRefused, KeyRing
from backup.ledger import ledger_of
from backup.rclone import KEY_RINGS, Vault
from backup.retention import Condition
from backup.settings import BackupRefused, Target
from tests.appliance.boxes import query
from tests.backup.conftest import Kept
from tests.backup.operating import back_up, flipped, hand_over, moved_away, perform, restore, unplugged


def vault_of(kept: Kept) -> Vault:
    return Vault(kept.node, kept.settings, kept.target)


def files_of(kept: Kept) -> list[Path]:
    return sorted(path for path in kept.repository.rglob("*") if path.is_file())


def file_of(kept: Kept, key: str) -> Path:
    """Where a blob lies: the one file that nobody can read under its name any more when it is gone."""
    vault = vault_of(kept)
    for path in files_of(kept):
        if "vault" not in path.parts:
            continue
        away = path.rename(path.with_name("away"))
        is_it = not vault.sizes([key])
        away.rename(path)
        if is_it:
            return path
    raise AssertionError(key)


@contextmanager
def flipped_for_good(path: Path) -> Iterator[None]:
    """One bit is wrong, and it stays so, unless it is healed; for the tests that follow it is right again."""
    before = path.read_bytes()
    with flipped(path):
        yield
    if path.exists():
        path.write_bytes(before)


def by_label(kept: Kept) -> dict[str, sets.BackupSet]:
    return {one.label: one for one in sets.known(kept.node, kept.target)}


def test_a_damaged_file_is_copied_anew_and_the_sets_are_whole_again(kept: Kept) -> None:
    (key,) = kept.add_blobs(1)
    made = back_up(kept, "full")
    victim = file_of(kept, key)
    with flipped(victim):
        damaged = victim.read_bytes()
        state = perform(kept, "verify", target="disk", all=True)
        assert state.state == "done", state.progress.text
        assert "1 damaged file was copied anew" in state.progress.text
        assert victim.read_bytes() != damaged
        assert vault_of(kept).hashes([key]).keys() == {key}
    assert by_label(kept)[made.label].trouble == ""


def test_a_damaged_file_that_no_set_names_yet_is_copied_anew(kept: Kept) -> None:
    """The next set would name it, and has no reason to read it."""
    back_up(kept)
    (key,) = kept.add_blobs(1)
    with ledger_of(kept.node, kept.target) as ledger:
        blobs.catch_up(kept.node, vault_of(kept), ledger, from_start=False)
    place = file_of(kept, key)
    content = place.read_bytes()
    place.write_bytes(content[:100] + bytes([content[100] ^ 1]) + content[101:])
    state = perform(kept, "verify", target="disk", all=True)
    assert state.state == "done", state.progress.text
    assert vault_of(kept).hashes([key]).keys() == {key}


def test_a_file_that_nobody_has_any_more_costs_itself_and_no_set(kept: Kept) -> None:
    (key, other) = kept.add_blobs(2)
    before = [back_up(kept, "full").label, back_up(kept).label]
    with flipped_for_good(file_of(kept, key)):
        kept.lose(key)
        state = perform(kept, "verify", target="disk", all=True)
        assert state.state == "failed"
        assert "1 of its files are damaged" in state.progress.text
        assert {by_label(kept)[label].damaged_files for label in before} == {1}
        (report,) = status.look(kept.node, kept.settings, datetime.now(UTC))
        assert {one.about for one in report.warnings if one.kind == "damaged"} >= set(before)
        # Whole by itself: it does not name what nobody has. And the twice of two are still there.
        made = back_up(kept, "full")
        assert (made.trouble, made.missing) == ("", 1)
        assert set(before) < by_label(kept).keys()
        # All else of a set that has damaged files comes back.
        kept.lose(other)
        state = restore(kept, set=before[0], is_set_alone=True)
        assert state.state == "done", state.progress.text
        assert "1 files are missing" in state.progress.text
        assert kept.stored(other) == kept.contents[other]
        query(kept.node, f"delete from files_blob where key = '{key}'")
    state = perform(kept, "verify", target="disk", all=True)
    assert state.state == "done", state.progress.text
    assert {by_label(kept)[label].trouble for label in before} == {""}


def test_a_file_that_the_portal_has_lost_comes_from_another_target(kept: Kept, second: Target) -> None:
    key, other = kept.add_blobs(2)
    state = perform(kept, "backup", kind="full", targets=["disk", second.name])
    assert state.state == "done", state.progress.text
    made = sets.known(kept.node, kept.target)[-1]
    with flipped(file_of(kept, key)):
        for one in (key, other):
            kept.lose(one)
        # Brought back from one target, it has what only the other one has whole.
        state = restore(kept, set=made.label, is_set_alone=True)
        assert state.state == "done", state.progress.text
        assert "missing" not in state.progress.text
        assert {one: kept.stored(one) for one in (key, other)} == {
            one: kept.contents[one] for one in (key, other)
        }
        kept.lose(key)
        state = perform(kept, "verify", target="disk", all=True)
        assert state.state == "done", state.progress.text
        assert "1 damaged file was copied anew" in state.progress.text
        assert vault_of(kept).hashes([key]).keys() == {key}
    assert by_label(kept)[made.label].trouble == ""
    # What another target has is no word on what people have taken away since.
    assert kept.stored(key) is None
    query(kept.node, f"delete from files_blob where key = '{key}'")


def test_a_manifest_that_cannot_be_read_makes_no_set_one_that_never_was(kept: Kept) -> None:
    made = back_up(kept, "full")
    (key,) = kept.add_blobs(1)
    later = back_up(kept)
    vault = vault_of(kept)
    names = [f"{made.label}/{sets.MANIFEST}"]
    (victim,) = [path for path in files_of(kept) if "vault" in path.parts and _is(vault, path, names)]
    with flipped_for_good(victim):
        sets.forget(kept.node, kept.target, made.label)
        sets.refresh(kept.node, vault)
        assert "manifest cannot be read" in by_label(kept)[made.label].problem
        assert back_up(kept).label != made.label
        assert {made.label, later.label} < by_label(kept).keys()
        assert vault.sizes([key])
    sets.refresh(kept.node, vault)
    assert by_label(kept)[made.label].trouble == ""
    # With this machine's copy of it, it is put back.
    with flipped(victim):
        assert perform(kept, "verify", target="disk", set=made.label).state == "done"
        assert vault.hashes(names, "sets").keys() == set(names)


def test_a_configuration_that_cannot_be_read_is_that_of_the_nearest_set(
    kept: Kept, empty_machine: Paths
) -> None:
    before, made = back_up(kept, "full"), back_up(kept)
    vault = vault_of(kept)
    names = [f"{made.label}/{sets.CONFIGURATION}"]
    (victim,) = [path for path in files_of(kept) if "vault" in path.parts and _is(vault, path, names)]
    with flipped(victim):
        state = perform(kept, "verify", target="disk")
        assert state.state == "failed"
        assert f"{made.label}: 1 of its files are damaged" in state.progress.text
        assert by_label(kept)[made.label].problem == ""
        whose, held = sets.configuration_of(kept.node, vault, made)
        assert whose.label == before.label
        configuration.put(held, empty_machine)
        assert empty_machine.box_toml.read_text() == kept.node.paths.box_toml.read_text()
    assert perform(kept, "verify", target="disk").state == "done"


def _is(vault: Vault, path: Path, names: list[str]) -> bool:
    away = path.rename(path.with_name("away"))
    try:
        return not vault.hashes(names, "sets")
    finally:
        away.rename(path)


@pytest.mark.parametrize("words", ['"salt"', '"holders"', '"sealed": "'])
def test_a_damaged_key_ring_is_written_anew(kept: Kept, words: str) -> None:
    back_up(kept)
    ring = kept.repository / "keyring.json"
    before = ring.read_text()
    at = before.index(words) + len(words) + (5 if words.endswith('"') and ": " in words else -3)
    ring.write_text(before[:at] + ("0" if before[at] != "0" else "1") + before[at + 1 :])
    assert perform(kept, "verify", target="disk").state == "done"
    assert KeyRing.parse(ring.read_text()).open(kept.key) == kept.settings.master


def test_a_key_that_was_taken_away_by_half_opens_as_before(kept: Kept, second: Target) -> None:
    """The box says that it does: its holder has no other, and nobody asks for a new one."""
    before = kept.settings
    changed, key = setup.add_holder(kept.node, before, "boris")
    saved_settings.save(kept.node.paths, saved_settings.confirmed(changed, changed.holders[0].id))
    ring = kept.repository / "keyring.json"
    with unplugged(kept, second), pytest.raises((BackupRefused, CommandFailed)):
        setup.remove_holder(kept.node, kept.settings, "boris")
    assert "boris" in {one.name for one in kept.settings.holders}
    with pytest.raises(KeyRefused):
        KeyRing.parse(ring.read_text()).open(key)
    back_up(kept)
    for name in KEY_RINGS:
        opened = KeyRing.parse((kept.repository / name).read_text()).open(key)
        assert opened == before.master, name
    saved_settings.save(kept.node.paths, before)
    setup.write_ring(kept.node, before)


@pytest.mark.parametrize("lost", KEY_RINGS)
def test_one_copy_of_the_key_ring_is_enough_and_the_other_is_written_anew(
    kept: Kept, empty_machine: Paths, lost: str
) -> None:
    back_up(kept)
    (kept.repository / lost).write_text("{}")
    vault_of(kept).require()
    disaster_recovery.begin(
        empty_machine, disaster_recovery.place(str(kept.folder)), kept.key, moment=None, version="0.1.0",
        say=lambda _: None,
    )  # fmt: skip
    assert kept.settings.master_key in (empty_machine.backup / "backup.json").read_text()
    # As a repository of before has it.
    (kept.repository / lost).unlink()
    back_up(kept)
    for name in KEY_RINGS:
        assert KeyRing.parse((kept.repository / name).read_text()).open(kept.key) == kept.settings.master


SEGMENT = "000000010000000000000005"
PLACE = f"17-1/{SEGMENT[:16]}/{SEGMENT}-17a1af7a4d199c88ea60a058fc27005b283ef380.zst"


@pytest.mark.parametrize(
    ("said", "count", "unnamed"),
    [
        (f"invalid checksum '{PLACE}'", 1, 0),
        (
            f"invalid result {PLACE}: [29] raised from local-2 protocol: zst error: [-20] Data corruption",
            1,
            0,
        ),
        (f"invalid result {PLACE}: [95] raised from local-2 protocol: cipher header invalid", 1, 0),
        ("something that nobody has heard of", 0, 1),
    ],
)
def test_whatever_a_bit_breaks_in_the_log_is_understood(said: str, count: int, unnamed: int) -> None:
    """As pgBackRest 2.55 says it, by the place of the bit."""
    answer = (
        "stanza: korobka\nstatus: error\n  archiveId: 17-1, total WAL checked: 7, total valid WAL: 6\n"
        "    missing: 0, checksum invalid: 1, size invalid: 0, other: 0\n"
        "  backup: 20261126-104105F, status: valid, total files checked: 9, total valid files: 9\n"
        "  backup: 20261127-104105F, status: invalid, total files checked: 9, total valid files: 8\n"
        "    missing: 0, checksum invalid: 1, size invalid: 0, other: 0"
    )
    found = pgbackrest.verified_in(f"2026-11-26 11:36:46.675 P02   INFO: {said}\n{answer}\n{answer}")
    assert ({str(one) for one in found.damaged}, found.unnamed) == ({SEGMENT} if count else set(), unnamed)
    assert found.wrong["20261126-104105F"] == ""
    assert "checksum invalid: 1" in found.wrong["20261127-104105F"]


def test_damaged_log_between_the_sets_is_found_and_is_a_gap(kept: Kept, empty_machine: Paths) -> None:
    first = back_up(kept, "full")
    for _ in range(2):
        query(kept.node, "select pg_logical_emit_message(true, 'test', 'between')")
        hand_over(kept)
    last = back_up(kept)
    archive = kept.repository / "database/archive/korobka"
    victim = next(
        path
        for path in sorted(archive.rglob("*.zst"))
        if first.last_wal < path.name[:24] < last.first_wal and len(path.name) > 60
    )
    with flipped(victim):
        state = perform(kept, "verify", target="disk")
        assert state.state == "failed"
        assert f"{victim.name[:24]} is missing" in state.progress.text
        # Both sets are whole: what lies between them is not.
        assert {by_label(kept)[one.label].trouble for one in (first, last)} == {""}
        gap = TimeLineGap(first.ended_at, last.ended_at)
        assert gap in log_gaps.gaps_of(kept.node, kept.target)
        between = first.ended_at + (last.ended_at - first.ended_at) / 2
        state = restore(kept, moment=between.isoformat())
        assert state.state == "failed"
        assert "The time line has a gap" in state.progress.text
    with moved_away(victim), pytest.raises(BackupRefused, match="The time line has a gap"):
        # Another machine, which remembers nothing of it.
        disaster_recovery.begin(
            empty_machine, disaster_recovery.place(str(kept.folder)), kept.key,
            moment=between, version="0.1.0", say=lambda _: None,
        )  # fmt: skip
    assert perform(kept, "verify", target="disk").state == "done"
    assert gap not in log_gaps.gaps_of(kept.node, kept.target)


def test_another_key_is_told_from_a_vault_that_is_just_being_filled(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Empty at the first look, and with a first file at the second: it is ours."""
    fresh = replace(kept.target, path=str(kept.folder / "fresh"))
    vault, looks = Vault(kept.node, kept.settings, fresh), list[str]()
    ensure_folder(Path(fresh.path), mode=0o700, owner=users.account(users.DATABASE))
    look = Vault._run

    def looked(self: Vault, *words: str, **more: Any) -> Completed:
        done = look(self, *words, **more)
        if words[0] == "lsf" and not looks:
            looks.append(done.stdout)
            vault.put(kept.repository / "keyring.json", "blobs/first")
        return done

    monkeypatch.setattr(Vault, "_run", looked)
    vault.refuse_other_key()
    assert looks == [""]
    vault.refuse_other_key()
    stranger, _ = setup.begin()
    theirs = Vault(kept.node, replace(kept.settings, master_key=stranger.master_key), fresh)
    with pytest.raises(BackupRefused, match="another box's"):
        theirs.refuse_other_key()
    # The padding fits by chance.
    monkeypatch.setattr(Vault, "names", lambda _, folder: [] if folder else ["Q\x07o5/"])
    with pytest.raises(BackupRefused, match="another box's"):
        theirs.refuse_other_key()
    shutil.rmtree(fresh.path)


PLACES = ("database/archive", "database/backup", "vault", "vault", "keyring.json")
shares = st.floats(0, 1, exclude_max=True)


@settings(
    max_examples=3,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(place=st.sampled_from(PLACES), file=shares, byte=shares, bit=st.integers(0, 7))
def test_damage_anywhere_takes_no_set_away(
    kept: Kept, place: str, file: float, byte: float, bit: int
) -> None:
    """A share says which of the files there are at the time, so that a repository that grows is no matter."""
    if len(by_label(kept)) < 2:
        kept.add_blobs(2)
        back_up(kept, "full")
        back_up(kept)
    before = {one.label: one for one in log_gaps.candidates(kept.node, kept.target)}
    there = [path for path in files_of(kept) if path.is_relative_to(kept.repository / place)]
    victim = there[int(len(there) * file)]
    content = victim.read_bytes()
    at = int(len(content) * byte)
    victim.write_bytes(content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :])
    try:
        said = perform(kept, "verify", target="disk", all=True).progress.text
        assert "Traceback" not in said
        perform(kept, "backup", kind="full", targets=["disk"])
        found = {one.label: one for one in log_gaps.candidates(kept.node, kept.target)}
        unharmed = [replace(one, condition=Condition.WHOLE) for one in (before | found).values()]
        assert not set(retention.kept(unharmed, kept.settings.rule, UTC)) - found.keys()
    finally:
        if victim.exists():
            victim.write_bytes(content)
        state = perform(kept, "verify", target="disk", all=True)
    assert state.state == "done", state.progress.text
