"""Numbers of papers: in a row, without gaps, whoever writes papers at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from box.apps.crm import access
from box.apps.crm.events import DictionaryChanged
from box.apps.crm.models import NumberSeries, Paper, PaperTemplate, Seller
from box.apps.crm.numbering import check_pattern, last_number, next_number, period_of
from box.core.events.outbox import emit
from box.core.registry.company import LANGUAGE, company_day

if TYPE_CHECKING:
    from box.apps.crm.models import Record
    from box.core.accounts.models import User

HIGHEST = 99_999_999


def begin_paper(record: Record, deal: Record | None) -> Paper:
    """Within the transaction that makes the record: where that is given up, the next gets the number."""
    series = NumberSeries.objects.select_for_update().get(type=record.type_id)
    on = record.begins_on or company_day()
    period = period_of(series.restart, on)
    last = series.last
    if period != series.period:
        papers = Paper.objects.filter(type=record.type_id).values_list("number", flat=True)
        last = last_number(papers.iterator(), series.pattern, on=on, most=HIGHEST)
    given = next_number(series.pattern, series.restart, period, last, on=on)
    if Paper.objects.filter(type=record.type_id, number=given.text).exists():
        said = _("There is a paper of the number %(number)s: set the series to a higher one.")
        raise ValidationError(said % {"number": given.text}, code="number")
    # A paper of an earlier time leaves the series where it is: the next one would begin at 1 again.
    if given.period >= series.period:
        series.period, series.last = given.period, given.last
        series.save(update_fields=["period", "last"])
    seller = Seller.objects.filter(retired_at=None).order_by("pk").first()
    return Paper.objects.create(
        record=record, type_id=record.type_id, deal=deal, number=given.text, seller=seller,
        template=usual_template(record.type_id),
    )  # fmt: skip


def usual_template(type_id: int) -> PaperTemplate | None:
    """In the language of the portal, if there is one."""
    standing = list(PaperTemplate.objects.filter(type=type_id, retired_at=None).order_by("pk"))
    return next((one for one in standing if one.language == LANGUAGE.value), next(iter(standing), None))


@transaction.atomic
def set_series(series: NumberSeries, *, pattern: str, restart: str, last: int, by: User) -> None:
    """How papers are numbered from now on. Raises ValidationError by field, and PermissionDenied."""
    if not access.can_administer(by):
        raise PermissionDenied
    held = NumberSeries.objects.select_for_update().get(pk=series.pk)
    pattern = pattern.strip()
    try:
        check_pattern(pattern, restart)
    except ValidationError as error:
        raise ValidationError({"pattern": error.messages}) from None
    if not 0 <= last <= HIGHEST:
        raise ValidationError({"last": _("Between 0 and %(most)s.") % {"most": HIGHEST}})
    held.pattern, held.restart, held.last = pattern, restart, last
    held.period = period_of(restart, company_day())
    held.save(update_fields=["pattern", "restart", "period", "last"])
    emit(DictionaryChanged(dictionary="paper", change="changed", name=pattern, by_id=by.pk))
