"""The tests of PyPI's `caldav` and `vdirsyncer` themselves, against a live box.

What they skip, and what they expect that is decided otherwise here, stands below with its reason: anything
else fails, and so does a line that has become needless.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from box.bridges.dav.actions import add_device
from box.bridges.dav.passwords import DevicePassword
from tests.box.bridges.dav.suites import run, sources

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from box.core.accounts.models import User
    from tests.box.bridges.dav.suites import Outcome

# What `caldav` calls these in its `compatibility_hints`, where it expects something else of servers.
FEATURES: Mapping[str, object] = {
    # A calendar in which something is to come is not deleted: its tests empty theirs.
    "test-calendar": {"cleanup-regime": "wipe-calendar"},
    # A time that does not take place is left out of its series.
    "save-load.event.recurrences.exception.cancelled": {"support": "unsupported"},
    # Tasks are in a collection of their own, which is not made by programs; journals are nowhere.
    "save-load.todo": {"support": "ungraceful"},
    "save-load.journal": {"support": "ungraceful"},
    # People are found in the address book.
    "principal-search": {"support": "unsupported"},
    # Radicale compares texts without regard to case.
    "search.text.case-sensitive": {"support": "unsupported"},
}
SERVERS = {
    "radicale": {"type": "embedded", "enabled": False},
    "xandikos": {"type": "embedded", "enabled": False},
}


def test_caldavs_own_tests_pass(address: str, anna: User, boris: User, cara: User, tmp_path: Path) -> None:
    people = [access(person, f"{address}/dav/") for person in (anna, boris, cara)]
    box = {"type": "external", "enabled": True, **people[0], "features": FEATURES, "scheduling_users": people}
    folder = sources("caldav", tmp_path)
    settings = {"test-servers": {**SERVERS, "box": box}}
    (folder / "tests/caldav_test_servers.json").write_text(json.dumps(settings))
    env = {"PYTHON_CALDAV_TEST_EMBEDDED": "0", "PYTHON_CALDAV_TEST_DOCKER": "0"}
    outcome = run(folder, ["tests/test_caldav.py", "-k", "ForServerbox"], env=env)
    judge(outcome, CALDAV_SKIPS, CALDAV_OTHERWISE)


SERVER = '''\
"""The box, as `tests/storage` wants servers."""

import os

import pytest


class ServerMixin:
    @pytest.fixture
    def get_storage_args(self, slow_create_collection, aio_connector):
        async def inner(collection="test"):
            args = {"url": os.environ["BOX"], "username": os.environ["LOGIN"], "connector": aio_connector}
            args["password"] = os.environ["PASSWORD"]
            if collection is None:
                return args
            return await slow_create_collection(self.storage_class, args, collection)

        return inner
'''


def test_vdirsyncers_own_tests_pass(address: str, anna: User, tmp_path: Path) -> None:
    given = access(anna, f"{address}/dav/")
    folder = sources("vdirsyncer", tmp_path)
    server = folder / "tests/storage/servers/box/__init__.py"
    server.parent.mkdir()
    server.write_text(SERVER)
    env = {
        "DAV_SERVER": "box",
        "BOX": given["url"],
        "LOGIN": given["username"],
        "PASSWORD": given["password"],
    }
    outcome = run(folder, ["tests/storage/dav", "-k", "not VTODO and not CardDAV"], env=env)
    judge(outcome, VDIRSYNCER_SKIPS, VDIRSYNCER_OTHERWISE)


def access(person: User, url: str) -> dict[str, str]:
    made = DevicePassword.new()
    add_device("Client", made, by=person)
    return {"url": url, "username": person.login, "password": made.text}


def judge(outcome: Outcome, skips: Mapping[str, str], otherwise: Mapping[str, str]) -> None:
    unknown = {name: why for name, why in outcome.failed.items() if name not in otherwise}
    assert not unknown, "\n\n".join(f"{name}\n{why}" for name, why in unknown.items())
    assert outcome.skipped.keys() == skips.keys(), outcome.skipped
    assert outcome.failed.keys() == otherwise.keys(), "needless now"
    assert outcome.count > 40


_NO_TASKS = "tasks are not kept in calendars, but in a collection of their own"
CALDAV_SKIPS: Mapping[str, str] = {
    **{
        f"TestForServerbox::{name}": _NO_TASKS
        for name in (
            "testCreateTaskListAndTodo", "testObjectByUID", "testSearchCompType", "testSearchSortTodo",
            "testSearchTodos", "testSearchWithoutCompType", "testSetDue", "testTodoCompletion",
            "testTodoDatesearch", "testTodoRecurringCompleteSafe", "testTodoRecurringCompleteThisandfuture",
            "testTodos",
        )
    },
    "TestForServerbox::testCreateJournalListAndJournalEntry": "journals are kept nowhere",
    "TestForServerbox::testPrincipals": "people are found in the address book, and not by principals",
    "TestForServerbox::testCheckCompatibility": "it wants a program that probes servers, and brings none",
    "TestForServerbox::testChangeAttendeeStatusWithEmptyAddressSet": "everybody here has an address",
    "TestSchedulingForServerbox::testScheduleTagStableOnPartstateUpdate": (
        "it wants the invitation in the inbox: see decision 0430, and MEETING in `sessions`"
    ),
}  # fmt: skip
CALDAV_OTHERWISE: Mapping[str, str] = {
    "TestForServerbox::testAlarm": "its event lasts a year and an hour, and one of ours a year at most",
    "TestForServerbox::testSearchEvent": "it looks for events that do not say when they end, and ours do",
    "TestSchedulingForServerbox::testAcceptInviteUsernameEmailFallback": (
        "it wants the invitation in the inbox: it stands in the calendar at once (decision 0430)"
    ),
}
_ANEW = "it compares texts, and an event is written anew: with its page's address, without what it leaves out"
VDIRSYNCER_SKIPS: Mapping[str, str] = {
    "TestCalDAVStorage::test_empty_metadata": "it skips this for every server",
}
VDIRSYNCER_OTHERWISE: Mapping[str, str] = {
    "TestCalDAVStorage::test_upload[VEVENT]": _ANEW,
    "TestCalDAVStorage::test_update[VEVENT]": _ANEW,
    "TestCalDAVStorage::test_recurring_events[VEVENT]": _ANEW,
    "TestCalDAVStorage::test_dav_unicode_href[VEVENT]": _ANEW,
    "TestCalDAVStorage::test_specialchars[VEVENT]": "a calendar's address is of letters, digits and `.@+=-`",
    "TestCalDAVStorage::test_newline_in_uid[VEVENT]": "an end of line is in no object's address",
    "TestCalDAVStorage::test_metadata": "a calendar has one of seven colours: the one that is nearest",
    "TestCalDAVStorage::test_item_types_general": _NO_TASKS,
}
