"""Numbers of papers: each kind counts by itself, in whatever time."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError

from box.apps.crm.actions.papers import add_paper, save_template
from box.apps.crm.actions.series import set_series
from box.apps.crm.models import NumberSeries, PaperTemplate, RecordType
from tests.box.apps.crm.conftest import added, type_of

if TYPE_CHECKING:
    from box.apps.crm.models import Record
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db


def test_each_kind_of_paper_counts_by_itself_in_every_time(anna: User, olga: User) -> None:
    for pk in (RecordType.Id.QUOTE, RecordType.Id.INVOICE):
        series = NumberSeries.objects.get(type=pk)
        set_series(series, pattern="{year}-{number}", restart="yearly", last=0, by=olga)
    day = date(2024, 5, 1)
    numbers = [added(slug, anna, begins_on=day).paper.number for slug in ("quote", "quote", "invoice")]
    assert numbers == ["2024-1", "2024-2", "2024-1"]


@pytest.mark.parametrize(("pattern", "restart"), [("A-{year}", "never"), ("{number}", "yearly")])
def test_a_pattern_that_would_give_a_number_twice_is_not_set(pattern: str, restart: str, olga: User) -> None:
    series = NumberSeries.objects.get(type=RecordType.Id.INVOICE)
    before = (series.pattern, series.restart, series.last)
    with pytest.raises(ValidationError) as refused:
        set_series(series, pattern=pattern, restart=restart, last=7, by=olga)
    assert list(refused.value.message_dict) == ["pattern"]
    series.refresh_from_db()
    assert (series.pattern, series.restart, series.last) == before


def test_the_older_of_two_templates_is_the_usual_one_whichever_was_written_last(
    anna: User, olga: User, deal: Record
) -> None:
    kind = type_of("invoice")
    PaperTemplate.objects.filter(type=kind).delete()
    older, _newer = (save_template(None, {"name": name, "type": kind}, by=olga) for name in ("One", "Two"))
    save_template(older, {"days": 9}, by=olga)
    assert add_paper(deal, kind, by=anna).paper.template == older
