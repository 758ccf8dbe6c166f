"""What a password costs whoever stole the table: the other tests compute hashes that cost nothing."""

from __future__ import annotations

import pytest
from argon2 import extract_parameters
from django.contrib.auth.hashers import Argon2PasswordHasher, check_password, make_password

from tests.conftest import REAL_COST


def test_a_password_costs_what_the_field_recommends(monkeypatch: pytest.MonkeyPatch) -> None:
    """At least 19 MiB and two passes, as OWASP's cheat sheet on storing passwords says of Argon2id."""
    for name, value in REAL_COST.items():
        monkeypatch.setattr(Argon2PasswordHasher, name, value)
    encoded = make_password("correct horse")
    parameters = extract_parameters(encoded.removeprefix("argon2"))
    assert encoded.startswith("argon2$argon2id$")
    assert parameters.memory_cost >= 19 * 1024 and parameters.time_cost >= 2
    assert check_password("correct horse", encoded)
    assert not check_password("correct horses", encoded)
