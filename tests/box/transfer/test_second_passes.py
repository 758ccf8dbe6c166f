"""What a later pass brings of things that have come: newer contents of files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from box.apps.drive.models import Item
from box.core.files.store import store as the_store
from box.transfer import actions
from box.transfer.reconciliation import reconcile
from tests.box.transfer.moving import Move
from tests.cast import person

if TYPE_CHECKING:
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
    # Once it is there, its place is taken: the file is called otherwise, and has what it had.
    move.company.contents[lost] = content
    row = next(row for row in move.company.objects if row["ID"] == file)
    row["NAME"] = "ours.txt"
    move.bring()
    assert contents("ours.txt") == [b"Mine", b"The newest"]


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
