"""A portal in which everything is meant badly, and what may come of it: over REST, and by its dump."""

from __future__ import annotations

from typing import TYPE_CHECKING

from box.apps.calendar.models import Event
from box.apps.crm.models import Record
from box.apps.drive.models import Item
from box.apps.feed.models import Post
from box.apps.tasks.models import Task
from box.core.accounts.models import User
from box.core.discussion.models import Comment
from box.core.groups.models import Group
from box.core.structure.models import Department
from box.transfer.models import Migration
from tests.cloud.company import Company

if TYPE_CHECKING:
    from collections.abc import Collection

NOBODY = 777
"""The number of a person, a group, a department who is nobody there."""
SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(1)>[url=javascript:alert(1)]x[/url] fine"


def hostile_company() -> Company:
    there = Company()
    there.department(1, "Company")
    # They stand below each other, and one below nothing.
    there.department(2, "A", 3)
    there.department(3, "B", 2)
    there.department(4, SCRIPT, NOBODY)
    there.person(1, "Anna", UF_DEPARTMENT=[1, NOBODY])
    there.person(2, "B" * 5000, "X\x00Z", EMAIL="not an e-mail", WORK_POSITION="p" * 9999)
    there.person(3, "", "", EMAIL="anna@example.com")
    there.group(1, "G" * 900, NOBODY, {1: "E", NOBODY: "K"}, DESCRIPTION=SCRIPT)
    there.post(1, 1, SCRIPT)
    there.post(2, 1, "z" * 200_000)
    there.post(3, NOBODY, "Of a robot", ("SG4242", "U777"))
    there.comment(1, 1, 1, SCRIPT)
    there.task(
        1, "t" * 900, NOBODY, 1, description="[b]" * 5000, deadline="9999-12-31T10:00:00+00:00", parentId=1,
        groupId=NOBODY, accomplices=[1, NOBODY], tags={"1": {"id": 1, "title": "y" * 900}},
    )  # fmt: skip
    there.task_comment(1, NOBODY, SCRIPT)
    there.storage(1, "common", "shared")
    there.file(("storage", 1), "../../../root.txt", 1, b"content")
    there.folder(("storage", 1), "..", NOBODY)
    there.section(1, "company_calendar", 0, "Company")
    there.event(1, SCRIPT, "2021-06-09 10:00", 1, 1, {NOBODY: "Y"}, DESCRIPTION=SCRIPT)
    there.record("deal", 1, "d" * 900, NOBODY, CATEGORY_ID=99, STAGE_ID="NO_SUCH", COMMENTS=SCRIPT,
                 CONTACT_ID=NOBODY, OPPORTUNITY="9" * 40)  # fmt: skip
    return there


def cleaned(migration: Migration) -> None:
    """What came is clean, and what could not was said: each thing is here whole, or not at all."""
    assert (migration.state, migration.trouble) == (Migration.State.DONE, "")

    def ours(kind: str, theirs: int) -> int:
        return migration.identities.get(kind=kind, theirs=str(theirs)).ours

    def said(kind: str, theirs: int) -> str:
        return " ".join(migration.remarks.filter(kind=kind, theirs=theirs).values_list("text", flat=True))

    top = Department.objects.get(parent=None)
    assert Department.objects.count() == 4 and top.children.count() >= 2
    assert "under itself" in said("department", 2) + said("department", 3)
    boris = User.objects.get(pk=ours("person", 2))
    assert (len(boris.first_name), boris.last_name, boris.email) == (100, "XZ", "")
    assert "is no e-mail" in said("person", 2)
    # Two of one e-mail are not one person: the second stays out, with why.
    assert "e-mail" in said("person", 3)
    assert not migration.identities.filter(kind="person", theirs="3").exists()
    group = Group.objects.get()
    assert len(group.name) == 200
    assert set(group.members.values_list("user", flat=True)) == {ours("person", 1), migration.by_id}
    assert "too long" in said("post", 2)
    assert not migration.identities.filter(kind="post", theirs="2").exists()
    assert "fine" in Post.objects.get(pk=ours("post", 1)).html
    robots = Post.objects.get(pk=ours("post", 3))
    assert robots.author == migration.by and str(NOBODY) in said("post", 3)
    # Whom it was for nobody knows: it is for nobody else.
    assert set(robots.audience) <= {f"U{migration.by_id}"}
    task = Task.objects.get()
    assert (len(task.title), task.deadline_at, task.parent_id, task.project_id) == (255, None, None, None)
    assert list(task.participants.values_list("user", flat=True)) == []
    names = set(Item.objects.exclude(parent=None).values_list("name", flat=True))
    assert "root.txt" in names and names.isdisjoint({"..", "../../../root.txt"})
    deal = Record.objects.get(pk=ours("deal", 1))
    assert len(deal.title) < 900 and deal.responsible == migration.by
    # Plain text, which pages escape.
    assert Event.objects.get().title.startswith("<script>")
    _no_script(
        [
            *Post.objects.values_list("html", flat=True),
            *Comment.objects.values_list("html", flat=True),
            *Task.objects.values_list("html", flat=True),
        ]
    )


def _no_script(texts: Collection[str]) -> None:
    for text in texts:
        assert "<script" not in text and "javascript:" not in text and "<img" not in text, text
