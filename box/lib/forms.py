"""What a form's field offers, where that is known only when the form is made."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django.forms import BaseForm, ChoiceField, ModelChoiceField


def set_choices(form: BaseForm, name: str, choices: Iterable[tuple[Any, Any]]) -> None:
    """A field that offers rows of the database takes `set_queryset`: its choices would lose their check."""
    field = form.fields[name]
    if not isinstance(field, ChoiceField) or isinstance(field, ModelChoiceField):
        raise TypeError(f"{name} is a {type(field).__name__}, not a field of choices.")
    field.choices = list(choices)


def set_queryset(form: BaseForm, name: str, rows: QuerySet[Any]) -> None:
    field = form.fields[name]
    if not isinstance(field, ModelChoiceField):
        raise TypeError(f"{name} is a {type(field).__name__}, not a field of rows.")
    field.queryset = rows
