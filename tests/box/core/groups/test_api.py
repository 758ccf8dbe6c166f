"""Programs make groups, lead them, and say who is in them, as their person may."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from box.core.groups.actions import NewGroup, add_people, create_group
from box.core.groups.models import Group, Member
from tests.box.rest.calling import program_of

if TYPE_CHECKING:
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db


def roles(pk: int) -> dict[int, str]:
    return dict(Member.objects.filter(group=pk).values_list("user", "role"))


def test_a_program_makes_a_group_and_leads_it(anna: User, boris: User, cara: User) -> None:
    program = program_of(anna, "sonet_group")
    pk = program.call("sonet_group.create", NAME="Bridge", VISIBLE="Y", OPENED="N", INITIATE_PERMS="K")
    group = Group.objects.get(pk=pk)
    assert (group.kind, roles(pk)) == ("closed", {anna.pk: "owner"})
    assert program.call("sonet_group.user.invite", GROUP_ID=pk, USER_ID=[boris.pk]) == [str(boris.pk)]
    assert program_of(boris, "sonet_group").call("sonet_group.user.request", GROUP_ID=pk) is True
    assert roles(pk)[boris.pk] == "member"
    changed = program.call("sonet_group.user.update", GROUP_ID=pk, USER_ID=[boris.pk, anna.pk], ROLE="E")
    assert changed == [str(boris.pk)]
    found = program.call("sonet_group.user.get", ID=pk)
    assert found == [{"USER_ID": str(anna.pk), "ROLE": "A"}, {"USER_ID": str(boris.pk), "ROLE": "E"}]
    assert program.call("sonet_group.update", GROUP_ID=pk, OPENED="Y", NAME="Bridges") == pk
    group.refresh_from_db()
    assert (group.name, group.kind) == ("Bridges", "open")
    program.call("sonet_group.update", GROUP_ID=pk, VISIBLE="N", CLOSED="Y")
    group.refresh_from_db()
    assert (group.kind, group.is_archived) == ("secret", True)
    program.call("sonet_group.update", GROUP_ID=pk, CLOSED="N")
    assert program.call("sonet_group.user.delete", GROUP_ID=pk, USER_ID=boris.pk) == [str(boris.pk)]
    (own,) = program.call("sonet_group.user.groups")
    assert (own["GROUP_ID"], own["ROLE"]) == (str(pk), "A")
    assert program.call("sonet_group.setowner", GROUP_ID=pk, USER_ID=cara.pk) is True
    assert roles(pk) == {anna.pk: "moderator", cara.pk: "owner"}
    assert program.error("sonet_group.delete", GROUP_ID=pk) == (403, "ACCESS_DENIED")
    assert program_of(cara, "sonet_group").call("sonet_group.delete", GROUP_ID=pk) is True
    assert not Group.objects.exists()


def test_an_administrator_adds_people_and_gives_groups(olga: User, anna: User, boris: User) -> None:
    program = program_of(olga, "sonet_group")
    pk = program.call("sonet_group.create", NAME="Bridge", OWNER_ID=anna.pk, KOROBKA_KIND="secret")
    assert roles(pk) == {anna.pk: "owner"}
    assert Group.objects.get(pk=pk).kind == "secret"
    assert program.call("sonet_group.user.add", GROUP_ID=pk, USER_ID=[boris.pk, anna.pk]) == [str(boris.pk)]
    # Whose it is, for everybody else it is not asked.
    mine = program_of(boris, "sonet_group").call("sonet_group.create", NAME="Mine", OWNER_ID=anna.pk)
    assert roles(mine) == {boris.pk: "owner"}


def test_outsiders_and_members_may_what_they_may_on_its_pages(
    olga: User, anna: User, boris: User, cara: User, erik: User
) -> None:
    secret = create_group(NewGroup("Secret", kind="secret"), by=anna)
    add_people(secret, [boris], by=anna)
    inside, outside = program_of(boris, "sonet_group"), program_of(cara, "sonet_group")
    assert outside.error("sonet_group.user.get", ID=secret.pk) == (400, "ERROR_NOT_FOUND")
    for method, given in (
        ("update", {"NAME": "x"}),
        ("delete", {}),
        ("setowner", {"USER_ID": boris.pk}),
        ("user.add", {"USER_ID": [cara.pk]}),
        ("user.invite", {"USER_ID": [cara.pk]}),
        ("user.update", {"USER_ID": [boris.pk], "ROLE": "E"}),
        ("user.delete", {"USER_ID": [boris.pk]}),
    ):
        name = f"sonet_group.{method}"
        assert outside.error(name, GROUP_ID=secret.pk, **given) == (400, "ERROR_NOT_FOUND"), method
        assert inside.error(name, GROUP_ID=secret.pk, **given) == (403, "ACCESS_DENIED"), method
    assert program_of(anna, "sonet_group").error(
        "sonet_group.user.add", GROUP_ID=secret.pk, USER_ID=[cara.pk]
    ) == (403, "ACCESS_DENIED")
    assert roles(secret.pk) == {anna.pk: "owner", boris.pk: "member"}
    # Guests come into groups for guests alone.
    program = program_of(olga, "sonet_group")
    refused = program.error("sonet_group.user.add", GROUP_ID=secret.pk, USER_ID=[erik.pk])
    assert refused == (400, "ERROR_ARGUMENT")


def test_what_is_wrong_is_said(anna: User) -> None:
    program = program_of(anna, "sonet_group")
    group = create_group(NewGroup("Bridge"), by=anna)
    for method, given in (
        ("create", {"NAME": ""}),
        ("create", {"NAME": "x" * 201}),
        ("create", {"NAME": "x", "VISIBLE": "perhaps"}),
        ("user.invite", {"GROUP_ID": group.pk, "USER_ID": []}),
        ("user.invite", {"GROUP_ID": group.pk, "USER_ID": ["anna"]}),
        ("user.invite", {"GROUP_ID": group.pk, "USER_ID": list(range(1, 1002))}),
        ("user.update", {"GROUP_ID": group.pk, "USER_ID": [anna.pk], "ROLE": "A"}),
    ):
        assert program.error(f"sonet_group.{method}", **given) == (400, "ERROR_ARGUMENT"), (method, given)
    assert Group.objects.count() == 1


def test_nobody_learns_who_is_in_a_group_from_refusals(anna: User, boris: User, cara: User) -> None:
    group = create_group(NewGroup("Bridge", "", "closed"), by=anna)
    add_people(group, [boris], by=anna)
    program = program_of(cara, "sonet_group")
    for person in (boris, anna, cara):
        asked = {"GROUP_ID": group.pk, "USER_ID": [person.pk]}
        assert program.error("sonet_group.user.delete", **asked) == (400, "ERROR_NOT_FOUND")
        assert program.error("sonet_group.user.update", ROLE="E", **asked) == (400, "ERROR_NOT_FOUND")
    assert roles(group.pk) == {anna.pk: "owner", boris.pk: "member"}
