"""Who gets which archive, and what becomes of it."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.utils import timezone

from box.apps.feed.models import Post
from box.apps.tasks.actions.checklists import add_items, check_item
from box.apps.tasks.actions.time import add_time
from box.apps.tasks.models import Task
from box.core.accounts.models import User
from box.core.files import ranged
from box.core.files.models import File
from box.core.groups.models import Group
from box.transfer import exports, jobs
from box.transfer.actions import NotNow, begin, begin_dry_run, begin_undo, connect_archive, decide_match
from box.transfer.archive.container import BadArchive, Filters
from box.transfer.archive.export import Scope, write_archive
from box.transfer.exports import order_export, order_own, remove_export
from box.transfer.models import Export, Migration
from box.transfer.runner import run
from box.transfer.undo import take_back
from tests.box.transfer.archived import (
    AT,
    a_file,
    archive,
    company,
    lines_of,
    looked,
    moved_in,
    private_things_of,
    undone,
)
from tests.cast import browser, person

if TYPE_CHECKING:
    from pathlib import Path

    from box.bridges.storage.client import S3Store

pytestmark = pytest.mark.django_db


@pytest.fixture
def olga(store: S3Store) -> User:
    return person("Olga", is_administrator=True)


@pytest.fixture
def anna(olga: User) -> User:
    company(olga)
    anna: User = User.objects.get(first_name="Anna")
    return anna


def lines(export: Export) -> dict[str, list[dict[str, Any]]]:
    export.refresh_from_db()
    assert export.file is not None, export.trouble
    with ranged.opened(export.file.blob) as file:
        return lines_of(_copy(file.read()))


def _copy(content: bytes) -> io.BytesIO:
    return io.BytesIO(content)


def texts(found: dict[str, list[dict[str, Any]]]) -> str:
    return " ".join(one.get("html", "") for one in found["posts"])


def test_an_administrators_archive_holds_no_private_correspondence(olga: User, anna: User) -> None:
    private_things_of(olga, anna)
    export = order_export(Filters(), by=olga)
    jobs.export_once(export.pk)
    found = lines(export)
    assert "Read this" in texts(found)
    assert "Only between us" not in texts(found)
    assert "For Olga alone" not in texts(found)
    assert not [one for one in found["comments"] if "Thank you, Anna" in one["html"]]
    assert "Bank" not in {one["title"] for one in found["events"]}
    assert {one["name"] for one in found["drives"]} >= {"bridge.txt", "rules.txt"}
    assert not {"diary.txt", "plans.txt"} & {one["name"] for one in found["drives"]}
    assert export.file is not None
    assert export.file.owner == olga
    # Root's has it, and so has what she takes along as hers.
    assert "Only between us" in texts(lines_of(archive()))
    own = order_own(by=olga)
    jobs.export_once(own.pk)
    taken = lines(own)
    assert {one["name"] for one in taken["drives"]} == {"plans.txt"}
    assert {one["title"] for one in taken["events"]} == {"Bank"}
    assert [one for one in taken["comments"] if "Thank you, Anna" in one["html"]]
    assert "Only between us" not in texts(lines_of(archive(Scope(Filters(is_private_left_out=True)))))


def test_what_one_takes_along_is_ones_own_and_of_others_their_names(anna: User) -> None:
    export = order_own(by=anna)
    jobs.export_once(export.pk)
    found = lines(export)
    assert {one["author"] for one in found["posts"]} == {anna.pk}
    assert {one["author"] for one in found["comments"]} == {anna.pk}
    assert "Only between us" in texts(found)
    assert {one["name"] for one in found["drives"]} == {"diary.txt"}
    assert all(anna.pk in (one["created_by"], one["responsible"]) for one in found["tasks"])
    assert "clients" not in found
    others = [one for one in found["people"] if one["id"] != anna.pk]
    assert others
    assert all(one.keys() == {"id", "name"} for one in others)


def test_whoever_has_made_nothing_takes_their_profile_along(olga: User) -> None:
    nina = person("Nina", position="Newcomer")
    export = order_own(by=nina)
    jobs.export_once(export.pk)
    (profile,) = lines(export)["people"]
    assert (profile["id"], profile["email"], profile["position"]) == (nina.pk, nina.email, "Newcomer")


def ends(found: dict[str, list[dict[str, Any]]]) -> set[tuple[str, int]]:
    return {(end["kind"], end["id"]) for row in found["relations"] for end in (row["one"], row["other"])}


def test_what_belongs_to_a_task_is_in_it_where_both_are(olga: User, anna: User) -> None:
    """Nobody learns from a relation of something that they do not see."""
    boris = User.objects.get(first_name="Boris")
    build, hidden = Task.objects.get(title="Build"), Post.objects.get(text="Only between us")
    assert len(ends(lines_of(archive()))) == 9
    for by, theirs, is_there in ((olga, False, False), (anna, True, True), (boris, True, False)):
        export = order_own(by=by) if theirs else order_export(Filters(), by=by)
        jobs.export_once(export.pk)
        found = lines(export)
        assert (("post", hidden.pk) in ends(found)) is is_there
        within = {
            "task": "tasks",
            "post": "posts",
            "comment": "comments",
            "event": "events",
            "person": "people",
        }
        for kind, pk in ends(found):
            # Of the CRM nothing is a person's own.
            assert pk in {one["id"] for one in found.get(within.get(kind, "clients"), [])}
        remove_export(export, by=by)
    assert ("task", build.pk) in ends(found)
    assert ("person", anna.pk) in ends(found)
    part = lines_of(archive(Scope(Filters(kinds=["tasks", "relations", "people"]))))
    assert {kind for kind, _pk in ends(part)} == {"task", "person"}


def test_one_group_brings_what_is_its_own(anna: User) -> None:
    group = Group.objects.get(name="Bridge")
    found = lines_of(archive(Scope(Filters(groups=[group.pk]))))
    assert [one["name"] for one in found["groups"]] == ["Bridge"]
    assert all(f"G{group.pk}" in one["audience"] for one in found["posts"])
    assert {one["drive"] for one in found["drives"]} == {f"G{group.pk}"}
    assert {one["title"] for one in found["tasks"]} == {"Build"}
    assert found["clients"] == found["activities"] == []
    assert {one["name"] for one in found["people"]} == {"Anna Test", "Boris Test", "Cara Test"}


def test_a_period_begins_with_its_first_moment_and_ends_before_its_last(anna: User) -> None:
    inside = lines_of(archive(Scope(Filters(since=AT, before=AT + timedelta(seconds=1)))))
    assert inside["posts"]
    assert not lines_of(archive(Scope(Filters(before=AT))))["posts"]
    assert not lines_of(archive(Scope(Filters(since=AT + timedelta(seconds=1)))))["posts"]


def test_kinds_are_chosen(anna: User) -> None:
    assert set(lines_of(archive(Scope(Filters(kinds=["groups", "people"]))))) == {"groups", "people"}


def test_an_order_that_cannot_be_is_refused(olga: User) -> None:
    for wrong in (
        Filters(kinds=["secrets"]),
        Filters(groups=[999]),
        Filters(since=AT, before=AT),
    ):
        with pytest.raises(ValidationError):
            order_export(wrong, by=olga)
    with pytest.raises(ValidationError, match="age1"):
        order_own(recipient="ssh-rsa AAAA", by=olga)
    assert not Export.objects.exists()


def test_one_is_written_at_a_time(olga: User) -> None:
    order_own(by=olga)
    order_export(Filters(), by=olga)
    with pytest.raises(ValidationError, match="already"):
        order_own(by=olga)
    assert Export.objects.count() == 2


def test_one_whose_writer_was_killed_is_written_anew(olga: User) -> None:
    export = order_export(Filters(kinds=["people"]), by=olga)
    now = timezone.now()
    jobs.export_forgotten(now)
    assert Export.objects.get().is_going
    jobs.export_forgotten(now + timedelta(minutes=2))
    assert [one["name"] for one in lines(export)["people"]] == ["Olga Test"]
    assert File.objects.count() == 1


def test_one_that_is_withdrawn_leaves_nothing(olga: User, monkeypatch: pytest.MonkeyPatch) -> None:
    export = order_export(Filters(kinds=["people"]), by=olga)
    write = write_archive

    def late(out: Any, scope: Any, each: Any) -> Any:
        remove_export(export, by=olga)
        return write(out, scope, each)

    monkeypatch.setattr(exports, "write_archive", late)
    jobs.export_once(export.pk)
    assert not Export.objects.exists()
    assert not File.objects.exists()


def test_after_a_week_it_is_gone_with_its_file(olga: User) -> None:
    export = order_export(Filters(kinds=["people"]), by=olga)
    jobs.export_once(export.pk)
    export.refresh_from_db()
    assert exports.forget_old(export.created_at + exports.KEPT) == 0
    assert exports.forget_old(export.created_at + exports.KEPT + timedelta(seconds=1)) == 1
    assert not File.objects.exists()


def test_only_whoever_had_it_written_fetches_it(olga: User, anna: User) -> None:
    export = order_own(by=anna)
    jobs.export_once(export.pk)
    export.refresh_from_db()
    assert export.file is not None
    assert browser(anna).get(export.file.get_absolute_url()).status_code == 302
    assert browser(olga).get(export.file.get_absolute_url()).status_code == 404
    assert browser(olga).post(f"/my-data/{export.pk}/removal/").status_code == 404


def test_the_page_shows_what_was_asked_for(olga: User) -> None:
    page = browser(olga)
    answer = page.post("/my-data/", {"recipient": "nonsense", "nonce": str(uuid4())})
    assert answer.status_code == 422
    assert "age1" in answer.content.decode()
    assert page.post("/my-data/", {"recipient": "", "nonce": str(uuid4())}).status_code == 302
    jobs.export_once(Export.objects.get().pk)
    assert ".zip" in page.get("/my-data/").content.decode()
    assert (
        page.post("/console/migrations/exports/", {"kinds": ["people"], "nonce": str(uuid4())}).status_code
        == 302
    )
    assert Export.objects.get(is_own=False).filters["kinds"] == ["people"]


def test_what_came_is_undone_whole(olga: User) -> None:
    with undone():
        company(olga)
        went = archive().getvalue()
    migration = moved_in(went, olga)
    assert User.objects.count() > 1
    begin_undo(migration, by=olga)
    take_back(Migration.objects.get())
    found = lines_of(archive())
    left = {kind: rows for kind, rows in found.items() if rows and kind not in ("pipelines", "departments")}
    assert [one["name"] for one in left.pop("people")] == ["Olga Test"]
    assert left == {}


def test_whoever_got_an_account_since_somebody_looked_is_not_added_beside_it(olga: User) -> None:
    with undone():
        person("Anna")
        person("Boris")
        content = archive(Scope(Filters(kinds=["people"]))).getvalue()
    migration = connect_archive(a_file(olga, "company.zip", content), by=olga)
    looked(migration)
    decide_match(migration.matches.get(email="boris@example.com"), None, by=olga)
    anna, boris = person("Anna"), person("Boris")
    begin(migration, by=olga)
    run(migration)
    came = {one.theirs: one.ours for one in migration.identities.filter(kind="person")}
    ours = {match.email: came[match.theirs] for match in migration.matches.all()}
    assert ours["anna@example.com"] == anna.pk
    assert ours["boris@example.com"] not in (boris.pk, anna.pk)
    assert User.objects.get(pk=ours["boris@example.com"]).email == ""
    assert migration.remarks.get(kind="person").text.startswith("Somebody here has the e-mail")


def test_the_same_portal_does_not_come_twice(olga: User) -> None:
    content = archive(Scope(Filters(kinds=["groups"]))).getvalue()
    moved_in(content, olga)
    with pytest.raises(NotNow, match="come twice: undo that first"):
        connect_archive(a_file(olga, "again.zip", content), by=olga)


def test_there_is_no_dry_run_of_an_archive(olga: User) -> None:
    """It is all here already: looking at it counts it."""
    content = archive(Scope(Filters(kinds=["groups"]))).getvalue()
    migration = connect_archive(a_file(olga, "company.zip", content), by=olga)
    looked(migration)
    with pytest.raises(NotNow, match="of which nothing has come yet"):
        begin_dry_run(migration, by=olga)


def test_what_was_worked_between_two_passes_keeps_an_archive_from_being_undone(olga: User) -> None:
    with undone():
        company(olga)
        went = archive().getvalue()
    migration = moved_in(went, olga)
    task, other = Task.objects.get(title="Build"), Task.objects.get(title="Paint")
    add_time(task, 30, on=timezone.localdate(), by=task.responsible)
    (line,) = add_items(other, "Our own", by=other.created_by)
    check_item(line, True, by=other.responsible)
    begin(migration, by=olga)
    run(migration)
    migration.refresh_from_db()
    edited = migration.identities.filter(is_edited=True)
    assert {(one.kind, one.ours) for one in edited} == {("task", task.pk), ("task", other.pk)}
    with pytest.raises(NotNow, match="would be lost: 2 edits"):
        begin_undo(migration, by=olga)


def test_what_is_no_archive_is_not_kept(olga: User) -> None:
    page = browser(olga)
    file = a_file(olga, "notes.zip", b"Notes")
    with pytest.raises(BadArchive):
        connect_archive(file, by=olga)
    answer = page.post("/console/migrations/archive/", {"files": file.pk, "nonce": str(uuid4())})
    assert answer.status_code == 422
    assert "does not end as a ZIP" in answer.content.decode()
    assert not Migration.objects.exists()


def test_somebody_elses_upload_is_nobodys_archive(olga: User) -> None:
    other = person("Boris")
    file = a_file(other, "company.zip", archive(Scope(Filters(kinds=["groups"]))).getvalue())
    assert browser(olga).post("/console/migrations/archive/", {"files": file.pk}).status_code == 422
    assert not Migration.objects.exists()


def test_boxctl_writes_a_file_whole_or_not_at_all(olga: User, tmp_path: Path) -> None:
    target = tmp_path / "company.zip"
    call_command("transfer", "export", str(target), "--kinds", "people", "--since", "2026-01-01")
    assert [one["name"] for one in lines_of(_copy(target.read_bytes()))["people"]] == ["Olga Test"]
    assert target.stat().st_mode & 0o777 == 0o600
    with pytest.raises(Exception, match="is no day"):
        call_command("transfer", "export", str(tmp_path / "x.zip"), "--since", "yesterday")
    assert [one.name for one in tmp_path.iterdir()] == ["company.zip"]
    call_command("transfer", "import", str(target), "--by", olga.login)
    migration = Migration.objects.get()
    assert migration.state == Migration.State.READY
    assert migration.inventory["counts"] == {"people": 1}
    assert migration.created_at > datetime(2026, 1, 1, tzinfo=UTC)
