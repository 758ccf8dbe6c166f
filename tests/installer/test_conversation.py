"""What the person at the terminal sees and is asked."""

from __future__ import annotations

import argparse
import contextlib
import io
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console

from appliance.paths import Paths
from installer import first_password, options, progress, words
from installer.first_password import new_password
from installer.options import Options
from installer.progress import NOTHING_TO_DO, PlainProgress, RichProgress

from .conftest import NOW


@pytest.fixture(autouse=True)
def _in_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(words.VARIABLE, "en")


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the person will type, line by line."""
    lines: list[str] = []

    def answer(question: str) -> str:
        if not lines:
            raise EOFError
        asked.append(question)
        return lines.pop(0)

    monkeypatch.setattr("builtins.input", answer)
    asked.clear()
    return lines


asked: list[str] = []


def test_questions_are_asked_for_what_was_not_said(answers: list[str], tmp_path: Path) -> None:
    answers += ["ru", "portal.example.com", "", "eight", "8443", "", "olga@example.com"]
    chosen = options.ask(Options(prefix=tmp_path))
    assert answers == []
    assert (chosen.hostname, chosen.language) == ("portal.example.com", "ru")
    assert chosen.time_zone == options.default_time_zone()
    assert (chosen.https_port, chosen.http_port, chosen.admin_email) == (8443, 80, "olga@example.com")


def test_questions_go_on_in_the_language_that_was_chosen(answers: list[str], tmp_path: Path) -> None:
    answers += ["ru", "", "", "", "", "olga@example.com"]
    options.ask(Options(prefix=tmp_path))
    assert asked[0].startswith("Language")
    assert asked[1].startswith("Имя портала в браузере [")
    assert asked[-1].startswith("Электронная почта первого администратора [")


@pytest.mark.parametrize(
    ("good", "wrong"),
    [
        (["en"], ["fr", "русский", "e" * 400]),
        (["en", "portal.example.com"], ["under_score", "a..b"]),
        (["en", "", "Asia/Omsk"], ["Moon/Sea", "../../etc/passwd"]),
        (["en", "", "", "8443"], ["0", "65536", "eight"]),
        (["en", "", "", "", "", "olga@example.com"], ["olga", "olga@debian", "olga@@example.com"]),
    ],
)
def test_a_wrong_answer_is_asked_again(
    answers: list[str], tmp_path: Path, good: list[str], wrong: list[str]
) -> None:
    answers += [*good[:-1], *wrong, good[-1]]
    with contextlib.suppress(EOFError):
        options.ask(Options(prefix=tmp_path))
    assert answers == []
    assert len(asked) == len(good) + len(wrong)


def test_wrong_answers_come_to_an_end(answers: list[str], tmp_path: Path) -> None:
    answers += ["fr"] * 6
    with pytest.raises(options.NoAnswer, match="--help"):
        options.ask(Options(prefix=tmp_path))
    assert answers == ["fr"]


def test_what_was_said_is_not_asked(answers: list[str], tmp_path: Path) -> None:
    chosen = Options(
        prefix=tmp_path, hostname="a.test", language="en", time_zone="UTC", https_port=1, http_port=2,
        admin_email="o@a.test",
    )  # fmt: skip
    assert options.ask(chosen) == chosen


def test_a_box_offers_what_it_has(answers: list[str], tmp_path: Path) -> None:
    paths = Options(prefix=tmp_path).paths
    paths.etc.mkdir(parents=True)
    paths.box_toml.write_text('hostname = "old.test"\n[balancer]\nhttps_port = 9443\n')
    answers += ["", "", "", "", ""]
    chosen = options.ask(Options(prefix=tmp_path))
    assert (chosen.hostname, chosen.https_port) == ("old.test", 9443)


def test_every_question_and_every_option_is_known_in_russian(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(words.VARIABLE, "ru")
    parser = argparse.ArgumentParser(add_help=False)
    options.add_arguments(parser)
    for line in parser.format_help().replace("options:", "").split("  --")[1:]:
        assert re.search("[а-я]{3}", line), line


def test_values_stand_in_the_same_places_in_both_languages() -> None:
    for english, russian in words.RUSSIAN.items():
        assert set(re.findall(r"{\w+}", english)) == set(re.findall(r"{\w+}", russian)), english


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"LANG": "ru_RU.UTF-8"}, "ru"),
        ({"LC_ALL": "C", "LANG": "ru_RU.UTF-8"}, "en"),
        ({"LANG": "de_DE"}, "en"),
    ],
)
def test_the_terminals_language_is_kept(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], language: str
) -> None:
    monkeypatch.delenv(words.VARIABLE)
    words.remember(environment)
    assert words.said("Time zone") == {"ru": "Часовой пояс", "en": "Time zone"}[language]


def test_a_password_that_nobody_has_seen_is_kept_for_a_day(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    paths.etc.mkdir(parents=True)
    first_password.keep(paths, "olga@example.com", "secret", now=NOW)
    (kept,) = paths.etc.iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    found = first_password.unseen(paths, now=NOW + timedelta(hours=23))
    assert found is not None
    assert (found.email, found.password) == ("olga@example.com", "secret")
    assert first_password.unseen(paths, now=NOW + timedelta(hours=24)) is None
    assert list(paths.etc.iterdir()) == []


def test_a_password_that_was_seen_is_forgotten(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    paths.etc.mkdir(parents=True)
    first_password.keep(paths, "olga@example.com", "secret", now=NOW)
    first_password.forget(paths)
    assert first_password.unseen(paths, now=NOW) is None


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
