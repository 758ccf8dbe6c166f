"""Debian's packages, where two boxes of a machine are installed at once."""

from __future__ import annotations

from pathlib import Path
from threading import Thread

import pytest

from appliance.files import locked
from installer import packages


def test_two_installations_disable_services_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """update-rc.d fails where a link is gone that it has just read."""
    starting, ran = ["patroni"], []
    monkeypatch.setattr(packages, "LOCK", tmp_path / "lock")
    monkeypatch.setattr(packages, "missing", lambda _names: ())
    monkeypatch.setattr(packages, "_plainly_starting", lambda: list(starting))
    monkeypatch.setattr(packages, "run", lambda words, **_: ran.append(words[0]))
    ours = Thread(target=packages.install, args=(tmp_path / "no-bundle",))
    with locked(packages.LOCK):
        ours.start()
        ours.join(timeout=0.5)
        assert ours.is_alive()
        # Theirs is through with it.
        starting.clear()
    ours.join(timeout=30)
    assert not ours.is_alive()
    assert ran == []
