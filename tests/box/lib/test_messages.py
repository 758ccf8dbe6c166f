from __future__ import annotations

from pathlib import Path

import pytest

from box.lib import messages


def test_every_text_is_translated() -> None:
    assert messages.problems("ru") == []


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ('msgid "Feed"\nmsgstr ""', "is not translated."),
        ('#, fuzzy\nmsgid "Feed"\nmsgstr "Лента"', "is marked as doubtful: check it and remove the mark."),
        (
            'msgid "%(name)s: post"\nmsgstr "Запись"',
            "the same placeholders as its source: %(name)s.",
        ),
    ],
)
def test_a_translation_that_is_missing_or_wrong_is_named(
    entry: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = tmp_path / "django.po"
    catalogue.write_text(f'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n\n{entry}\n')
    monkeypatch.setattr(messages, "catalogue_of", lambda language: catalogue)
    assert any(found.endswith(problem) for found in messages.problems("ru"))
