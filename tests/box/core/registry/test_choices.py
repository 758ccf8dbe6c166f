"""Where nothing is chosen yet."""

from __future__ import annotations

import pytest
from django.forms import ModelChoiceField
from django.utils import translation

from box.core.accounts.models import User


@pytest.mark.parametrize(("language", "said"), [("en", "choose"), ("ru", "выберите")])
def test_a_list_asks_to_choose_in_its_readers_language(language: str, said: str) -> None:
    field = ModelChoiceField(User.objects.none())
    with translation.override(language):
        assert str(field.empty_label) == said
