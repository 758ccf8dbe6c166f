"""Troubles of backups reach those who look after them, once, and so does their end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from appliance.client import BackupWarning, ClusterProblem
from box.console.access import BACKUPS, RESTART
from box.console.actions import tell_of, those_who_may
from box.console.alerts import CALM, Known, Plan, decide
from box.console.models import Subject, Trouble
from box.console.notices import CLUSTER_ILL, CLUSTER_WELL, ILL, WELL
from box.core.access.actions import create_role, set_grantees
from box.core.accounts.actions import suspend_user
from box.core.notify.models import Notification
from box.core.notify.presenters import noticed
from box.core.structure.actions import add_member, create_department

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.structure.models import Department

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LATE = BackupWarning("late", "disk")
FULL = BackupWarning("filling", "disk", "7%")
KEY = BackupWarning("unconfirmed")


def known(warning: BackupWarning, *, is_told: bool = True, gone_at: datetime | None = None) -> Known:
    return Known(warning.key, warning.kind, NOW - timedelta(hours=2), gone_at, is_told)


def test_a_new_trouble_is_told_at_once() -> None:
    assert decide([], [LATE], now=NOW) == Plan(new=(LATE,), told=frozenset({LATE.key}))


def test_a_key_that_is_not_confirmed_is_given_an_hour() -> None:
    assert decide([], [KEY], now=NOW) == Plan(new=(KEY,))
    seen = Known(KEY.key, "unconfirmed", NOW)
    assert decide([seen], [KEY], now=NOW + 59 * MINUTE) == Plan()
    assert decide([seen], [KEY], now=NOW + 60 * MINUTE).told == {KEY.key}


def test_what_was_told_is_not_told_again() -> None:
    assert decide([known(LATE)], [LATE], now=NOW) == Plan()


def test_the_same_trouble_with_other_figures_is_the_same() -> None:
    assert decide([known(FULL)], [BackupWarning("filling", "disk", "6%")], now=NOW) == Plan()


def test_one_that_comes_and_goes_is_told_once() -> None:
    assert decide([known(LATE)], [], now=NOW) == Plan(gone=frozenset({LATE.key}))
    away = known(LATE, gone_at=NOW)
    assert decide([away], [], now=NOW + CALM - MINUTE) == Plan()
    assert decide([away], [LATE], now=NOW + MINUTE) == Plan(back=frozenset({LATE.key}))


def test_when_all_is_well_for_a_while_that_is_told_once() -> None:
    away = known(LATE, gone_at=NOW)
    assert decide([away], [], now=NOW + CALM) == Plan(ended=frozenset({LATE.key}), is_well_again=True)


def test_while_something_else_is_wrong_all_is_not_well() -> None:
    away = known(LATE, gone_at=NOW)
    assert not decide([away, known(FULL)], [FULL], now=NOW + CALM).is_well_again
    assert not decide([away], [FULL], now=NOW + CALM).is_well_again


def test_what_nobody_was_told_of_yet_keeps_nobody_from_hearing_that_the_rest_is_over() -> None:
    away, waits = known(LATE, gone_at=NOW), Known(KEY.key, "unconfirmed", NOW)
    assert decide([away, waits], [KEY], now=NOW + CALM).is_well_again


def test_of_what_was_never_told_the_end_is_not_either() -> None:
    away = known(KEY, is_told=False, gone_at=NOW)
    assert decide([away], [], now=NOW + CALM) == Plan(ended=frozenset({KEY.key}))


def notices_of(person: User) -> list[tuple[str, str]]:
    found = Notification.objects.filter(user=person).order_by("id").select_related("actor")
    return [(one.notification.kind, str(one.sentence)) for one in noticed(found, reader=person)]


@pytest.mark.django_db
def test_administrators_and_holders_of_the_right_hear_of_it_grouped_and_nobody_else(
    olga: User, anna: User, cara: User
) -> None:
    anna.language = "ru"
    anna.save(update_fields=["language"])
    keepers = create_role("Keepers", [BACKUPS], by=olga)
    set_grantees(keepers, [f"U{anna.pk}"], by=olga)
    tell_of(Subject.BACKUPS, [LATE, FULL], now=NOW)
    tell_of(Subject.BACKUPS, [LATE, FULL], now=NOW + MINUTE)
    ((kind, words),) = notices_of(olga)
    assert kind == ILL.kind
    assert "disk: The newest backup is older" in words
    assert "7% are free" in words
    assert len(notices_of(anna)) == 1
    assert notices_of(cara) == []


@pytest.mark.django_db
def test_the_end_of_it_is_told_too_and_the_next_time_it_begins_anew(olga: User) -> None:
    tell_of(Subject.BACKUPS, [LATE], now=NOW)
    tell_of(Subject.BACKUPS, [], now=NOW + MINUTE)
    for minutes in (16, 17, 18):
        tell_of(Subject.BACKUPS, [], now=NOW + minutes * MINUTE)
    assert [kind for kind, _words in notices_of(olga)] == [ILL.kind, WELL.kind]
    assert "all is well" in notices_of(olga)[1][1]
    tell_of(Subject.BACKUPS, [LATE], now=NOW + timedelta(days=1))
    assert [kind for kind, _words in notices_of(olga)] == [ILL.kind, WELL.kind, ILL.kind]
    assert Trouble.objects.count() == 2


@pytest.mark.django_db
def test_a_dead_node_is_told_after_two_minutes_to_those_who_may_restart_and_so_is_its_return(
    olga: User, anna: User, cara: User
) -> None:
    set_grantees(create_role("Machinists", [RESTART], by=olga), [f"U{anna.pk}"], by=olga)
    dead = ClusterProblem("away", "node-2")
    for seconds in (0, 60, 119):
        tell_of(Subject.CLUSTER, [dead], now=NOW + timedelta(seconds=seconds))
    assert notices_of(olga) == []
    tell_of(Subject.CLUSTER, [dead], now=NOW + 2 * MINUTE)
    tell_of(Subject.CLUSTER, [dead], now=NOW + 3 * MINUTE)
    ((kind, words),) = notices_of(olga)
    assert kind == CLUSTER_ILL.kind and "node-2 says nothing" in words
    assert [kind for kind, _words in notices_of(anna)] == [CLUSTER_ILL.kind]
    assert notices_of(cara) == []
    for minutes in (4, 19, 20):
        tell_of(Subject.CLUSTER, [], now=NOW + minutes * MINUTE)
    assert [kind for kind, _words in notices_of(olga)] == [CLUSTER_ILL.kind, CLUSTER_WELL.kind]


@pytest.mark.django_db
def test_figures_that_change_are_the_same_trouble(olga: User) -> None:
    for minute in range(15):
        tell_of(Subject.CLUSTER, [ClusterProblem("slow", "node-2", str(minute))], now=NOW + minute * MINUTE)
    assert [kind for kind, _words in notices_of(olga)] == [CLUSTER_ILL.kind]


@pytest.mark.django_db
def test_troubles_of_backups_and_of_nodes_do_not_end_each_other(olga: User) -> None:
    tell_of(Subject.BACKUPS, [LATE], now=NOW)
    for minutes in (1, 17, 18):
        tell_of(Subject.CLUSTER, [], now=NOW + minutes * MINUTE)
    assert [kind for kind, _words in notices_of(olga)] == [ILL.kind]


@pytest.mark.django_db
def test_each_trouble_is_told_and_ends_by_itself(olga: User) -> None:
    tell_of(Subject.BACKUPS, [LATE], now=NOW)
    tell_of(Subject.BACKUPS, [LATE, FULL], now=NOW + MINUTE)
    newest = notices_of(olga)[-1][1]
    assert "7% are free" in newest and "The newest backup is older" not in newest
    tell_of(Subject.BACKUPS, [FULL], now=NOW + 2 * MINUTE)
    gone = dict(Trouble.objects.values_list("key", "gone_at"))
    assert gone == {LATE.key: NOW + 2 * MINUTE, FULL.key: None}


@pytest.mark.django_db
def test_of_what_is_said_at_length_the_beginning_is_noted(olga: User) -> None:
    tell_of(Subject.BACKUPS, [BackupWarning("filling", "disk", "7" * 300)], now=NOW)
    assert Trouble.objects.get().about == "7" * 200


@pytest.mark.django_db
def test_those_who_may_are_told_once_each_while_they_work_here(
    olga: User, anna: User, boris: User, sales: Department
) -> None:
    role = create_role("Keepers", [BACKUPS], by=olga)
    set_grantees(role, [sales.code, f"U{anna.pk}"], by=olga)
    shop = create_department("Shop", parent=sales, by=olga)
    add_member(shop, anna, by=olga)
    set_grantees(role, [sales.code, sales.code_with_below, f"U{anna.pk}"], by=olga)
    suspend_user(boris, by=olga)
    assert sorted(one.pk for one in those_who_may(BACKUPS)) == sorted([olga.pk, anna.pk])
