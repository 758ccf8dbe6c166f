from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from appliance.agent.protocol import Operation
from box.console.audit.lists import audit_list
from box.console.audit.operations import OPERATIONS
from box.core.access.actions import create_role, grant_role
from box.core.audit.actions import write
from box.core.audit.models import AuditRecord
from box.core.audit.presenters import Shown
from box.core.audit.settings import KEEP_DAYS
from box.core.lists.filters import Context
from box.core.lists.query import Query
from box.core.registry.auditing import About, Entry

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from django.test import Client

    from box.core.accounts.models import User

    type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)


def entry(who: str, *, kind: str = "accounts.signed_in", by: User | None = None, days: int = 0) -> None:
    about = About("files.file", 1, "plan.pdf") if kind == "files.fetched" else None
    write(Entry(kind, by.pk if by else None, who, about=about), at=NOON + timedelta(days=days))


def text_of(answer: Any) -> str:
    content: bytes = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return content.decode()


def test_the_log_is_narrowed_by_who_what_and_when(as_person: Browser, olga: User, anna: User) -> None:
    entry("anna", by=anna)
    entry("boris", kind="files.fetched", days=1)
    entry("cara", days=2)
    browser = as_person(olga)

    def found(**filters: str) -> set[str]:
        page = browser.get("/console/audit/", filters).content.decode().partition('id="list"')[2]
        return {name for name in ("anna", "boris", "cara") if f">{name}<" in page}

    assert found() == {"anna", "boris", "cara"}
    assert found(q="PLAN") == {"boris"}
    assert found(q="ann") == {"anna"}
    assert found(kind="files.fetched") == {"boris"}
    assert found(by=f"U{anna.pk}") == {"anna"}
    assert found(**{"at.from": "2026-03-06"}) == {"boris", "cara"}
    assert found(**{"at.from": "2026-03-06", "at.to": "2026-03-06"}) == {"boris"}
    assert found(kind="no.such") == set()


def test_pages_go_on_by_key_at_the_same_cost(as_person: Browser, olga: User) -> None:
    browser = as_person(olga)
    entry("first", days=-1)
    browser.get("/console/audit/")
    with CaptureQueriesContext(connection) as for_one:
        browser.get("/console/audit/")
    for number in range(60):
        entry(f"number-{number}")
    with CaptureQueriesContext(connection) as for_many:
        page = browser.get("/console/audit/").content.decode()
    assert len(for_many) == len(for_one) <= 6
    assert ">number-59<" in page
    assert ">first<" not in page
    after = page.partition("after=")[2].partition('"')[0]
    further = browser.get("/console/audit/", {"after": after}).content.decode()
    assert ">number-9<" in further
    assert ">first<" in further
    assert ">number-10<" not in further


@pytest.mark.parametrize(
    ("filters", "index"),
    [("", "audit_by_time"), ("by=U{}", "audit_by_person"), ("kind=files.fetched", "audit_by_kind")],
)
def test_each_filter_walks_an_index(filters: str, index: str, anna: User) -> None:
    # Of an empty table any index will do.
    AuditRecord.objects.bulk_create(
        AuditRecord(
            at=NOON + timedelta(minutes=number), kind=f"kind.{number % 50}", by_id=anna.pk + 1 + number % 90
        )
        for number in range(3000)
    )
    listed = audit_list(anna)
    query = Query.read(
        QueryDict(filters.format(anna.pk)), listed.filters, Context(anna, NOON.date()), sorts=listed.sorts
    )
    found = listed.keyset(listed.order).ordered(query.apply(listed.rows))[:51]
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE audit_auditrecord")
    plan = found.explain()
    assert index in plan
    assert "Sort" not in plan


def test_it_is_taken_along_as_a_table_and_that_is_written(as_person: Browser, olga: User) -> None:
    entry("=HYPERLINK(1)")
    entry("boris", kind="files.fetched")
    answer = as_person(olga).get("/console/audit/", {"kind": "files.fetched", "as": "csv"})
    text = text_of(answer)
    assert "boris" in text
    assert "fetched the file plan.pdf" in text
    assert "HYPERLINK" not in text
    taken = AuditRecord.objects.get(kind="lists.exported")
    assert (taken.by_id, taken.details["filter"], taken.details["rows"]) == (olga.pk, "kind=files.fetched", 1)


def test_who_has_the_right_reads_the_log_and_nothing_else_of_the_console(
    as_person: Browser, olga: User, anna: User
) -> None:
    browser = as_person(anna)
    assert browser.get("/console/audit/").status_code == 404
    grant_role(create_role("Auditors", ["audit.read"], by=olga), f"U{anna.pk}", by=olga)
    assert browser.get("/console/audit/").status_code == 200
    assert 'href="/console/audit/"' in browser.get("/feed/").content.decode()
    assert browser.get("/console/").status_code == 404


def test_what_the_machine_was_asked_for_is_said_in_words() -> None:
    changing = {one.__name__ for one in Operation.__subclasses__() if one.changes}
    assert changing - OPERATIONS.keys() == set()
    for name in changing:
        told = AuditRecord(kind="audit.agent", details={"operation": name, "arguments": ""})
        assert name not in Shown(told).sentence
    details = {"operation": "ConfirmRecoveryKey", "arguments": ""}
    with translation.override("ru"):
        said = Shown(AuditRecord(kind="audit.agent", details=details)).sentence
    assert "ключ" in said
    assert "ConfirmRecoveryKey" not in said
    asked = {"operation": "RestartService", "arguments": '{"service": "web", "instances": [1, 2]}'}
    assert "web, [1, 2]" in Shown(AuditRecord(kind="audit.agent", details=asked)).sentence
    # Of an earlier version.
    gone = AuditRecord(kind="audit.agent", details={"operation": "MendAll", "arguments": "7"})
    assert "MendAll 7" in Shown(gone).sentence


def test_a_changed_setting_is_called_as_on_its_page() -> None:
    details = {
        "changes": [
            ["audit.keep_days", 30, 60], ["gone.long_ago", None, True], ["setup.passed", [], ["company"]],
        ]
    }  # fmt: skip
    said = Shown(AuditRecord(kind="portal.settings", details=details)).sentence
    assert f"{KEEP_DAYS.label}: 30 → 60" in said
    assert "audit.keep_days" not in said
    assert "gone.long_ago: … → yes" in said
    assert "Steps of the setup: … → Company" in said
