"""What somebody might on a day that is past, of what was written down then."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from box.core.access.actions import employees_role, set_rights
from box.core.access.models import Grant, Role, RoleRights, Standing
from box.core.access.principals import EVERYONE, code_of
from box.core.access.report import Report, rights_of
from box.core.access.rights import rights
from box.core.access.roles import usual
from box.core.accounts.models import User

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

pytestmark = pytest.mark.django_db

SEE, RESTART, POST = "console.see", "console.restart", "feed.post_to_all"
DAY = timedelta(days=1)


@pytest.fixture
def then() -> datetime:
    return timezone.now() - 10 * DAY


def stood(user: User, codes: list[str], since: datetime, *, administered: bool = False) -> None:
    Standing.objects.filter(user=user).delete()
    Standing.objects.create(user=user, codes=codes, is_administrator=administered, since=since)


def role(name: str, *chosen: str, since: datetime) -> Role:
    made = Role.objects.create(name=name)
    RoleRights.objects.create(role=made, rights=list(chosen), since=since)
    return made


def through(report: Report, key: str) -> list[tuple[str, list[str]]]:
    """The roles by which the right was held, each with the codes to which it was granted."""
    found = [one for one in report.held if one.right == rights[key]]
    return [(str(way.role), [grant.code for grant in way.grants]) for one in found for way in one.through]


def test_a_right_is_told_with_all_roles_and_grants_of_that_day_in_their_order(
    anna: User, then: datetime
) -> None:
    stood(anna, ["D7", code_of(anna)], then)
    watchers, clerks = role("Watchers", SEE, since=then), role("Clerks", SEE, since=then)
    Grant.objects.create(role=watchers, code="D7", since=then + DAY)
    Grant.objects.create(role=watchers, code=code_of(anna), since=then)
    Grant.objects.create(role=clerks, code="D7", since=then)
    Grant.objects.create(role=clerks, code="D8", since=then)
    RoleRights.objects.filter(role=watchers).update(until=then + 3 * DAY)
    RoleRights.objects.create(role=watchers, rights=[RESTART], since=then + 3 * DAY)
    report = rights_of(anna, at=then + 2 * DAY)
    assert report.is_recorded
    assert through(report, SEE) == [("Clerks", ["D7"]), ("Watchers", [code_of(anna), "D7"])]
    assert through(report, RESTART) == []
    assert through(report, POST) == [], "who was not one of the employees then"
    later = rights_of(anna, at=then + 3 * DAY)
    assert (through(later, SEE), len(through(later, RESTART))) == ([("Clerks", ["D7"])], 1)


def test_employees_held_what_was_theirs_that_day(anna: User, then: datetime) -> None:
    stood(anna, [EVERYONE], then)
    assert through(rights_of(anna, at=then), POST) == [("All employees", [])]
    set_rights(employees_role(), (usual() - {POST}) | {SEE}, by=None)
    report = rights_of(anna, at=timezone.now())
    assert (through(report, POST), through(report, SEE)) == ([], [("All employees", [])])
    assert through(rights_of(anna, at=then), POST) == [("All employees", [])]


def test_who_administered_then_held_everything(anna: User, olga: User, then: datetime) -> None:
    stood(anna, [code_of(anna)], then, administered=True)
    stood(olga, [code_of(olga)], then)
    for person, did in ((anna, True), (olga, False)):
        report = rights_of(person, at=then)
        assert report.is_administrator is did, "whatever they are today"
        assert (("Administrators", []) in through(report, RESTART)) is did
    stood(anna, [], then, administered=True)
    assert not rights_of(anna, at=then).is_administrator, "who could not sign in"
    Standing.objects.all().delete()
    assert [rights_of(one, at=then).is_administrator for one in (anna, olga)] == [False, True]


def test_accounts_that_were_made_one_since_are_told_of_together(
    anna: User, boris: User, then: datetime, person: Callable[..., User]
) -> None:
    ann = person("Ann")
    User.objects.filter(pk=ann.pk).update(status=User.Status.DISMISSED, merged_into=anna)
    stood(anna, ["D7"], then)
    stood(ann, ["D8"], then, administered=True)
    stood(boris, ["D9"], then)
    report = rights_of(anna, at=then)
    assert report.codes == {"D7", "D8"}
    assert report.is_administrator, "one of the two did"
    assert rights_of(boris, at=then).codes == {"D9"}
