"""Box to box: one box moves into another through its REST API, over HTTP, between two databases.

What comes is what went, but for what is named here, each with its reason.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from box.core.events.delivery import deliver_all
from box.core.notify.models import Notification, QueuedLetter
from box.transfer import actions, runner
from box.transfer.cloud import Cloud
from box.transfer.models import Migration
from box.transfer.pace import Limits
from box.transfer.reconciliation import reconcile
from tests.box.transfer.archived import Canonical, archive
from tests.cast import person
from tests.transfer.another_box import another_box

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django import Settings

    from box.bridges.storage.client import Account, S3Store

FAST = Limits(burst=1000, per_second=1000)

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


@pytest.mark.django_db
def test_a_box_moves_into_another(
    tmp_path: Path, account: Account, store: S3Store, settings: Settings
) -> None:
    settings.REACHABLE_NETWORKS = ["127.0.0.0/8"]
    olga = person("Olga", is_administrator=True)
    with another_box(tmp_path, account, is_filled=True) as other:
        there = Cloud(other.webhook, FAST)
        migration = actions.connect(there, by=olga)
        actions.look(migration, there)
        migration.refresh_from_db()
        assert migration.inventory["missing_scopes"] == []
        actions.begin(migration, by=olga)
        runner.run(migration, connect=lambda _migration: there)
        migration.refresh_from_db()
        assert migration.state == Migration.State.DONE, migration.trouble
        assert _said(migration) == {"UF_YARD", "UF_DRAWING", "who has chosen what"}
        found = reconcile(migration, there)
        assert [str(line.label) for line in found.lines if not line.is_whole] == []
        went = other.archive()
        # Once more brings nothing twice, and changes nothing.
        came = Canonical(archive()).dump()
        actions.begin(migration, by=olga)
        runner.run(migration, connect=lambda _migration: there)
        assert Canonical(archive()).dump() == came
    before = Canonical(went).dump()
    assert before.keys() == NOT_TOLD.keys()
    for kind in before:
        left, right = (_told(lines[kind], kind) for lines in (before, came))
        extra = [line for line in right if line not in left]
        missing = [line for line in left if line not in right]
        assert extra == [], (kind, missing)
        assert (missing != []) is (kind in STAYS), (kind, missing)
        assert all(_is_private(json.loads(line), kind) for line in missing), (kind, missing)
    deliver_all()
    assert not Notification.objects.exclude(kind__startswith="transfer.").exists()
    assert not QueuedLetter.objects.exists()


def _said(migration: Migration) -> set[str]:
    """What was said of what stays, in short: fields for departments and for files, and an anonymous poll."""
    short = ("UF_YARD", "UF_DRAWING", "who has chosen what")
    words = [f"{one.theirs} {one.text}" for one in migration.remarks.all()]
    return {next((part for part in short if part in one), one) for one in words}


def _told(lines: list[str], kind: str) -> list[str]:
    """Without what is not told, and whoever has made the webhook, who is somebody here already."""
    cut = [_without(json.loads(line), set(NOT_TOLD[kind])) for line in lines]
    rows = [json.dumps(one, sort_keys=True, ensure_ascii=False) for one in cut]
    return [one for one in rows if "olga@example.com" not in one]


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
