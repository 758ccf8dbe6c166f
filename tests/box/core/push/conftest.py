"""A push service on the test's own database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from box.core.push.actions import send
from tests.box.processes import PUSH, configuration, serving

if TYPE_CHECKING:
    from box.core.accounts.models import User


@pytest.fixture
def env(transactional_db: None, tmp_path: Path) -> dict[str, str]:
    return configuration(tmp_path)


@pytest.fixture
def push(env: dict[str, str], tmp_path: Path) -> Iterator[Path]:
    """The socket of a push service that runs."""
    path = tmp_path / "push.sock"
    with serving([*PUSH, "--uds", str(path)], path, env=env):
        yield path


@pytest.fixture
def session_of() -> Callable[[User], str]:
    """Signs a person in, in one more browser, and returns the session's key."""

    def sign_in(user: User) -> str:
        from django.conf import settings
        from django.test import Client

        client = Client()
        client.force_login(user)
        return str(client.cookies[settings.SESSION_COOKIE_NAME].value)

    return sign_in


@pytest.fixture
def tell() -> Callable[..., None]:
    """Sends a message: `tell("D3", "posted")`."""

    def send_to(code: str, kind: str, **payload: object) -> None:
        send("feed", kind, audience=[code], payload=payload)

    return send_to
