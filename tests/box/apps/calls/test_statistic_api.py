"""The log of calls for programs: `voximplant.statistic.get`."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from box.apps.calls.models import LoggedCall, Participant
from box.apps.calls.permissions import audience_of
from box.apps.crm.contact_points import Reach
from tests.box.apps.crm.conftest import added
from tests.box.rest.calling import program_of

if TYPE_CHECKING:
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db
METHOD = "voximplant.statistic.get"
NUMBER = "+79161234567"


def talked(person: User, *, ago: int = 60, talk: int = 60, **more: Any) -> LoggedCall:
    """Somebody called this person so many minutes ago."""
    start = timezone.now() - timedelta(minutes=ago)
    usual: dict[str, Any] = {
        "direction": "in", "result": "answered", "number": NUMBER, "user": person, "started_at": start,
        "ended_at": start + timedelta(seconds=talk), "talk_seconds": talk,
    }  # fmt: skip
    call = LoggedCall.objects.create(audience=audience_of([person.pk]), **{**usual, **more})
    Participant.objects.create(logged=call, user=person, leg="1", is_called=True, began_at=start)
    return call


def ids(person: User, **given: Any) -> list[int]:
    return [int(row["ID"]) for row in program_of(person, "telephony").call(METHOD, **given)]


def test_a_call_is_told_as_bitrix24_tells_it(anna: User) -> None:
    company = added("company", anna, "Rose & Sons", reached_by=[Reach("phone", NUMBER)])
    call = talked(anna, line="74951234567", note="Wants chairs")
    (row,) = program_of(anna, "telephony").call(METHOD)
    assert row == {
        "ID": str(call.pk), "CALL_ID": str(call.pk), "EXTERNAL_CALL_ID": None, "CALL_CATEGORY": "external",
        "PORTAL_USER_ID": str(anna.pk), "PORTAL_NUMBER": "74951234567", "PHONE_NUMBER": NUMBER,
        "CALL_TYPE": "2", "CALL_DURATION": "60", "CALL_LOG": None, "CALL_RECORD_URL": "", "CALL_VOTE": None,
        "CALL_START_DATE": timezone.localtime(call.started_at).isoformat(timespec="seconds"),
        "COST": "0.0000", "COST_CURRENCY": "", "CALL_FAILED_CODE": "200",
        "CALL_FAILED_REASON": "Success call",
        "CRM_ENTITY_TYPE": "COMPANY", "CRM_ENTITY_ID": str(company.pk), "CRM_ACTIVITY_ID": "",
        "REST_APP_ID": None, "REST_APP_NAME": None, "TRANSCRIPT_ID": None, "TRANSCRIPT_PENDING": "N",
        "SESSION_ID": None, "REDIAL_ATTEMPT": None, "COMMENT": "Wants chairs", "RECORD_DURATION": None,
        "RECORD_FILE_ID": None,
    }  # fmt: skip


def test_calls_are_found_and_sorted(anna: User) -> None:
    long = talked(anna, talk=300, ago=90)
    short = talked(anna, talk=20, direction="out", result="busy", number="+4930901820")
    told = talked(anna, talk=100, external_key="till-7", ago=30)
    assert ids(anna) == [long.pk, short.pk, told.pk]
    assert ids(anna, SORT="CALL_DURATION", ORDER="DESC") == [long.pk, told.pk, short.pk]
    since = (timezone.now() - timedelta(minutes=45)).isoformat()
    for given, found in (
        ({">CALL_DURATION": 60}, [long, told]),
        ({">=CALL_START_DATE": since}, [told]),
        ({"CALL_TYPE": 1}, [short]),
        ({"CALL_ID": "till-7"}, [told]),
        ({"CALL_ID": [short.pk, "till-7"]}, [short, told]),
        ({"CALL_FAILED_CODE": "486"}, [short]),
        ({"PHONE_NUMBER": "+4930901820"}, [short]),
        ({"%PHONE_NUMBER": "916"}, [long, told]),
        ({"ID": [long.pk, told.pk]}, [long, told]),
        ({"!ID": long.pk}, [short, told]),
    ):
        assert ids(anna, FILTER=given) == [one.pk for one in found], given
    program = program_of(anna, "telephony")
    assert program.error(METHOD, FILTER={"COST": 1})[0] == 400
    assert program.error(METHOD, SORT="COST")[0] == 400


def test_only_calls_that_one_sees_outside_and_over(anna: User, boris: User, olga: User) -> None:
    his = talked(boris)
    talked(boris, direction="internal", number="101")
    talked(boris, ended_at=None, result="")
    assert (ids(anna), ids(boris), ids(olga)) == ([], [his.pk], [his.pk])
    assert program_of(boris, "user").error(METHOD) == (403, "insufficient_scope")


def test_a_page_costs_the_same_whatever_it_holds(anna: User, django_assert_num_queries: Any) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    program = program_of(anna, "telephony")

    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            program.call(METHOD)
        return len(queries)

    talked(anna)
    asked()
    one = asked()
    for number in range(5):
        talked(anna, number=f"+7916123456{number}")
    assert asked() == one
