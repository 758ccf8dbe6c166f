"""An OpenLDAP that locks accounts itself, by its overlay ppolicy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core.cache import cache

from box.bridges.directory.mapping import SignIn
from tests.box.bridges.directory.companies import connected, person, synchronised, told
from tests.box.bridges.directory.conftest import SECRET
from tests.box.bridges.directory.test_sign_in import WAIT, WRONG, is_in, said, tried
from tests.directory import entries
from tests.directory.server import run

if TYPE_CHECKING:
    from box.bridges.directory.models import Connection
    from tests.directory.slapd import Slapd

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("patience")]

LOCKED_AT = 4


@pytest.fixture(scope="module")
def locking(slapd: Slapd) -> Slapd:
    slapd.seed(slapd.person("anna", slapd.base, givenName="Anna", password=SECRET))
    slapd.lock_after(LOCKED_AT)
    slapd.keep("locking")
    return slapd


@pytest.fixture
def connection(locking: Slapd, db: None) -> Connection:
    cache.clear()
    locking.restore("locking")
    connection = connected(locking, locking.base, sign_in=SignIn(is_on=True, attempts=LOCKED_AT - 1))
    assert synchronised(connection).error == ""
    return connection


def has(slapd: Slapd, password: str) -> bool:
    """Whether anna gets in there, past the portal."""
    try:
        run(["ldapwhoami", "-x", "-H", slapd.url, "-D", f"cn=anna,{slapd.base}", "-w", password])
    except RuntimeError:
        return False
    return True


def test_a_hundred_wrong_passwords_do_not_lock_the_account(connection: Connection, locking: Slapd) -> None:
    answers = [said(tried("anna", f"wrong {number}")) for number in range(100)]
    assert sum(WRONG in one for one in answers) == LOCKED_AT - 2
    assert sum(WAIT in one for one in answers) == 100 - (LOCKED_AT - 2)
    assert has(locking, SECRET)


def test_a_lockout_for_a_while_changes_nothing_and_one_for_good_suspends(
    connection: Connection, locking: Slapd
) -> None:
    assert not any(has(locking, "wrong") for _ in range(LOCKED_AT))
    assert not has(locking, SECRET)
    assert told(synchronised(connection, is_full=True)) == []
    assert WRONG in said(tried("anna", SECRET))
    assert person("anna").status == "active"

    locking.apply(entries.modify(f"cn=anna,{locking.base}", pwdAccountLockedTime="000001010000Z"))
    assert synchronised(connection).counts == {"suspend": 1}
    locking.apply(entries.modify(f"cn=anna,{locking.base}", pwdAccountLockedTime=None))
    assert synchronised(connection).counts == {"return": 1}
    assert is_in(tried("anna", SECRET))
