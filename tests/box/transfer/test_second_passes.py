"""What a later pass brings of things that have come: newer contents of files, files attached since, who is in
a group by now; and what it leaves where the portal does not say."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from box.apps.crm.models import Record
from box.apps.drive.actions.tree import rename_item
from box.apps.drive.models import Item
from box.apps.feed.actions import edit_post
from box.apps.feed.models import Post
from box.apps.tasks.actions.tasks import change_task
from box.apps.tasks.models import Task, TaskFile
from box.core.accounts.models import User
from box.core.discussion.models import Comment
from box.core.files.models import File
from box.core.files.pictures import PicturesWait
from box.core.files.store import store as the_store
from box.core.groups.actions import remove_member
from box.core.groups.models import Group
from box.transfer import actions
from box.transfer.reconciliation import Line, reconcile
from tests.box.transfer.moving import Move
from tests.cast import browser, person
from tests.cloud.company import picture
from tests.cloud.portal import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from box.bridges.storage.client import S3Store
    from box.core.files.models import Blob

pytestmark = pytest.mark.django_db


@pytest.fixture
def move(store: S3Store) -> Move:
    """Of the small company all has come once."""
    move = Move(person("Olga", is_administrator=True))
    move.bring()
    return move


def content_of(blob: Blob) -> bytes:
    return b"".join(the_store().read(blob.key))


# Files of drives


def contents(name: str) -> list[bytes]:
    """Of a file of the drives, the oldest first."""
    item = Item.objects.select_related("file__blob").get(name=name)
    assert item.file is not None
    versions = item.versions.order_by("number").select_related("blob")
    return [*(content_of(one.blob) for one in versions), content_of(item.file.blob)]


def their_file(move: Move, name: str) -> int:
    found: int = next(row["ID"] for row in move.company.objects if row["NAME"] == name)
    return found


def test_each_content_that_a_file_has_got_since_comes_in_order_and_once(move: Move) -> None:
    file = their_file(move, "mine.txt")
    for number in (2, 3):
        move.company.renew(file, f"Mine {number}".encode())
    move.bring()
    assert contents("mine.txt") == [b"Mine", b"Mine 2", b"Mine 3"]
    # What came as the newest is known as a version from then on.
    move.company.renew(file, b"Mine")
    move.company.renew(file, b"Mine 5")
    fetched = len(move.loaded)
    move.bring()
    assert contents("mine.txt") == [b"Mine", b"Mine 2", b"Mine 3", b"Mine", b"Mine 5"]
    assert len(move.loaded) - fetched == 3
    assert reconcile(move.migration, move.cloud()).is_whole
    # Nobody has given it anything here.
    actions.begin_undo(move.migration, by=move.by)


@pytest.mark.parametrize("name", ["rules.txt", "mine.txt"])
def test_a_newer_content_that_cannot_be_fetched_changes_nothing_until_it_can(move: Move, name: str) -> None:
    before = contents(name)
    row = move.company.renew(their_file(move, name), b"The newest")
    newest = move.company.contents.pop(row["_path"])
    move.bring()
    assert contents(name) == before
    drives = move.migration.progress.get(stage="drives")
    assert (drives.changed, drives.refused) == (0, 1)
    assert list(move.said("drive-file")) == [str(row["ID"])]
    assert f"The file “{name}” could not be fetched" in move.said("drive-file")[str(row["ID"])]
    move.company.contents[row["_path"]] = newest
    move.bring()
    assert contents(name) == [*before, newest]
    drives = move.migration.progress.get(stage="drives")
    assert (drives.changed, drives.refused) == (1, 0)


def test_an_older_content_that_cannot_be_fetched_never_becomes_the_newest(move: Move) -> None:
    file = their_file(move, "mine.txt")
    lost = move.company.renew(file, b"Lost")["_path"]
    move.company.renew(file, b"The newest")
    content = move.company.contents.pop(lost)
    move.bring()
    assert contents("mine.txt") == [b"Mine", b"The newest"]
    assert "could not be fetched" in move.said("drive-file")[str(file)]
    # Once it is there it stands where it stood, and what people have called the file here stays.
    move.company.contents[lost] = content
    item = Item.objects.get(name="mine.txt")
    rename_item(item, "ours.txt", by=User.objects.get(pk=move.ours("person", 2)))
    move.bring()
    assert contents("ours.txt") == [b"Mine", b"Lost", b"The newest"]
    drives = move.migration.progress.get(stage="drives")
    assert (drives.changed, drives.refused) == (1, 0)
    # It is asked for no more, and nobody has given the file anything here.
    fetched = len(move.loaded)
    move.bring()
    assert len(move.loaded) == fetched
    assert reconcile(move.migration, move.cloud()).is_whole
    actions.begin_undo(move.migration, by=move.by)


def test_contents_that_come_late_stand_in_their_order_beside_newer_ones(store: S3Store) -> None:
    move = Move(person("Olga", is_administrator=True))
    # The last but one is as the last one is.
    file = move.company.file(("storage", 1), "plan.txt", 1, b"1", b"2", b"4", b"4")
    paths = [row["_path"] for row in move.company.versions[file]]
    lost = {path: move.company.contents.pop(path) for path in (paths[0], paths[2])}
    move.bring()
    assert contents("plan.txt") == [b"2", b"4"]
    # With the next newest content, as without one.
    move.company.renew(file, b"5")
    move.company.contents[paths[2]] = lost[paths[2]]
    move.bring()
    assert contents("plan.txt") == [b"2", b"4", b"4", b"5"]
    move.company.contents |= lost
    move.bring()
    assert contents("plan.txt") == [b"1", b"2", b"4", b"4", b"5"]
    fetched = len(move.loaded)
    move.bring()
    assert (len(move.loaded), contents("plan.txt")) == (fetched, [b"1", b"2", b"4", b"4", b"5"])


def test_versions_that_the_portal_did_not_tell_of_come_with_a_later_pass(
    store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    move = Move(person("Olga", is_administrator=True))
    with monkeypatch.context() as refused:
        refusing(refused, move, "disk.file.getVersions")
        move.bring()
    assert contents("rules.txt") == [b"Second rules"]
    assert "Not all that it was before" in move.said("drive-file")[str(their_file(move, "rules.txt"))]
    move.bring()
    assert contents("rules.txt") == [b"First rules", b"Second rules"]


def test_a_file_that_came_without_its_newest_content_gets_it_in_the_next_pass(store: S3Store) -> None:
    move = Move(person("Olga", is_administrator=True))
    file = their_file(move, "rules.txt")
    path = next(row["_path"] for row in move.company.objects if row["ID"] == file)
    newest = move.company.contents.pop(path)
    move.bring()
    assert contents("rules.txt") == [b"First rules"]
    move.company.contents[path] = newest
    move.bring()
    assert contents("rules.txt") == [b"First rules", b"Second rules"]


def test_of_a_file_of_which_nothing_comes_it_is_said_why(store: S3Store) -> None:
    move = Move(person("Olga", is_administrator=True))
    file = their_file(move, "mine.txt")
    move.company.contents.clear()
    move.bring()
    assert not Item.objects.filter(name="mine.txt").exists()
    assert "HTTP 404" in move.said("drive-file")[str(file)]


def test_a_name_that_is_taken_here_keeps_no_newer_content_out(move: Move) -> None:
    file = their_file(move, "report.txt")
    report = Item.objects.get(name="report.txt")
    there = next(row for row in move.company.objects if row["ID"] == file)["_in"]
    move.company.file(there, "REPORT.txt", 2, b"Another")
    move.bring()
    other = Item.objects.get(parent=report.parent, name__istartswith="report (")
    move.company.renew(int(move.migration.identities.get(kind="drive-file", ours=other.pk).theirs), b"Newer")
    move.bring()
    assert contents(other.name) == [b"Another", b"Newer"]
    assert contents("report.txt") == [b"Report"]


# Files of tasks, posts and comments


def names(files: Iterable[File]) -> list[str]:
    return [file.name for file in files]


def test_files_that_were_attached_since_come_behind_those_before_and_once(move: Move) -> None:
    company = move.company
    task, post = company.tasks[0], company.posts[1]
    task["ufTaskWebdavFiles"] = [*task["ufTaskWebdavFiles"], company.attach("second.txt", b"Second brief")]
    picture_of = company.attach("garden.png", picture("green"))
    post["FILES"] = [*post["FILES"], picture_of]
    post["DETAIL_TEXT"] += f" And [disk file id=n{company.attachments[picture_of]['OBJECT_ID']}]"
    company.comments[1]["attach"] = [*company.comments[1]["attach"], company.attach("more.txt", b"More")]
    move.bring()
    move.bring()
    ours = Task.objects.get(pk=move.ours("task", task["id"]))
    links = TaskFile.objects.filter(task=ours).order_by("position").select_related("file__blob")
    assert names(link.file for link in links) == ["brief.txt", "second.txt"]
    assert content_of(links[1].file.blob) == b"Second brief"
    assert links[1].file.audience == ours.audience
    changed = Post.objects.get(pk=move.ours("post", post["ID"]))
    files = list(changed.files.order_by("postfile__position"))
    assert names(files) == ["plan.txt", "office.png", "garden.png"]
    # Both pictures stand in the text.
    assert all(
        f'data-file="{file.pk}"' in changed.html or f"/{file.pk}/" in changed.html for file in files[1:]
    )
    comment = Comment.objects.get(pk=move.ours("comment", company.comments[1]["id"]))
    assert names(link.file for link in comment.file_links.all()) == ["note.txt", "more.txt"]
    assert reconcile(move.migration, move.cloud()).is_whole
    # None of it is people's work.
    actions.begin_undo(move.migration, by=move.by)


def test_a_file_that_was_attached_to_a_comment_of_a_task_since_comes(move: Move) -> None:
    company = move.company
    half = company.task_comments[7][0]
    company.task_comment(7, 2, "", (company.attach("all.txt", b"All"),))
    more = company.task_comments[7].pop()["ATTACHED_OBJECTS"]
    half["ATTACHED_OBJECTS"] = {**half["ATTACHED_OBJECTS"], **more}
    company.tasks[0]["activityDate"] = "2021-05-01T11:00:00+03:00"
    move.bring()
    comment = Comment.objects.get(pk=move.ours("task-comment", half["ID"]))
    assert names(link.file for link in comment.file_links.all()) == ["half.txt", "all.txt"]
    assert "Half of it is ready" in comment.html


def test_an_attached_file_that_cannot_come_is_said_and_the_rest_is_changed(
    move: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    company, task = move.company, move.company.tasks[0]
    lost = company.attach("lost.txt", b"Lost")
    company.contents.pop(company.attachments[lost]["_path"])
    task |= {"title": "With a file", "ufTaskWebdavFiles": [*task["ufTaskWebdavFiles"], lost]}
    move.bring()
    ours = Task.objects.get(pk=move.ours("task", task["id"]))
    assert ours.title == "With a file"
    assert "“lost.txt” could not be fetched" in move.said("task")[str(task["id"])]
    # Nor more than a task holds.
    monkeypatch.setattr("box.apps.tasks.actions.tasks.MOST_FILES", 1)
    more = company.attach("more.txt", b"More")
    task |= {"title": "With another", "ufTaskWebdavFiles": [*task["ufTaskWebdavFiles"], more]}
    move.bring()
    ours.refresh_from_db()
    assert ours.title == "With another"
    said = move.migration.remarks.filter(kind="task", theirs=task["id"]).values_list("text", flat=True)
    assert any("Too many files" in text for text in said)
    assert names(link.file for link in TaskFile.objects.filter(task=ours)) == ["brief.txt"]
    assert not File.objects.filter(name="more.txt").exists()


# What could not be fetched


def changed_by_the_last_pass(move: Move) -> dict[str, int]:
    return {one.stage: one.changed for one in move.migration.progress.all() if one.changed}


def test_what_could_not_be_fetched_comes_with_a_later_pass_though_its_row_is_as_it_was(
    store: S3Store,
) -> None:
    move = Move(person("Olga", is_administrator=True))
    company = move.company
    kept = dict(company.contents)
    company.contents.clear()
    move.bring()
    assert not File.objects.exclude(name__in=["rules.txt", "mine.txt", "report.txt"]).exists()
    anna, boris = (User.objects.get(pk=move.ours("person", one)) for one in (1, 2))
    assert anna.photo_id is None
    # Nothing comes, and nothing is changed.
    move.bring()
    assert changed_by_the_last_pass(move) == {}
    company.contents |= kept
    # What somebody has written here meanwhile stays, and gets its files all the same.
    post = Post.objects.get(pk=move.ours("post", 2))
    edit_post(post, "Otherwise", version=post.version, by=post.author)
    move.bring()
    assert changed_by_the_last_pass(move) == {
        "people": 1, "posts": 1, "comments": 1, "tasks": 1, "deals": 1,
    }  # fmt: skip
    anna.refresh_from_db()
    boris.refresh_from_db()
    assert anna.photo_id is not None and boris.photo_id is None
    post.refresh_from_db()
    assert post.text == "Otherwise"
    assert set(names(post.files.all())) == {"plan.txt", "office.png"}
    task = Task.objects.get(pk=move.ours("task", 7))
    assert names(task.files.all()) == ["brief.txt"]
    below_task, below_post, below_deal = (
        Comment.objects.get(thread=task.thread),
        Comment.objects.get(pk=move.ours("comment", 2)),
        Comment.objects.get(thread=Record.objects.get(pk=move.ours("deal", 1)).thread),
    )
    for comment, name in ((below_task, "half.txt"), (below_post, "note.txt"), (below_deal, "roses.txt")):
        assert names(link.file for link in comment.file_links.all()) == [name]
        # Nobody has written it otherwise.
        assert comment.edited_at is None
    fetched = len(move.loaded)
    move.bring()
    assert (len(move.loaded), changed_by_the_last_pass(move)) == (fetched, {})
    assert reconcile(move.migration, move.cloud()).is_whole


def test_an_attachment_that_the_portal_did_not_give_comes_when_it_does(
    store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    move = Move(person("Olga", is_administrator=True))
    with monkeypatch.context() as refused:
        refusing(refused, move, "disk.attachedObject.get")
        move.bring()
    task = Task.objects.get(pk=move.ours("task", 7))
    assert not task.files.exists()
    # It has been changed here, and its own words stay.
    change_task(task, {"title": "Otherwise"}, by=task.created_by)
    move.bring()
    task.refresh_from_db()
    assert (task.title, names(task.files.all())) == ("Otherwise", ["brief.txt"])


def test_a_photo_that_met_a_busy_box_comes_with_the_next_pass(
    store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait(*given: object, **more: object) -> None:
        raise PicturesWait

    move = Move(person("Olga", is_administrator=True))
    with monkeypatch.context() as busy:
        busy.setattr("box.transfer.stages.people.set_photo", wait)
        move.bring()
    assert "did not come" in move.said("person")["1"]
    move.bring()
    assert User.objects.get(pk=move.ours("person", 1)).photo_id is not None


def test_whoever_was_here_before_gets_no_photo_by_a_later_pass(store: S3Store) -> None:
    anna = person("Anna")
    move = Move(person("Olga", is_administrator=True))
    photo = move.company.contents.pop("/upload/main/a.png")
    move.bring()
    assert move.ours("person", 1) == anna.pk
    move.company.people[0]["WORK_POSITION"] = "Director"
    move.bring()
    move.company.contents["/upload/main/a.png"] = photo
    move.bring()
    anna.refresh_from_db()
    assert (anna.photo_id, anna.position) == (None, "")


# What the portal refuses in a later pass


def refusing(monkeypatch: pytest.MonkeyPatch, move: Move, method: str) -> None:
    def refuse(given: object) -> object:
        raise Refused("ACCESS_DENIED", "Access denied!", 403)

    monkeypatch.setitem(move.portal.answers, method, refuse)


def test_members_that_the_portal_does_not_tell_of_stay_in_their_group(
    move: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = Group.objects.get(pk=move.ours("group", 1))
    move.company.groups[0]["DESCRIPTION"] = "Otherwise"
    with monkeypatch.context() as refused:
        refusing(refused, move, "sonet_group.user.get")
        move.bring()
    assert names_in(group) == {"Anna", "Boris", "Cara"}
    assert "Its members are not given by the portal: ACCESS_DENIED" in move.said("group")["1"]
    group.refresh_from_db()
    assert group.description == "Otherwise"


def test_lines_and_contacts_that_the_portal_does_not_tell_of_stay_with_their_deal(
    move: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    deal = Record.objects.get(pk=move.ours("deal", 1))
    lines = list(deal.lines.in_order().values_list("name", flat=True))
    assert len(lines) == deal.links.filter(role="contact").count() == 2
    row = next(row for row in move.company.records["deal"] if row["ID"] == 1)
    row["TITLE"] = "Two thousand roses"
    for method in ("crm.deal.productrows.get", "crm.deal.contact.items.get"):
        refusing(monkeypatch, move, method)
    move.bring()
    deal.refresh_from_db()
    assert deal.title == "Two thousand roses"
    assert list(deal.lines.in_order().values_list("name", flat=True)) == lines
    assert deal.links.filter(role="contact").count() == 2
    said = set(move.migration.remarks.filter(kind="deal", theirs="1").values_list("text", flat=True))
    assert {text.partition(":")[0] for text in said} >= {
        "Its lines of products are not given by the portal",
        "Of its contacts only the first is given by the portal",
    }


# Who is in a group


def names_in(group: Group) -> set[str]:
    return set(group.members.values_list("user__first_name", flat=True))


def test_who_comes_to_a_group_or_leaves_it_there_is_followed_though_nothing_else_of_it_changes(
    move: Move,
) -> None:
    group = Group.objects.get(pk=move.ours("group", 1))
    assert names_in(group) == {"Anna", "Boris", "Cara"}
    # As many as before.
    move.company.members[1] = [
        {"USER_ID": user, "ROLE": role} for user, role in {2: "A", 1: "E", 10: "K"}.items()
    ]
    move.bring()
    assert names_in(group) == {"Anna", "Boris", "P10"}
    # Whoever leads it here by now is not taken away from it, and that is said.
    move.company.members[1] = [{"USER_ID": 2, "ROLE": "A"}]
    move.bring()
    assert names_in(group) == {"Anna", "Boris"}
    assert "Anna Orlova is in it no more there" in move.said("group")["1"]


def test_whom_people_have_let_go_of_a_group_here_no_later_pass_brings_into_it_again(move: Move) -> None:
    group, cara = Group.objects.get(pk=move.ours("group", 1)), move.ours("person", 3)
    remove_member(group.members.get(user=cara), by=move.by)
    move.company.groups[0]["DESCRIPTION"] = "Otherwise"
    move.bring()
    assert names_in(group) == {"Anna", "Boris"}
    # Who leaves there and comes again is new.
    before = move.company.members[1]
    move.company.members[1] = before[:2]
    move.bring()
    move.company.members[1] = before
    move.bring()
    assert names_in(group) == {"Anna", "Boris", "Cara"}


# What is not there any more


def lines_of(move: Move) -> dict[str, Line]:
    return {str(one.label): one for one in reconcile(move.migration, move.cloud()).lines}


def test_what_is_there_no_more_stays_and_is_named_and_so_is_what_was_added(
    move: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = move.company
    company.tasks[:] = [row for row in company.tasks if row["id"] != 8]
    company.groups[:] = [row for row in company.groups if row["ID"] != 2]
    company.comments[:] = [row for row in company.comments if row["id"] != 2]
    company.objects[:] = [row for row in company.objects if row["NAME"] != "mine.txt"]
    company.records["lead"].clear()
    # As many as before.
    company.task(900, "Brand new", 1, 2)
    # Nobody knows yet what was looked at before.
    assert {one.gone for one in lines_of(move).values()} == {0}
    move.bring()
    gone = {label: one for label, one in lines_of(move).items() if one.gone}
    assert {label: one.gone for label, one in gone.items()} == {
        "Tasks": 1, "Groups": 1, "Comments of the feed": 1, "Files and folders of drives": 1, "Leads": 1,
    }  # fmt: skip
    assert all(one.is_whole and one.here == one.came for one in gone.values())
    assert [str(one) for one in gone["Groups"].gone_named] == ["Board (2)"]
    (task,) = gone["Tasks"].gone_named
    assert (str(task), task.address) == ("8", f"/tasks/{move.ours('task', 8)}/")
    # Behind the last pass as many come as have gone.
    company.task(901, "Newer", 1, 2)
    company.group(9, "Newcomers", 1)
    company.post(900, 1, "To all")
    lines = lines_of(move)
    missing = {label: [str(one) for one in line.missing] for label, line in lines.items() if line.missing}
    assert missing == {"Tasks": ["901"], "Groups": ["Newcomers (9)"], "Posts of the feed": ["900"]}
    assert not any(lines[label].is_whole for label in missing)
    monkeypatch.setattr("box.transfer.views.cloud_of", lambda one, attempts: move.cloud())
    page = browser(move.by).get(reverse("transfer:reconciliation", args=[move.migration.pk]))
    shown = page.content.decode()
    assert "1 is not in the portal any more, and stays here" in shown
    assert f'href="{task.address}"' in shown and "Board (2)" in shown
    assert "Added in the portal since the last pass" in shown and "Newcomers (9)" in shown
    monkeypatch.setattr("box.transfer.management.commands.transfer.cloud_of", move.cloud)
    out = StringIO()
    with pytest.raises(CommandError, match="Not everything is here"):
        call_command("transfer", "check", stdout=out)
    assert "1 not there any more:\n      Board (2)\n" in out.getvalue()
    assert "Added there since the last pass:\n      Newcomers (9)\n" in out.getvalue()


@pytest.mark.parametrize("method", ["disk.folder.getchildren", "log.blogcomment.user.get", "department.get"])
def test_what_a_pass_was_not_shown_is_not_called_gone(
    move: Move, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    with monkeypatch.context() as refused:
        refusing(refused, move, method)
        move.bring()
    assert move.migration.progress.filter(is_partial=True).exists()
    assert {one.gone for one in lines_of(move).values()} == {0}
    # Nor is it behind a pass that has seen all.
    move.bring()
    assert not move.migration.progress.filter(is_partial=True).exists()
    assert {one.gone for one in lines_of(move).values()} == {0}
