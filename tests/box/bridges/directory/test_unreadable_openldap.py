"""The same as in `test_unreadable` where the directory says itself what may not be read, entry by entry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from box.bridges.directory.models import Connection, Run
from box.bridges.directory.probe import probe
from box.core.accounts.models import User
from tests.box.bridges.directory.companies import connected, person, picture, synchronised, told
from tests.directory import entries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.directory.slapd import Slapd

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _company(slapd: Slapd) -> Iterator[None]:
    """Two units of two people; one of each is switched off by `employeeType`."""
    units = [slapd.unit(name) for name in ("Here", "There")]
    off = {"employeeType": "disabled"}
    slapd.seed(
        *units,
        *(
            slapd.person(
                f"{login}-{number}", unit.dn, title="Buyer", jpegPhoto=picture("red"), givenName="A",
                manager=f"cn=boss-{number},{unit.dn}", **more,
            )
            for number, unit in enumerate(units)
            for login, more in (("anna", {}), ("dora", off), ("boss", {}))
        ),
    )  # fmt: skip
    yield
    slapd.as_usual()
    slapd.restore("empty")


def hide(slapd: Slapd, *attributes: str, unit: str = "Here") -> None:
    rule = f'access to dn.subtree="ou={unit},{slapd.base}" attrs={",".join(attributes)} by * none'
    slapd.change(rules=(rule,))


def following(slapd: Slapd) -> Connection:
    return connected(slapd, mapping={"disabled": "employeeType"})


def test_what_is_hidden_of_some_stays_and_what_is_removed_of_others_goes(slapd: Slapd) -> None:
    connection = following(slapd)
    synchronised(connection)
    assert {one.login for one in User.objects.filter(status="suspended")} == {"dora-0", "dora-1"}
    hide(slapd, "title", "employeeType", "jpegPhoto", "manager")
    there = f"ou=There,{slapd.base}"
    for login in ("anna-1", "dora-1"):
        slapd.apply(entries.modify(f"cn={login},{there}", title=None, employeeType=None, manager=None))
    run = synchronised(connection, is_full=True)
    assert (run.state, run.error) == (Run.State.DONE, "")
    assert (person("anna-0").position, person("anna-1").position) == ("Buyer", "")
    assert (person("dora-0").status, person("dora-1").status) == ("suspended", "active")
    assert person("anna-0").photo_id is not None
    said = {line.split()[1] for line in told(run, "report") if "may not read" in line}
    assert {"title", "employeeType", "manager"} <= said
    links = dict(connection.links.people().values_list("dn", "values"))
    assert links[f"cn=anna-0,ou=Here,{slapd.base}"]["manager"]
    assert not links[f"cn=anna-1,{there}"]["manager"]
    # When it can be read again, it is as it is there.
    slapd.change(rules=())
    slapd.apply(entries.modify(f"cn=dora-0,ou=Here,{slapd.base}", employeeType=None))
    synchronised(connection)
    assert person("dora-0").status == "active"


def test_test_names_what_may_not_be_read(slapd: Slapd) -> None:
    connection = following(slapd)
    hide(slapd, "employeeType")
    step = next(one for one in probe(connection) if one.key == "rights")
    assert step.state == "bad"
    assert "Of 3 of 6 people the account may not read employeeType" in step.text
