"""What the guard asks about: it lists each thing that would go, and counts what has gone within a day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from box.bridges.directory.actions import answer_guard
from box.bridges.directory.losses import GUARDED, lost_lately
from box.bridges.directory.mapping import GroupRule
from box.bridges.directory.models import Run
from box.bridges.directory.sync import perform_run
from box.core.access.actions import create_role
from box.core.access.models import Grant
from box.core.groups.models import Group
from box.core.structure.models import Department, Membership
from tests.box.bridges.directory.companies import connected, picture, previewed, synchronised, told
from tests.directory import entries
from tests.directory.samba import BASE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from box.bridges.directory.models import Connection
    from box.core.accounts.models import User
    from tests.directory.samba import Samba

pytestmark = pytest.mark.django_db

PEOPLE = f"OU=People,{BASE}"
UNITS = [f"OU=Unit {number},{PEOPLE}" for number in range(6)]
CLERKS, EDITORS = f"CN=Clerks,{PEOPLE}", f"CN=Editors,{PEOPLE}"
# Nobody stands in the units, so that these go without asking about people.
EVERYBODY = [f"CN=p{number},{PEOPLE}" for number in range(12)]


@pytest.fixture(scope="module", autouse=True)
def _domain(samba: Samba) -> None:
    """Six units, each with a head from outside of it, twelve clerks with a title, and two groups of all."""
    samba.seed(
        samba.unit("People"), *(samba.unit(f"Unit {number}", PEOPLE) for number in range(6)),
        *(samba.person(f"p{number}", PEOPLE, givenName=f"P{number}", title="Clerk") for number in range(12)),
        samba.group("Clerks", PEOPLE, members=EVERYBODY), samba.group("Editors", PEOPLE, members=EVERYBODY),
    )  # fmt: skip
    samba.apply("\n".join(entries.modify(dn, managedBy=EVERYBODY[at]) for at, dn in enumerate(UNITS)))
    samba.apply(
        "\n".join(entries.modify(dn, thumbnailPhoto=picture("red")) for dn in EVERYBODY[:6]),
    )
    samba.keep("people")


@pytest.fixture(autouse=True)
def _anew(samba: Samba) -> Iterator[None]:
    yield
    samba.restore("people")


@pytest.fixture
def connection(samba: Samba, olga: User) -> Connection:
    role = create_role("Editors", [], by=olga)
    groups = (GroupRule("", CLERKS), GroupRule("", EDITORS, "role", role.pk))
    made = connected(samba, PEOPLE, mapping={"groups": groups, "heads": "managedBy"})
    assert synchronised(made).state == Run.State.DONE
    assert Membership.objects.filter(role="head").count() == 6
    assert Grant.objects.filter(role=role).count() == 12
    return made


def lose(samba: Samba, what: str, numbers: range) -> None:
    """So many of the domain's departments, heads, titles, pictures, or members of a group."""
    changes = {
        "departments": lambda number: entries.delete(UNITS[number]),
        "heads": lambda number: entries.modify(UNITS[number], managedBy=None),
        "titles": lambda number: entries.modify(EVERYBODY[number], title=None),
        "pictures": lambda number: entries.modify(EVERYBODY[number], thumbnailPhoto=None),
    }
    if what in changes:
        samba.apply("\n".join(changes[what](number) for number in numbers))
    else:
        group = {"members": CLERKS, "holders": EDITORS}[what]
        samba.apply(entries.modify(group, member=EVERYBODY[numbers.stop :]))


def test_it_lists_departments_heads_values_groups_and_roles(
    samba: Samba, connection: Connection, olga: User
) -> None:
    lose(samba, "departments", range(4))
    lose(samba, "heads", range(4, 6))
    for what in ("titles", "pictures", "members", "holders"):
        lose(samba, what, range(4))
    run = synchronised(connection, is_full=True)
    assert run.state == Run.State.ASKING
    lines = [" ".join(line.split()[:4]) for line in told(run)]
    assert sorted(line for line in lines if "Unit" in line and line.startswith("leave")) == [
        f"leave Unit {number} >" for number in range(4)
    ]
    assert {line for line in lines if line.startswith("head ")} == {
        f"head Unit {number} head" for number in range(6)
    }
    assert sum("position Clerk>" in line for line in told(run, "change")) == 4
    assert sum("photo a picture>" in line for line in told(run, "change")) == 4
    assert [line for line in told(run, "leave") if "members" in line] == [
        "leave Clerks members >4 ", "leave Editors members >4 ",
    ]  # fmt: skip
    assert (run.counts["leave"], run.counts["head"], run.counts["change"]) == (6, 6, 8)
    assert Department.objects.standing().count() == 7
    # A preview tells the same.
    assert {line for line in told(previewed(connection)) if line.startswith(("leave", "head"))} == {
        line for line in told(run) if line.startswith(("leave", "head"))
    }
    answer_guard(run, is_allowed=True, by=olga)
    run.refresh_from_db()
    perform_run(run)
    assert Department.objects.standing().count() == 3
    assert Group.objects.get(name="Clerks").members.filter(role="member").count() == 8
    # What somebody has allowed is not counted against what comes after it.
    lately = lost_lately(connection, now=timezone.now())
    assert (lately.departments, lately.heads, lately.by_field, lately.members) == (0, 0, {}, {})


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("departments", "2 went within"),
        ("heads", "2 lost theirs within"),
        ("titles", "of 2 it went within"),
        ("pictures", "of 2 it went within"),
        ("members", "2 left within"),
        ("holders", "2 left within"),
    ],
)
def test_many_small_runs_do_no_more_than_one_may(
    samba: Samba, connection: Connection, what: str, said: str
) -> None:
    lose(samba, what, range(2))
    assert synchronised(connection).state == Run.State.DONE
    lose(samba, what, range(2, 4))
    run = synchronised(connection)
    assert (run.state, said in run.question) == (Run.State.ASKING, True), run.question
    # The day after nothing is known of it.
    Run.objects.filter(state=Run.State.DONE).update(asked_at=timezone.now() - GUARDED)
    assert synchronised(connection).state == Run.State.DONE
