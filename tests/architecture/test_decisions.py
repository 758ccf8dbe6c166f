"""Decisions are cited by their numbers."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DECISIONS = ROOT / "docs/dev/decisions"
TEXTS = (*ROOT.glob("docs/**/*.md"), *ROOT.glob("requirements/*.in"), *ROOT.glob("*.md"))


def test_no_number_is_given_twice() -> None:
    numbers = Counter(file.name.partition("-")[0] for file in DECISIONS.glob("*.md"))
    assert numbers
    assert [number for number, count in numbers.items() if count > 1] == []


def test_each_is_called_by_its_number() -> None:
    for file in DECISIONS.glob("*.md"):
        number, title = file.name.partition("-")[0], file.read_text(encoding="utf-8").partition("\n")[0]
        assert re.match(r"\d{4}$", number), file.name
        given = re.match(r"# (\d+)[.:] ", title)
        assert given is None or int(given[1]) == int(number), title


def test_every_decision_that_is_cited_is_there() -> None:
    known = {file.name.partition("-")[0] for file in DECISIONS.glob("*.md")}
    cited = {
        (file.name, number)
        for file in TEXTS
        for number in re.findall(r"\bdecisions?[ /](\d{4})\b", file.read_text(encoding="utf-8"))
    }
    assert cited
    assert {(name, number) for name, number in cited if number not in known} == set()
