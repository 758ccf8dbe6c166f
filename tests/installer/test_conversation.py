"""What the person at the terminal sees and is asked."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from installer import options, progress
from installer.options import Options
from installer.progress import NOTHING_TO_DO, PlainProgress, RichProgress
from installer.steps.people import new_password


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the person will type, line by line; the questions are kept behind it."""
    lines: list[str] = []
    monkeypatch.setattr("builtins.input", lambda _question: lines.pop(0))
    return lines


def test_questions_are_asked_for_what_was_not_said(answers: list[str], tmp_path: Path) -> None:
    answers += ["portal.example.com", "ru", "", "eight", "8443", "", "olga@example.com"]
    said = options.ask(Options(prefix=tmp_path))
    assert answers == []
    assert (said.hostname, said.language, said.time_zone) == ("portal.example.com", "ru", "Europe/Moscow")
    assert (said.https_port, said.http_port, said.admin_email) == (8443, 80, "olga@example.com")


def test_what_was_said_is_not_asked(answers: list[str], tmp_path: Path) -> None:
    said = Options(
        prefix=tmp_path, hostname="a.test", language="en", time_zone="UTC", https_port=1, http_port=2,
        admin_email="o@a.test",
    )  # fmt: skip
    assert options.ask(said) == said


def test_a_box_offers_what_it_has(answers: list[str], tmp_path: Path) -> None:
    paths = Options(prefix=tmp_path).paths
    paths.etc.mkdir(parents=True)
    paths.box_toml.write_text('hostname = "old.test"\n[balancer]\nhttps_port = 9443\n')
    answers += ["", "", "", "", ""]
    said = options.ask(Options(prefix=tmp_path))
    assert (said.hostname, said.https_port) == ("old.test", 9443)


def test_plain_lines_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert isinstance(progress.progress_for_terminal(), PlainProgress)
    with PlainProgress().step(2, 9, "Database") as outcome:
        outcome.doing("creating the cluster")
    with pytest.raises(OSError, match="no"), PlainProgress().step(3, 9, "Tables"):
        raise OSError("no")
    lines = capsys.readouterr().out.splitlines()
    assert [line.strip() for line in lines] == [
        "creating the cluster",
        "[ 2/9] Database: done",
        "[ 3/9] Tables: failed",
    ]


@pytest.fixture
def terminal() -> Iterator[io.StringIO]:
    yield io.StringIO()


def test_a_terminal_sees_what_is_at_work_and_what_is_done(terminal: io.StringIO) -> None:
    shown = RichProgress(Console(file=terminal, force_terminal=True, width=100))
    with shown.step(2, 9, "Database") as outcome:
        outcome.doing("creating the cluster")
    with shown.step(3, 9, "Tables") as outcome:
        outcome.text = NOTHING_TO_DO
    text = terminal.getvalue()
    assert "Database: creating the cluster" in text
    assert "2/9" in text
    assert "Database: done" in text
    assert f"Tables: {NOTHING_TO_DO}" in text


def test_passwords_are_long_and_different() -> None:
    made = {new_password() for _ in range(100)}
    assert len(made) == 100
    assert all(len(password) == 23 for password in made)
