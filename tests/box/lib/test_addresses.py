from __future__ import annotations

import pytest

from box.lib.addresses import parts_of


@pytest.mark.parametrize("text", ["http://[", "//[::1", "http://[nowhere]/a", "https://a]b/"])
def test_what_is_no_address_has_no_parts(text: str) -> None:
    assert parts_of(text).geturl() == ""


def test_an_address_has_its_parts() -> None:
    parts = parts_of("https://[::1]:8443/a/b?c=d")
    assert (parts.hostname, parts.port, parts.path, parts.query) == ("::1", 8443, "/a/b", "c=d")
