"""Plans of revenue: who administers the CRM sets them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from box.apps.crm.access import can_administer
from box.apps.crm.actions.checks import check_fields
from box.apps.crm.events import DictionaryChanged
from box.apps.crm.models import Plan
from box.core.events.outbox import emit

if TYPE_CHECKING:
    from box.core.accounts.models import User

MONTHS = 12
EARLIEST, LATEST = 2000, 2100


@transaction.atomic
def set_plan(person: User, year: int, amounts: Mapping[int, Decimal], *, by: User) -> bool:
    """By month, from 1 on, what the person is to bring in; of months without an amount nothing is expected.
    Whether that changed something. Raises ValidationError and PermissionDenied."""
    if not can_administer(by):
        raise PermissionDenied(_("Ask an administrator for the right to set up the CRM."))
    if not EARLIEST <= year <= LATEST or not amounts.keys() <= set(range(1, MONTHS + 1)):
        raise ValidationError(_("There is no such month."), code="month")
    if person.is_extranet:
        raise ValidationError(_("Choose a colleague who works here."), code="person")
    wanted = {date(year, month, 1): amount for month, amount in amounts.items() if amount}
    rows = Plan.objects.select_for_update().filter(user=person, month__year=year)
    there = dict(rows.values_list("month", "amount"))
    if there == wanted:
        return False
    made = [Plan(user=person, month=month, amount=amount) for month, amount in wanted.items()]
    for one in made:
        check_fields(one, ["amount"])
    rows.exclude(month__in=wanted).delete()
    Plan.objects.bulk_create(
        made, update_conflicts=True, unique_fields=["user", "month"], update_fields=["amount"]
    )
    emit(DictionaryChanged(dictionary="plan", change="changed", name=f"{person.name}, {year}", by_id=by.pk))
    return True
