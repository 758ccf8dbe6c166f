from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from box.lib.sealing import SealBroken, seal, unseal


@given(st.text(min_size=1), st.text())
def test_what_was_sealed_is_unsealed_with_the_same_key(text: str, key: str) -> None:
    text = text.encode(errors="replace").decode()
    key = key.encode(errors="replace").decode()
    assert unseal(seal(text, key), key) == text


def test_another_key_unseals_nothing() -> None:
    with pytest.raises(SealBroken, match="write it anew"):
        unseal(seal("secret", "one"), "another")


def test_nothing_is_nothing() -> None:
    assert unseal("", "key") == ""
