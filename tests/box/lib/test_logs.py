from __future__ import annotations

import logging
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import get_resolver

import appliance
from box.lib.logs import Discreet


def logged(message: str, *args: object) -> str:
    record = logging.LogRecord("django.request", logging.ERROR, __file__, 1, message, args, None)
    assert Discreet().filter(record)
    return record.getMessage()


@pytest.mark.parametrize(
    ("message", "args", "said"),
    [
        (
            "Internal Server Error: %s",
            ("/links/17:s3cr3t/5/content",),
            "Internal Server Error: /links/.../5/content",
        ),
        ("Forbidden (%s): %s", ("no cookie", "/join/s3cr3t/"), "Forbidden (no cookie): /join/.../"),
        ("GET /links/17:s3cr3t?x=1", (), "GET /links/...?x=1"),
        ("Not Found: %s", ("/calendar/feeds/17:s3cr3t.ics",), "Not Found: /calendar/feeds/..."),
        ("Not Found: %s", ("/letters/s3cr3t/",), "Not Found: /letters/.../"),
        ("%s of %s", (3, 4), "3 of 4"),
        ("/drive/links/", (), "/drive/links/"),
    ],
)
def test_an_address_that_opens_something_is_left_out(
    message: str, args: tuple[object, ...], said: str
) -> None:
    assert logged(message, *args) == said


def test_every_address_with_a_secret_in_it_is_left_out_here_and_by_the_balancer() -> None:
    balancer = (Path(appliance.__file__).parent / "services/balancer/haproxy.cfg.j2").read_text()
    resolver = get_resolver()
    found = {
        (name, pattern[0].partition("%(token)s")[0])
        for name in resolver.namespace_dict
        for patterns in resolver.namespace_dict[name][1].reverse_dict.lists()
        for candidates, *_ in patterns[1]
        for pattern in candidates
        if "token" in pattern[1]
    }
    known = {"links/", "join/", "sign-in/reset/", "letters/", "calendar/feeds/"}
    assert known <= {start for _, start in found}
    for _, start in found:
        assert logged(f"Not Found: /{start}s3cr3t") == f"Not Found: /{start}..."
        assert f"str(/{start}...)" in balancer


@pytest.mark.django_db
def test_all_that_the_portal_writes_goes_through_it(caplog: pytest.LogCaptureFixture) -> None:
    handlers: dict[str, dict[str, list[str]]] = settings.LOGGING["handlers"]  # type: ignore[assignment]
    assert {tuple(one["filters"]) for one in handlers.values()} == {("discreet",)}
    caplog.handler.addFilter(Discreet())
    answer = Client(enforce_csrf_checks=True).post("/links/17:s3cr3t/", {"password": "x"})
    assert answer.status_code == 403
    assert "/links/..." in caplog.text
    assert "s3cr3t" not in caplog.text
