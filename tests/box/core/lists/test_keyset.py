"""Pages by key: each row once, in order, whatever the page's size, with equals and with what is missing."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import BadRequest
from django.db import connection
from django.db.models import F
from django.db.models.functions import Lower
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from box.core.audit.models import AuditRecord
from box.core.lists.keyset import Keyset
from box.lib.bulk import analyze, copy_rows

pytestmark = pytest.mark.django_db

AT = datetime(2026, 1, 1, tzinfo=UTC)


def written(rows: list[tuple[str, int | None]]) -> list[AuditRecord]:
    AuditRecord.objects.all().delete()
    return AuditRecord.objects.bulk_create(
        [AuditRecord(kind="test.one", actor=actor, by_id=by_id, at=AT) for actor, by_id in rows]
    )


def walked(keyset: Keyset, size: int) -> list[Any]:
    found: list[AuditRecord] = []
    after = ""
    while True:
        page = keyset.page(AuditRecord.objects.all(), after=after, size=size)
        assert len(page.rows) <= size
        found += page.rows
        if not (after := page.next):
            return found
        assert len(page.rows) == size


@given(
    rows=st.lists(st.tuples(st.sampled_from(["ab", "aB", "Я", "", "ё"]), st.none() | st.integers(1, 4))),
    size=st.integers(1, 5),
    is_descending=st.booleans(),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pages_put_together_are_the_whole_in_order(
    rows: list[tuple[str, int | None]], size: int, *, is_descending: bool
) -> None:
    made = written(rows)
    by_person = Keyset(("by_id",), is_descending=is_descending, is_nullable=True)
    signed = -1 if is_descending else 1

    def missing_last(one: AuditRecord) -> Any:
        return (one.by_id is None, signed * (one.by_id or 0), signed * one.pk)

    assert walked(by_person, size) == sorted(made, key=missing_last)
    # The same walk in one go is what a bulk action takes from the beginning of.
    assert list(by_person.ordered(AuditRecord.objects.all())) == sorted(made, key=missing_last)
    by_id = Keyset(is_descending=is_descending)
    assert walked(by_id, size) == sorted(made, key=lambda one: signed * one.pk)
    two = Keyset((Lower("actor"), F("at")), is_descending=is_descending)
    direction = "-" if is_descending else ""
    ordered = AuditRecord.objects.annotate(low=Lower("actor")).order_by(f"{direction}low", f"{direction}id")
    assert walked(two, size) == list(ordered)


def test_rows_that_come_and_go_meanwhile_neither_repeat_nor_hide_others() -> None:
    rows = written([(name, None) for name in "bdfh"])
    keyset = Keyset(("actor",))
    first = keyset.page(AuditRecord.objects.all(), size=2)
    assert first.rows == rows[:2]
    # The row at which the page ended goes, and others come on both sides of it.
    AuditRecord.objects.filter(pk=rows[1].pk).delete()
    for name in "ae":
        AuditRecord.objects.create(kind="test.one", actor=name)
    rest = keyset.page(AuditRecord.objects.all(), after=first.next, size=9)
    assert [one.actor for one in rest.rows] == ["e", "f", "h"]


def cursor(*values: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "broken",
    [
        "x",
        "a" * 3000,
        cursor(),
        cursor("a"),
        cursor("a", 1, 2),
        cursor("a", "1"),
        cursor("a", 0),
        cursor("a", 2**63),
        cursor("a", True),
        cursor(7, 1),
        cursor(None, 1),
        cursor("a\x00", 1),
        cursor({"a": 1}, 1),
        "[" * 1500,
    ],
)
def test_a_broken_cursor_is_refused_and_never_another_page(broken: str) -> None:
    with pytest.raises(BadRequest):
        Keyset(("actor",)).page(AuditRecord.objects.all(), after=broken, size=5)


@pytest.mark.parametrize("broken", [cursor("soon", 1), cursor("2026-13-01", 1), cursor("", 1)])
def test_a_value_that_is_none_of_its_column_is_refused(broken: str) -> None:
    with pytest.raises(BadRequest):
        Keyset(("at",)).page(AuditRecord.objects.all(), after=broken, size=5)


def test_a_page_costs_one_query_and_two_at_the_border_of_what_is_missing() -> None:
    written([("a", 1), ("b", 2), ("c", None), ("d", None)])
    keyset = Keyset(("by_id",), is_nullable=True)
    costs = []
    after = ""
    for _page in range(4):
        with CaptureQueriesContext(connection) as queries:
            page = keyset.page(AuditRecord.objects.all(), after=after, size=1)
        costs.append(len(queries))
        after = page.next
    assert costs == [1, 2, 2, 1]


def test_an_index_finds_each_page_among_50_000_rows() -> None:
    fields = ("at", "kind", "by_id", "position", "actor", "about_name", "about_kind", "details", "seal")
    copy_rows(
        AuditRecord,
        fields,
        (
            (AT + timedelta(seconds=n // 3), "test.one", None, n if n % 2 else None, "", "", "", "{}", "")
            for n in range(50_000)
        ),
    )
    analyze(AuditRecord)
    for keyset, index in (
        (Keyset(("at",)), "audit_by_time"),
        (Keyset(("at",), is_descending=True), "audit_by_time"),
        (Keyset(("position",), is_nullable=True), "position"),
    ):
        first = keyset.page(AuditRecord.objects.all(), size=50)
        with CaptureQueriesContext(connection) as queries:
            keyset.page(AuditRecord.objects.all(), after=first.next, size=50)
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN " + queries[0]["sql"])
            plan = "\n".join(row[0] for row in cursor.fetchall())
        assert index in plan, plan
        assert "Index Cond" in plan, plan
        assert "Seq Scan" not in plan, plan
