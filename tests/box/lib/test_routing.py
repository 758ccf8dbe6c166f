from __future__ import annotations

import re

import pytest
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, URLPattern, URLResolver, get_resolver, include, path, re_path
from django.urls.resolvers import RegexPattern, RoutePattern

from box.lib.routing import Pattern, Rooms, first_words, rooms


def view(request: HttpRequest, **given: object) -> HttpResponse:
    return HttpResponse()


def named(name: str, route: str) -> URLPattern:
    found: URLPattern = path(route, view, name=name)
    return found


FEED = [named("feed", "feed/"), named("post", "feed/<int:pk>/"), named("hidden", "hidden/")]
PEOPLE = [named("people", "employees/"), named("any", "<str:word>/"), named("own-feed", "feed/mine/")]
PATTERNS: list[Pattern] = [
    path("", include(FEED)),
    path("", include((PEOPLE, "people"))),
    path("console/", include([named("console", "people/")])),
    path("con", include([named("contract", "tract/")])),
    path("metrics", view, name="metrics"),
    re_path(r"^old-(?P<pk>[0-9]+)/$", view, name="old"),
    path("", view, name="home"),
]
PATHS = [
    "", "feed/", "feed/7/", "feed/mine/", "feed/mine", "hidden/", "employees/", "anything/",
    "console/people/",
    "console/", "contract/", "metrics", "metrics/", "old-12/", "old-x/", "nothing/at/all/", "feed", "/", "//",
]  # fmt: skip


def answer(resolver: URLResolver, address: str) -> object:
    try:
        match = resolver.resolve(address)
    except Resolver404 as error:
        return error.args[0]["path"]
    return match.view_name, match.kwargs, match.route, match.namespaces


@pytest.mark.parametrize("address", PATHS)
def test_the_same_room_answers_as_if_all_were_asked_in_turn(address: str) -> None:
    plain = URLResolver(RoutePattern("", is_endpoint=False), PATTERNS)
    assert answer(rooms(PATTERNS), address) == answer(plain, address)


def test_rooms_of_other_words_are_left_out() -> None:
    tried: list[str] = []

    class Told(RoutePattern):
        def match(self, path: str) -> object:  # type: ignore[override]
            tried.append(path)
            return super().match(path)

    resolver = rooms(PATTERNS)
    resolver.url_patterns[2].pattern = Told("console/", is_endpoint=False)
    try:
        assert resolver.resolve("feed/7/").view_name == "post"
        assert not tried
        assert resolver.resolve("console/people/").view_name == "console"
        assert tried
    finally:
        resolver.url_patterns[2].pattern = RoutePattern("console/", is_endpoint=False)


def test_a_word_is_said_only_where_nothing_else_can_begin() -> None:
    assert list(first_words(PATTERNS[1])) == ["employees", "", "feed"]
    assert list(first_words(PATTERNS[3])) == [""]
    assert list(first_words(PATTERNS[5])) == [""]


def test_every_address_of_the_portal_is_found_as_before() -> None:
    (portal,) = get_resolver("box.urls").url_patterns
    assert isinstance(portal, Rooms)
    plain = URLResolver(RegexPattern(r""), portal.url_patterns)
    uuid = "0" * 8 + "-0000" * 3 + "-" + "0" * 12
    values = {"int": "7", "str": "word", "path": "a/b", "slug": "a-b", "uuid": uuid}
    count = 0
    for route in routes_of(portal):
        address = re.sub(r"<(?:(\w+):)?\w+>", lambda found: values.get(found[1] or "str", "word"), route)
        assert answer(portal, address) == answer(plain, address)
        count += 1
    assert count > 400


def routes_of(resolver: URLResolver, before: str = "") -> list[str]:
    found = []
    for one in resolver.url_patterns:
        route = before + str(one.pattern)
        found += routes_of(one, route) if isinstance(one, URLResolver) else [route]
    return found
