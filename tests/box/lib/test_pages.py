from __future__ import annotations

import pytest
from django.test import RequestFactory

from box.lib.pages import wants_part


@pytest.mark.parametrize(
    ("headers", "is_part"),
    [
        ({}, False),
        ({"HX-Request": "true"}, True),
        ({"HX-Request": "true", "HX-Boosted": "true"}, False),
        ({"HX-Request": "true", "HX-History-Restore-Request": "true"}, False),
    ],
)
def test_only_a_request_for_a_part_gets_one(headers: dict[str, str], is_part: bool) -> None:
    assert wants_part(RequestFactory().get("/", headers=headers)) is is_part
