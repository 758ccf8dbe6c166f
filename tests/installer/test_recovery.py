"""`install.sh --restore`: what its options say is what is brought back, and what could not be is told."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from backup import disaster_recovery
from backup.disaster_recovery import Recovered
from backup.keys import RecoveryKey
from installer import options, steps
from installer.options import Options
from installer.release import Source
from installer.steps import recovery
from installer.steps.base import Host
from installer.words import VARIABLE

PLACE = "https://store.example.com/bucket/box"
NAMED = "--hostname", "portal.example.com", "--time-zone", "Europe/Moscow"


def understood(*words: str) -> Options:
    parser = argparse.ArgumentParser()
    options.add_arguments(parser)
    return options.from_arguments(parser.parse_args(words))


def host(folder: Path, *words: str) -> Host:
    """A machine with a configuration and an authority."""
    (folder / "pyproject.toml").write_text('[project]\nversion = "1.2.3"\n', encoding="utf-8")
    found = Host(understood("--prefix", str(folder / "box"), *NAMED, *words), Source(folder))
    found.paths.tls.mkdir(parents=True)
    for step in steps.full():
        if step.title in ("Configuration", "Secrets", "Certificate"):
            step.apply(found)
    return found


def test_where_the_backup_lies_whose_authority_is_trusted_and_which_moment_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: dict[str, Any] = {}

    def begin(_paths: object, target: object, key: object, **more: Any) -> list[str]:
        begun.update(more, target=target, key=key)
        return ["2 networks are not those of this machine"]

    monkeypatch.setattr(disaster_recovery, "begin", begin)
    key = RecoveryKey.new()
    monkeypatch.setenv("KOROBKA_RECOVERY_KEY", str(key))
    monkeypatch.setenv("KOROBKA_BACKUP_SECRET_KEY", "of the store")
    authority = tmp_path / "box/etc/korobka/tls/ca.crt"
    place = "--restore", PLACE, "--restore-access-key", "ours", "--restore-ca", str(authority)
    machine = host(tmp_path, *place, "--restore-to", "2026-11-24T17:30+03:00")
    # The second stage is told on a command line.
    assert understood(*options.as_arguments(machine.options)) == machine.options

    recovery.CONFIGURATION.apply(machine)
    target = begun["target"]
    assert (target.endpoint, target.bucket, target.path) == ("https://store.example.com", "bucket", "box")
    assert (target.access_key, target.secret_key) == ("ours", "of the store")
    assert target.ca_pem == authority.read_text(encoding="ascii")
    assert begun["moment"] == datetime(2026, 11, 24, 14, 30, tzinfo=UTC)
    assert str(begun["key"]) == str(key)
    assert machine.news == ["Of the configuration: 2 networks are not those of this machine."]


@pytest.mark.parametrize("text", ["yesterday", "2026-11-24T17:30", "2026-11-24", "2026-13-01T00:00+00:00"])
@pytest.mark.parametrize(("language", "words"), [("en", "with its offset"), ("ru", "со смещением")])
def test_what_is_no_moment_is_refused_before_anything_is_done(
    text: str, language: str, words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On an empty machine nothing says in whose time it is meant."""
    monkeypatch.setenv(VARIABLE, language)
    with pytest.raises(SystemExit):
        understood("--restore", PLACE, "--restore-to", text)
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("undone", [(), ("people of Gone could not be looked at", "links of Old stay open")])
def test_what_could_not_be_done_before_opening_is_told_at_the_end(
    undone: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = datetime(2026, 11, 24, 14, 30, tzinfo=UTC)
    monkeypatch.setattr(disaster_recovery, "recover_files", lambda *_: Recovered(at, 2, undone))
    machine = host(tmp_path)
    recovery.FILES.apply(machine)
    back, *more = machine.news
    assert "as it was at 2026-11-24 17:30:00+03:00" in back
    assert "2 files are missing" in " ".join(more)
    assert [line for line in more if "Not done" in line] == [f"Not done: {one}." for one in undone]
