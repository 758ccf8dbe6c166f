from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup.keys import CONFIRMED, KeyRefused, KeyRing, MasterKey, RecoveryKey, is_confirmed_by

TODAY = date(2026, 11, 24)
keys = st.binary(min_size=20, max_size=20).map(RecoveryKey)


@given(keys)
def test_what_is_printed_can_be_typed(key: RecoveryKey) -> None:
    assert RecoveryKey.parse(str(key)) == key
    assert RecoveryKey.parse(str(key).lower().replace("-", "  ").replace("0", "o").replace("1", "l")) == key


@given(keys, st.integers(0, 7))
def test_a_mistyped_group_is_named(key: RecoveryKey, number: int) -> None:
    groups = list(key.groups)
    checks = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    group = groups[number]
    groups[number] = group[:4] + checks[(checks.index(group[4]) + 1) % 32]
    with pytest.raises(KeyRefused, match=f"Group {number + 1} is mistyped"):
        RecoveryKey.parse("-".join(groups))


def test_too_little_and_what_is_no_letter_of_a_key_are_refused() -> None:
    with pytest.raises(KeyRefused, match="8 groups of 5"):
        RecoveryKey.parse("ABCDE-FGH")
    with pytest.raises(KeyRefused, match="no U, Ы"):
        RecoveryKey.parse("U" * 20 + "ы" * 20)


def test_either_of_two_holders_opens_the_repository_and_nobody_else() -> None:
    master, olga, boris = MasterKey.new(), RecoveryKey.new(), RecoveryKey.new()
    ring, _ = KeyRing().with_holder(master, olga, on=TODAY)
    ring, _ = ring.with_holder(master, boris, on=TODAY)
    there = KeyRing.parse(ring.dump())
    assert there.open(olga) == there.open(boris) == master
    with pytest.raises(KeyRefused, match="does not open"):
        there.open(RecoveryKey.new())


def test_a_holder_who_leaves_opens_nothing_and_the_last_one_stays() -> None:
    master, olga, boris = MasterKey.new(), RecoveryKey.new(), RecoveryKey.new()
    ring, olgas = KeyRing().with_holder(master, olga, on=TODAY)
    ring, boriss = ring.with_holder(master, boris, on=TODAY)
    left = ring.without(boriss)
    assert left.open(olga) == master
    with pytest.raises(KeyRefused, match="does not open"):
        left.open(boris)
    with pytest.raises(KeyRefused, match="last recovery key"):
        left.without(olgas)
    with pytest.raises(KeyRefused, match="no holder"):
        left.without("nobody")


def test_typing_two_groups_back_confirms_a_key() -> None:
    key = RecoveryKey.new()
    typed = [key.groups[number - 1] for number in CONFIRMED]
    assert is_confirmed_by([word.lower() for word in typed], key.confirmation)
    assert not is_confirmed_by([typed[0], "AAAAA"], key.confirmation)


def test_no_key_shows_itself_in_a_log() -> None:
    key, master = RecoveryKey.new(), MasterKey.new()
    assert str(key) not in repr(key)
    assert master.value.hex() not in repr(master)
    assert repr(master.value) not in repr(master)


def test_the_passwords_of_the_engines_differ_and_last() -> None:
    master = MasterKey(bytes(32))
    assert master.password("database") == MasterKey(bytes(32)).password("database")
    assert master.password("database") != master.password("files")


def test_a_damaged_ring_says_so() -> None:
    with pytest.raises(KeyRefused, match="damaged"):
        KeyRing.parse('{"holders": [{"id": 1}]}')
