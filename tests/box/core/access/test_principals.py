from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from django.core.cache import cache
from django.utils import timezone

from box.apps.crm.models import Pipeline, RecordType
from box.core.access import principals
from box.core.access.principals import (
    CODES_LIVE,
    EVERYONE,
    Expander,
    Held,
    audience_for,
    codes_of,
    is_private,
    memberships_of,
    people_behind,
)
from box.core.accounts import actions as accounts
from box.core.accounts.models import User
from box.core.events.delivery import deliver_all
from box.core.registry.offers import Offers
from box.core.registry.settings import as_of
from box.core.structure import actions as org
from box.core.structure.models import Department


def test_an_employee_answers_to_themselves_their_departments_and_everyone(
    anna: User, sales: Department
) -> None:
    company = sales.parent
    assert company is not None
    memberships = {f"U{anna.pk}", "UA", f"D{sales.pk}", f"DR{sales.pk}", f"DR{company.pk}"}
    assert memberships_of(anna) == memberships
    assert codes_of(anna) > memberships


def test_what_follows_from_roles_is_answered_to_as_long_as_one_may_sign_in(anna: User, olga: User) -> None:
    pipeline = Pipeline.objects.get(type=RecordType.Id.DEAL)
    assert f"crm:p{pipeline.pk}:U{anna.pk}" in codes_of(anna)
    accounts.suspend_user(anna, by=olga)
    assert codes_of(anna) == frozenset()


def test_a_guest_is_not_everyone(erik: User) -> None:
    assert codes_of(erik) == {f"U{erik.pk}"}


def test_whoever_may_not_sign_in_answers_to_nothing(anna: User, olga: User) -> None:
    accounts.suspend_user(anna, by=olga)
    assert codes_of(anna) == frozenset()


def test_a_stale_cache_grants_nothing(anna: User, sales: Department, olga: User) -> None:
    assert f"D{sales.pk}" in codes_of(anna)
    org.remove_member(sales, anna, by=olga)
    anna.refresh_from_db()
    assert f"D{sales.pk}" not in codes_of(anna)


def test_codes_are_computed_once_a_version(
    anna: User, django_assert_num_queries: Callable[..., object]
) -> None:
    codes = memberships_of(anna)
    same = User.objects.get(pk=anna.pk)
    with django_assert_num_queries(0):  # type: ignore[attr-defined]
        assert memberships_of(same) == codes
        # A request asks several times, and the cache once.
        cache.delete(f"held:{anna.pk}:{anna.access_version}")
        principals.recent.forget()
        assert memberships_of(same) == codes


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ([], CODES_LIVE),
        ([None], CODES_LIVE),
        ([None, 60, 3600], 60),
        ([CODES_LIVE + 60], CODES_LIVE),
        ([0, 60], 0),
        ([-60], 0),
    ],
)
def test_codes_are_remembered_a_day_and_never_beyond_their_end(
    seconds: list[int | None], expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime(2026, 11, 24, 9, tzinfo=UTC)
    monkeypatch.setattr(principals, "timezone", SimpleNamespace(now=lambda: now))
    ends = [None if one is None else now + timedelta(seconds=one) for one in seconds]
    assert principals._seconds_to_live([Held("G5", end) for end in ends]) == expected


def test_the_people_behind_codes_are_those_who_answer_to_them(
    anna: User, boris: User, cara: User, erik: User, sales: Department
) -> None:
    for codes, expected in (
        ([], set()),
        ([f"U{erik.pk}", "U0"], {erik}),
        ([EVERYONE], {anna, boris, cara}),
        ([sales.code, f"U{cara.pk}"], {anna, boris, cara}),
    ):
        assert set(User.objects.filter(people_behind(codes))) == expected, codes


def test_what_follows_from_roles_is_found_once_in_a_request_and_anew_after_any_change(
    anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def codes_from_roles(user: User) -> set[str]:
        asked.append(user.pk)
        return {f"crm:{len(asked)}"}

    offered: Offers[Expander] = Offers("expanders of principals")
    offered.add("counted", codes_from_roles)
    monkeypatch.setattr(principals, "expanders", offered)
    # Each of these may change what they may do: the rules, their memberships, whether they are one of the
    # administrators, whether they may sign in.
    with as_of(1):
        assert "crm:1" in codes_of(anna) == codes_of(anna)
        anna.access_version += 1
        assert "crm:2" in codes_of(anna)
        anna.is_administrator = True
        assert "crm:3" in codes_of(anna)
        anna.status = User.Status.SUSPENDED
        assert not codes_of(anna)
        anna.status = User.Status.ACTIVE
    with as_of(2):
        assert "crm:4" in codes_of(anna)
    # Outside of requests there is no version: nothing says whether the rules are still the same.
    assert "crm:5" in codes_of(anna)
    assert "crm:6" in codes_of(anna)


def test_without_the_cache_codes_are_the_same(anna: User, monkeypatch: pytest.MonkeyPatch) -> None:
    codes = codes_of(anna)
    monkeypatch.setattr(cache, "get", lambda key: None)
    monkeypatch.setattr(cache, "set", lambda key, value, timeout: None)
    assert codes_of(anna) == codes


def test_a_change_of_codes_is_told(anna: User, sales: Department, olga: User) -> None:
    from box.core.push.models import PushMessage

    deliver_all()
    PushMessage.objects.all().delete()
    org.remove_member(sales, anna, by=olga)
    deliver_all()
    message = PushMessage.objects.get(kind="access-changed")
    assert message.audience == [f"U{anna.pk}"]


def test_an_audience_holds_its_author(anna: User) -> None:
    assert audience_for(anna, ["D3", "D3"]) == sorted(["D3", f"U{anna.pk}"])


@pytest.mark.parametrize(
    ("audience", "expected"),
    [(["U1"], True), (["U1", "U2"], True), (["U1", "UA"], False), (["D1", "U1"], False), (["GM1"], False)],
)
def test_what_is_for_named_people_is_private(audience: list[str], expected: bool) -> None:
    assert is_private(audience) is expected


def test_who_was_here_lately_costs_not_even_the_cache(anna: User, monkeypatch: pytest.MonkeyPatch) -> None:
    codes = codes_of(User.objects.get(pk=anna.pk))
    monkeypatch.setattr(cache, "get", lambda key: pytest.fail("the cache was asked"))
    assert codes_of(User.objects.get(pk=anna.pk)) == codes


def test_the_cache_keeps_them_for_whoever_is_new_to_this_process(
    anna: User, django_assert_num_queries: Callable[..., object]
) -> None:
    codes = codes_of(anna)
    again = User.objects.get(pk=anna.pk)
    principals.recent.forget()
    with django_assert_num_queries(0):  # type: ignore[attr-defined]
        assert memberships_of(again) <= codes


def test_a_new_version_of_them_is_not_remembered_yet(anna: User, boris: User) -> None:
    codes_of(User.objects.get(pk=anna.pk))
    principals.recent.put(
        (anna.pk, anna.access_version), frozenset({"stale"}), timezone.now().timestamp() + 60
    )
    assert codes_of(User.objects.get(pk=anna.pk)) == {"stale"}
    User.objects.filter(pk=anna.pk).update(access_version=anna.access_version + 1)
    assert "stale" not in codes_of(User.objects.get(pk=anna.pk))
    assert "stale" not in codes_of(User.objects.get(pk=boris.pk))


def test_what_is_remembered_ends_with_the_first_of_them_and_is_bounded() -> None:
    recent, codes = principals.Recent(), frozenset({"U1"})
    recent.put((1, 1), codes, until=100)
    assert recent.get((1, 1), now=99.9) == codes
    assert recent.get((1, 1), now=100) is None
    for number in range(2, recent.MOST + 2):
        recent.put((number, 1), codes, until=100)
    assert recent.get((1, 1), now=0) is None
    assert recent.get((2, 1), now=0) == codes
    recent.forget()
    assert recent.get((2, 1), now=0) is None
