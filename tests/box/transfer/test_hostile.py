"""Portals that lie, break and are broken into: what comes is clean, or stays out with a sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from box.apps.drive.models import Item
from box.apps.feed.models import Post
from box.apps.tasks.models import Task
from box.core.accounts.models import User
from box.core.structure.models import Department
from box.lib.egress import Answer
from box.transfer import actions
from box.transfer.models import Migration
from box.transfer.stages import people
from box.transfer.stages.base import file_name, ids_in
from box.transfer.stages.structure import top_down
from tests.box.transfer.hostile import cleaned, hostile_company
from tests.box.transfer.moving import Move
from tests.cast import person
from tests.cloud.company import Company, picture
from tests.cloud.portal import Fault, Refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def olga(db: None) -> User:
    return person("Olga", is_administrator=True)


def company() -> Company:
    found = Company()
    found.department(1, "Company")
    found.person(1, "Anna", UF_DEPARTMENT=[1])
    return found


def test_departments_in_a_circle_and_below_nothing_come_below_the_top(olga: User, store: object) -> None:
    there = company()
    there.department(2, "A", 3)
    there.department(3, "B", 2)
    there.department(4, "C", 99)
    move = Move(olga, there)
    move.bring()
    assert move.migration.state == Migration.State.DONE
    assert Department.objects.count() == 4
    top = Department.objects.get(parent=None)
    assert set(top.children.values_list("name", flat=True)) >= {"C"}
    assert "under itself" in " ".join(move.said("department").values())


def test_a_photo_of_any_size_is_not_held_in_memory(
    olga: User, store: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = company()
    there.people[0]["PERSONAL_PHOTO"] = there.keep("a.png", picture())
    monkeypatch.setattr(people, "MOST_PHOTO", len(picture()) - 1)
    move = Move(olga, there)
    move.bring()
    assert move.said("person") == {"1": "The photo is too large."}
    assert User.objects.get(pk=move.ours("person", 1)).photo_id is None


def test_the_order_of_departments_holds_each_once() -> None:
    rows = [{"ID": n, "PARENT": parent} for n, parent in ((1, None), (2, 5), (3, 1), (5, 2))]
    found = top_down(rows)
    assert sorted(row["ID"] for row, _above in found) == [1, 2, 3, 5]
    assert found[0][1] is None


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\x.txt", "x.txt"),
        ("a\x00b\n.txt", "ab.txt"),
        ("...", "unnamed"),
        ("", "unnamed"),
        (None, "unnamed"),
        ("x" * 500 + ".pdf", "x" * 196 + ".pdf"),
    ],
)
def test_of_a_file_name_nothing_but_a_name_is_kept(name: Any, kept: str) -> None:
    assert file_name(name) == kept


@pytest.mark.parametrize("nothing", ["²", "--5", "-5", "0", "00", "٥", "", None, False])
def test_ids_are_whole_numbers_of_their_own(nothing: Any) -> None:
    assert ids_in([nothing, "7", 9, "8" * 5000]) == ["7", "9", "8" * 5000]


def test_a_hostile_portal_is_cleaned_or_refused_with_a_sentence(olga: User, store: object) -> None:
    move = Move(olga, hostile_company())
    move.bring()
    cleaned(move.migration)


def test_a_character_that_is_none_stays_out(olga: User, store: object) -> None:
    there = company()
    there.person(2, "Boris", "X\ud800Y")
    move = Move(olga, there)
    move.bring()
    assert User.objects.get(pk=move.ours("person", 2)).last_name == "XY"


def test_an_answer_in_another_charset_is_read_as_far_as_it_goes(olga: User, store: object) -> None:
    there = company()
    there.person(2, "Борис")
    move = Move(olga, there)
    sent = move.wire.__call__

    def in_cp1251(address: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        answer = sent(address, body, headers)
        said = json.dumps(json.loads(answer.body), ensure_ascii=False).encode("cp1251", errors="replace")
        return Answer(answer.status, answer.headers, said)

    cloud = move.cloud()
    cloud.transport = in_cp1251
    rows = cloud.call("user.get")
    assert [row["ID"] for row in rows] == ["1", "2"]
    assert rows[1]["EMAIL"].endswith("@example.com")


def test_files_that_are_gone_are_said_to_be_and_the_rest_comes(olga: User, store: object) -> None:
    there = company()
    lost, kept = there.attach("lost.txt", b"x"), there.attach("kept.txt", b"y")
    del there.contents[there.attachments[lost]["_path"]]
    there.post(1, 1, "With files", FILES=[lost, kept, 424242])
    move = Move(olga, there)
    move.bring()
    post = Post.objects.get(pk=move.ours("post", 1))
    assert [file.name for file in post.files.all()] == ["kept.txt"]
    said = " ".join(move.migration.remarks.values_list("text", flat=True))
    assert "lost.txt" in said and "424242" in said


def test_whoever_has_not_come_is_said_to_be_missing(olga: User, store: object) -> None:
    there = company()
    there.post(1, 777, "By a robot")
    move = Move(olga, there)
    move.bring()
    assert Post.objects.get(pk=move.ours("post", 1)).author == olga
    assert "777" in move.said("post")["1"]


def test_faults_on_the_way_change_nothing_of_what_comes(olga: User, store: object) -> None:
    move = Move(olga)
    move.look()
    faults = [Fault(), None, Fault(cut=0.5), None, None, Fault(500, b"{}"), None, Fault(200, b"[]")]
    move.portal.faults.extend(faults * 4)
    actions.begin(move.migration, by=olga)
    assert move.go().state == Migration.State.DONE
    assert Task.objects.count() == len(move.company.tasks)
    assert User.objects.count() == len(move.company.people) + 1


def test_a_webhook_that_is_no_longer_valid_pauses_it_and_another_one_goes_on(
    olga: User, store: object
) -> None:
    move = Move(olga)
    move.look()
    expired = b'{"error":"INVALID_CREDENTIALS","error_description":"Invalid request credentials"}'
    move.portal.faults.extend([None, None, Fault(401, expired)])
    actions.begin(move.migration, by=olga)
    assert move.go().state == Migration.State.PAUSED
    assert "connect it again" in move.migration.trouble
    actions.reconnect(move.migration, move.cloud(), by=olga)
    actions.resume(move.again(), by=olga)
    assert move.go().state == Migration.State.DONE


def test_a_portal_that_is_away_is_asked_again_later_by_itself(olga: User, store: object) -> None:
    move = Move(olga)
    move.look()
    actions.begin(move.migration, by=olga)
    move.portal.faults.extend([Fault()] * 8)
    assert move.go().state == Migration.State.RUNNING
    assert "has not answered" in move.migration.trouble
    assert move.go().state == Migration.State.DONE
    assert move.migration.trouble == ""


def test_rows_that_come_and_go_meanwhile_are_neither_lost_nor_double(olga: User, store: object) -> None:
    move = Move(olga)
    move.look()
    stays = {row["ID"] for row in move.company.posts[20:]}

    def change(portal: object) -> None:
        if move.portal.requests % 5 == 0 and len(move.company.posts) < 200:
            del move.company.posts[5]
            number = 1000 + move.portal.requests
            move.company.post(number, 1, f"Late {number}")

    move.portal.on_request = change
    actions.begin(move.migration, by=olga)
    move.go()
    move.portal.on_request = lambda portal: None
    actions.begin(move.again(), by=olga)
    move.go()
    known = move.migration.identities.filter(kind="post")
    assert {str(pk) for pk in stays} & {str(row["ID"]) for row in move.company.posts} <= set(
        known.values_list("theirs", flat=True)
    )
    assert Post.objects.count() == known.count()


def test_what_the_portal_refuses_of_one_kind_stays_and_the_rest_comes(olga: User, store: object) -> None:
    move = Move(olga)
    move.look()

    def refuse(given: Mapping[str, Any]) -> Any:
        raise Refused("insufficient_scope", "The request requires higher privileges", 403)

    move.portal.answers["disk.storage.getlist"] = refuse  # type: ignore[index]
    actions.begin(move.migration, by=olga)
    assert move.go().state == Migration.State.DONE
    assert Task.objects.count() == len(move.company.tasks)
    assert not Item.objects.exists()
    assert "insufficient_scope" in move.said("drive-file")[""]
