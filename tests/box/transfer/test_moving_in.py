"""A company moves in whole: everything is here, as it was, under the names of those who made it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from box.apps.calendar.models import Event
from box.apps.calls.models import LoggedCall
from box.apps.crm.custom_fields import SETS
from box.apps.crm.models import Pipeline, Record, Source
from box.apps.drive.models import Drive, Item
from box.apps.feed.models import Post
from box.apps.tasks.fields import TASK_FIELDS
from box.apps.tasks.models import Participant, Task, TimeEntry
from box.apps.tasks.states import State
from box.core.accounts.models import User
from box.core.discussion.models import Comment
from box.core.discussion.presenters import files_of
from box.core.events.delivery import deliver_all
from box.core.fields.kinds import Money
from box.core.fields.values import values_of
from box.core.files.models import File
from box.core.files.store import store as the_store
from box.core.groups.models import Group, Member
from box.core.notify.models import Notification, QueuedLetter
from box.core.push.models import PushMessage
from box.core.registry.capabilities import Ref
from box.core.registry.origin import importing
from box.core.relations.actions import relate
from box.core.relations.models import Relation
from box.core.structure.models import Department, Membership
from box.transfer.models import Migration
from box.transfer.stages import STAGES
from box.transfer.stages.base import Work

if TYPE_CHECKING:
    from tests.box.transfer.moving import Move

pytestmark = pytest.mark.django_db


def test_everything_has_come_and_nothing_twice(moved: Move) -> None:
    assert moved.migration.state == Migration.State.DONE
    counts = dict(moved.migration.progress.values_list("stage", "created"))
    company = moved.company
    assert counts["people"] == len(company.people)
    assert counts["departments"] == 3
    assert counts["groups"] == 3
    assert counts["posts"] == len(company.posts) == Post.objects.exclude(kind=Post.Kind.SYSTEM).count()
    assert counts["tasks"] == len(company.tasks) == Task.objects.count()
    assert counts["comments"] == 2
    assert moved.portal.refusals == []


def test_people_come_with_their_place_their_photo_and_their_day(moved: Move) -> None:
    anna = User.objects.get(pk=moved.ours("person", 1))
    assert (anna.name, anna.email, anna.birthday_on) == ("Anna Orlova", "anna@example.com", date(1985, 6, 9))
    assert anna.photo_id is not None
    boris = User.objects.get(pk=moved.ours("person", 2))
    assert boris.position == "Head of sales"
    roles = dict(Membership.objects.filter(user=boris).values_list("department__name", "role"))
    assert roles == {"Sales": "head"}
    assert not anna.has_usable_password()
    assert boris.joined_at == datetime(2021, 1, 3, 7, tzinfo=UTC)


def test_those_who_have_left_come_as_left_and_guests_as_guests(moved: Move) -> None:
    dora, erik = (User.objects.get(pk=moved.ours("person", pk)) for pk in (4, 5))
    assert dora.status == User.Status.DISMISSED
    assert not Membership.objects.filter(user=dora).exists()
    assert erik.is_extranet


def test_departments_stand_below_each_other(moved: Move) -> None:
    support = Department.objects.get(pk=moved.ours("department", 3))
    assert support.parent is not None and support.parent.name == "Sales"


def test_groups_keep_their_kind_their_people_and_who_leads_them(moved: Move) -> None:
    launch, board, old = (Group.objects.get(pk=moved.ours("group", pk)) for pk in (1, 2, 3))
    assert (launch.kind, board.kind) == (Group.Kind.OPEN, Group.Kind.SECRET)
    assert launch.description == "What we launch"
    roles = dict(Member.objects.filter(group=launch).values_list("user__first_name", "role"))
    assert roles == {"Boris": "owner", "Anna": "moderator", "Cara": "member"}
    assert old.is_archived
    # Whose it was has left.
    assert old.members.get(role="owner").user == moved.by
    assert "does not work here" in " ".join(moved.said("group").values())


def test_a_post_keeps_its_author_its_day_its_mentions_and_its_form(moved: Move) -> None:
    post = Post.objects.select_related("author").get(pk=moved.ours("post", 1))
    assert post.author.first_name == "Anna"
    assert post.created_at == datetime(2021, 1, 2, 7, tzinfo=UTC)
    assert f'data-mention="{moved.ours("person", 2)}"' in post.html
    assert "<strong>Read</strong>" in post.html
    assert 'href="https://example.com/"' in post.html
    assert "UA" in post.audience


def test_a_post_is_for_those_whom_it_was_for(moved: Move) -> None:
    to_group, to_people = (Post.objects.get(pk=moved.ours("post", pk)) for pk in (2, 3))
    assert f"G{moved.ours('group', 1)}" in to_group.audience and "UA" not in to_group.audience
    assert to_people.audience == sorted({f"U{moved.ours('person', 2)}", f"U{moved.ours('person', 4)}"})
    assert to_people.is_private
    to_department = Post.objects.get(pk=moved.ours("post", 11))
    assert f"DR{moved.ours('department', 2)}" in to_department.audience


def test_files_come_with_what_they_hang_on_and_pictures_stand_in_the_text(moved: Move) -> None:
    post = Post.objects.get(pk=moved.ours("post", 2))
    files = {file.name: file for file in post.files.select_related("blob")}
    assert files.keys() == {"plan.txt", "office.png"}
    assert b"".join(the_store().read(files["plan.txt"].blob.key)) == b"The plan of spring"
    assert f"/files/{files['office.png'].pk}/preview" in post.html
    assert files["plan.txt"].audience == post.audience


def test_other_programs_find_their_things_again(moved: Move) -> None:
    assert User.objects.get(external_id="{0D-3}").pk == moved.ours("person", 3)
    assert Task.objects.get(external_id="1C-7").pk == moved.ours("task", 7)
    otto = Record.objects.get(external_id="c-2")
    assert otto.pk == moved.ours("contact", 2)
    assert (otto.external_source, otto.external_version) == ("1C", "7")
    assert not Record.objects.exclude(pk=otto.pk).exclude(external_id="").exists()


def test_posts_stand_in_the_order_in_which_they_were_written(moved: Move) -> None:
    posts = Post.objects.exclude(kind=Post.Kind.SYSTEM).order_by("id").values_list("created_at", flat=True)
    assert list(posts) == sorted(posts)


def test_a_pasted_address_leads_to_what_it_became(moved: Move) -> None:
    post = Post.objects.get(pk=moved.ours("post", 3))
    assert f'href="/tasks/{moved.ours("task", 7)}/"' in post.html
    assert "bitrix24.com" not in post.html
    assert post.version == 1 and post.edited_at is None


def test_comments_stand_below_their_posts_with_their_files(moved: Move) -> None:
    first, second = (Comment.objects.get(pk=moved.ours("comment", pk)) for pk in (1, 2))
    assert first.author.first_name == "Boris"
    assert first.thread_id == Post.objects.get(pk=moved.ours("post", 1)).thread_id == second.thread_id
    assert first.created_at == datetime(2021, 1, 2, 7, tzinfo=UTC)
    assert "<blockquote>" in second.html
    assert second.file_links.get().file.name == "note.txt"


def test_a_task_comes_with_all_that_belongs_to_it(moved: Move) -> None:
    task = Task.objects.get(pk=moved.ours("task", 7))
    assert (task.created_by.first_name, task.responsible.first_name) == ("Anna", "Boris")
    assert (task.state, task.priority, task.estimate_minutes) == (State.IN_PROGRESS, Task.Priority.HIGH, 120)
    assert task.tags == ["spring"] and "<li>" in task.html
    assert task.deadline_at is not None and task.deadline_at.year == 2031
    assert task.project_id == moved.ours("group", 1)
    roles = dict(Participant.objects.filter(task=task).values_list("user__first_name", "role"))
    assert roles == {"Cara": "accomplice", "P10": "observer"}
    assert [(one.text, one.done_at is not None) for one in task.items.order_by("rank")] == [
        ("Ask for the price", True),
        ("Send it", False),
    ]
    assert task.files.get().name == "brief.txt"
    comment = Comment.objects.get(thread=task.thread)
    assert (comment.author.first_name, comment.file_links.get().file.name) == ("Boris", "half.txt")
    entry = TimeEntry.objects.get(task=task)
    assert (entry.seconds, entry.user.first_name, entry.note) == (5400, "Boris", "Calculated")
    assert task.spent_seconds == 5400


def test_a_finished_task_is_finished_when_it_was_and_stands_below_another(moved: Move) -> None:
    task = Task.objects.get(pk=moved.ours("task", 8))
    assert (task.state, task.priority) == (State.COMPLETED, Task.Priority.LOW)
    assert task.closed_by is not None and task.closed_by.first_name == "Cara"
    assert task.closed_at == datetime(2021, 4, 12, 7, tzinfo=UTC)
    assert task.parent_id == moved.ours("task", 7)


def test_what_a_task_is_part_of_and_belongs_to_may_come_behind_it(moved: Move) -> None:
    task = Task.objects.get(pk=moved.ours("task", 20))
    assert task.parent_id == moved.ours("task", 25)
    offer = Task.objects.get(pk=moved.ours("task", 7))
    related = {row.end_beside(offer.ref) for row in Relation.objects.of(offer.ref)}
    assert related == {
        Ref("crm.record", moved.ours("deal", 1)),
        Ref("crm.record", moved.ours("company", 1)),
    }


def test_a_client_that_is_taken_off_a_task_there_is_taken_off_here(moved: Move) -> None:
    offer = Task.objects.select_related("created_by").get(pk=moved.ours("task", 7))
    row = next(row for row in moved.company.tasks if row["id"] == 7)
    said_here = Ref("crm.record", moved.ours("contact", 1))
    with importing(at=offer.created_at):
        relate(offer.ref, [said_here], by=offer.created_by)

    def related_when(told: Any) -> set[Ref]:
        row["ufCrmTask"] = told
        moved.bring()
        return {one.end_beside(offer.ref) for one in Relation.objects.of(offer.ref)}

    company = Ref("crm.record", moved.ours("company", 1))
    assert related_when(["CO_1"]) == {company, said_here}
    # What is said there, too, does not become theirs to take away.
    assert related_when(["CO_1", "C_1"]) == {company, said_here}
    assert related_when(False) == {said_here}


def test_drives_come_with_folders_files_and_what_files_were(moved: Move) -> None:
    rules = Item.objects.get(name="rules.txt")
    assert rules.drive.code == "UA" and rules.parent is not None and rules.parent.name == "Papers"
    assert rules.file is not None
    assert b"".join(the_store().read(rules.file.blob.key)) == b"Second rules"
    (version,) = rules.versions.all()
    assert b"".join(the_store().read(version.blob.key)) == b"First rules"
    mine = Item.objects.get(name="mine.txt")
    assert mine.drive.code == f"U{moved.ours('person', 2)}" and mine.is_private
    assert Item.objects.get(name="report.txt").ancestors[-1] == Item.objects.get(name="2021").pk
    assert Drive.objects.filter(code=f"G{moved.ours('group', 1)}").count() == 0


def test_nobody_is_told_of_anything(moved: Move) -> None:
    """Neither at once nor by what follows from it: what is due is due elsewhere."""
    deliver_all()
    assert not Notification.objects.exists()
    assert not QueuedLetter.objects.exists()
    told = PushMessage.objects.exclude(audience=[f"U{moved.by.pk}"])
    assert list(told.values_list("topic", "kind").distinct()) == []
    assert not Post.objects.filter(kind=Post.Kind.SYSTEM).exists()


def test_pipelines_come_with_their_stages_and_sources(moved: Move) -> None:
    wholesale = Pipeline.objects.get(name="Wholesale")
    stages = {str(stage): stage.kind for stage in wholesale.stages.standing()}
    assert stages.items() >= {"Asked": "open", "Offer": "open", "Done": "won", "No": "lost"}.items()
    assert Source.objects.filter(name="Spring fair").count() == 1
    assert Source.objects.filter(code="CALL").count() == 1


def test_a_deal_comes_with_its_clients_its_stage_and_what_was_said(moved: Move) -> None:
    deal = Record.objects.select_related("stage", "pipeline").get(pk=moved.ours("deal", 1))
    assert (deal.title, deal.amount, deal.comment) == ("A thousand roses", Decimal("1500.50"), "In June")
    assert [(one.name, one.quantity, one.price, one.discount_percent) for one in deal.lines.in_order()] == [
        ("Roses", Decimal(100), Decimal(10), Decimal(0)),
        ("Delivery", Decimal(1), Decimal("556.11"), Decimal(10)),
    ]
    assert deal.stage is not None and str(deal.stage) == "Offer"
    assert deal.pipeline is not None and deal.pipeline.name == "Wholesale"
    assert deal.company_id == moved.ours("company", 1) and deal.contact_id == moved.ours("contact", 1)
    assert deal.links.filter(role="contact").count() == 2
    assert deal.responsible.first_name == "Boris"
    assert deal.created_at == datetime(2021, 1, 2, 7, tzinfo=UTC)
    said = Comment.objects.get(thread=deal.thread)
    assert (said.author.first_name, said.html) == ("Cara", "<p>They <em>like</em> it</p>")
    assert [file.name for file in files_of([said.pk])[said.pk]] == ["roses.txt"]
    done, planned = deal.activities.select_related("activity").order_by("activity_id")
    assert (done.activity.kind, done.activity.direction) == ("call", "out")
    assert planned.activity.is_planned and deal.next_step_at is not None
    assert "777" not in moved.said("activity") and "has not come" in moved.said("activity")["3"]


def test_contacts_and_leads_come_with_the_ways_to_reach_them(moved: Move) -> None:
    nina = Record.objects.get(pk=moved.ours("contact", 1))
    assert (nina.title, nina.position, nina.company_id) == ("Nina Rose", "Buyer", moved.ours("company", 1))
    assert list(nina.contact_points.values_list("kind", "normal")) == [("email", "nina@rose.example")]
    assert str(nina.source) == "Spring fair"
    lead = Record.objects.select_related("stage").get(pk=moved.ours("lead", 1))
    assert str(lead.stage) == "Talking"


def test_a_company_comes_with_its_tax_number_which_the_portal_keeps_apart(moved: Move) -> None:
    assert Record.objects.get(pk=moved.ours("company", 1)).tax_number == "7707083893"


def test_a_deal_that_was_won_is_won_and_stays_with_who_has_left(moved: Move) -> None:
    deal = Record.objects.select_related("stage").get(pk=moved.ours("deal", 2))
    assert deal.stage is not None and deal.stage.kind == "won" and deal.closed_at is not None
    assert deal.responsible.status == User.Status.DISMISSED


def test_a_record_comes_with_what_the_company_notes_in_fields_of_its_own(moved: Move) -> None:
    deal = Record.objects.get(pk=moved.ours("deal", 1))
    found = values_of(SETS[deal.type_id], deal.pk)
    said = {field.code.removeprefix("UF_CRM_17000000"): values for field, values in found.items()}
    kinds = {field.code.removeprefix("UF_CRM_17000000"): field for field in found}
    assert said["01"] == ("No. 7",) and kinds["01"].name == "Contract"
    assert said["02"] == ("Paid at once",) and kinds["02"].kind == "long"
    assert said["03"] == (Decimal("1.25"),)
    assert said["04"] == (True,)
    assert said["05"] == (date(2021, 5, 6),)
    assert said["06"] == (datetime(2021, 5, 7, 9, 30, tzinfo=UTC),)
    assert said["07"] == (Money(Decimal("300.5"), "EUR"),)
    assert said["08"] == ("https://example.com/roses",)
    names = {one.pk: one.name for one in kinds["09"].options}
    assert list(names.values()) == ["Red", "White, cream", "Red (35)"]
    assert [names[pk] for pk in said["09"]] == ["White, cream", "Red"]
    assert said["10"] == (moved.ours("person", 3),)
    assert [one.name for one in kinds["11"].options if one.pk in said["11"]] == ["Spring fair"]
    files = {file.name: file for file in File.objects.filter(pk__in=said["12"])}
    assert files.keys() == {"contract.txt", "unnamed"}
    assert b"".join(the_store().read(files["contract.txt"].blob.key)) == b"Signed"
    assert set(deal.audience) <= set(files["contract.txt"].audience)
    assert said["13"] == (moved.ours("company", 1),)
    assert said["15"] == ("first, second", "third") and kinds["15"].name == "Contract (UF_CRM_1700000015)"
    assert "14" not in said and "iblock_element" in moved.said("field")["deal:UF_CRM_1700000014"]
    assert deal.changed_at.year == 2021
    nina = Record.objects.get(pk=moved.ours("contact", 1))
    assert list(values_of(SETS[nina.type_id], nina.pk).values()) == [("Roses",)]


def test_a_task_comes_with_what_the_company_notes_in_fields_of_its_own(moved: Move) -> None:
    found = values_of(TASK_FIELDS, moved.ours("task", 7))
    assert {field.name: values for field, values in found.items()} == {
        "Order of the client": ("A-17",),
        "Budget": (Decimal("1200.5"),),
        "Seen by the lawyer": (True,),
        "Approved at": (datetime(2021, 5, 7, 9, 30, tzinfo=UTC),),
        "Places": ("Harbour", "Market, north"),
    }
    assert "hlblock" in moved.said("task-field")["task:UF_TASK_SHELF"]
    # Those in which the portal itself keeps clients and files are none of them.
    assert moved.said("task-field").keys() == {"task:UF_TASK_SHELF"}
    assert not values_of(TASK_FIELDS, moved.ours("task", 20))


def test_what_has_changed_in_a_field_of_a_task_comes_with_the_next_pass(moved: Move) -> None:
    task = next(row for row in moved.company.tasks if row["id"] == 7)
    task |= {"ufTaskBudget": 900, "ufAuto251545709641": False}
    moved.bring()
    found = {field.name: values for field, values in values_of(TASK_FIELDS, moved.ours("task", 7)).items()}
    assert found["Budget"] == (Decimal(900),) and "Order of the client" not in found


def test_events_come_once_with_their_times_their_people_and_their_answers(moved: Move) -> None:
    talk = Event.objects.get(title="Talk of the offer")
    assert talk.organizer_id == moved.ours("person", 2)
    assert (talk.starts_at, talk.duration) == (datetime(2021, 6, 9, 7, tzinfo=UTC), timedelta(minutes=90))
    assert (talk.zone, talk.place, talk.description) == ("Europe/Moscow", "Red room", "Bring figures")
    assert talk.is_confidential and talk.created_at.year == 2021
    answers = dict(talk.attendances.values_list("user__first_name", "answer"))
    assert answers == {"Boris": "accepted", "Anna": "accepted", "Cara": "declined", "P10": "waiting"}
    anniversary = Event.objects.get(title="Anniversary")
    assert anniversary.calendar.code == "UA" and anniversary.is_all_day and anniversary.is_free
    assert anniversary.starts_at == datetime(2021, 12, 30, tzinfo=UTC)
    assert anniversary.ends_at == datetime(2022, 1, 1, tzinfo=UTC)
    run = Event.objects.get(title="Run")
    assert (run.calendar.name, run.calendar.color) == ("Training", "sky")
    assert run.duration > timedelta(0)


def test_a_series_is_one_event_with_the_times_that_are_otherwise(moved: Move) -> None:
    series = Event.objects.get(title="Weekly")
    assert series.calendar.code == f"G{moved.ours('group', 1)}"
    later = Event.objects.get(title="Weekly, later")
    assert later.series_id == series.pk
    assert later.original_at == datetime(2021, 9, 15, 6, tzinfo=UTC)
    assert later.starts_at == datetime(2021, 9, 15, 11, tzinfo=UTC)
    rule = series.recurrence
    assert rule is not None
    found = rule.between(series.local_start, series.starts_at, datetime(2022, 1, 1, tzinfo=UTC))
    days = [one.day for one in found]
    assert days == [6, 8, 13, 15, 20]
    assert sorted(one.day for one in series.excluded) == [13, 15]


def test_calls_come_with_what_was_recorded_and_nobody_has_to_call_back(moved: Move) -> None:
    assert LoggedCall.objects.count() == len(moved.company.calls)
    call = LoggedCall.objects.get(pk=moved.ours("call", 1))
    assert (call.direction, call.result, call.talk_seconds) == ("out", "answered", 95)
    assert (call.number, call.note) == ("+79638835976", "About roses")
    assert call.user_id == moved.ours("person", 2)
    recording = call.recordings.select_related("blob").get()
    assert recording.state == "kept" and recording.seconds == 2 and recording.blob is not None
    assert b"".join(the_store().read(recording.blob.key))[:4] == b"RIFF"
    missed = LoggedCall.objects.get(pk=moved.ours("call", 2))
    assert missed.is_missed and missed.settled_at and missed.user is None
    assert not missed.recordings.exists()


def test_polls_come_with_who_has_chosen_what(moved: Move) -> None:
    post = Post.objects.get(pk=moved.ours("post", 5))
    assert post.kind == Post.Kind.POLL and "Which roses?" in post.html
    votes = dict(post.poll.options.values_list("text", "votes_count"))
    assert votes == {"Red": 2, "White": 1, "Both": 0} and post.poll.voters_count == 3
    assert post.poll.closes_at is None
    secret = Post.objects.get(pk=moved.ours("post", 6))
    assert secret.poll.is_anonymous and secret.poll.closes_at is not None
    assert "Yes: 2, No: 1" in moved.said("post")["6"]


@pytest.mark.parametrize("stage", STAGES)
def test_behind_its_last_page_nothing_of_a_stage_comes_again(moved: Move, stage: str) -> None:
    """Whoever is killed there goes on from that page, and would count everything twice."""
    work = Work(moved.again(), moved.cloud())
    for page in STAGES[stage].pages(work, {}):
        assert page.cursor, "a beginning"
        last = page.cursor
    assert [page.rows for page in STAGES[stage].pages(work, last)] == []
