"""What the person is told at the end: true for the certificate in use, in their language, and what stays."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance import certificates
from appliance.agent import proofs
from appliance.paths import Paths
from installer import first_password, install, steps, uninstall, words
from installer.options import Options
from installer.progress import PlainProgress
from installer.release import Source
from installer.steps import Host


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A box with its configuration and a certificate of its own."""
    (tmp_path / "source").mkdir()
    options = Options(prefix=tmp_path / "box", hostname="portal.example.com", https_port=8443)
    host = Host(options, Source(tmp_path / "source"))
    for folder in (host.paths.tls, host.paths.operations):
        folder.mkdir(parents=True)
    for step in steps.full():
        if step.title in ("Configuration", "Secrets", "Certificate"):
            step.apply(host)
    return host


def farewell(host: Host, capsys: pytest.CaptureFixture[str], *, changed: int = 24) -> str:
    install._farewell(host, PlainProgress(), changed)
    return capsys.readouterr().out


def test_a_password_that_was_made_is_shown_once_with_the_way_to_another(
    host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    first_password.keep(host.paths, "olga@example.com", "abcde-fghij", now=datetime.now(UTC))
    said = farewell(host, capsys)
    assert "https://portal.example.com:8443/" in said
    assert "abcde-fghij" in said
    assert "sudo boxctl user password olga@example.com" in said
    assert "abcde-fghij" not in farewell(host, capsys)


def test_the_code_for_the_first_backups_is_said_until_they_are_set_up(
    host: Host, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert proofs.first_code(host.paths) in farewell(host, capsys)
    monkeypatch.setattr(install, "is_set_up", lambda paths: True)
    assert proofs.first_code(host.paths) not in farewell(host, capsys)


def test_it_tells_of_the_authority_only_where_the_certificate_comes_from_it(
    host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    assert str(host.paths.tls / "ca.crt") in farewell(host, capsys)
    companys = certificates.issue(certificates.create_authority("portal.example.com"), "portal.example.com")
    certificates.install(host.paths, companys)
    said = farewell(host, capsys)
    assert "ca.crt" not in said
    assert f"ends on {certificates.info(host.paths).not_after:%Y-%m-%d}" in said


def test_it_speaks_the_persons_language(
    host: Host, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(words.VARIABLE, "ru")
    first_password.keep(host.paths, "olga@example.com", "abcde-fghij", now=datetime.now(UTC))
    said = farewell(host, capsys, changed=0)
    assert "Портал: https://portal.example.com:8443/" in said
    for english in ("The portal", "Sign in as", "certificate", "nothing to do", "with the password"):
        assert english not in said, english


def test_a_purge_says_what_stays(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    purged = str(uninstall.Plan(paths, is_purged=True))
    assert "EVERYTHING" in purged
    for kept in ("backups on their targets", "Debian's packages", "authority in browsers"):
        assert kept in purged
    assert str(paths.data) in str(uninstall.Plan(paths, is_purged=False))
