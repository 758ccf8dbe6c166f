"""What somebody looks for: part of the address."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone

from box.core.search.indexing import kinds
from box.core.search.queries import MOST_RANKED, Wanted
from box.lib.forms import set_choices

PEOPLE = "people"
PERIODS = {"week": timedelta(days=7), "month": timedelta(days=31), "year": timedelta(days=366)}
PAGE = 20


class SearchForm(forms.Form):
    q = forms.CharField(required=False, max_length=200)
    kind = forms.ChoiceField(required=False)
    period = forms.ChoiceField(required=False, choices=[("", ""), *((key, key) for key in PERIODS)])
    page = forms.IntegerField(required=False, min_value=1, max_value=MOST_RANKED // PAGE)

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        known = [("", ""), (PEOPLE, PEOPLE), *((kind, kind) for kind, _ in kinds())]
        set_choices(self, "kind", known)
        # What is no choice is as if it had not been chosen.
        self.is_valid()

    def chosen(self, name: str) -> Any:
        return self.cleaned_data.get(name) or ""

    @property
    def page_number(self) -> int:
        return self.cleaned_data.get("page") or 1

    def wanted(self) -> Wanted:
        period = PERIODS.get(self.chosen("period"))
        return Wanted(
            text=self.chosen("q"),
            kind=self.chosen("kind"),
            since=timezone.now() - period if period else None,
        )
