"""What people send of a table that they import."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from box.core.imports.models import ImportRun
from box.lib.tables import DELIMITERS, ENCODINGS, Reading


class TableForm(forms.Form):
    table = forms.FileField(
        label=_("Table"), widget=forms.FileInput(attrs={"accept": ".csv,.xlsx,.txt,.tsv,.vcf,.ics"})
    )


class ReadingForm(forms.Form):
    """How the file is read, of one that does not say it itself, and where its headings are."""

    encoding = forms.ChoiceField(label=_("Encoding"), choices=list(ENCODINGS.items()), required=False)
    delimiter = forms.ChoiceField(
        label=_("Columns are parted by"), choices=list(DELIMITERS.items()), required=False
    )
    head = forms.IntegerField(label=_("Row of the headings"), min_value=1, max_value=10_000)

    def __init__(self, run: ImportRun, data: Any = None) -> None:
        super().__init__(data, initial={**run.reading, "head": run.head})
        for name in ("encoding", "delimiter"):
            if not run.reading.get(name):
                del self.fields[name]

    @property
    def reading(self) -> Reading:
        """Of a form that is valid."""
        return Reading(self.cleaned_data.get("encoding", ""), self.cleaned_data.get("delimiter", ""))
