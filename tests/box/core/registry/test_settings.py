from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.test import Client

from box.core.accounts.models import User
from box.core.registry.models import SettingsVersion
from box.core.registry.offers import NotOffered
from box.core.registry.settings import Setting, as_of, settings, store


@pytest.fixture
def greeting(monkeypatch: pytest.MonkeyPatch, db: None) -> Iterator[Setting[str]]:
    setting = Setting("test.greeting", default="hello", section="test", label="How to greet")
    monkeypatch.setitem(settings._offers, setting.key, setting)
    yield setting


def version() -> int:
    return SettingsVersion.objects.values_list("number", flat=True).get()


def test_a_setting_has_its_default_until_it_is_changed(greeting: Setting[str]) -> None:
    assert greeting.value == "hello"
    store({greeting.key: "good day"})
    assert greeting.value == "good day"
    store({greeting.key: "welcome"})
    assert greeting.value == "welcome"


def test_an_unknown_setting_is_refused_and_nothing_is_written(greeting: Setting[str]) -> None:
    with pytest.raises(NotOffered, match=r"test\.nonsense"):
        store({greeting.key: "bye", "test.nonsense": 1})
    assert greeting.value == "hello"


def test_under_a_version_settings_are_read_once(
    greeting: Setting[str], django_assert_num_queries: Callable[..., object]
) -> None:
    store({greeting.key: "good day"})
    with as_of(version()), django_assert_num_queries(1):  # type: ignore[attr-defined]
        assert [greeting.value, greeting.value] == ["good day", "good day"]


def test_a_new_version_is_never_answered_with_old_values(greeting: Setting[str]) -> None:
    store({greeting.key: "good day"})
    with as_of(version()):
        assert greeting.value == "good day"
    store({greeting.key: "welcome"})
    with as_of(version()):
        assert greeting.value == "welcome"


def test_the_person_brings_the_version(
    greeting: Setting[str], anna: User, as_person: Callable[[User], Client]
) -> None:
    store({greeting.key: "good day"})
    answer = as_person(anna).get("/notifications/")
    assert answer.wsgi_request.user.settings_version == version()  # type: ignore[union-attr]
