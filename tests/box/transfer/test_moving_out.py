"""A box moves into the cloud: everything that can goes, under its names, once, whatever the portal does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from box.apps.feed.models import Post
from box.apps.tasks.models import Task
from box.core.accounts.models import User
from box.core.events.delivery import deliver_all
from box.core.notify.models import QueuedLetter
from box.transfer import actions
from box.transfer.models import Migration
from box.transfer.outbound.gaps import outbound_gaps
from box.transfer.outbound.reconciliation import reconcile_outbound
from tests.box.transfer.archived import company
from tests.box.transfer.moving import Move
from tests.cast import person
from tests.cloud.company import Company
from tests.cloud.portal import Fault

if TYPE_CHECKING:
    from box.bridges.storage.client import S3Store

pytestmark = pytest.mark.django_db

LATE = Fault(status=504, body=b"<html>Gateway Time-out</html>", is_late=True)
ABSENT = Fault(status=504, body=b"<html>Gateway Time-out</html>")


def empty_portal() -> Company:
    """As it is on its first day: one person, one department, the stages that it has by itself."""
    there = Company()
    there.department(1, "Their company", head=1)
    there.person(1, "Olga", UF_DEPARTMENT=[1])
    there.storage(1, "common", "shared_files_s1", "Company drive")
    there.storage(2, "user", 1, "Olga")
    for entity, stages in {
        "STATUS": (("NEW", "New", None), ("CONVERTED", "Good lead", "S"), ("JUNK", "Junk", "F")),
        "DEAL_STAGE": (("NEW", "First", None), ("WON", "Won", "S"), ("LOSE", "Lost", "F")),
        "SOURCE": (("CALL", "Call", None),),
    }.items():
        for place, (code, name, semantics) in enumerate(stages, 1):
            there.status(entity, code, name, semantics)
            there.statuses[-1]["SORT"] = 10 * place
    there.categories.append({"id": 0, "name": "General", "sort": 10})
    return there


class MoveOut(Move):
    """One box that moves into a portal."""

    is_outbound = True

    def send(self, *more: str) -> Migration:
        if self.again().state == Migration.State.LOOKING:
            self.look()
        actions.begin(self.migration, [*self.migration.stages, *more], by=self.by)
        return self.go()

    def there(self, kind: str) -> dict[int, str]:
        return dict(self.migration.identities.filter(kind=kind).values_list("ours", "theirs"))


@pytest.fixture
def moving(store: S3Store) -> MoveOut:
    olga = person("Olga", is_administrator=True)
    company(olga)
    return MoveOut(olga, empty_portal())


def shape(there: Company) -> dict[str, Any]:
    """All that the portal has, in words, without its numbers."""
    names = {row["ID"]: row["NAME"] for row in there.people}
    tasks = {row["id"]: row["title"] for row in there.tasks}
    groups = {row["ID"]: row["NAME"] for row in there.groups}
    members = {
        pk: sorted((names[one["USER_ID"]], one["ROLE"]) for one in rows) for pk, rows in there.members.items()
    }
    return {
        "people": _sorted((row["NAME"], row["EMAIL"]) for row in there.people),
        "departments": _sorted((row["NAME"], names.get(row["UF_HEAD"])) for row in there.departments),
        "groups": _sorted((row["NAME"], row["VISIBLE"], members[row["ID"]]) for row in there.groups),
        "posts": _sorted((names[row["AUTHOR_ID"]], row["DETAIL_TEXT"]) for row in there.posts),
        "comments": _sorted((names[row["_by"]], row["text"], len(row["attach"])) for row in there.comments),
        "tasks": _sorted(
            (
                *(row["title"], names[row["responsibleId"]], str(row["status"])),
                *(groups.get(row["groupId"], ""), tasks.get(row["parentId"], "")),
            )
            for row in there.tasks
        ),
        "checks": _sorted((row["TITLE"], row["IS_COMPLETE"]) for row in _all(there.checklists)),
        "time": _sorted((names[row["USER_ID"]], row["SECONDS"]) for row in _all(there.times)),
        "task comments": _sorted(
            (names[row["AUTHOR_ID"]], row["POST_MESSAGE"]) for row in _all(there.task_comments)
        ),
        "disk": _sorted(
            (row["TYPE"], row["NAME"], len(there.versions.get(row["ID"], ()))) for row in there.objects
        ),
        "stages": _sorted((row["ENTITY_ID"].rstrip("0123456789"), row["NAME"]) for row in there.statuses),
        "records": _sorted(
            (kind, row["TITLE"] or row["NAME"]) for kind, rows in there.records.items() for row in rows
        ),
        "lines": _sorted((row["PRODUCT_NAME"], str(row["QUANTITY"])) for row in _all(there.product_rows)),
        "activities": _sorted((row["TYPE_ID"], row["SUBJECT"]) for row in there.activities),
        "notes": _sorted(row["COMMENT"] for row in there.timeline),
        "events": _sorted((row["NAME"], row["CAL_TYPE"]) for row in there.events),
        "fields": _sorted(
            (kind, row["EDIT_FORM_LABEL"]) for kind, rows in there.own_fields.items() for row in rows
        ),
    }


def _sorted(found: Iterable[Any]) -> list[Any]:
    return sorted(found, key=str)


def _all(rows: Mapping[Any, list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    return (row for several in rows.values() for row in several)


def test_everything_goes_under_its_names(moving: MoveOut) -> None:
    letters = QueuedLetter.objects.count()
    migration = moving.send("invitations")
    there = moving.company
    assert migration.state == Migration.State.DONE, migration.trouble
    assert there.unknown == set()
    # Of whoever has left and of guests nobody is invited.
    assert sorted(there.invited) == ["anna@example.com", "boris@example.com"]
    found = shape(there)
    assert ("Sales", "Anna") in found["departments"]
    assert ("Bridge", "Y", [("Anna", "A"), ("Boris", "E")]) in found["groups"]
    assert [title for title, *_more in found["tasks"]] == ["Build", "Paint"]
    assert ("Paint", "Olga", "2", "", "Build") in found["tasks"]
    assert ("Build", "Boris", "5", "Bridge", "") in found["tasks"]
    assert ("Steel", "Y") in found["checks"]
    assert found["time"] == [("Boris", 4321)]
    assert ("file", "bridge.txt", 2) in found["disk"]
    assert ("folder", "Drawings", 0) in found["disk"]
    assert ("file", "diary.txt", 1) not in found["disk"]
    assert ("deal", "A bridge") in found["records"]
    assert found["lines"] == [("Beam", "3.5")]
    assert (2, "Called") in found["activities"]
    assert there.letters == []
    deal = there.records["deal"][0]
    entity, code = f"DEAL_STAGE_{deal['CATEGORY_ID']}", deal["STAGE_ID"]
    stage = next(row for row in there.statuses if (row["ENTITY_ID"], row["STATUS_ID"]) == (entity, code))
    assert stage["NAME"] == "Measured"
    welcome = next(row for row in there.posts if "Look," in row["DETAIL_TEXT"])
    boris = next(row["ID"] for row in there.people if row["NAME"] == "Boris")
    assert f"[user={boris}]Boris Test[/user]" in welcome["DETAIL_TEXT"]
    assert "UA" not in welcome["_rights"]
    # Nothing is sent from here, and nobody hears of it.
    deliver_all()
    assert QueuedLetter.objects.count() == letters


def test_what_is_for_named_people_stays(moving: MoveOut) -> None:
    moving.send("invitations")
    assert not [row for row in moving.company.posts if "Only between us" in row["DETAIL_TEXT"]]


def test_nobody_is_invited_whom_nobody_has_chosen(moving: MoveOut) -> None:
    migration = moving.send()
    assert moving.company.invited == []
    assert [row["NAME"] for row in moving.company.people] == ["Olga"]
    # What was theirs stands under the name of whoever made the webhook, and says whose it was.
    texts = [row["DETAIL_TEXT"] for row in moving.company.posts]
    assert any("Anna" in text.splitlines()[0] for text in texts)
    assert (
        "Nobody there has the e-mail of Anna"
        in moving.said("person")[str(User.objects.get(email="anna@example.com").pk)]
    )
    assert migration.state == Migration.State.DONE


def test_going_again_brings_nothing_twice(moving: MoveOut) -> None:
    moving.send("invitations")
    before = shape(moving.company)
    moving.send()
    assert shape(moving.company) == before
    Task.objects.filter(title="Paint").update(title="Paint it red")
    moving.send()
    after = shape(moving.company)
    assert [title for title, *_more in after["tasks"]] == ["Build", "Paint it red"]
    assert {**after, "tasks": 0} == {**before, "tasks": 0}


@pytest.mark.parametrize("seed", range(4))
def test_answers_that_are_lost_make_nothing_double(moving: MoveOut, seed: int) -> None:
    """Now and then a request is carried out, or is not, and its answer never comes."""
    moving.look()
    whole = MoveOut.send
    moving.portal.faults.extend(
        (None, LATE, None, ABSENT, None, None, LATE, None)[(number * 5 + seed) % 8] for number in range(400)
    )
    migration = whole(moving, "invitations")
    for _turn in range(40):
        if migration.state == Migration.State.DONE:
            break
        migration = moving.go()
    assert migration.state == Migration.State.DONE
    moving.portal.faults.clear()
    found = shape(moving.company)
    assert found == expected()


def expected() -> dict[str, Any]:
    """The same without any faults."""
    other = MoveOut.__new__(MoveOut)
    migration = Migration.objects.latest("pk")
    Migration.objects.filter(pk=migration.pk).update(state=Migration.State.DONE)
    MoveOut.__init__(other, migration.by, empty_portal())
    other.send("invitations")
    return shape(other.company)


def test_before_anything_is_written_it_says_what_stays(moving: MoveOut) -> None:
    moving.portal.scopes = ("user", "department", "log")
    migration = moving.look()
    assert shape(moving.company) == shape(empty_portal())
    gaps = {gap.what: gap.why for gap in outbound_gaps(migration.inventory)}
    assert "“crm”" in gaps["the CRM"]
    assert migration.inventory["counts"]["tasks"] == Task.objects.count()
    assert [match.user for match in migration.matches.all()] == [moving.by]


def test_the_comparison_tells_what_is_lost(moving: MoveOut) -> None:
    moving.send("invitations")
    assert reconcile_outbound(moving.migration, moving.cloud()).is_whole
    moving.company.records["deal"].clear()
    found = reconcile_outbound(moving.migration, moving.cloud())
    assert [str(line.label) for line in found.lines if not line.is_whole] == ["Deals"]


def test_a_post_whose_readers_are_not_there_is_shown_to_nobody(moving: MoveOut) -> None:
    """Told of no readers the portal shows a post to everybody."""
    post = Post.objects.get(text__contains="Look")
    cara = User.objects.get(email="cara@example.com")
    Post.objects.filter(pk=post.pk).update(audience=[f"U{cara.pk}", "G999"])
    moving.send("invitations")
    assert not [row for row in moving.company.posts if "Look," in row["DETAIL_TEXT"]]
    assert moving.said("post")[str(post.pk)] == "Nobody who may read it is there."
