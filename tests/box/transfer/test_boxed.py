"""A boxed portal moves in by its dump: what comes is what comes of the same company from the cloud."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from box.apps.calls.models import LoggedCall
from box.apps.feed.models import Post
from box.apps.tasks.models import Dependency, Task
from box.core.events.delivery import deliver_all
from box.core.notify.models import Notification, QueuedLetter
from box.core.registry.capabilities import Ref
from box.core.relations.models import Relation
from box.transfer import actions, jobs, runner
from box.transfer.models import Migration
from box.transfer.reconciliation import reconcile
from box.transfer.sources import gaps_in
from tests.box.transfer.archived import Canonical, archive, lines_without, undone
from tests.box.transfer.hostile import cleaned, hostile_company
from tests.box.transfer.moving import Move
from tests.boxed.company import Boxed
from tests.cast import browser, person
from tests.cloud.companies import small_company
from tests.cloud.company import HOST, Company

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django import Settings

    from box.bridges.storage.client import S3Store
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db

DIFFERENCES: dict[str, dict[str, str]] = {
    "posts": {
        "closes_at": "a poll that is over there ends when it comes",
        "reactions": "no method of the cloud tells of them",
    },
    "tasks": {
        "reactions": "nor of those of tasks",
        "waits_for": "nor of what a task waits for",
    },
    "people": {"login": "the cloud tells nobody's"},
    "pipelines": {"code": "a stage of a company's own is called by its number here"},
}
"""By kind the fields that may differ, with why."""


@pytest.fixture
def place(tmp_path: Path, settings: Settings) -> Path:
    """Where dumps are put."""
    settings.MOVING_DIR, settings.EXTRACTS_DIR = tmp_path / "moving", tmp_path / "extracts"
    settings.MOVING_DIR.mkdir()
    return tmp_path / "moving"


@pytest.fixture
def olga(db: None) -> User:
    return person("Olga", is_administrator=True)


def connected(place: Path, by: User, company: Company | None = None, **more: Any) -> Migration:
    Boxed(company or small_company()).written(place / "portal", **more)
    migration = actions.connect_dump("portal", HOST, by=by)
    jobs.go_on_once(migration.pk)
    migration.refresh_from_db()
    return migration


def brought(migration: Migration) -> Migration:
    actions.begin(migration, by=migration.by)
    runner.run(Migration.objects.select_related("by").get(pk=migration.pk))
    migration.refresh_from_db()
    return migration


def said(migration: Migration) -> set[tuple[str, str, str]]:
    return set(migration.remarks.values_list("kind", "theirs", "text"))


@pytest.mark.parametrize("is_packed", [False, True])
def test_a_dump_and_the_cloud_bring_the_same(
    store: S3Store, place: Path, olga: User, is_packed: bool
) -> None:
    with undone():
        from_cloud = Move(olga)
        from_cloud.bring()
        told = said(from_cloud.migration)
        before = Canonical(archive()).dump()
        calls = sorted(
            LoggedCall.objects.values_list("number", "result", "talk_seconds", "recordings__blob__size")
        )
    company = small_company()
    # That tasks are named before others no method of the cloud tells either.
    company.related.clear()
    migration = connected(place, olga, company, is_packed=is_packed)
    assert (migration.state, migration.trouble) == (Migration.State.READY, "")
    assert migration.inventory["counts"]["tasks"] == 57
    brought(migration)
    assert (migration.state, migration.trouble) == (Migration.State.DONE, "")
    after = Canonical(archive()).dump()
    assert before.keys() == after.keys()
    differs = {}
    for kind in before:
        left, right = (lines_without(lines[kind], DIFFERENCES.get(kind, ())) for lines in (before, after))
        if left != right:
            differs[kind] = (
                [line for line in left if line not in right],
                [line for line in right if line not in left],
            )
    assert differs == {}
    assert calls == sorted(
        LoggedCall.objects.values_list("number", "result", "talk_seconds", "recordings__blob__size")
    )
    assert said(migration) == told
    assert [str(one.label) for one in reconcile(migration, None).lines if not one.is_whole] == []
    deliver_all()
    assert not Notification.objects.exclude(kind__startswith="transfer.").exists()
    assert not QueuedLetter.objects.exists()


def test_what_no_method_of_the_cloud_tells_comes_with_a_dump(store: S3Store, place: Path, olga: User) -> None:
    migration = brought(connected(place, olga))

    def ours(kind: str, theirs: int) -> int:
        return migration.identities.get(kind=kind, theirs=str(theirs)).ours

    links = Dependency.objects.values_list("before", "after", "kind")
    assert set(links) == {
        (ours("task", 20), ours("task", 21), Dependency.Kind.FINISH_START),
        (ours("task", 21), ours("task", 22), Dependency.Kind.START_START),
    }
    task = Task.objects.select_related("thread").get(pk=ours("task", 7))
    assert task.thread.likes_count == 1
    call = Task.objects.get(pk=ours("task", 8))
    (relation,) = Relation.objects.of(call.ref)
    assert relation.end_beside(call.ref) == Ref("tasks.task", ours("task", 20))
    post = Post.objects.select_related("thread").get(pk=ours("post", 1))
    assert (post.thread.likes_count, post.thread.emoji_counts) == (2, {"\N{FACE WITH TEARS OF JOY}": 1})
    assert Post.objects.get(pk=ours("post", 2)).thread.likes_count == 0
    # Who likes it by then comes with a newer dump, and nobody twice.
    company = small_company()
    company.reactions["post", 1][1] = "like"
    shutil.rmtree(place / "portal")
    Boxed(company).written(place / "portal")
    brought(migration)
    post.thread.refresh_from_db()
    assert (post.thread.likes_count, Dependency.objects.count()) == (3, 2)
    # And what waits and belongs together no more with one after that.
    del company.links[20, 21]
    company.related.clear()
    shutil.rmtree(place / "portal")
    Boxed(company).written(place / "portal")
    brought(migration)
    assert list(Dependency.objects.values_list("before", "after")) == [(ours("task", 21), ours("task", 22))]
    assert not Relation.objects.of(call.ref).exists()


def test_what_does_not_come_is_named_with_how_much_there_is_of_it(
    store: S3Store, place: Path, olga: User
) -> None:
    migration = connected(place, olga)
    assert migration.inventory["stays"] == {
        "messages": 204, "lists": 3, "products": 2, "own_entities": 5, "processes": 6, "liked_comments": 1,
    }  # fmt: skip
    told = {gap.what: gap.why for gap in gaps_in(migration)}
    assert "(204)" in told["messages of chats"]
    assert "(5)" in told["records of a company's own entities"]
    assert "working days" not in told
    assert not Task.objects.exists()


def test_a_dry_run_counts_what_comes_and_all_of_it_can_be_undone(
    store: S3Store, place: Path, olga: User
) -> None:
    migration = connected(place, olga)
    connected_at = migration.moved_at
    actions.begin_dry_run(migration, by=olga)
    migration.refresh_from_db()
    assert migration.moved_at > connected_at
    jobs.go_on_once(migration.pk)
    migration.refresh_from_db()
    counted = migration.inventory["dry_run"]["rows"]
    assert (counted["tasks"], counted["people"], counted["calls"]) == (57, 60, 57)
    brought(migration)
    with pytest.raises(actions.NotNow, match="come twice: undo that first"):
        actions.connect_dump("portal", HOST, by=olga)
    assert all(
        one.counted == one.came + one.refused for one in reconcile(migration, None).lines if one.counted
    )
    actions.begin_undo(migration, by=olga)
    jobs.go_on_once(migration.pk)
    migration.refresh_from_db()
    assert migration.state == Migration.State.UNDONE
    assert not Task.objects.exists()


def test_a_newer_dump_brings_what_has_changed(store: S3Store, place: Path, olga: User) -> None:
    migration = brought(connected(place, olga))
    company = small_company()
    company.task(7_000, "A new one", 1, 2)
    company.tasks[0]["title"] = "Write the better offer"
    shutil.rmtree(place / "portal")
    Boxed(company).written(place / "portal")
    brought(migration)
    assert (migration.state, migration.trouble) == (Migration.State.DONE, "")
    progress = migration.progress.get(stage="tasks")
    assert (progress.created, progress.changed, progress.refused) == (1, 1, 0)
    assert Task.objects.filter(title__in=["A new one", "Write the better offer"]).count() == 2


def test_files_that_are_missing_or_lead_elsewhere_are_named(
    store: S3Store, place: Path, olga: User, tmp_path: Path
) -> None:
    boxed = Boxed(small_company())
    files = {row["ORIGINAL_NAME"]: row for row in boxed.rows["b_file"]}
    files["plan.txt"] |= {"SUBDIR": "../..", "FILE_NAME": "secret"}
    files["brief.txt"]["HANDLER_ID"] = "2"
    boxed.written(place / "portal")
    (tmp_path / "secret").write_text("Nobody's business")
    for name in ("note.txt", "half.txt"):
        path = place / "portal/upload" / files[name]["SUBDIR"] / files[name]["FILE_NAME"]
        path.unlink()
        if name == "half.txt":
            path.symlink_to(tmp_path / "secret")
    migration = actions.connect_dump("portal", HOST, by=olga)
    jobs.go_on_once(migration.pk)
    brought(migration)
    told = {(kind, theirs): text for kind, theirs, text in said(migration)}
    assert "no name of a file" in told["post", "2"]
    assert "is not there" in told["comment", "2"]
    assert "a store elsewhere" in told["task", "7"]
    (half,) = [text for (kind, _theirs), text in told.items() if kind == "task-comment"]
    assert "is a link" in half
    assert Task.objects.filter(title="Write the offer").exists()


def test_a_hostile_portal_is_cleaned_or_refused_with_a_sentence(
    store: S3Store, place: Path, olga: User
) -> None:
    cleaned(brought(connected(place, olga, hostile_company())))


def test_a_dump_that_is_none_writes_nothing_until_a_better_one_is_there(
    store: S3Store, place: Path, olga: User
) -> None:
    path = Boxed(small_company()).written(place / "portal")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    migration = actions.connect_dump("portal", HOST, by=olga)
    for _time in range(2):
        jobs.go_on_once(migration.pk)
        migration.refresh_from_db()
        assert migration.state == Migration.State.LOOKING
        assert "breaks off" in migration.trouble
    assert not migration.matches.exists()
    path.write_bytes(whole)
    jobs.go_on_once(migration.pk)
    migration.refresh_from_db()
    assert (migration.state, migration.trouble) == (Migration.State.READY, "")


def test_a_folder_that_goes_while_it_comes_is_waited_for(store: S3Store, place: Path, olga: User) -> None:
    migration = connected(place, olga)
    (place / "portal").rename(place / "away")
    brought(migration)
    assert migration.state == Migration.State.RUNNING
    assert "is not there" in migration.trouble
    (place / "away").rename(place / "portal")
    jobs.go_on_once(migration.pk)
    migration.refresh_from_db()
    assert (migration.state, migration.trouble) == (Migration.State.DONE, "")


def test_whoever_administers_names_a_folder(store: S3Store, place: Path, olga: User) -> None:
    client = browser(olga)
    Boxed(small_company()).written(place / "portal")
    page = client.get(reverse("transfer:list")).content.decode()
    assert str(place) in page
    assert '<option value="portal">' in page
    for folder, portal, why in (
        ("../portal", HOST, "by letters, digits"),
        ("none", HOST, "is not there"),
        ("portal", "https://company.example/", "no https"),
    ):
        answer = client.post(
            reverse("transfer:from-dump"), {"folder": folder, "portal": portal, "nonce": str(uuid4())}
        )
        assert answer.status_code == 422
        assert why in answer.content.decode()
    assert not Migration.objects.exists()
    answer = client.post(
        reverse("transfer:from-dump"), {"folder": "portal", "portal": HOST, "nonce": str(uuid4())}
    )
    migration = Migration.objects.get()
    assert answer["Location"] == reverse("transfer:migration", args=[migration.pk])
    assert "Reading the dump" in client.get(answer["Location"]).content.decode()
    jobs.go_on_once(migration.pk)
    page = client.get(answer["Location"]).content.decode()
    assert "Listing all of it" not in page
    assert "Connect anew</button>" not in page


def test_boxctl_connects_a_dump(
    store: S3Store, place: Path, olga: User, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Boxed(small_company()).written(place / "portal")
    with pytest.raises(CommandError, match="Say by --portal"):
        call_command("transfer", "connect", "--by", olga.login, "--dump", "portal")
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"b_user`", b"b_users`"))
    arguments = ("connect", "--by", olga.login, "--dump", "portal", "--portal", HOST)
    with pytest.raises(CommandError, match="no people"):
        call_command("transfer", *arguments)
    path.write_bytes(whole)
    call_command("transfer", *arguments)
    call_command("transfer", "plan")
    assert "is connected" in (told := capsys.readouterr().out)
    assert "Tasks: 57" in told
