"""Forms are in UTF-8, whatever they say of themselves."""

from __future__ import annotations

import pytest
from django.test import Client, RequestFactory
from django.test.client import BOUNDARY, encode_multipart
from django.urls import reverse

from box.core.registry.encoding import EncodingMiddleware

KIND = f"multipart/form-data; boundary={BOUNDARY}"


@pytest.mark.django_db
@pytest.mark.parametrize("charset", ["punycode", "idna", "utf-16", "unicode_escape", "cp1251", "rot13"])
def test_a_form_in_another_codec_is_read_by_nobody(charset: str) -> None:
    """A field of 80,000 letters in punycode took 0.3 s, 400,000 took 3.5 s; 2 MB would take minutes."""
    form = encode_multipart(BOUNDARY, {"login": "anna", "password": "a" * 1000})
    browser = Client(headers={"X-Forwarded-Proto": "https"}, enforce_csrf_checks=True)
    # Django's own `post` would write it in that codec.
    kind = f"{KIND}; charset={charset}"
    answer = browser.generic("POST", reverse("accounts:sign-in"), form, content_type=kind)
    assert answer.status_code == 400
    assert "send this one so" in answer.content.decode()


@pytest.mark.parametrize("said", ["", "; charset=utf-8", "; charset=UTF8", "; charset=none-such"])
def test_a_form_in_utf_8_is_read(said: str) -> None:
    form = encode_multipart(BOUNDARY, {"login": "Анна"})
    request = RequestFactory().generic("POST", "/", form, content_type=KIND + said)
    seen = list[str]()

    def below(request: object) -> None:
        seen.append(request.POST["login"])  # type: ignore[attr-defined]

    EncodingMiddleware(below)(request)  # type: ignore[arg-type]
    assert seen == ["Анна"]
