"""What a CRM begins with: its types, a pipeline each, sources, units, rates of VAT and currencies."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import migrations

if TYPE_CHECKING:
    from django.db.migrations.state import StateApps


def _type(
    pk: int, slug: str, *, icon: str, order: int, **has: bool
) -> tuple[int, str, str, int, dict[str, bool]]:
    """`has` is what its records have."""
    return pk, slug, icon, order, has


TYPES = [
    _type(1, "lead", icon="target-arrow", order=10, is_person=False, has_contact_points=True),
    _type(2, "deal", icon="heart-handshake", order=20),
    _type(
        3,
        "contact",
        icon="address-book",
        order=30,
        is_person=True,
        has_contact_points=True,
        has_stages=False,
        has_amount=False,
    ),
    _type(
        4, "company", icon="building", order=40, has_contact_points=True, has_stages=False, has_amount=False
    ),
    _type(7, "quote", icon="file-text", order=50),
    _type(31, "invoice", icon="file-invoice", order=60),
]
STAGES = {
    1: [("NEW", "open"), ("IN_PROCESS", "open"), ("PROCESSED", "open"), ("CONVERTED", "won"), ("JUNK", "lost")],
    2: [
        ("NEW", "open"), ("PREPARATION", "open"), ("NEGOTIATION", "open"), ("EXECUTING", "open"),
        ("FINAL_INVOICE", "open"), ("WON", "won"), ("LOSE", "lost"),
    ],
    7: [("DRAFT", "open"), ("SENT", "open"), ("APPROVED", "won"), ("DECLINED", "lost")],
    31: [("NEW", "open"), ("SENT", "open"), ("PAID", "won"), ("UNPAID", "lost")],
}  # fmt: skip
COLORS = {
    "open": ("#4299e1", "#17a2b8", "#7950f2", "#f59f00", "#f76707"),
    "won": ("#2fb344",),
    "lost": ("#d63939",),
}
SOURCES = (
    "CALL", "EMAIL", "WEB", "WEBFORM", "ADVERTISING", "PARTNER", "RECOMMENDATION", "TRADE_SHOW", "OTHER",
)  # fmt: skip
# Codes of OKEI: https://classifikators.ru/okei
UNITS = ("796", "166", "006", "112", "356")
# In Russia since 2026: https://www.nalog.gov.ru/rn77/taxation/taxes/nds/
VAT = (None, Decimal(0), Decimal(10), Decimal(22))


def ranks(count: int) -> list[str]:
    """Evenly apart, for at most 35 rows."""
    return [
        "0123456789abcdefghijklmnopqrstuvwxyz"[place * 36 // (count + 1)] for place in range(1, count + 1)
    ]


def fill(apps: StateApps, schema_editor: object) -> None:
    def model(name: str) -> Any:
        return apps.get_model("crm", name)

    for pk, slug, icon, order, has in TYPES:
        made = model("RecordType").objects.create(pk=pk, slug=slug, icon=icon, order=order, **has)
        if pk not in STAGES:
            continue
        pipeline = model("Pipeline").objects.create(type=made, rank="i")
        stages = STAGES[pk]
        for place, ((code, kind), rank) in enumerate(zip(stages, ranks(len(stages)), strict=True)):
            color = COLORS[kind][place % len(COLORS[kind])]
            model("Stage").objects.create(pipeline=pipeline, code=code, kind=kind, color=color, rank=rank)
    for code, rank in zip(SOURCES, ranks(len(SOURCES)), strict=True):
        model("Source").objects.create(code=code, rank=rank)
    for code in UNITS:
        model("Unit").objects.create(code=code)
    for percent in VAT:
        model("VatRate").objects.create(percent=percent)
    # Others, and what they are worth, are a company's to say.
    model("Currency").objects.create(code="RUB", rate=Decimal(1), is_base=True)


class Migration(migrations.Migration):
    dependencies = [("crm", "0002_totals")]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
        # A company's own types, as those of Bitrix24, are told from what is built in by their ids.
        migrations.RunSQL("ALTER SEQUENCE crm_recordtype_id_seq RESTART WITH 1030", migrations.RunSQL.noop),
    ]
