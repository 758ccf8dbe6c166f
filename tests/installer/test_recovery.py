"""`install.sh --restore`: what its options say is what is brought back, and what could not be is told."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from appliance.files import write_atomically
from backup import disaster_recovery
from backup.disaster_recovery import Recovered
from backup.keys import RecoveryKey
from backup.settings import BackupRefused
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


def test_a_folder_is_the_one_that_it_is_where_it_was_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The installer goes into the release before it looks there."""
    monkeypatch.chdir(tmp_path)
    assert understood("--restore", "disk").restore == str(tmp_path / "disk")
    for elsewhere in (PLACE, "sftp://backup@store.example.com/home/backup"):
        assert understood("--restore", elsewhere).restore == elsewhere


def test_what_is_here_is_not_taken_for_what_was_asked_for(tmp_path: Path) -> None:
    machine = host(tmp_path, "--restore", PLACE)
    paths, is_done = machine.paths, recovery.CONFIGURATION.is_done
    backup = paths.data / "backup"
    backup.mkdir(parents=True)
    write_atomically(paths.etc / "backup.json", "{}", mode=0o600)
    assert not is_done(machine), "the settings of another box"
    note = backup / "elsewhere.json"
    note.write_text('{"asked": ""}')
    assert not is_done(machine), "interrupted while the configuration was put in its place"
    said_otherwise = Host(understood("--prefix", str(tmp_path / "box"), *NAMED), machine.source)
    with pytest.raises(BackupRefused, match="only a part of its configuration"):
        is_done(said_otherwise)
    note.write_text('{"label": "x", "asked": ""}')
    assert is_done(machine) and is_done(said_otherwise)
    note.unlink()
    (backup / "brought-back").write_text(f"{PLACE} newest")
    assert is_done(machine), "the installation goes on"
    assert not is_done(host_of(machine, "--restore-to", "2026-11-24T17:30+03:00"))
    disaster_recovery.end(paths)
    assert not is_done(machine), "another time it is another box"


def host_of(machine: Host, *words: str) -> Host:
    prefix = str(machine.paths.prefix)
    return Host(understood("--prefix", prefix, *NAMED, "--restore", PLACE, *words), machine.source)


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
