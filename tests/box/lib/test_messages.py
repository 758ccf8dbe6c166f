from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from box.lib import messages


@pytest.fixture(scope="module", autouse=True)
def _read_once() -> Iterator[None]:
    """To read all sources takes three seconds of the processor, and no test here changes them."""
    texts = list(messages._extracted())
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(messages, "_extracted", lambda: texts)
        yield


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
    monkeypatch.setattr(messages, "catalogue_of", lambda home, language: catalogue)
    assert any(found.endswith(problem) for found in messages.problems("ru"))


_FAMILIAR = re.compile(
    r"\b(ты|тебя|тебе|тобой|тво(й|я|ё|и|ю|его|ей|их|ими|им)|\w{2,}(ешь|ёшь|ишь)(ся)?)\b", re.IGNORECASE
)
_UNLIKE_RUSSIAN = (
    "Без неё мало", "4 недель.", "Начало в", "Конец в", "Попросить исправить", "На решение",
    "Решать по исправлениям", "Кто просит вернуть", "Под вашим именем вошли", "Тихо с", "Кто-то неизвестный",
    "(а)", "CRM-форм", "каталог никогда не забирает", "рассказывает себе",
)  # fmt: skip
"""What a native reader stumbled over."""


def test_the_portal_speaks_as_an_office_does() -> None:
    """To grown-up people, and as if it had been written in Russian."""
    texts = [
        form
        for home in messages.homes()
        for message in messages.read(home, "ru")
        for form in ([message.string] if isinstance(message.string, str) else message.string or ())
    ]
    assert len(texts) > 3000
    assert [text for text in texts if _FAMILIAR.search(text)] == []
    assert [text for text in texts for phrase in _UNLIKE_RUSSIAN if phrase in text] == []
    assert _FAMILIAR.search("группы, которые ведёшь")


def test_catalogues_are_as_the_next_setup_writes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert messages.unlike("ru") == []
    theirs, feed = tmp_path / "django.po", messages.BOX / "apps/feed"
    theirs.write_bytes(messages.catalogue_of(feed, "ru").read_bytes() + b"\n")
    catalogue_of = messages.catalogue_of
    monkeypatch.setattr(
        messages,
        "catalogue_of",
        lambda home, language: theirs if home == feed else catalogue_of(home, language),
    )
    assert messages.unlike("ru") == ["ru, box/apps/feed: run `make messages`, and commit what it changes."]


def test_a_text_lies_with_the_one_room_that_uses_it_or_with_the_portal() -> None:
    """A text in two catalogues would be translated twice, and one day differently."""
    texts = [
        (message.context, message.id if isinstance(message.id, str) else message.id[0])
        for catalogue in messages.gathered().values()
        for message in catalogue
        if message.id
    ]
    assert (None, "Publish") in texts
    assert len(texts) == len(set(texts))


def test_a_compiled_catalogue_does_not_say_when_it_was_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = tmp_path / "django.po"
    entry = 'msgid "Feed"\nmsgstr "Лента"'
    catalogue.write_text(f'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n\n{entry}\n')
    monkeypatch.setattr(messages, "catalogue_of", lambda home, language: catalogue)
    monkeypatch.setattr(messages, "homes", lambda: [tmp_path])
    messages.compile_all()
    assert set(re.findall(rb"\d{4}-\d\d-\d\d", catalogue.with_suffix(".mo").read_bytes())) == {b"2000-01-01"}
