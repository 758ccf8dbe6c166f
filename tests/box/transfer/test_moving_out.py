"""A box moves into the cloud: everything that can goes, under its names, once, whatever the portal does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from django.core.management import call_command
from django.urls import reverse

from box.apps.calendar.actions.calendars import main_calendar
from box.apps.calendar.actions.events import EventDraft, change_event, create_event
from box.apps.crm.actions.activities import NewActivity, add_activity
from box.apps.crm.models import Activity, Record
from box.apps.drive.actions.sharing import share_item
from box.apps.drive.actions.versions import new_version
from box.apps.drive.models import Item
from box.apps.feed.models import Post
from box.apps.feed.receipts import confirm_reading
from box.apps.tasks.models import Task
from box.core.accounts.models import User
from box.core.discussion.actions import react
from box.core.events.delivery import deliver_all
from box.core.groups.models import Group
from box.core.notify.models import QueuedLetter
from box.core.registry.rest import TRANSFER
from box.core.structure.models import Department
from box.transfer import actions
from box.transfer.models import Migration, Progress
from box.transfer.outbound.gaps import outbound_gaps
from box.transfer.outbound.reconciliation import reconcile_outbound
from box.transfer.outbound.sender import IN_FLIGHT
from tests.box.transfer.archived import AT, a_file, company, private_things_of
from tests.box.transfer.moving import Move
from tests.cast import browser, person
from tests.cloud.companies import empty_company
from tests.cloud.company import Company
from tests.cloud.portal import Fault, Portal, Refused, camel
from tests.cloud.server import served
from tests.cloud.writes import writes

if TYPE_CHECKING:
    from pytest_django import Settings

    from box.bridges.storage.client import S3Store

pytestmark = pytest.mark.django_db

LATE = Fault(status=504, body=b"<html>Gateway Time-out</html>", is_late=True)
ABSENT = Fault(status=504, body=b"<html>Gateway Time-out</html>")


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
    return MoveOut(olga, empty_company())


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
        "links": _sorted(
            (tasks[before], tasks[after], kind) for (before, after), kind in there.links.items()
        ),
        "polls": _sorted(
            there.polls[row["UF_BLOG_POST_VOTE"]["VALUE"]]["attach"]["ANONYMITY"]
            for row in there.posts
            if row.get("UF_BLOG_POST_VOTE")
        ),
        "photos": _sorted(row["NAME"] for row in there.people if row["PERSONAL_PHOTO"]),
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
    build = next(row for row in there.tasks if row["title"] == "Build")
    known = {row["EDIT_FORM_LABEL"]: row for row in there.own_fields["task"]}
    own = {name: build[camel(row["FIELD_NAME"])] for name, row in known.items()}
    # Of kinds that the portal's tasks do not know it is a text; a field for files has no like there.
    assert own == {
        "Ship": "Ark", "Hull": "Oak", "Pilots": ["Anna Test", "Boris Test"], "Toll": "2.5 EUR", "Afloat": "1"
    }  # fmt: skip
    deal_id = next(row["ID"] for row in there.records["deal"] if row["TITLE"] == "A bridge")
    assert build["ufCrmTask"] == [f"D_{deal_id}"]
    assert ("Steel", "Y") in found["checks"]
    assert found["time"] == [("Boris", 4321)]
    assert ("file", "bridge.txt", 2) in found["disk"]
    assert ("folder", "Drawings", 0) in found["disk"]
    assert ("file", "diary.txt", 1) not in found["disk"]
    assert ("deal", "A bridge") in found["records"]
    assert found["lines"] == [("Beam", "3.5")]
    assert (2, "Called") in found["activities"]
    assert there.letters == []
    assert found["links"] == [("Build", "Paint", 2)]
    assert found["photos"] == ["Anna"]
    # Who has chosen what in an anonymous poll nobody is to see there either.
    assert sorted(found["polls"]) == [1, 2]
    deal = there.records["deal"][0]
    entity, code = f"DEAL_STAGE_{deal['CATEGORY_ID']}", deal["STAGE_ID"]
    stage = next(row for row in there.statuses if (row["ENTITY_ID"], row["STATUS_ID"]) == (entity, code))
    assert stage["NAME"] == "Measured"
    welcome = next(row for row in there.posts if "Look," in row["DETAIL_TEXT"])
    boris = next(row["ID"] for row in there.people if row["NAME"] == "Boris")
    assert f"[user={boris}]Boris Test[/user]" in welcome["DETAIL_TEXT"]
    assert "UA" not in welcome["_rights"]
    # What is for named people alone stays.
    assert not [row for row in there.posts if "Only between us" in row["DETAIL_TEXT"]]
    # Nothing is sent from here, and nobody hears of it.
    deliver_all()
    assert QueuedLetter.objects.count() == letters


def test_what_is_for_the_one_alone_who_sends_it_stays(moving: MoveOut) -> None:
    anna = User.objects.get(email="anna@example.com")
    private_things_of(moving.by, anna)
    moving.send("invitations")
    there = moving.company
    assert not [row for row in there.posts if "For Olga alone" in row["DETAIL_TEXT"]]
    assert not [row for row in there.comments if "Thank you, Anna" in row["text"]]
    assert "Bank" not in {row["NAME"] for row in there.events}
    names = {row["NAME"] for row in there.objects}
    assert "plans.txt" not in names
    assert "rules.txt" in names
    assert reconcile_outbound(moving.migration, moving.cloud()).is_whole


def test_what_no_request_holds_goes_in_two_steps(moving: MoveOut, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("box.transfer.outbound.base.MOST_FILE", 4)
    moving.send("invitations")
    there = moving.company
    by_name = {row["NAME"]: row for row in there.objects}
    assert there.contents[by_name["rules.txt"]["_path"]] == b"Rules"
    assert sorted({"rules.txt"} & set(moving.sent)) == ["rules.txt"]
    # What is small enough goes with its request.
    assert "bridge.txt" not in moving.sent
    assert len(there.versions[by_name["bridge.txt"]["ID"]]) == 2
    assert there.expected == {}


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


def test_going_again_brings_nothing_twice_and_the_comparison_tells_what_is_lost(moving: MoveOut) -> None:
    moving.send("invitations")
    before = shape(moving.company)
    moving.send()
    assert shape(moving.company) == before
    Task.objects.filter(title="Paint").update(title="Paint it red")
    moving.send()
    after = shape(moving.company)
    assert [title for title, *_more in after["tasks"]] == ["Build", "Paint it red"]
    assert {**after, "tasks": 0, "links": 0} == {**before, "tasks": 0, "links": 0}
    assert after["links"] == [("Build", "Paint it red", 2)]
    assert reconcile_outbound(moving.migration, moving.cloud()).is_whole
    moving.company.records["deal"].clear()
    found = reconcile_outbound(moving.migration, moving.cloud())
    assert [str(line.label) for line in found.lines if not line.is_whole] == ["Deals"]


def test_nothing_goes_into_the_same_portal_by_a_second_migration(moving: MoveOut) -> None:
    moving.send()
    with pytest.raises(actions.NotNow, match="would go there twice: use “Connect anew”"):
        MoveOut(moving.by, moving.company)
    # What comes from there is another matter.
    assert actions.connect(moving.cloud(), by=moving.by).is_outbound is False


def test_what_has_changed_since_is_sent_or_said_and_only_what_is_sent_is_counted(moving: MoveOut) -> None:
    anna, boris = (User.objects.get(email=f"{one}@example.com") for one in ("anna", "boris"))
    bridge = Group.objects.get(name="Bridge")
    plan = EventDraft(
        title="Review", starts_at=AT, ends_at=AT + timedelta(hours=1), zone="Europe/Moscow",
        rule="FREQ=DAILY;COUNT=3", invited=(f"U{boris.pk}",),
    )  # fmt: skip
    review = create_event(main_calendar(f"G{bridge.pk}"), plan, by=anna)
    visit = NewActivity(kind="meeting", subject="Visit", responsible=boris, deadline=AT)
    visited = add_activity(visit, [Record.objects.get(title="A bridge")], by=anna)
    moving.send("invitations")
    there = moving.company

    later = replace(
        plan, starts_at=AT + timedelta(hours=5), ends_at=AT + timedelta(hours=7), rule="", invited=()
    )
    change_event(review, later, by=anna, at=AT)
    Group.objects.filter(pk=bridge.pk).update(name="Bridges")
    Department.objects.filter(name="Sales").update(name="Trade")
    User.objects.filter(pk__in=[anna.pk, moving.by.pk]).update(position="Builder")
    edited = Post.objects.get(text="For us who sell")
    Post.objects.filter(pk=edited.pk).update(html="<p>For us who trade</p>")
    react(Post.objects.get(text__contains="Look").thread, 1, by=anna)
    confirm_reading(Post.objects.get(text="Read this"), by=anna)
    Activity.objects.filter(subject__in=["Meet", "Visit"]).update(text="In the garden")
    rules, paper = Item.objects.get(name="rules.txt"), Item.objects.get(name="bridge.txt")
    Item.objects.filter(pk=rules.pk).update(name="laws.txt")
    new_version(paper, a_file(anna, "bridge.txt", b"three").pk, by=anna)
    share_item(Item.objects.get(name="Drawings"), [f"U{boris.pk}"], can_edit=False, by=anna)
    moving.send()

    row = next(one for one in there.events if one["NAME"] == "Review" and one["ID"] == one["PARENT_ID"])
    assert (row["_times"], row["DT_LENGTH"]) == ([AT + timedelta(hours=5)], 7200)
    assert (row["RRULE"], row["IS_MEETING"]) == ("", False)
    assert "Bridges" in {one["NAME"] for one in there.groups}
    assert there.unknown == set()
    stayed = "has changed here since it was sent"
    said = {
        kind: {int(pk) for pk, text in moving.said(kind).items() if stayed in text}
        for kind in ("event", "group", "department", "person", "post", "activity", "drive-file")
    }
    assert said == {
        "event": set(), "group": set(), "department": {Department.objects.get(name="Trade").pk},
        "person": {anna.pk}, "post": {edited.pk}, "activity": {visited.pk},
        "drive-file": {rules.pk},
    }  # fmt: skip
    met = Activity.objects.get(subject="Meet")
    assert "only that it is done" in moving.said("activity")[str(met.pk)]
    counted = dict(moving.migration.progress.exclude(changed=0).values_list("stage", "changed"))
    assert counted == {"events": 1, "groups": 1, "activities": 1, "drives": 1}


def test_a_change_that_the_portal_refuses_is_not_counted(
    moving: MoveOut, monkeypatch: pytest.MonkeyPatch
) -> None:
    moving.send("invitations")

    def refuse(given: object) -> object:
        raise Refused("ACCESS_DENIED", "Access denied", 403)

    monkeypatch.setitem(moving.portal.answers, "tasks.task.update", refuse)
    Task.objects.filter(title="Paint").update(title="Paint it red")
    migration = moving.send()
    assert "Access denied" in moving.said("task")[str(Task.objects.get(title="Paint it red").pk)]
    assert migration.progress.get(stage="tasks").changed == 0


def test_answers_that_are_lost_make_nothing_double(moving: MoveOut, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each kind of writes the first is carried out, the second is not, and neither is answered."""
    moving.look()
    handle, lost = moving.portal.handle, Counter[str]()

    def lose(method: str, parameters: Mapping[str, Any]) -> tuple[int, bytes]:
        asked = {one.partition("?")[0] for one in parameters.get("cmd", {}).values()} or {method}
        if asked & writes(moving.company).keys():
            kind = " ".join(sorted(asked))
            if lost[kind] < 2:
                moving.portal.faults.append((LATE, ABSENT)[lost[kind]])
            lost[kind] += 1
        return handle(method, parameters)

    monkeypatch.setattr(moving.portal, "handle", lose)
    migration = moving.send("invitations")
    for _turn in range(40):
        if migration.state == Migration.State.DONE:
            break
        migration = moving.go()
    assert migration.state == Migration.State.DONE
    assert len(lost) >= 20
    assert shape(moving.company) == expected()


def test_a_portal_that_calls_all_that_is_made_by_one_number_is_told_of_each_once(
    moving: MoveOut, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []

    def made(given: object) -> dict[str, object]:
        told.append(given)
        assert len(told) < 50, "it is told again and again"
        return {"task": {"id": 77}}

    monkeypatch.setitem(moving.portal.answers, "tasks.task.add", made)
    assert moving.send().state == Migration.State.DONE
    assert len(told) == Task.objects.count() > 1
    assert list(moving.there("task").values()) == ["77"]
    said = moving.migration.remarks.filter(kind="task").values_list("text", flat=True)
    assert "The portal has not said what became of it." in said


@pytest.mark.parametrize(
    ("add", "look", "kind"),
    [
        ("log.blogcomment.add", "log.blogcomment.user.get", "comment"),
        ("log.blogpost.add", "log.blogpost.get", "post"),
    ],
)
def test_what_nobody_may_look_for_is_in_doubt_in_the_next_pass_too(
    moving: MoveOut, monkeypatch: pytest.MonkeyPatch, add: str, look: str, kind: str
) -> None:
    moving.look()
    handle = moving.portal.handle
    lost: list[str] = []

    def lose(method: str, parameters: Mapping[str, Any]) -> tuple[int, bytes]:
        if not lost and any(one.startswith(f"{add}?") for one in parameters.get("cmd", {}).values()):
            lost.append(method)
            moving.portal.faults.append(LATE)
        return handle(method, parameters)

    def refuse(given: object) -> object:
        raise Refused("INTERNAL_SERVER_ERROR", "Internal server error", 500)

    monkeypatch.setattr(moving.portal, "handle", lose)
    with monkeypatch.context() as broken:
        broken.setitem(moving.portal.answers, look, refuse)
        migration = moving.send("invitations")
    assert lost
    assert migration.state == Migration.State.DONE
    assert "INTERNAL_SERVER_ERROR" in moving.said(kind)[""]
    moving.send()
    assert shape(moving.company) == expected()
    assert not [one.stage for one in moving.migration.progress.all() if one.cursor.get(IN_FLIGHT)]


def expected() -> dict[str, Any]:
    """The same without any faults."""
    other = MoveOut.__new__(MoveOut)
    migration = Migration.objects.latest("pk")
    # Another portal of the same name: nothing has gone into it.
    migration.delete()
    MoveOut.__init__(other, migration.by, empty_company())
    other.send("invitations")
    return shape(other.company)


def test_before_anything_is_written_it_says_what_stays(moving: MoveOut) -> None:
    moving.portal.scopes = ("user", "department", "log")
    migration = moving.look()
    assert shape(moving.company) == shape(empty_company())
    gaps = {gap.what: gap.why for gap in outbound_gaps(migration.inventory)}
    assert "“crm”" in gaps["the CRM"]
    assert migration.inventory["counts"]["tasks"] == Task.objects.count()
    assert [match.user for match in migration.matches.all()] == [moving.by]
    # For a department, for a company, and for files of tasks.
    assert "3 fields" in gaps["own fields"]
    assert "becomes a text" in gaps["own fields of tasks"]


def test_the_way_out_is_connected_shown_and_compared(
    moving: MoveOut, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = browser(moving.by)
    monkeypatch.setattr("box.transfer.forms.Cloud", lambda *given, **more: moving.cloud())
    Migration.objects.all().delete()
    given = {"webhook": moving.cloud().webhook, "per_second": "2", "burst": "50", "nonce": "a" * 32}
    answer = client.post(reverse("transfer:outbound"), given)
    migration = Migration.objects.get()
    assert answer.headers["Location"] == reverse("transfer:migration", args=[migration.pk])
    assert migration.is_outbound
    assert moving.cloud().webhook not in migration.webhook
    moving.migration = migration
    moving.look()
    page = client.get(reverse("transfer:migration", args=[migration.pk])).content.decode()
    assert "What cannot go, or not as it is" in page
    assert 'value="invitations">' in page
    assert 'value="tasks" checked>' in page
    moving.send()
    page = client.get(reverse("transfer:migration", args=[migration.pk])).content.decode()
    assert "Everything that can go is there" in page
    monkeypatch.setattr("box.transfer.views.cloud_of", lambda one, attempts: moving.cloud())
    page = client.get(reverse("transfer:reconciliation", args=[migration.pk])).content.decode()
    assert "Everything that can go is there." in page
    answer = client.post(reverse("transfer:undoing", args=[migration.pk]))
    assert "it can be removed there" in answer.content.decode()
    assert moving.again().state == Migration.State.DONE


def test_a_webhook_that_lets_us_take_things_over_is_taken_at_its_word_before_anything_goes(
    moving: MoveOut,
) -> None:
    moving.look()
    assert moving.migration.inventory["takes_over"] is False
    moving.portal.scopes = (*moving.portal.scopes, TRANSFER)
    actions.reconnect(moving.migration, moving.cloud(), by=moving.by)
    assert moving.again().state == Migration.State.LOOKING
    assert moving.look().inventory["takes_over"] is True


def test_what_is_in_doubt_is_looked_for_as_it_was_sent(moving: MoveOut) -> None:
    """A box knows it again by the key of its request, and the cloud by marks."""
    moving.look()
    Migration.objects.filter(pk=moving.migration.pk).update(state=Migration.State.PAUSED, passes=1)
    doubt = Progress.objects.create(
        migration=moving.migration, stage="posts", position=0, cursor={IN_FLIGHT: [7]}
    )
    moving.portal.scopes = (*moving.portal.scopes, TRANSFER)
    actions.reconnect(moving.again(), moving.cloud(), by=moving.by)
    assert moving.again().inventory["takes_over"] is False
    doubt.delete()
    actions.reconnect(moving.again(), moving.cloud(), by=moving.by)
    migration = moving.again()
    assert migration.inventory["takes_over"] is True
    assert migration.inventory["counts"]["tasks"] == Task.objects.count()
    moving.portal.scopes = ("user",)
    actions.reconnect(moving.again(), moving.cloud(), by=moving.by)
    assert moving.again().inventory["takes_over"] is False


def test_the_command_connects_and_says_what_goes(moving: MoveOut, settings: Settings) -> None:
    settings.REACHABLE_NETWORKS = ["127.0.0.0/8"]
    Migration.objects.all().delete()
    out = StringIO()
    with served(empty_company(), burst=10**6, per_second=1e6) as portal:
        with mock.patch("sys.stdin", StringIO(f"{portal.webhook}\n")):
            call_command("transfer", "export-to", by=moving.by.login, per_second=1e6, burst=10**6, stdout=out)
        call_command("transfer", "plan", stdout=out)
        call_command("transfer", "run", stdout=out)
        call_command("transfer", "check", stdout=out)
    said = out.getvalue()
    assert "To 127.0.0.1" in said
    assert "  Tasks: 2\n" in said
    assert "People: 1 are there already." in said
    assert "<-- differs" not in said
    assert len(portal.company.tasks) == 2


def test_all_of_it_uses_nearly_all_of_the_rate_and_not_one_request_more(store: S3Store) -> None:
    olga = person("Olga", is_administrator=True)
    company(olga)
    moving = MoveOut(olga, empty_company(), burst=5)
    assert moving.send("invitations").state == Migration.State.DONE
    assert moving.portal.refusals == []
    assert moving.share_of_rate() >= 0.95


def test_paused_it_stands_still_and_goes_on(moving: MoveOut) -> None:
    moving.look()
    actions.begin(moving.migration, by=moving.by)
    begun = moving.portal.requests

    def pause(portal: Portal) -> None:
        if portal.requests - begun == 12:
            Migration.objects.filter(pk=moving.migration.pk).update(state=Migration.State.PAUSED)

    moving.portal.on_request = pause
    assert moving.go().state == Migration.State.PAUSED
    # Of the page at hand what goes before it: the portal's fields, the folder of a task, and its file.
    assert moving.portal.requests - begun <= 20
    moving.portal.on_request = lambda portal: None
    actions.resume(moving.again(), by=moving.by)
    assert moving.go().state == Migration.State.DONE
    assert reconcile_outbound(moving.migration, moving.cloud()).is_whole


def test_a_post_whose_readers_are_not_there_is_shown_to_nobody(moving: MoveOut) -> None:
    """Told of no readers the portal shows a post to everybody."""
    post = Post.objects.get(text__contains="Look")
    cara = User.objects.get(email="cara@example.com")
    Post.objects.filter(pk=post.pk).update(audience=[f"U{cara.pk}", "G999"])
    moving.send("invitations")
    assert not [row for row in moving.company.posts if "Look," in row["DETAIL_TEXT"]]
    assert moving.said("post")[str(post.pk)] == "Nobody who may read it is there."


@pytest.mark.parametrize("most", [2, 50])
def test_a_file_of_many_versions_is_brought_up_to_date(
    moving: MoveOut, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr("box.transfer.outbound.drives._MOST_VERSIONS", most)
    anna = User.objects.get(email="anna@example.com")
    bridge = Item.objects.get(name="bridge.txt")
    moving.send("invitations")
    row = next(one for one in moving.company.objects if one["NAME"] == "bridge.txt")

    def there() -> list[bytes]:
        return [moving.company.contents[one["_path"]] for one in moving.company.versions[row["ID"]]]

    def save(content: bytes) -> None:
        new_version(bridge, a_file(anna, "bridge.txt", content).pk, by=anna)

    assert there() == [b"one", b"two"]
    moving.send()
    assert there() == [b"one", b"two"]
    save(b"three")
    moving.portal.faults.clear()
    handle = moving.portal.handle
    lost: list[str] = []

    def lose(method: str, parameters: Mapping[str, Any]) -> tuple[int, bytes]:
        if method == "disk.file.uploadversion" and len(lost) < 2:
            moving.portal.faults.append((LATE, ABSENT)[len(lost)])
            lost.append(method)
        return handle(method, parameters)

    monkeypatch.setattr(moving.portal, "handle", lose)
    moving.send()
    assert there() == [b"one", b"two", b"three"]
    assert moving.migration.progress.get(stage="drives").changed == 1
    assert "drive-file" not in {one.kind for one in moving.migration.remarks.all()}
    # People there add their own, and what was there before may come back.
    writes(moving.company)["disk.file.uploadversion"]({"id": row["ID"], "fileContent": ["x", "dGhlaXJz"]})
    save(b"four")
    save(b"three")
    moving.send()
    assert there() == [b"one", b"two", b"three", b"theirs", b"four", b"three"]
    assert len(lost) == 2


def test_without_a_drive_tasks_go_without_their_files(
    moving: MoveOut, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(given: object) -> object:
        raise Refused("insufficient_scope", "The request requires higher privileges", 403)

    monkeypatch.setitem(moving.portal.answers, "disk.storage.getlist", refuse)
    migration = moving.send("invitations")
    assert migration.state == Migration.State.DONE
    assert sorted(row["title"] for row in moving.company.tasks) == ["Build", "Paint"]
    build = Task.objects.get(title="Build")
    assert "“brief.txt”" in moving.said("task")[str(build.pk)]
