"""Box to box, the other way round: this box moves into an empty one, which takes things over as they were.

What stands there is what stands here, but for what is named here, each with its reason.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from box.apps.drive.actions.tree import add_files, root_of
from box.core.access.principals import EVERYONE
from box.core.registry.origin import importing
from box.lib.egress import Answer, Unreachable
from box.transfer import actions, runner
from box.transfer.cloud import Cloud, _post
from box.transfer.models import Migration
from box.transfer.outbound.base import MOST_FILE_OF_A_BOX
from box.transfer.outbound.reconciliation import reconcile_outbound
from box.transfer.pace import Limits
from tests.box.transfer.archived import AT, Canonical, a_file, archive, company, lines_of
from tests.cast import person
from tests.transfer.another_box import NOTHING, another_box

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django import Settings

    from box.bridges.storage.client import Account, S3Store
    from box.core.accounts.models import User

FAST = Limits(burst=1000, per_second=1000)

DIFFERS: dict[str, dict[str, str]] = {
    "absences": {},
    "people": {"departments": "no method makes deputies; they come in the order of their departments"},
    "groups": {},
    "departments": {},
    "fields": {},
    "posts": {
        "html": "BBCode knows lines and no paragraphs; a picture within the text is attached alone",
        "text": "a link leads to the other box by its whole address",
        "reactions": "whoever has reacted does it themselves",
        "readers": "and so it is with reading",
        "voters": "and with voting",
        "votes": "so nobody has voted yet",
    },
    "comments": {"parent": "no method says what a comment answers"},
    "tasks": {
        "reactions": "whoever has reacted does it themselves",
        "lag_minutes": "no method takes how long after another a task begins",
        "assignee": "a line of a checklist has nobody of its own there",
    },
    "pipelines": {"code": "a stage is called by our number there"},
    "clients": {"departments": "what stands in fields of departments does not go"},
    "activities": {
        **dict.fromkeys(("seconds", "number", "result", "text"), "number and result stand in the text"),
        **dict.fromkeys(("done_at", "done_by", "deadline"), "an activity has one moment, and is done then"),
        "direction": "a meeting has one there, too",
        "at": "a planned one is written down when it was planned",
    },
    "bookings": {},
    "events": {
        "attendees": "whoever is invited answers again",
        "guests": "no method invites people outside",
        **dict.fromkeys(("excluded", "series", "original_at"), "what is unlike the series stands beside it"),
    },
    "drives": {},
    "relations": {
        "created_by": "no method says who has related a task",
        "created_at": "nor when",
    },
}
"""By kind the fields that come otherwise, with why."""


@pytest.mark.django_db
def test_a_box_moves_into_an_empty_one(
    tmp_path: Path, account: Account, store: S3Store, settings: Settings
) -> None:
    settings.REACHABLE_NETWORKS = ["127.0.0.0/8"]
    olga = person("Olga", is_administrator=True)
    company_with_a_large_file(olga)
    went = Canonical(archive()).dump()
    with another_box(tmp_path, account, filled=NOTHING) as other:

        def there(_migration: Migration | None = None) -> Cloud:
            return Cloud(other.webhook, FAST, transport=losing(every=7), sleep=lambda seconds: None)

        migration = actions.connect(there(), by=olga, is_outbound=True)
        actions.look(migration, there())
        migration.refresh_from_db()
        assert migration.inventory["takes_over"] is True
        assert migration.inventory["missing_scopes"] == []
        sent(migration, there)
        content = other.archive()
        there_now, came = lines_of(content), Canonical(content).dump()
        found = reconcile_outbound(migration, there())
        assert [str(line.label) for line in found.lines if not line.is_whole] == []
        assert said(migration) == {"its poll", "of a series", "at which the series"}
        # Once more sends nothing twice, and changes nothing.
        sent(migration, there)
        assert Canonical(other.archive()).dump() == came
    as_it_was(went, came)
    # What was linked to by then is linked to there.
    first, second = (
        next(row for row in there_now["posts"] if said_in in row["html"])
        for said_in in ("Look,", "As I said")
    )
    assert f'href="https://{migration.portal}/feed/{first["id"]}/"' in second["html"]


def company_with_a_large_file(by: User) -> None:
    """One of its files is more than a request to a box holds: it goes in two steps."""
    company(by)
    with importing(at=AT):
        large = a_file(by, "large.bin", bytes(range(256)) * (2 * MOST_FILE_OF_A_BOX // 256))
        add_files(root_of(EVERYONE, by=by), [large.pk], by=by)


def as_it_was(went: Mapping[str, Sequence[str]], came: Mapping[str, Sequence[str]]) -> None:
    """Everything of these dumps once, but for what stays."""
    for kind in went:
        left, right = (Counter(told(lines[kind], kind)) for lines in (went, came))
        assert list(right - left) == [], kind
        missing = [json.loads(line) for line in left - right]
        assert all(stays(row, kind) for row in missing), (kind, missing)
    assert sum("large.bin" in line for line in came["drives"]) == 1


def sent(migration: Migration, there: Any) -> None:
    olga = migration.by
    actions.begin(migration, by=olga)
    runner.run(migration, connect=there)
    migration.refresh_from_db()
    assert migration.state == Migration.State.DONE, migration.trouble


def losing(*, every: int) -> Any:
    """Of so many answers one is lost: what was asked for has happened all the same."""
    numbers = count(1)

    def transport(address: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        answer = _post(address, body, headers)
        if next(numbers) % every == 0:
            raise Unreachable("lost on its way")
        return answer

    return transport


def said(migration: Migration) -> set[str]:
    """What was said of what comes otherwise, in short."""
    words = [one.text for one in migration.remarks.all()]
    short = ("Its poll", "of a series", "at which the series")
    return {next((part.lower() for part in short if part in one), one) for one in words}


def told(lines: Sequence[str], kind: str) -> list[str]:
    """Without what differs, whoever moves it, who is somebody there already, and where files
    lay on their way."""
    rows = [without(json.loads(line), DIFFERS[kind]) for line in lines]
    return [
        json.dumps(row, sort_keys=True, ensure_ascii=False)
        for row in rows
        if row.get("email") != "olga@example.com" and row.get("drive") != "U:olga@example.com"
    ]


def without(value: Any, fields: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: without(one, fields) for name, one in value.items() if name not in fields}
    if isinstance(value, list):
        kept = [one for one in value if not (isinstance(one, dict) and _stays(one))]
        return [without(one, fields) for one in kept]
    return value


def _stays(part: Mapping[str, Any]) -> bool:
    """What points at departments or clients, and files in fields of tasks."""
    return bool({"departments", "clients"} & set(part)) or part.get("field") == "UF_DRAWING"


def stays(row: Mapping[str, Any], kind: str) -> bool:
    """Whether it does not go at all: what is private, absences, booking pages and what else belongs to tasks,
    and fields that programs do not make."""
    match kind:
        case "drives":
            return str(row["drive"]).startswith("U:")
        case "posts":
            return all(str(code).startswith("U:") for code in row["audience"])
        case "events":
            return str(row["calendar"]).startswith("U:")
        case "fields":
            is_of_tasks = row["set"] == "tasks.task"
            return row["kind"] in ("department", "reference") or (is_of_tasks and row["kind"] == "file")
    return kind in {"absences", "bookings", "relations"}
