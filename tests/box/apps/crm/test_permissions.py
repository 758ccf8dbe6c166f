"""How far people reach: own, department, with all below, all; by type, pipeline, stage and operation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import PermissionDenied

from box.apps.crm.actions.audiences import renew_audiences_of
from box.apps.crm.actions.records import NewRecord, add_record, change_record, delete_records, move_record
from box.apps.crm.actions.setup import add_pipeline, set_own_permissions, set_permission
from box.apps.crm.models import Permission, Record
from box.apps.crm.permissions import Level, Operation, granted_codes
from box.core.access.actions import create_role, employees_role, grant_role, withdraw_role
from box.core.access.models import Role
from box.core.accounts.models import User
from box.core.events.delivery import deliver_all
from box.core.events.models import Event
from box.core.structure.actions import add_member, create_department, move_department, remove_member
from tests.box.apps.crm.conftest import added, allow, stage_of, type_of
from tests.cast import person

if TYPE_CHECKING:
    from box.core.structure.models import Department

pytestmark = pytest.mark.django_db


def seen(user: User) -> set[str]:
    return set(Record.objects.visible_to(_anew(user)).values_list("title", flat=True))


def permitted(user: User, operation: Operation) -> set[str]:
    return set(Record.objects.permitted(_anew(user), operation).values_list("title", flat=True))


def _anew(user: User) -> User:
    """As the next request reads them."""
    again: User = User.objects.get(pk=user.pk)
    return again


@pytest.fixture
def sellers(boris: User) -> Role:
    """A role of boris' that reaches nowhere yet, while employees as such reach nothing at all."""
    allow(employees_role(), "t2", Level.NONE)
    role = create_role("Sellers", [], by=None)
    grant_role(role, f"U{boris.pk}", by=None)
    return role


@pytest.fixture
def below(sales: Department) -> Department:
    return create_department("Retail", parent=sales, by=None)


@pytest.fixture
def deals(anna: User, boris: User, cara: User, below: Department) -> None:
    """One each: of boris, of anna in his department, of dora in the one below, of cara who is outside."""
    dora = person("Dora")
    add_member(below, dora, by=None)
    for name, user in (("own", boris), ("department", anna), ("below", dora), ("all", cara)):
        added("deal", _anew(user), name)


EVERYTHING = ["own", "department", "below", "all"]


@pytest.mark.parametrize(
    ("level", "reached"),
    [
        (Level.NONE, 0),
        (Level.OWN, 1),
        (Level.DEPARTMENT, 2),
        (Level.BELOW, 3),
        (Level.ALL, 4),
    ],
)
@pytest.mark.usefixtures("deals")
def test_a_level_reaches_just_so_far(boris: User, sellers: Role, level: Level, reached: int) -> None:
    allow(sellers, "t2", level, "read")
    assert seen(boris) == set(EVERYTHING[:reached])
    # And no further with anything else.
    for operation in (Operation.CHANGE, Operation.DELETE, Operation.EXPORT):
        assert permitted(boris, operation) == set()
        allow(sellers, "t2", level, operation)
        assert permitted(boris, operation) == set(EVERYTHING[:reached])


@pytest.mark.usefixtures("deals", "sellers")
def test_administrators_reach_everything_and_guests_nothing(olga: User, erik: User) -> None:
    assert seen(olga) == set(EVERYTHING)
    assert seen(erik) == set()
    assert not granted_codes(erik, Operation.READ)


@pytest.mark.usefixtures("deals")
def test_two_roles_reach_as_far_as_the_further_one(boris: User, sellers: Role) -> None:
    allow(sellers, "t2", Level.OWN, "read")
    directors = create_role("Directors", [], by=None)
    allow(directors, "t2", Level.ALL, "read")
    grant_role(directors, f"U{boris.pk}", by=None)
    assert seen(boris) == set(EVERYTHING)
    withdraw_role(directors, f"U{boris.pk}", by=None)
    assert seen(boris) == {"own"}


def test_a_pipeline_has_permissions_of_its_own(anna: User, boris: User, sellers: Role) -> None:
    partners = add_pipeline(type_of("deal"), "Partners", by=None)
    added("deal", anna, "usual")
    added("deal", anna, "partners'", stage=partners.stages.get(code="NEW"))
    allow(sellers, "t2", Level.ALL, "read")
    assert seen(boris) == {"usual", "partners'"}
    allow(sellers, partners.scope, Level.NONE, "read")
    assert seen(boris) == {"usual"}
    set_permission(sellers, partners.scope, Operation.READ, None, by=None)
    assert seen(boris) == {"usual", "partners'"}


def test_what_is_taken_back_of_a_role_is_that_one_reach(sellers: Role) -> None:
    for scope in ("t1", "t2"):
        allow(sellers, scope, Level.OWN, "read", "delete")
    before = set(Permission.objects.values_list("role", "scope", "operation"))
    set_permission(sellers, "t2", Operation.READ, None, by=None)
    after = set(Permission.objects.values_list("role", "scope", "operation"))
    assert before - after == {(sellers.pk, "t2", "read")}


def test_a_stage_has_permissions_of_its_own_where_it_is_told_so(
    boris: User, sellers: Role, deal: Record
) -> None:
    allow(sellers, "t2", Level.ALL, "read")
    won = stage_of("deal", "WON")
    move_record(deal, won, by=None)
    assert seen(boris) == {deal.title}
    set_own_permissions(won, True, by=None)
    allow(sellers, f"s{won.pk}", Level.OWN, "read")
    assert seen(boris) == set()
    deal.refresh_from_db()
    move_record(deal, stage_of("deal", "NEW"), by=None)
    assert seen(boris) == {deal.title}
    move_record(deal, stage_of("deal", "WON"), by=None)
    set_own_permissions(won, False, by=None)
    assert seen(boris) == {deal.title}


def test_who_observes_sees_it_and_may_no_more(anna: User, cara: User, deal: Record) -> None:
    change_record(deal, {"observers": [cara]}, by=anna)
    assert seen(cara) == {deal.title}
    assert permitted(cara, Operation.CHANGE) == set()
    with pytest.raises(PermissionDenied):
        change_record(deal, {"title": "Tables"}, by=_anew(cara))
    change_record(deal, {"observers": []}, by=anna)
    assert seen(cara) == set()


def test_an_record_follows_who_is_responsible_into_another_department(
    anna: User,
    boris: User,
    sellers: Role,
    deal: Record,
    sales: Department,
) -> None:
    allow(sellers, "t2", Level.DEPARTMENT, "read")
    assert seen(boris) == {deal.title}
    remove_member(sales, anna, by=None)
    deliver_all()
    assert seen(boris) == set()
    add_member(sales, anna, by=None)
    deliver_all()
    assert seen(boris) == {deal.title}


def test_whoever_leaves_a_department_reaches_its_records_no_more_at_once(
    boris: User, sellers: Role, deal: Record, sales: Department
) -> None:
    allow(sellers, "t2", Level.DEPARTMENT, "read")
    assert seen(boris) == {deal.title}
    remove_member(sales, boris, by=None)
    assert seen(boris) == set()


def test_a_department_that_moves_takes_its_records_along(
    boris: User,
    sellers: Role,
    below: Department,
) -> None:
    dora = person("Dora")
    add_member(below, dora, by=None)
    added("deal", _anew(dora), "dora's")
    allow(sellers, "t2", Level.BELOW, "read")
    assert seen(boris) == {"dora's"}
    assert below.parent is not None
    assert below.parent.parent is not None
    move_department(below, below.parent.parent, by=None)
    deliver_all()
    assert seen(boris) == set()


def test_handing_over_lets_go(anna: User, boris: User, cara: User, deal: Record) -> None:
    change_record(deal, {"responsible": cara}, by=anna)
    assert seen(anna) == set()
    assert seen(cara) == {deal.title}
    with pytest.raises(PermissionDenied):
        change_record(deal, {"title": "Tables"}, by=_anew(anna))


def test_who_may_add_for_themselves_may_not_for_another(cara: User, sellers: Role, boris: User) -> None:
    allow(sellers, "t2", Level.OWN, "add")
    made = add_record(NewRecord(type=type_of("deal"), responsible=boris, title="Mine"), by=_anew(boris))
    assert made.responsible == boris
    with pytest.raises(PermissionDenied, match="does not reach"):
        add_record(NewRecord(type=type_of("deal"), responsible=cara, title="Hers"), by=_anew(boris))
    assert Record.objects.count() == 1


def test_into_a_stage_that_is_closed_to_them_nobody_moves_anything(
    boris: User, sellers: Role, deal: Record
) -> None:
    allow(sellers, "t2", Level.ALL)
    won = stage_of("deal", "WON")
    set_own_permissions(won, True, by=None)
    allow(sellers, f"s{won.pk}", Level.OWN, "change")
    with pytest.raises(PermissionDenied):
        move_record(deal, stage_of("deal", "WON"), by=_anew(boris))
    deal.refresh_from_db()
    assert deal.stage is not None
    assert deal.stage.code == "NEW"
    move_record(deal, stage_of("deal", "EXECUTING"), by=_anew(boris))


def test_who_may_change_a_deal_may_write_and_move_its_papers_whatever_the_role_says_of_papers(
    anna: User, boris: User, cara: User, deal: Record
) -> None:
    kind, sent = type_of("invoice"), stage_of("invoice", "SENT")
    set_own_permissions(sent, True, by=None)
    allow(employees_role(), "t2", Level.DEPARTMENT)
    allow(employees_role(), kind.scope, Level.ALL)
    allow(employees_role(), kind.scope, Level.NONE, "add")
    allow(employees_role(), f"s{sent.pk}", Level.NONE)
    sent = stage_of("invoice", "SENT")
    new = NewRecord(type=kind, responsible=anna, title="Chairs", deal=deal)
    paper = add_record(new, by=_anew(boris))
    assert move_record(paper, sent, by=_anew(boris)).stage == sent
    with pytest.raises(PermissionDenied, match="not change it"):
        add_record(new, by=_anew(cara))
    # The portal itself asks nobody.
    assert add_record(new, by=None).paper.deal == deal
    # What is written for no deal is its own.
    alone = added("invoice", anna)
    with pytest.raises(PermissionDenied, match="does not reach"):
        move_record(alone, sent, by=_anew(boris))
    with pytest.raises(PermissionDenied, match="does not reach"):
        add_record(NewRecord(type=kind, responsible=boris, title="Tables"), by=_anew(boris))


def test_who_watches_another_deal_sees_no_more_of_this_one_when_it_changes_hands(
    anna: User, boris: User, cara: User, deal: Record
) -> None:
    added("deal", anna, "watched", observers=[cara])
    change_record(deal, {"responsible": boris}, by=anna)
    assert seen(cara) == {"watched"}


def test_a_stage_apart_leaves_each_record_with_whose_it_is(anna: User, boris: User, cara: User) -> None:
    won = stage_of("deal", "WON")
    for user in (anna, boris, cara):
        added("deal", user, f"of {user.first_name}", stage=won)
    set_own_permissions(won, True, by=None)
    for user in (anna, boris, cara):
        assert seen(user) == {f"of {user.first_name}"}


def test_records_of_whoever_moves_on_follow_by_the_hundred_and_no_others(
    anna: User, cara: User, sales: Department, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told() -> list[list[int]]:
        rows = Event.objects.filter(kind="crm.AudiencesChanged").order_by("pk")
        found = [sorted(row.payload["record_ids"]) for row in rows]
        rows.delete()
        return found

    monkeypatch.setattr("box.apps.crm.actions.audiences.BATCH", 2)
    hers = added("deal", cara, "hers")
    mine = [added("deal", _anew(anna), f"mine {number}").pk for number in range(3)]
    remove_member(sales, anna, by=None)
    renew_audiences_of(_anew(anna))
    batches = told()
    assert [len(some) for some in batches] == [2, 1]
    assert sorted(pk for some in batches for pk in some) == mine
    assert not Record.objects.filter(
        pk__in=mine, audience__contains=[f"crm:{hers.scope}:D{sales.pk}"]
    ).exists()
    # What is so already is not told.
    renew_audiences_of(_anew(anna))
    assert told() == []
    assert seen(cara) == {"hers"}


def test_who_may_not_delete_deletes_none_of_many(boris: User, cara: User, sellers: Role) -> None:
    mine, hers = added("deal", boris, "mine"), added("deal", cara, "hers")
    allow(sellers, "t2", Level.OWN, "delete")
    with pytest.raises(PermissionDenied, match="hers"):
        delete_records([mine, hers], by=_anew(boris))
    assert Record.objects.there().count() == 2
    delete_records([mine], by=_anew(boris))
    assert [record.title for record in Record.objects.there()] == ["hers"]
