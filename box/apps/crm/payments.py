"""Money that came and went, as a list: what every figure of the reports opens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.crm.catalog import catalog
from box.apps.crm.field_rights import fields_for
from box.apps.crm.models import Payment, Record
from box.apps.crm.permissions import Operation, reaches_into
from box.apps.crm.presenters import base_currency, money
from box.apps.crm.reports import By
from box.core.lists.definition import Column, Empty, List, Search, Shortcut, Sort, Way
from box.core.lists.filters import Choice, Dates, Numbers, people
from box.core.registry.environment import url
from box.core.registry.filtering import Amount, Day, Keyword, Related

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

    from box.apps.crm.models import RecordType
    from box.apps.crm.models.papers import PaymentQuerySet
    from box.core.accounts.models import User


def priced_types(user: User) -> list[RecordType]:
    """Those with money that this person may know of."""
    return [
        one
        for one in catalog().types.values()
        if one.has_amount
        and reaches_into(user, Operation.READ, one)
        and fields_for(user, one.pk).sees("amount")
    ]


def has_reports(user: User) -> bool:
    return bool(priced_types(user))


def visible_payments(user: User, operation: Operation = Operation.READ) -> PaymentQuerySet:
    """Of the records that this person sees, or may take along, where the amount is not hidden from them."""
    types = [one.pk for one in priced_types(user)]
    records = Record.objects
    own = records.visible_to(user) if operation == Operation.READ else records.permitted(user, operation)
    seen = own.there().filter(type__in=types)
    return Payment.objects.filter(record__in=seen.order_by().values("pk"))


def payment_list(user: User, operation: Operation = Operation.READ) -> List[Payment, Payment]:
    """With `Operation.EXPORT` those that go into a file: fewer, perhaps, than one sees."""
    types = priced_types(user)
    sources = catalog().standing_sources
    return List(
        key="crm.payments",
        title=gettext_lazy("Payments"),
        rows=visible_payments(user, operation).select_related("record__responsible"),
        columns=(
            Column("on", gettext_lazy("Day"), lambda one: one.on, sort=Sort(("on",))),
            Column("direction", gettext_lazy("Direction"), lambda one: one.get_direction_display()),
            Column("amount", gettext_lazy("Amount"), lambda one: one.base_amount, cell=_amount),
            Column("record", gettext_lazy("What for"), lambda one: one.record.title),
            Column("type", gettext_lazy("Kind"), lambda one: str(one.record.type), is_shown=False),
            Column("responsible", gettext_lazy("Responsible"), lambda one: one.record.responsible.face),
            Column("source", gettext_lazy("Source"), lambda one: str(one.record.source or "")),
            Column("note", gettext_lazy("Note"), lambda one: one.note),
        ),
        filters=(
            Dates("on", gettext_lazy("Day"), Day("on"), is_always_set=True),
            Choice(
                "direction",
                gettext_lazy("Direction"),
                Keyword("direction", tuple(Payment.Direction.values)),
                choices=Payment.Direction.choices,
                is_always_set=True,
            ),
            people(
                "responsible", gettext_lazy("Responsible"), Related("record__responsible"), is_always_set=True
            ),
            Choice(
                "source",
                gettext_lazy("Source"),
                Related("record__source"),
                choices=[(str(one.pk), str(one)) for one in sources],
            ),
            Choice(
                "type",
                gettext_lazy("Kind"),
                Related("record__type"),
                choices=[(str(one.pk), str(one.label)) for one in types],
                is_always_set=True,
            ),
            Numbers("amount", gettext_lazy("Amount"), Amount("base_amount"), is_always_set=True),
        ),
        shortcuts=(
            Shortcut(gettext_lazy("This month"), "on=this-month"),
            Shortcut(gettext_lazy("This year"), "on=this-year"),
            Shortcut(gettext_lazy("Mine"), "responsible=me"),
        ),
        ways=(
            Way(gettext_lazy("Report"), icon="chart-bar", url=url("crm:report", By.MONTH)),
            Way(gettext_lazy("List"), icon="list", url=url("crm:payments-list")),
        ),
        order="-on",
        search=Search(
            gettext_lazy("What it was for"),
            narrow=lambda rows, text: rows.filter(record__title__icontains=text),
        ),
        present=_dressed,
        href=lambda one: one.record.get_absolute_url(),
        can_export=any(reaches_into(user, Operation.EXPORT, one) for one in types),
        empty=Empty(_("No payments yet"), _("What is noted on the cards of deals and invoices stands here.")),
    )


def _dressed(payments: Sequence[Payment]) -> list[Payment]:
    catalog().dress([one.record for one in payments])
    return list(payments)


def _amount(payment: Payment) -> SafeString:
    said = money(payment.base_amount, base_currency())
    sign = "−" if payment.direction == Payment.Direction.OUT else ""
    return format_html('<span class="number">{}{}</span>', sign, said)
