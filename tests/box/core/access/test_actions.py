"""What changes to roles and principals leave behind: rows, versions, and what is told of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from box.apps.feed.models import KIND, Post
from box.core.access import actions
from box.core.access.belongings import BELONGINGS, _roles, holds_texts, with_audience
from box.core.access.models import Grant, Role, RoleRights, Standing
from box.core.access.principals import is_private
from box.core.access.roles import usual
from box.core.accounts.models import User
from box.core.discussion.models import Thread
from box.core.events.models import Event
from box.core.people.merging import merge_people
from box.core.registry.belongings import Pair
from box.core.registry.models import SettingsVersion

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db

SEE, POST = "console.see", "feed.post_to_all"


@pytest.fixture
def watchers(olga: User) -> Role:
    return actions.create_role(" Watchers ", [SEE], by=olga)


def told() -> list[dict[str, object]]:
    """What was said of roles, without the role."""
    rows = Event.objects.filter(kind__startswith="access.Role").order_by("id").values_list("kind", "payload")
    return [
        {
            "kind": kind.removeprefix("access."),
            **{key: value for key, value in said.items() if key != "role_id"},
        }
        for kind, said in rows
    ]


def version() -> int:
    return sum(SettingsVersion.objects.values_list("number", flat=True))


def test_a_changed_role_is_read_anew_and_told_of_and_an_unchanged_one_is_neither(
    watchers: Role, anna: User, olga: User
) -> None:
    own: dict[str, object] = {"name": "Watchers", "by_id": olga.pk}
    signed = {"kind": "RoleSignInChanged", **own, "needs_second_factor": None, "networks": None}
    assert told() == [
        {"kind": "RoleCreated", **own},
        {"kind": "RoleRightsChanged", **own, "added": [SEE], "removed": []},
    ]
    withdrawn, granted = {"kind": "RoleWithdrawn", **own}, {"kind": "RoleGranted", **own}
    renamed = {"kind": "RoleRenamed", **own, "name": "Guards", "name_before": "Watchers"}
    by: dict[str, Any] = {"by": olga}
    changes: list[tuple[Callable[[], None], list[dict[str, object]]]] = [
        (
            lambda: actions.set_rights(watchers, [POST], **by),
            [{"kind": "RoleRightsChanged", **own, "added": [POST], "removed": [SEE]}],
        ),
        (lambda: actions.grant_role(watchers, "U1", **by), [{**granted, "code": "U1"}]),
        (
            lambda: actions.set_grantees(watchers, ["U2"], **by),
            [{**withdrawn, "code": "U1"}, {**granted, "code": "U2"}],
        ),
        (lambda: actions.set_grantees(watchers, ["U1", "U2"], **by), [{**granted, "code": "U1"}]),
        (lambda: actions.withdraw_role(watchers, "U1", **by), [{**withdrawn, "code": "U1"}]),
        (lambda: actions.withdraw_role(watchers, "U2", **by), [{**withdrawn, "code": "U2"}]),
        (lambda: actions.set_second_factor(watchers, True, **by), [{**signed, "needs_second_factor": True}]),
        (
            lambda: actions.set_networks(watchers, ["10.0.0.1/8"], by=None, from_address=""),
            [{**signed, "networks": ["10.0.0.0/8"], "by_id": None}],
        ),
        (lambda: actions.rename_role(watchers, " Guards ", **by), [renamed]),
    ]
    for change, said in changes:
        Event.objects.all().delete()
        before = version()
        change()
        assert told() == said
        assert version() > before, said
        Event.objects.all().delete()
        before = version()
        change()
        assert (told(), version()) == ([], before), f"twice: {said}"
    kept = Role.objects.get()
    assert (kept.name, kept.needs_second_factor, kept.networks) == ("Guards", True, ["10.0.0.0/8"])


def test_a_deleted_role_is_withdrawn_from_all_and_its_rights_end(
    watchers: Role, anna: User, olga: User
) -> None:
    other = actions.create_role("Others", [SEE], by=olga)
    actions.grant_role(watchers, anna_code := f"U{anna.pk}", by=olga)
    actions.grant_role(other, anna_code, by=olga)
    before = version()
    actions.delete_role(watchers, by=olga)
    assert [said["kind"] for said in told()][-2:] == ["RoleWithdrawn", "RoleDeleted"]
    assert version() > before
    watchers.refresh_from_db()
    assert watchers.deleted_at is not None
    assert RoleRights.objects.get(role=watchers).until == watchers.deleted_at
    withdrawn = Grant.objects.get(role=watchers)
    assert (withdrawn.until is not None, withdrawn.granted_by, withdrawn.ended_by) == (True, olga, olga)
    assert RoleRights.objects.current().filter(role=other).exists()
    assert Grant.objects.current().get().role == other


def test_rights_follow_each_other_without_a_gap(watchers: Role, olga: User) -> None:
    actions.set_rights(watchers, [POST, SEE], by=olga)
    before, after = RoleRights.objects.order_by("since", "id")
    assert (before.rights, after.rights, after.withdrawn) == ([SEE], sorted([POST, SEE]), [])
    assert (before.until, after.until) == (after.since, None)
    actions.set_rights(watchers, [POST], by=olga)
    first, second, third = RoleRights.objects.order_by("since", "id")
    assert (first.until, second.until, third.until) == (second.since, third.since, None)
    actions.delete_role(watchers, by=olga)
    first.refresh_from_db()
    assert first.until == second.since, "what had ended has not ended again"
    with pytest.raises(ValidationError, match="every right"):
        actions.set_rights(actions.built_in_role("administrators"), [], by=olga)


def test_only_what_is_new_is_told(olga: User) -> None:
    before = version()
    role = actions.create_role("Nobody", [], by=olga)
    assert [said["kind"] for said in told()] == ["RoleCreated"], "without rights nothing more"
    assert version() > before
    for rights in ([POST], [POST, SEE], [POST]):
        actions.set_rights(role, rights, by=olga)
    assert [(said["added"], said["removed"]) for said in told()[1:]] == [
        ([POST], []),
        ([SEE], []),
        ([], [SEE]),
    ]
    for code in ("U1", "U2"):
        actions.grant_role(role, code, by=olga)
    actions.withdraw_role(role, "U1", by=olga)
    assert [grant.code for grant in Grant.objects.current()] == ["U2"]
    empty = actions.create_role("Empty", [], by=olga)
    before = version()
    actions.delete_role(empty, by=olga)
    assert version() > before


def test_of_the_employees_role_is_kept_what_differs_from_the_usual(olga: User) -> None:
    employees = actions.employees_role()
    for rights, kept, withdrawn in (
        (usual() | {SEE}, [SEE], []),
        ({SEE}, [SEE], sorted(usual())),
        (usual(), [], []),
    ):
        actions.set_rights(employees, rights, by=olga)
        now = RoleRights.objects.current().get(role=employees)
        assert (now.rights, now.withdrawn) == (kept, withdrawn)
    changes = [(said["added"], said["removed"]) for said in told()]
    assert changes == [([SEE], []), ([], sorted(usual())), (sorted(usual()), [SEE])]


def test_a_role_keeps_its_own_name_and_takes_nobody_elses(watchers: Role, olga: User) -> None:
    actions.create_role("x" * 100, [], by=olga)
    for name in ("x" * 100, "x" * 101, " "):
        with pytest.raises(ValidationError):
            actions.rename_role(watchers, name, by=olga)
    with pytest.raises(ValidationError, match="part of the box"):
        actions.withdraw_role(actions.employees_role(), "UA", by=olga)
    watchers.refresh_from_db()
    assert watchers.name == "Watchers"


def test_principals_that_are_no_more_leave_every_audience_but_the_last(olga: User) -> None:
    def after(*audience: str) -> tuple[list[str], bool]:
        post = Post.objects.create(
            author=olga, text="x", audience=list(audience), is_private=is_private(audience),
            thread=Thread.objects.create(kind=KIND),
        )  # fmt: skip
        actions.withdraw_codes(["G5", "GM5"])
        post.refresh_from_db()
        return post.audience, post.is_private

    assert after("U1", "G5") == (["U1"], True), "private from then on"
    assert after("U1", "GM5", "D3", "G5") == (["D3", "U1"], False)
    assert after("G5") == (["G5"], False), "for them alone"
    assert after("U1", "D3", "G55") == (["U1", "D3", "G55"], False), "not of this group"


def test_what_one_answered_to_is_written_down_when_it_changes(anna: User, boris: User) -> None:
    Standing.objects.all().delete()
    moment = timezone.now()
    actions.note_standing(boris.pk, moment)

    def note(after: int) -> list[tuple[datetime | None, bool]]:
        actions.note_standing(anna.pk, moment + timedelta(hours=after))
        anna.refresh_from_db()
        rows = Standing.objects.filter(user=anna).order_by("since")
        return [(row.until, row.is_administrator) for row in rows]

    assert note(0) == note(1) == [(None, False)]
    User.objects.filter(pk=anna.pk).update(is_administrator=True)
    ended = moment + timedelta(hours=2)
    assert note(2) == [(ended, False), (None, True)], "the same codes, and other power"
    User.objects.filter(pk=anna.pk).update(status=User.Status.DISMISSED)
    assert note(3)[1:] == [(moment + timedelta(hours=3), True), (None, True)], (
        "other codes, and the same power"
    )
    was, after = Standing.objects.filter(user=anna).order_by("since")[1:]
    assert (f"U{anna.pk}" in was.codes, after.codes) == (True, [])
    User.objects.filter(pk=anna.pk).update(status=User.Status.ACTIVE, is_administrator=False)
    assert note(4)[2:] == [(moment + timedelta(hours=4), True), (None, False)], "what once was so is so again"
    actions.note_standing(anna.pk + 10_000, moment)
    assert Standing.objects.current().get(user=boris).since == moment, "it is of no concern to others"
    assert Standing.objects.count() == 5


def test_access_is_renewed_of_those_named_each_once(anna: User, boris: User) -> None:
    before = {one.pk: one.access_version for one in (anna, boris)}
    Event.objects.all().delete()
    actions.renew_codes([])
    actions.renew_codes([anna.pk, anna.pk])
    assert [event.payload for event in Event.objects.all()] == [{"user_ids": [anna.pk]}]
    for one, more in ((anna, 1), (boris, 0)):
        one.refresh_from_db()
        assert one.access_version == before[one.pk] + more


def test_with_an_account_go_the_roles_that_it_holds_and_none_that_it_held(
    anna: User, olga: User, person: Callable[..., User]
) -> None:
    ann = person("Ann")
    held, both, former = (actions.create_role(name, [], by=olga) for name in ("held", "both", "former"))
    for role in (held, both, former):
        actions.grant_role(role, f"U{ann.pk}", by=olga)
    actions.grant_role(both, f"U{anna.pk}", by=olga)
    actions.withdraw_role(former, f"U{ann.pk}", by=olga)
    assert _roles(ann, anna) == ["both", "held"]
    post = Post.objects.create(
        author=olga, text="x", audience=[f"U{ann.pk}", "D9"], thread=Thread.objects.create(kind=KIND)
    )
    assert Post in set(with_audience())
    assert User not in set(with_audience())
    before = version()
    merge_people(ann, anna, by=olga)
    post.refresh_from_db()
    assert post.audience == sorted(["D9", f"U{anna.pk}"])
    now = Grant.objects.current()
    assert {(grant.role, grant.code) for grant in now} == {(held, f"U{anna.pk}"), (both, f"U{anna.pk}")}
    assert version() > before


def test_rights_are_read_anew_only_where_a_role_changed_hands(
    anna: User, boris: User, olga: User, person: Callable[..., User]
) -> None:
    ann = person("Ann")
    role, former = actions.create_role("Role", [], by=olga), actions.create_role("Former", [], by=olga)
    actions.grant_role(role, f"U{boris.pk}", by=olga)
    actions.grant_role(former, f"U{ann.pk}", by=olga)
    actions.withdraw_role(former, f"U{ann.pk}", by=olga)
    follow = BELONGINGS.follow
    before = version()
    follow(Pair(gone=ann.pk, kept=anna.pk))
    assert version() == before
    actions.grant_role(role, f"U{ann.pk}", by=olga)
    before = version()
    follow(Pair(gone=ann.pk, kept=anna.pk))
    assert version() > before
    assert {grant.code for grant in Grant.objects.current()} == {f"U{boris.pk}", f"U{anna.pk}"}


def test_only_a_list_of_texts_can_hold_codes() -> None:
    texts, numbers = ArrayField(models.TextField()), ArrayField(models.BigIntegerField())
    assert [holds_texts(one) for one in (texts, numbers, models.TextField())] == [True, False, False]
