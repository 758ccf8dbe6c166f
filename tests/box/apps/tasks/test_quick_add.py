"""One line becomes a task. The moment is a Thursday, 26 November 2026, 10:30 in Moscow."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from box.apps.tasks.quick_add import LONGEST_LINE, Understood, parse

MOSCOW = ZoneInfo("Europe/Moscow")
NOW = datetime(2026, 11, 26, 10, 30, tzinfo=MOSCOW)


def understood(line: str) -> Understood:
    return parse(line, now=NOW)


def said(line: str) -> tuple[str, str]:
    """The title, and the deadline as `11-27 18:00`, with the year where it is another."""
    found = understood(line)
    deadline = found.deadline_at
    if deadline is None:
        return found.title, ""
    return found.title, deadline.strftime("%m-%d %H:%M" if deadline.year == 2026 else "%Y-%m-%d %H:%M")


def test_the_whole_line_in_english() -> None:
    assert understood("Report for Q3 tomorrow 18:00 @boris #finance !") == Understood(
        "Report for Q3", datetime(2026, 11, 27, 18, tzinfo=MOSCOW), ("boris",), (), ("finance",), True
    )


def test_the_whole_line_in_russian() -> None:
    assert understood("Отчёт завтра в 18:00 @борис #финансы !") == Understood(
        "Отчёт", datetime(2026, 11, 27, 18, tzinfo=MOSCOW), ("борис",), (), ("финансы",), True
    )


@pytest.mark.parametrize(
    ("line", "title", "deadline"),
    [
        # Near days, and the end of the working day where no time is said.
        ("Call today", "Call", "11-26 18:00"),
        ("Позвонить сегодня", "Позвонить", "11-26 18:00"),
        ("Call tomorrow at 9", "Call", "11-27 09:00"),
        ("Позвонить завтра в 9", "Позвонить", "11-27 09:00"),
        ("Позвонить послезавтра к 12", "Позвонить", "11-28 12:00"),
        ("Call the day after tomorrow", "Call", "11-28 18:00"),
        # Weekdays: the next one after today, also on that very day.
        ("Report on Friday", "Report", "11-27 18:00"),
        ("Report thursday", "Report", "12-03 18:00"),
        ("Отчёт в пятницу", "Отчёт", "11-27 18:00"),
        ("Отчёт к пятнице", "Отчёт к пятнице", ""),
        ("Отчёт во вторник в 10:15", "Отчёт", "12-01 10:15"),
        ("Report next Monday", "Report", "11-30 18:00"),
        ("Report next friday", "Report", "12-04 18:00"),
        ("Отчёт в следующую пятницу", "Отчёт", "12-04 18:00"),
        ("Отчёт пн", "Отчёт", "11-30 18:00"),
        # Days by number.
        ("Report by 2026-12-05", "Report", "12-05 18:00"),
        ("Отчёт до 05.12", "Отчёт", "12-05 18:00"),
        ("Отчёт 5.12.2027", "Отчёт", "2027-12-05 18:00"),
        ("Отчёт 5.12.27 в 8:05", "Отчёт", "2027-12-05 08:05"),
        ("Отчёт к 1 марта", "Отчёт", "2027-03-01 18:00"),
        ("Report by March 1", "Report", "2027-03-01 18:00"),
        ("Report 1st of March", "Report 1st of March", ""),
        ("Report December 5th, 2028", "Report", "2028-12-05 18:00"),
        ("Отчёт 26 ноября", "Отчёт", "11-26 18:00"),
        ("Отчёт 25 ноября", "Отчёт", "2027-11-25 18:00"),
        # What is no day stays where it was, and so does what no calendar reaches.
        ("Call on 9999-12-31", "Call on 9999-12-31", ""),
        ("Call on 0001-01-01 at 1:00", "Call on 0001-01-01", "11-27 01:00"),
        ("Версия 1.40", "Версия 1.40", ""),
        ("Report by 2026-13-05", "Report by 2026-13-05", ""),
        ("Отчёт 31.02", "Отчёт 31.02", ""),
        # Stretches.
        ("Answer in 2 hours", "Answer", "11-26 12:30"),
        ("Ответить через час", "Ответить", "11-26 11:30"),
        ("Ответить через 45 минут", "Ответить", "11-26 11:15"),
        ("Report in a week", "Report", "12-03 18:00"),
        ("Отчёт через неделю", "Отчёт", "12-03 18:00"),
        ("Отчёт через 3 дня в 11", "Отчёт", "11-29 11:00"),
        ("Отчёт через две недели", "Отчёт", "12-10 18:00"),
        ("Отчёт через месяц", "Отчёт", "12-26 18:00"),
        ("Report in 3 months", "Report", "2027-02-26 18:00"),
        # Ends of periods.
        ("Report by the end of the week", "Report", "11-27 18:00"),
        ("Отчёт до конца недели", "Отчёт", "11-27 18:00"),
        ("Отчёт к концу месяца", "Отчёт", "11-30 18:00"),
        # Times alone: the next such moment.
        ("Call at 18:00", "Call", "11-26 18:00"),
        ("Call at 9am", "Call", "11-27 09:00"),
        ("Call 6:30 pm", "Call", "11-26 18:30"),
        ("Позвонить в 6 вечера", "Позвонить", "11-26 18:00"),
        ("Позвонить завтра в 9 утра", "Позвонить", "11-27 09:00"),
        ("Позвонить завтра в 12 дня", "Позвонить", "11-27 12:00"),
        ("Call tomorrow at noon", "Call", "11-27 12:00"),
        ("Позвонить в полдень", "Позвонить", "11-26 12:00"),
        ("Call at 25:00", "Call at 25:00", ""),
        ("Call at 13 pm", "Call at 13 pm", ""),
        # What only looks like it.
        ("Купить 3 стула", "Купить 3 стула", ""),
        ("Buy 3 chairs", "Buy 3 chairs", ""),
        ("Maybe later", "Maybe later", ""),
        ("Сравнить сборку", "Сравнить сборку", ""),
        ("Прочитать «Отчёт завтра»", "Прочитать «Отчёт завтра»", ""),
        ('Read "Report tomorrow" on Friday', 'Read "Report tomorrow"', "11-27 18:00"),
        # The title is tidy, wherever the rest stood.
        ("Завтра в 10 созвон", "созвон", "11-27 10:00"),
        ("Tomorrow, call the bank", "call the bank", "11-27 18:00"),
        ("", "", ""),
    ],
)
def test_of_a_line_the_title_and_the_deadline(line: str, title: str, deadline: str) -> None:
    assert said(line) == (title, deadline)


@pytest.mark.parametrize(
    ("line", "people", "projects", "tags", "is_important"),
    [
        ("Report @boris @anna", ("boris", "anna"), (), (), False),
        ('Report @"Boris Test"', ("Boris Test",), (), (), False),
        ("Отчёт @борис.тест", ("борис.тест",), (), (), False),
        ("Write to a@b.example", (), (), (), False),
        ("Report #Finance #q3 #finance", (), (), ("finance", "q3"), False),
        ("Answer in #1", (), (), (), False),
        ("Report +Website", (), ("Website",), (), False),
        ('Report +"New office"', (), ("New office",), (), False),
        ("Count 2+2", (), (), (), False),
        ("Report !", (), (), (), True),
        ("! Report", (), (), (), True),
        ("Report!", (), (), (), True),
        ("Say hello! to all", (), (), (), False),
    ],
)
def test_of_a_line_people_projects_tags_and_importance(
    line: str, people: tuple[str, ...], projects: tuple[str, ...], tags: tuple[str, ...], is_important: bool
) -> None:
    found = understood(line)
    assert (found.people, found.projects, found.tags, found.is_important) == (
        people,
        projects,
        tags,
        is_important,
    )


def test_tomorrow_is_the_readers_own() -> None:
    """At 22:30 in Moscow it is tomorrow already in Vladivostok."""
    late = datetime(2026, 11, 26, 22, 30, tzinfo=MOSCOW)
    there = late.astimezone(ZoneInfo("Asia/Vladivostok"))
    found = parse("Call tomorrow", now=there).deadline_at
    assert found is not None
    assert found.date().isoformat() == "2026-11-28"


def test_a_long_line_is_cut_before_it_is_read() -> None:
    assert len(understood("x" * 100_000).title) == LONGEST_LINE


@given(st.text(max_size=200))
def test_no_line_breaks_it_and_nothing_is_made_up(line: str) -> None:
    found = understood(line)
    assert set(found.title) <= set(line) | {" "}
    assert found.deadline_at is None or found.deadline_at.tzinfo is MOSCOW


def test_hours_are_hours_also_when_the_clocks_change() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    now = datetime(2035, 3, 25, 1, 30, tzinfo=berlin)
    assert parse("Call in 3 hours", now=now).deadline_at == datetime(2035, 3, 25, 5, 30, tzinfo=berlin)
    assert parse("Call in 1 day", now=now).deadline_at == datetime(2035, 3, 26, 18, tzinfo=berlin)
