"""Box to box: one box moves into another through its REST API, over HTTP, between two databases.

What comes is what went, but for what is named here, each with its reason.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from huey.contrib.djhuey import HUEY

from box.core.events.delivery import deliver_all
from box.core.notify.models import Notification, QueuedLetter
from box.transfer import actions, runner
from box.transfer.cloud import Cloud
from box.transfer.models import Migration
from box.transfer.pace import Limits
from box.transfer.reconciliation import reconcile
from tests.box.transfer.archived import Canonical, archive, lines_without, moved_in
from tests.box.transfer.test_round_trip import DIFFERENCES
from tests.cast import person
from tests.randomness import is_thorough
from tests.transfer.another_box import COMPANY, AnotherBox, another_box, demonstration

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pytest_django import Settings

    from box.bridges.storage.client import Account, S3Store

FAST = Limits(burst=1000, per_second=1000)
# Their tests write for good: what is delivered within one transaction leaves rows behind that each next
# delivery passes again, and of a thousand people's things there is no end to that.
DEMONSTRATION = demonstration(1000, 2000) if is_thorough() else demonstration(20, 40)

NOT_TOLD: dict[str, dict[str, str]] = {
    "absences": {},
    "people": {
        "photo": "drawn anew of the picture, in this box's size",
        "departments": "nobody tells of deputies; whoever was dismissed belongs nowhere",
    },
    "groups": {"members": "whoever was dismissed is in no group"},
    "departments": {},
    "fields": {},
    "posts": {
        "html": "BBCode knows lines and no paragraphs",
        "read_by_on": "no method tells by when an announcement is to be read",
        "readers": "nor who has read it",
    },
    "comments": {"parent": "no method tells what a comment answers"},
    "tasks": {
        "assignee": "a line of a checklist has nobody of its own there",
        "started_at": "time is written down by the day: the hour is that of its morning",
    },
    "pipelines": {"code": "a stage of a company's own is called by its number"},
    "clients": {"observers": "an import asks for none"},
    "activities": {
        "seconds": "the portal's calls have them elsewhere",
        "number": "and the number too",
        "done_at": "an activity has one moment",
        "done_by": "and one person",
        "deadline": "what is done has no deadline any more",
        "result": "and no result beside its text",
    },
    "bookings": {},
    "events": {"attendees": "there is no “perhaps” there", "guests": "no method tells of people outside"},
    "drives": {},
    "relations": {"created_by": "nobody is told who has said so", "created_at": "nor when"},
}
"""By kind the fields that the methods do not tell, with why."""

STAYS = {
    "absences": "no method tells of them",
    "bookings": "nor of booking pages",
    "drives": "what lies in a person's own drive is private to them",
    "posts": "what is between named people is private to them",
    "events": "what stands in a person's own calendar is private to them",
    "relations": "what belongs to a task and is private stays where it is",
    "fields": "fields for departments are lists of something there; files of tasks no method tells",
}
"""By kind what does not come at all, with why."""


@pytest.fixture
def no_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is there to do them, and where they are kept is made by whoever does."""
    monkeypatch.setattr(HUEY, "enqueue", lambda task: None)


@pytest.mark.django_db
def test_a_box_moves_into_another(
    tmp_path: Path, account: Account, store: S3Store, settings: Settings
) -> None:
    with moving(tmp_path, account, settings, COMPANY) as move:
        assert _said(move.migration) == {"UF_YARD", "UF_DRAWING", "who has chosen what"}
        # Once more brings nothing twice, and changes nothing.
        came = Canonical(archive()).dump()
        move.go()
        assert Canonical(archive()).dump() == came
        went = move.went()
    stayed = compare(went, came)
    assert {kind for kind, lines in stayed.items() if lines} == STAYS.keys()


@pytest.mark.usefixtures("no_jobs")
@pytest.mark.django_db(transaction=True)
def test_a_demonstration_moves_into_another_box(
    tmp_path: Path, account: Account, store: S3Store, settings: Settings
) -> None:
    with moving(tmp_path, account, settings, DEMONSTRATION) as move:
        went = move.went()
        assert [str(one) for one in move.migration.remarks.all()] == []
    stayed = compare(went, Canonical(archive()).dump())
    assert {kind for kind, lines in stayed.items() if lines} <= STAYS.keys()


@pytest.mark.usefixtures("no_jobs")
@pytest.mark.django_db(transaction=True)
def test_a_demonstration_comes_into_another_box_as_an_archive(
    tmp_path: Path, account: Account, store: S3Store
) -> None:
    olga = person("Olga", is_administrator=True)
    with another_box(tmp_path, account, filled=DEMONSTRATION) as other:
        went = other.archive()
    migration = moved_in(went.getvalue(), olga)
    assert migration.state == Migration.State.DONE, migration.trouble
    assert [str(one) for one in migration.remarks.all()] == []
    before, after = Canonical(went).dump(), Canonical(archive()).dump()
    assert before.keys() == after.keys()
    for kind in before:
        left, right = (
            [
                line
                for line in lines_without(map(_made_by_somebody, lines[kind]), DIFFERENCES.get(kind, ()))
                # Who has begun it was here already.
                if json.loads(line).get("login") != olga.login
            ]
            for lines in (before, after)
        )
        assert left == right, kind


@dataclass(frozen=True)
class Move:
    """Of another box into this one."""

    other: AnotherBox
    there: Cloud
    migration: Migration

    def go(self) -> None:
        actions.begin(self.migration, by=self.migration.by)
        runner.run(self.migration, connect=lambda _migration: self.there)
        self.migration.refresh_from_db()
        assert self.migration.state == Migration.State.DONE, self.migration.trouble

    def went(self) -> dict[str, list[str]]:
        return Canonical(self.other.archive()).dump()


@contextmanager
def moving(folder: Path, account: Account, settings: Settings, filled: Sequence[str]) -> Iterator[Move]:
    """It has come, by all that is counted and summed; nobody has been told of it in the end."""
    settings.REACHABLE_NETWORKS = ["127.0.0.0/8"]
    olga = person("Olga", is_administrator=True)
    with another_box(folder, account, filled=filled) as other:
        there = Cloud(other.webhook, FAST)
        move = Move(other, there, actions.connect(there, by=olga))
        actions.look(move.migration, there)
        move.migration.refresh_from_db()
        assert move.migration.inventory["missing_scopes"] == []
        move.go()
        found = reconcile(move.migration, there)
        assert [str(line.label) for line in found.lines if not line.is_whole] == []
        yield move
    deliver_all()
    assert not Notification.objects.exclude(kind__startswith="transfer.").exists()
    assert not QueuedLetter.objects.exists()


def compare(went: dict[str, list[str]], came: dict[str, list[str]]) -> dict[str, list[str]]:
    """Nothing came that did not go; by kind the lines that stayed, each for a reason that is named."""
    assert went.keys() == NOT_TOLD.keys()
    stayed = {}
    for kind in went:
        left, right = (Counter(_told(lines[kind], kind)) for lines in (went, came))
        stayed[kind] = [*(left - right).elements()]
        lost = [line for line in stayed[kind] if not _is_private(json.loads(line), kind)]
        assert ([*(right - left).elements()], lost) == ([], []), kind
    return stayed


def _said(migration: Migration) -> set[str]:
    """What was said of what stays, in short: fields for departments and for files, and an anonymous poll."""
    short = ("UF_YARD", "UF_DRAWING", "who has chosen what")
    words = [f"{one.theirs} {one.text}" for one in migration.remarks.all()]
    return {next((part for part in short if part in one), one) for one in words}


def _told(lines: list[str], kind: str) -> list[str]:
    """Without what is not told, and whoever has made the webhook, who is somebody here already."""
    # Moments are told to the second.
    whole = (re.sub(r"(T\d\d:\d\d:\d\d)\.\d+", r"\1", _made_by_somebody(line)) for line in lines)
    cut = [_without(json.loads(line), set(NOT_TOLD[kind])) for line in whole]
    rows = [json.dumps(one, sort_keys=True, ensure_ascii=False) for one in cut]
    return [one for one in rows if "olga@example.com" not in one]


def _made_by_somebody(line: str) -> str:
    """What a form or a program has made is of whoever answers for it afterwards."""
    row = json.loads(line)
    made = {"created_by": row["responsible"]} if "responsible" in row else {}
    return json.dumps(made | row, ensure_ascii=False)


def _without(value: Any, fields: set[str]) -> Any:
    if isinstance(value, dict) and value.get("is_anonymous"):
        # Of an anonymous poll nobody is told who has voted.
        return {"options": [one["text"] for one in value["options"]]}
    if isinstance(value, dict):
        return {name: _without(one, fields) for name, one in value.items() if name not in fields}
    if isinstance(value, list):
        told = [one for one in value if not (isinstance(one, dict) and _stays(one))]
        return [_without(one, fields) for one in told]
    return value


def _stays(part: dict[str, Any]) -> bool:
    """What points at departments, and files in fields of tasks."""
    return {"field", "departments"} <= set(part) or part.get("field") == "UF_DRAWING"


def _is_private(row: dict[str, Any], kind: str) -> bool:
    match kind:
        case "drives":
            return str(row["drive"]).startswith("U:")
        case "posts":
            return all(str(code).startswith("U:") for code in row["audience"])
        case "events":
            return str(row["calendar"]).startswith("U:")
        case "relations":
            return any(private in end for end in row["ends"] for private in ("Dentist", "between us"))
        case "fields":
            return row["kind"] == "department" or (row["set"], row["kind"]) == ("tasks.task", "file")
    return kind in {"absences", "bookings"}
