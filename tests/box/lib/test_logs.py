from __future__ import annotations

import logging

import pytest
from django.conf import settings
from django.test import Client

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
        ("%s of %s", (3, 4), "3 of 4"),
        ("/drive/links/", (), "/drive/links/"),
    ],
)
def test_an_address_that_opens_something_is_left_out(
    message: str, args: tuple[object, ...], said: str
) -> None:
    assert logged(message, *args) == said


@pytest.mark.django_db
def test_all_that_the_portal_writes_goes_through_it(caplog: pytest.LogCaptureFixture) -> None:
    handlers: dict[str, dict[str, list[str]]] = settings.LOGGING["handlers"]  # type: ignore[assignment]
    assert {tuple(one["filters"]) for one in handlers.values()} == {("discreet",)}
    caplog.handler.addFilter(Discreet())
    answer = Client(enforce_csrf_checks=True).post("/links/17:s3cr3t/", {"password": "x"})
    assert answer.status_code == 403
    assert "/links/..." in caplog.text
    assert "s3cr3t" not in caplog.text
