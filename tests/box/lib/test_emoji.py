from __future__ import annotations

import json

import pytest
from django.conf import settings

from box.core.discussion.models import LONGEST_EMOJI
from box.lib.emoji import is_emoji


@pytest.mark.parametrize("language", ["en", "ru"])
def test_every_emoji_of_the_picker_is_one(language: str) -> None:
    file = settings.BASE_DIR / f"box/frontend/dist/vendor/emoji-{language}.json"
    found = [one[0] for _title, all_of_it in json.loads(file.read_text()) for one in all_of_it]
    assert len(found) > 1500
    assert [one for one in found if not is_emoji(one) or len(one) > LONGEST_EMOJI] == []


@pytest.mark.parametrize(
    "text",
    ["", "a", "ok", "🎉🎉", "🎉 ", " 🎉", "<b>", "7", "🎉<script>", "\u200d", "\U0001f3fb\u200d", "🎉\x00"],
)
def test_nothing_else_is(text: str) -> None:
    assert not is_emoji(text)
