from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.utils import timezone, translation

from box.core.registry.environment import memory


@pytest.fixture
def said() -> Iterator[list[str]]:
    """What was rendered, rather than remembered."""
    yield []


def test_equal_facts_are_rendered_once_for_readers_alike(said: list[str]) -> None:
    def greet(name: str) -> str:
        said.append(name)
        return f"{translation.get_language()}: {name}"

    with translation.override("en"):
        assert [memory()(greet, "Anna"), memory()(greet, "Anna")] == ["en: Anna", "en: Anna"]
    assert said == ["Anna"]


def test_another_language_and_another_time_zone_are_another_reader(said: list[str]) -> None:
    def greet(name: str) -> str:
        said.append(name)
        return f"{translation.get_language()} {timezone.get_current_timezone_name()}: {name}"

    with translation.override("ru"), timezone.override("Asia/Omsk"):
        assert memory()(greet, "Анна") == "ru Asia/Omsk: Анна"
    with translation.override("en"), timezone.override("Asia/Omsk"):
        assert memory()(greet, "Анна") == "en Asia/Omsk: Анна"
    with translation.override("en"), timezone.override("Europe/Paris"):
        assert memory()(greet, "Анна") == "en Europe/Paris: Анна"
    assert len(said) == 3
