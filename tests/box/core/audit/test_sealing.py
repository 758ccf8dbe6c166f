"""The chain: whatever is changed in the database behind the portal's back is named."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from box.core.audit.actions import write
from box.core.audit.jobs import forget
from box.core.audit.models import Anchor, AuditRecord
from box.core.audit.sealing import Head, current_head, damages, seal_batch
from box.core.registry.auditing import About, Entry

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.django_db

CHANGES = (
    "actor = 'nobody'",
    "at = at + interval '1 microsecond'",
    "kind = 'audit.exported'",
    "address = '192.0.2.9'",
    "about_name = 'another'",
    "details = '{\"a\": 2}'",
    "seal = repeat('0', 64)",
)


def written(count: int) -> list[AuditRecord]:
    about = About("accounts.user", 7, "Anna «Ёлка»")
    details = {"a": 1, "б": [None]}
    for number in range(count):
        write(Entry("accounts.signed_in", None, f"person {number}", "192.0.2.1", about, details))
    while seal_batch():
        pass
    return list(AuditRecord.objects.order_by("position"))


def sql(statement: str, parameters: Sequence[Any] = ()) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def verified(*arguments: str) -> str:
    out = io.StringIO()
    call_command("audit", "verify", *arguments, stdout=out)
    return out.getvalue()


def test_a_whole_chain_is_called_whole() -> None:
    written(3)
    write(Entry("accounts.signed_in", None, "late"))
    assert f"whole up to {current_head()}; 1 records wait" in verified()


@pytest.mark.parametrize("change", CHANGES)
def test_one_row_changed_in_sql_is_named_and_no_other(change: str) -> None:
    rows = written(5)
    sql(f"UPDATE audit_auditrecord SET {change} WHERE id = %s", [rows[2].pk])
    out = io.StringIO()
    with pytest.raises(CommandError, match="damaged"):
        call_command("audit", "verify", stdout=out)
    assert f"Record {rows[2].pk} (number 3 of the chain) was changed." in out.getvalue()
    # A forged seal also breaks the one that was built on it.
    assert len(out.getvalue().splitlines()) == (2 if "seal" in change else 1)


def test_a_row_that_was_removed_is_named_by_its_number() -> None:
    rows = written(5)
    sql("DELETE FROM audit_auditrecord WHERE id = ANY(%s)", [[rows[1].pk, rows[2].pk]])
    assert [str(one) for one in damages()] == [
        "The records with the numbers 2 to 3 of the chain were removed."
    ]


def test_an_end_that_was_cut_off_shows_against_a_head_that_was_noted() -> None:
    rows = written(4)
    head = current_head()
    assert not list(damages(known=head))
    sql("DELETE FROM audit_auditrecord WHERE id = %s", [rows[3].pk])
    assert not list(damages())
    assert [one.position for one in damages(known=head)] == [4]


def test_a_chain_that_was_made_anew_shows_against_a_head_that_was_noted() -> None:
    written(2)
    known = Head(2, "0" * 64)
    (damage,) = damages(known=known)
    assert "not the one that was noted" in str(damage)


def test_a_malformed_head_is_refused() -> None:
    with pytest.raises(CommandError, match="copy it whole"):
        verified("--head", "nonsense")


def test_what_is_older_than_the_retention_goes_and_the_rest_stays_whole() -> None:
    rows = written(6)
    old = timezone.now() - timedelta(days=400)
    AuditRecord.objects.all().delete()
    for number, row in enumerate(rows):
        write(Entry(row.kind, None, row.actor), at=old if number < 4 else None)
    Anchor.objects.all().delete()
    while seal_batch():
        pass
    assert forget(timezone.now() - timedelta(days=365)) == 4
    assert AuditRecord.objects.count() == 2
    assert not list(damages())
    assert forget(timezone.now() - timedelta(days=365)) == 0
    write(Entry("accounts.signed_in", None, "later"))
    seal_batch()
    assert current_head().position == 7
    assert not list(damages())


def test_only_one_process_seals_at_a_time(transactional_db: None) -> None:
    import threading

    for number in range(50):
        write(Entry("accounts.signed_in", None, f"person {number}"))

    def seal() -> None:
        seal_batch()
        connection.close()

    threads = [threading.Thread(target=seal) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seal_batch()
    positions = AuditRecord.objects.order_by("position").values_list("position", flat=True)
    assert list(positions) == list(range(1, 51))
    assert not list(damages())


@given(
    names=st.lists(st.text(max_size=20), min_size=1, max_size=12),
    damaged=st.data(),
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_single_change_is_found_where_it_is(names: list[str], damaged: st.DataObject) -> None:
    AuditRecord.objects.all().delete()
    for name in names:
        write(Entry("accounts.signed_in", None, name, details={"name": name.replace("\x00", "")}))
    while seal_batch():
        pass
    assert not list(damages())
    positions = list(AuditRecord.objects.order_by("position").values_list("position", flat=True))
    position = damaged.draw(st.sampled_from(positions))
    if position != positions[-1] and damaged.draw(st.booleans()):
        AuditRecord.objects.filter(position=position).delete()
    else:
        AuditRecord.objects.filter(position=position).update(actor="somebody else entirely")
    assert [one.position for one in damages()] == [position]
