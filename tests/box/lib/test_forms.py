from __future__ import annotations

import pytest
from django import forms

from box.core.accounts.models import User
from box.lib.forms import set_choices, set_queryset


class Trip(forms.Form):
    town = forms.ChoiceField()
    towns = forms.MultipleChoiceField()
    guide = forms.ModelChoiceField(User.objects.none())
    title = forms.CharField()


@pytest.mark.parametrize("name", ["town", "towns"])
def test_a_field_offers_what_it_is_given(name: str) -> None:
    form = Trip()
    set_choices(form, name, {"minsk": "Minsk"}.items())
    assert "Minsk</option>" in str(form[name])


@pytest.mark.parametrize("name", ["title", "guide"])
def test_a_field_without_choices_takes_none(name: str) -> None:
    with pytest.raises(TypeError, match=f"{name} is a "):
        set_choices(Trip(), name, [("minsk", "Minsk")])


def test_only_a_field_of_rows_takes_rows() -> None:
    form = Trip()
    set_queryset(form, "guide", User.objects.filter(pk=7))
    guide = form.fields["guide"]
    assert isinstance(guide, forms.ModelChoiceField) and guide.queryset is not None
    assert "= 7" in str(guide.queryset.query)
    with pytest.raises(TypeError, match="town is a ChoiceField"):
        set_queryset(form, "town", User.objects.none())
