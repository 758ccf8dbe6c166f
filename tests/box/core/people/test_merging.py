"""Two accounts are one person: whatever there is of the one is the other's, in every room, or nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import UniqueConstraint
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from box.apps.feed.actions import Draft, Prize, mark, publish_post
from box.apps.feed.models import Badge, Ballot, Mark, Poll, PollOption, Post
from box.apps.feed.polls import Question, vote
from box.apps.pulse.models import Use
from box.apps.worktime.models import Report, WorkDay
from box.bridges.directory.models import Connection, Link
from box.core.access.actions import create_role, grant_role
from box.core.access.audiences import AudienceModel
from box.core.access.belongings import holds_texts, move_audiences, with_audience
from box.core.access.models import Grant, Standing
from box.core.access.principals import EVERYONE, codes_of
from box.core.access.report import rights_of
from box.core.access.rights import has_right
from box.core.accounts.actions import (
    LastAdministrator,
    NewUser,
    create_user,
    dismiss_user,
    invite,
    return_user,
)
from box.core.accounts.custom_fields import PROFILE
from box.core.accounts.erasing import erase_person
from box.core.accounts.models import Passkey, Profile, Session, User
from box.core.audit.models import AuditRecord
from box.core.discussion.actions import add_comment, give_emoji, react
from box.core.discussion.models import Comment, EmojiReaction, Reaction, Thread
from box.core.drafts import models as drafts
from box.core.events import merging as events
from box.core.events.delivery import deliver_all
from box.core.events.models import Delivery
from box.core.fields.actions import FieldDraft, add_field
from box.core.fields.values import values_of, write_values
from box.core.groups.actions import NewGroup, create_group, invite_people, join_group
from box.core.groups.models import Admission, Group, Member
from box.core.imports.importers import Context, importers
from box.core.imports.models import ImportRun
from box.core.lists.models import SavedView
from box.core.notify.models import Notification
from box.core.people.duplicates import alike
from box.core.people.merging import choices, merge_people, move_again
from box.core.people.models import PersonSkill, Skill, SkillConfirmation
from box.core.people.skills import add_skill, confirm_skill
from box.core.registry.belongings import Moved, Pair, Relation, belongings, moving, relations_to
from box.core.structure.actions import add_member, create_department
from box.core.structure.holdings import manager_of
from box.core.structure.models import Department, Membership
from tests.cast import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    type Browser = Callable[[User], Client]
    type Maker = Callable[..., User]

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(person: Maker) -> User:
    """Anna's other account, which a directory or an invitation made."""
    return person("Ann", phone="+7 900 000-00-01", position="Manager")


def once_a_person(relation: Relation) -> bool:
    """Whether some rule allows a person only so many rows here."""
    name, meta = relation.field.name, relation.model._meta
    return (
        relation.field.unique
        or any(name in together for together in meta.unique_together)
        or any(
            isinstance(rule, UniqueConstraint)
            and (name in rule.fields or f"F({name})" in repr(rule.expressions))
            for rule in meta.constraints
        )
    )


def test_every_relation_that_is_once_a_person_says_which_row_stays() -> None:
    """A room that is yet to be built fails here until it has said so: see `box.core.registry.belongings`."""
    lines = {name: one for room in belongings for name, one in room.rows.items()}
    relations = list(relations_to(User))
    unsaid = [one.name for one in relations if once_a_person(one) and type(lines[one.name].merged) is Moved]
    assert not unsaid, "two accounts may become one person: say in the line which row stays"
    assert len(relations) > 40


def test_every_list_of_texts_is_an_audience_or_known_to_hold_no_people() -> None:
    others = {
        field.model._meta.label + "." + field.name
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if holds_texts(field) and field.name != "audience"
    }
    assert others == {
        "access.Standing.codes",  # what was, on that day
        "calendar.Room.bookers",  # its room follows them
        "calendar.Room.keepers",  # so it does
        "drive.Item.editors",  # its room follows them
        "notify.Preferences.hidden",
        "notify.Preferences.mailed",
        "notify.Preferences.unmailed",
    }
    assert {model for model in apps.get_models() if issubclass(model, AudienceModel)} <= set(with_audience())


NO_PEOPLE = {
    *("post_id", "comment_id", "thread_id", "file_id", "group_id", "department_id", "from_id", "to_id"),
    *(
        "request_id",
        "retrieval_id",
        "appointment_id",
        "event_ids",
        "page_id",
        "into_id",
        "import_id",
        "role_id",
        "day_id",
        "correction_id",
        "report_id",
        "schedule_id",
        "browser_id",
    ),
    *(
        "connection_id",
        "run_id",
        "about_id",
        "file_ids",
        "version",
        "value",
        "count",
        "field_id",
        "skill_id",
        "webhook_id",
        "listener_id",
        "absence_id",
        "folder_id",
        "folder_ids",
        "item_id",
        "drive_id",
        "link_id",
        "form_id",
        *("rows", "created", "changed", "failed"),
        *("migration_id", "passes", "refused", "removed"),
        *("pbx_id", "cause"),
        *("record_id", "record_ids", "merged_ids", "parted_id", "lead_id", "made"),
        *("stage_id", "stage_before_id", "pipeline_id", "activity_id"),
        *("call_id", "command_id", "recording_id", "talk_seconds", "wait_seconds"),
        *("template_id", "times_missed", "before_id"),
        *("task_id", "task_ids", "seconds", "calendar_id", "event_id", "feed_id"),
        *("meeting_id", "topic_id", "guest_id", "device_id"),
        *("application_id", "export_id", "records"),
    ),
}


def test_every_number_in_an_event_is_known_to_name_a_person_or_none() -> None:
    """What is yet to be delivered is rewritten by the names of its fields."""
    found = set()
    portal = Path(apps.get_app_config("org").path).parents[1]
    for file in portal.rglob("events.py"):
        module = import_module(".".join(file.relative_to(portal.parent).with_suffix("").parts))
        for event in vars(module).values():
            if is_dataclass(event) and isinstance(event, type) and event.__module__ == module.__name__:
                found |= {field.name for field in fields(event) if "int" in str(field.type)}
    assert found - NO_PEOPLE == {*events.PERSON, *events.PEOPLE}


def is_of(user: User) -> set[str]:
    """All relations with rows of this person."""
    return {
        one.name
        for one in relations_to(User)
        if one.model._base_manager.filter(**{one.field.attname: user.pk}).exists()
    }


def test_everything_there_is_of_the_one_is_the_others(
    anna: User, ann: User, boris: User, olga: User, sales: Department
) -> None:
    other = create_department("Office", parent=sales.parent, by=None)
    add_member(other, ann, role=Membership.Role.HEAD, by=None)
    group = create_group(NewGroup("Choir"), by=ann)
    post = publish_post(Draft(text="By Ann", audience=(EVERYONE,)), by=ann)
    comment = add_comment(post.thread, "Again", by=ann)
    private = publish_post(Draft(text="For Ann alone", audience=(f"U{ann.pk}",)), by=boris)
    badge = Badge.objects.first() or Badge.objects.create(name_en="Star", name_ru="Звезда")
    thanks = publish_post(Draft(text="Thanks", audience=(EVERYONE,), award=Prize(badge.pk, ann.pk)), by=boris)
    SavedView.objects.create(
        user=boris, list_key="feed.posts", name="Hers", query=f"author=U{ann.pk}&by=U{ann.pk}9&tag=x"
    )
    Notification.objects.create(user=ann, actor=ann, kind="k", about_kind="a", about_id=1, key="1")
    deliver_all()
    before = is_of(ann)
    assert {"feed.Post.author", "groups.Member.user", "org.Membership.user", "feed.Award.user"} <= before
    old = ann.access_version
    merge_people(ann, anna, by=olga)
    own = {"access.Standing.user", "accounts.SignInName.account"}
    assert is_of(ann) == own
    assert before <= is_of(anna) | own
    for row, author in ((post, anna), (comment, anna), (private, boris)):
        row.refresh_from_db()
        assert row.author_id == author.pk
    assert post.audience == [f"U{anna.pk}", EVERYONE] == sorted(post.audience)
    assert private.audience == sorted((f"U{anna.pk}", f"U{boris.pk}"))
    assert private.is_private
    thanks.refresh_from_db()
    assert thanks.details is not None
    assert thanks.details["award"]["person"] == anna.pk
    assert SavedView.objects.get().query == f"author=U{anna.pk}&by=U{ann.pk}9&tag=x"
    assert group.members.get().user_id == anna.pk
    assert Post.objects.visible_to(User.objects.get(pk=anna.pk)).filter(pk=private.pk).exists()
    ann = User.objects.get(pk=ann.pk)
    assert (ann.status, ann.merged_into_id, ann.has_usable_password()) == ("dismissed", anna.pk, False)
    assert ann.access_version > old
    assert not codes_of(ann)
    assert {f"D{sales.pk}", f"D{other.pk}", f"G{group.pk}", f"GM{group.pk}"} <= codes_of(
        User.objects.get(pk=anna.pk)
    )
    assert manager_of(User.objects.get(pk=anna.pk)) is None
    deliver_all()
    assert AuditRecord.objects.filter(kind="accounts.merged", by_id=olga.pk, about_id=anna.pk).count() == 1
    assert Notification.objects.filter(user=anna, kind="org.merged").count() == 1


def test_what_both_have_once_a_person_is_settled(
    anna: User, ann: User, boris: User, olga: User, sales: Department
) -> None:
    add_member(sales, ann, role=Membership.Role.DEPUTY, by=None)
    group = create_group(NewGroup("Choir"), by=boris)
    for account in (anna, ann):
        join_group(group, by=account)
    Member.objects.filter(group=group, user=ann).update(role=Member.Role.MODERATOR)
    asked = create_group(NewGroup("Closed", kind=Group.Kind.CLOSED), by=boris)
    invite_people(asked, [anna, ann], by=boris)
    post = publish_post(
        Draft(text="Which?", audience=(EVERYONE,), question=Question(("A", "B"))),
        by=boris,
    )
    first, second = PollOption.objects.order_by("position")
    vote(post, [first.pk], by=anna)
    vote(post, [second.pk], by=ann)
    vote(post, [second.pk], by=boris)
    for account in (anna, ann, boris):
        react(post.thread, 1, by=account)
        give_emoji(post.thread, "🎉", True, by=account)
    give_emoji(post.thread, "👏", True, by=ann)
    mark(post, by=anna, is_favourite=True)
    mark(post, by=ann, is_hidden=True)
    for account, text in ((anna, "old"), (ann, "new")):
        drafts.Draft.objects.create(user=account, place="new", content={"text": text}, browser="b")
        SavedView.objects.create(user=account, list_key="feed.posts", name="Mine", query=text)
        SavedView.objects.create(user=account, list_key="feed.posts", name="Same", query="tag=x")
        SavedView.objects.create(user=account, list_key="another", name=f"Only {text}", query="tag=x")
        Use.objects.create(user=account, on=date(2026, 3, 2), tool="feed", times=2)
        Report.objects.create(user=account, period="day", starts_on=date(2026, 3, 2), text=text, plan="same")
        Passkey.objects.create(user=account, name=text, credential_id=text.encode(), credential=b"")
    deliver_all()
    merge_people(ann, anna, by=olga)
    assert Membership.objects.get(user=anna).role == Membership.Role.DEPUTY
    assert group.members.get(user=anna).role == Member.Role.MODERATOR
    group.refresh_from_db()
    assert group.members_count == group.members.count() == 2
    asked.refresh_from_db()
    assert Admission.objects.get(group=asked).user_id == anna.pk
    assert asked.audience == sorted({f"G{asked.pk}", f"U{anna.pk}", EVERYONE})
    assert sorted(Ballot.objects.values_list("user", flat=True)) == sorted((anna.pk, boris.pk))
    assert list(PollOption.objects.order_by("position").values_list("votes_count", flat=True)) == [1, 1]
    assert Poll.objects.get().voters_count == 2
    thread = Thread.objects.get(pk=post.thread_id)
    assert thread.likes_count == Reaction.objects.filter(thread=thread).count() == 2
    assert thread.emoji_counts == {"🎉": 2, "👏": 1}
    assert EmojiReaction.objects.filter(thread=thread, user=anna).count() == 2
    made = Mark.objects.get()
    assert (made.user_id, made.is_favourite, made.is_hidden) == (anna.pk, True, True)
    assert drafts.Draft.objects.get().content == {"text": "new"}
    views = SavedView.objects.filter(user=anna).values_list("name", "query")
    assert {query for _name, query in views} == {"old", "new", "tag=x"}
    assert len({name for name, _query in views}) == 5
    assert Use.objects.get().times == 4
    report = Report.objects.get()
    assert (report.text, report.plan) == ("old\n\nnew", "same")
    assert Passkey.objects.get().name == "old", "those of the account that remains"


def test_skills_and_own_values_of_both_are_the_persons(
    anna: User, ann: User, boris: User, cara: User, olga: User
) -> None:
    for account, names in ((anna, ("Finnish", "Chess")), (ann, ("Finnish", "Welding"))):
        for name in names:
            add_skill(account, name, by=account)
    finnish = Skill.objects.get(name="Finnish")
    for of, by in ((anna, boris), (ann, boris), (ann, cara), (anna, ann)):
        confirm_skill(of, finnish, by=by)
    decided, filled, both = (add_field(PROFILE, FieldDraft(name), by=olga) for name in ("A", "B", "C"))
    write_values(PROFILE, anna.pk, {decided: ("a",), both: ("c",)})
    write_values(PROFILE, ann.pk, {decided: ("x",), filled: ("b",), both: ("z",)})
    Profile.objects.create(user=ann, owners={decided.key: "AD"})
    merge_people(ann, anna, by=olga)
    skills = PersonSkill.objects.filter(user=anna)
    assert set(skills.values_list("skill__name", flat=True)) == {"Finnish", "Chess", "Welding"}
    confirmed = SkillConfirmation.objects.values_list("by", flat=True)
    assert sorted(confirmed) == sorted((boris.pk, cara.pk)), "nobody confirms themselves"
    assert anna in User.objects.employees().matching("welding")
    assert values_of(PROFILE, anna.pk) == {decided: ("x",), filled: ("b",), both: ("c",)}
    assert Profile.objects.get().owners == {decided.key: "AD"}


def test_nobody_has_worked_twice_at_the_same_time(anna: User, ann: User, olga: User) -> None:
    def day(account: User, on: int, starts: int, hours: int, **more: Any) -> None:
        started = datetime(2026, 3, on, starts, tzinfo=UTC)
        ended = {"finished_at": started + timedelta(hours=hours), "state": "finished"}
        ended |= {"worked_seconds": hours * 3600, **more}
        WorkDay.objects.create(
            user=account, on=date(2026, 3, on), marks=[], started_at=started,
            forgotten_at=started + timedelta(hours=20), **ended,
        )  # fmt: skip

    day(anna, 2, 9, 8)
    day(ann, 2, 9, 2)
    day(anna, 3, 9, 1)
    day(ann, 3, 9, 7)
    day(ann, 4, 22, 9)  # into the fifth
    day(anna, 5, 4, 2)
    day(ann, 9, 9, 3, state="working", finished_at=None, worked_seconds=0)
    day(anna, 10, 9, 3, state="working", finished_at=None, worked_seconds=0)
    merge_people(ann, anna, by=olga)
    days = WorkDay.objects.filter(user=anna).order_by("on").values_list("on__day", "worked_seconds")
    assert list(days) == [(2, 8 * 3600), (3, 7 * 3600), (4, 9 * 3600), (10, 0)]
    assert not WorkDay.objects.filter(user=ann).exists()


def test_votes_of_an_anonymous_poll_stay_as_they_were_given(anna: User, ann: User, olga: User) -> None:
    question = Question(("A", "B"), is_anonymous=True)
    draft = Draft(text="Secret", audience=(EVERYONE,), question=question)
    post = publish_post(draft, by=olga)
    options = list(PollOption.objects.order_by("position"))
    vote(post, [options[0].pk], by=anna)
    vote(post, [options[1].pk], by=ann)
    merge_people(ann, anna, by=olga)
    assert Ballot.objects.get().user_id == anna.pk
    assert Poll.objects.get().voters_count == 2, "nobody knows which of them to take back"


def test_fields_are_filled_chosen_and_exchanged(anna: User, ann: User, olga: User) -> None:
    User.objects.filter(pk=ann.pk).update(joined_at=datetime(2020, 1, 1, tzinfo=UTC))
    ann.refresh_from_db()
    offered = {one.field for one in choices(ann, anna)}
    assert offered == {"login", "email", "first_name"}
    merge_people(ann, anna, of_gone=["email", "first_name"], by=olga)
    assert (anna.first_name, anna.position, anna.phone) == ("Ann", "Manager", "+7 900 000-00-01")
    assert (anna.login, anna.email) == ("anna@example.com", "ann@example.com")
    assert (ann.login, ann.email) == ("ann@example.com", "anna@example.com")
    assert anna.joined_at.year == 2020
    assert (ann.phone, ann.position) == ("", "")


def test_either_name_signs_in_with_the_password_that_remains(
    client: Client, as_person: Browser, anna: User, ann: User, olga: User
) -> None:
    theirs = as_person(ann)
    other = "another horse battery"
    ann.set_password(other)
    ann.save(update_fields=["password"])
    merge_people(ann, anna, of_gone=["email"], by=olga)
    assert not Session.objects.filter(user=ann).exists()
    assert theirs.get("/feed/").status_code == 302
    browser = Client(headers={"X-Forwarded-Proto": "https"})
    for name in ("ann@example.com", "anna@example.com"):
        wrong = browser.post("/sign-in/", {"login": name, "password": other})
        assert wrong.status_code == 422
        right = Client(headers={"X-Forwarded-Proto": "https"})
        assert right.post("/sign-in/", {"login": name, "password": PASSWORD}).status_code == 302
        assert right.session["_auth_user_id"] == str(anna.pk)


def test_what_led_to_the_one_leads_to_the_other(
    as_person: Browser, anna: User, ann: User, boris: User, olga: User
) -> None:
    mention = f'<p>Ask <a data-mention="{ann.pk}" href="#">Ann</a></p>'
    merge_people(ann, anna, by=olga)
    answer = as_person(boris).get(f"/employees/{ann.pk}/")
    assert answer.headers["Location"] == f"/employees/{anna.pk}/"
    found = User.objects.employees().matching("ann@example.com")
    assert anna in found
    assert ann not in found
    assert anna in User.objects.employees().matching("Ann Test")
    post = publish_post(Draft(html=mention, audience=(EVERYONE,)), by=boris)
    assert f"/employees/{anna.pk}/" in post.html
    Post.objects.filter(pk=post.pk).update(html=f'<a data-mention="{ann.pk}">Ann</a>')
    deliver_all()
    assert Notification.objects.filter(user=anna, kind="feed.mention").count() == 1
    assert invite(NewUser(email="ann@example.com"), by=olga) == anna
    with pytest.raises(ValidationError, match="this e-mail already"):
        create_user(NewUser(email="ann@example.com", login="new"), password=None, by=olga)
    with pytest.raises(ValidationError, match="merged into another"):
        return_user(User.objects.get(pk=ann.pk), by=olga)
    browser = as_person(olga)
    assert browser.get(f"/employees/{ann.pk}/dismissal/").status_code == 403
    assert browser.delete(f"/employees/{ann.pk}/suspension/").status_code == 403
    assert "Ann Test" not in browser.get("/employees/?status=dismissed").content.decode()


def test_a_row_of_a_table_under_the_old_name_corrects_the_person(anna: User, ann: User, olga: User) -> None:
    merge_people(ann, anna, by=olga)

    context = Context(ImportRun(by=olga), olga)
    known = importers["people"].known({"ann@example.com"}, context)
    assert known == {"ann@example.com": anna.pk}


def test_roles_and_what_both_might_before_go_on(anna: User, ann: User, olga: User) -> None:
    role = create_role("Editors", ["company.edit_structure"], by=olga)
    grant_role(role, f"U{ann.pk}", by=olga)
    deliver_all()
    moment = timezone.now()
    merge_people(ann, anna, by=olga)
    assert has_right(User.objects.get(pk=anna.pk), "company.edit_structure")
    assert Grant.objects.current().get().code == f"U{anna.pk}"
    deliver_all()
    then = rights_of(anna, at=moment)
    assert {f"U{ann.pk}", f"U{anna.pk}"} <= then.codes, "then they were two"
    assert any(str(held.right.label) == "Edit the structure" for held in then.held)
    assert Standing.objects.current().get(user=ann).codes == []


def test_whoever_is_yet_to_hear_of_something_hears_of_who_is_there(
    anna: User, ann: User, boris: User, olga: User
) -> None:
    Delivery.objects.all().delete()
    group = create_group(NewGroup("Choir"), by=boris)
    invite_people(group, [ann], by=boris)
    post = publish_post(Draft(text="x", audience=(EVERYONE,)), by=boris)
    add_comment(post.thread, "By Ann", by=ann)
    merge_people(ann, anna, by=olga)
    deliver_all()
    assert not Delivery.objects.filter(completed_at=None).exists()
    assert not Notification.objects.filter(user=ann).exists()
    assert not Notification.objects.filter(actor=ann).exists()
    assert Notification.objects.filter(user=anna, kind="groups.invited").count() == 1
    assert Notification.objects.filter(user=boris, actor=anna, kind="feed.comment").count() == 1


def test_what_was_on_its_way_is_taken_along(anna: User, ann: User, boris: User, olga: User) -> None:
    merge_people(ann, anna, by=olga)
    # Another request has read the account before, and writes now.
    post = publish_post(Draft(text="late", audience=(EVERYONE,)), by=boris)
    Comment.objects.create(thread=post.thread, author=ann, text="late")
    Post.objects.filter(pk=post.pk).update(audience=[f"U{ann.pk}", EVERYONE])
    deliver_all()
    assert Comment.objects.get().author_id == anna.pk
    assert Post.objects.get().audience == [f"U{anna.pk}", EVERYONE]
    move_again(Pair(ann.pk, anna.pk))
    move_again(Pair(anna.pk, ann.pk))
    assert Comment.objects.get().author_id == anna.pk, "only where it was merged"


def test_what_cannot_be_is_refused_with_its_cure(
    person: Maker, anna: User, ann: User, erik: User, olga: User
) -> None:
    hr = person("Hanna")
    role = create_role("Personnel", ["company.edit_people"], by=olga)
    grant_role(role, f"U{hr.pk}", by=olga)
    hr.refresh_from_db()
    for gone, kept, by, said in (
        (anna, anna, olga, "the same account"),
        (erik, anna, olga, "outside guest"),
        (hr, anna, hr, "your own"),
        (olga, anna, hr, "rights in the console"),
    ):
        with pytest.raises(ValidationError, match=said):
            merge_people(gone, kept, by=by)
    with pytest.raises(LastAdministrator):
        merge_people(olga, anna, by=olga)
    User.objects.filter(pk=ann.pk).update(last_login=timezone.now())
    with pytest.raises(ValidationError, match="has signed in"):
        merge_people(ann, anna, by=hr)
    User.objects.filter(pk=ann.pk).update(last_login=None)
    merge_people(ann, anna, by=hr)
    with pytest.raises(ValidationError, match="no account any more"):
        merge_people(ann, anna, by=olga)
    assert not olga.merged_into_id
    dismiss_user(anna, by=olga)
    with pytest.raises(ValidationError, match="let them return"):
        merge_people(hr, User.objects.get(pk=anna.pk), by=olga)


def directory(name: str) -> Connection:
    return Connection.objects.create(name=name, servers=["x"], people_bases=["x"])


def entry(of: Connection, person: User, **more: Any) -> Link:
    Profile.objects.update_or_create(user=person, defaults={"owners": {"phone": of.name, "login": of.name}})
    return Link.objects.create(
        connection=of, kind="person", stable_id=str(person.pk), object_id=person.pk, dn=f"cn={person}", **more
    )


def test_an_entry_of_a_directory_comes_along_with_what_it_decides(anna: User, ann: User, olga: User) -> None:
    User.objects.filter(pk=anna.pk).update(phone="1")
    anna.refresh_from_db()
    link = entry(directory("AD"), ann)
    merge_people(ann, anna, by=olga)
    link.refresh_from_db()
    assert link.object_id == anna.pk
    assert anna.owners == {"phone": "AD", "login": "AD"}
    assert (anna.phone, anna.login) == ("+7 900 000-00-01", "ann@example.com"), "the directory decides"


def test_two_entries_are_refused_until_one_of_them_is_gone(anna: User, ann: User, olga: User) -> None:
    ad, other = directory("AD"), directory("Other")
    entry(ad, ann)
    second = entry(ad, anna)
    with pytest.raises(ValidationError, match="two entries: disable or remove one"):
        merge_people(ann, anna, by=olga)
    Link.objects.filter(pk=second.pk).update(connection=other)
    with pytest.raises(ValidationError, match="AD and Other"):
        merge_people(ann, anna, by=olga)
    Link.objects.filter(pk=second.pk).update(leaving_since=timezone.now())
    Profile.objects.filter(user=anna).update(owners={"position": "Other"})
    merge_people(ann, anna, by=olga)
    left = Link.objects.get()
    assert (left.connection_id, left.object_id) == (ad.pk, anna.pk)
    assert anna.owners == {"phone": "AD", "login": "AD"}, "what is gone decides nothing"


def test_who_is_erased_is_erased_with_their_former_accounts(anna: User, ann: User, olga: User) -> None:
    merge_people(ann, anna, by=olga)
    deliver_all()
    dismiss_user(anna, by=olga)
    with pytest.raises(ValidationError, match="merged into another"):
        erase_person(User.objects.get(pk=ann.pk), by=olga)
    erase_person(User.objects.get(pk=anna.pk), by=olga)
    assert User.objects.erased().count() == 2
    assert not User.objects.filter(email__contains="ann").exists()


def picture_of_the_database() -> dict[str, Any]:
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor))
        found = {}
        for model in apps.get_models():
            if (table := model._meta.db_table) in tables:
                cursor.execute(
                    f"SELECT count(*), md5(string_agg(t::text, '' ORDER BY t::text)) FROM \"{table}\" t"
                )
                found[table] = cursor.fetchone()
    return found


class Killed(BaseException):
    """Nothing in the portal catches it."""


def test_wherever_it_breaks_off_nothing_was_done(
    anna: User, ann: User, olga: User, sales: Department
) -> None:
    add_member(sales, ann, by=None)
    publish_post(Draft(text="By Ann", audience=(EVERYONE, f"U{anna.pk}")), by=ann)
    before = picture_of_the_database()
    with transaction.atomic(), CaptureQueriesContext(connection) as whole:
        merge_people(ann, anna, by=olga)
        transaction.set_rollback(True)
    assert picture_of_the_database() == before
    writes = [
        n for n, query in enumerate(whole) if query["sql"].lstrip()[:6] in ("UPDATE", "DELETE", "INSERT")
    ]
    assert len(writes) > 60
    for last in [*writes[::11], writes[-1]]:
        left = iter(range(last + 1))

        def dies(execute: Any, *call: Any, left: Iterator[int] = left) -> Any:
            result = execute(*call)
            if next(left, None) is None:
                raise Killed
            return result

        with pytest.raises(Killed), transaction.atomic(), connection.execute_wrapper(dies):
            merge_people(User.objects.get(pk=ann.pk), User.objects.get(pk=anna.pk), by=olga)
        assert picture_of_the_database() == before


PROCESS = """
import os, time
import django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = os.environ["TEST_DATABASE"]
django.setup()
from box.core.accounts.models import User
from box.core.people import merging
whole = merging.end_sessions
def hang(*args, **kwargs):
    whole(*args, **kwargs)
    print("hangs", flush=True)
    time.sleep(60)
merging.end_sessions = hang
ann, anna, olga = (User.objects.get(email=f"{name}@example.com") for name in ("ann", "anna", "olga"))
merging.merge_people(ann, anna, by=olga)
"""


@pytest.mark.django_db(transaction=True)
def test_kill_9_leaves_both_and_the_next_try_makes_one(anna: User, ann: User, olga: User) -> None:
    publish_post(Draft(text="By Ann", audience=(EVERYONE,)), by=ann)
    process = subprocess.Popen(
        [sys.executable, "-c", PROCESS],
        env={**os.environ, "TEST_DATABASE": str(connection.settings_dict["NAME"])},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == b"hangs"
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert User.objects.get(pk=ann.pk).merged_into_id is None
    assert Post.objects.get().author_id == ann.pk
    merge_people(ann, anna, by=olga)
    assert Post.objects.get().author_id == anna.pk
    deliver_all()
    assert AuditRecord.objects.filter(kind="accounts.merged").count() == 1


def test_posts_are_moved_in_a_statement_a_table_that_the_index_answers(
    anna: User, ann: User, boris: User, olga: User
) -> None:
    threads = Thread.objects.bulk_create(Thread(kind="feed.post") for _ in range(3000))
    Post.objects.bulk_create(
        Post(
            author=ann if n % 100 == 0 else boris,
            text="x",
            thread=thread,
            audience=sorted((EVERYONE, f"U{ann.pk if n % 100 == 0 else boris.pk}")),
        )
        for n, thread in enumerate(threads)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE feed_post")
        with CaptureQueriesContext(connection) as queries, transaction.atomic():
            move_audiences(Pair(ann.pk, anna.pk))
            transaction.set_rollback(True)
        statement = next(query["sql"] for query in queries if '"feed_post"' in query["sql"])
        cursor.execute(f"EXPLAIN {statement}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "post_audience" in plan
    assert "Seq Scan" not in plan
    with CaptureQueriesContext(connection) as queries:
        merge_people(ann, anna, by=olga)
    assert Post.objects.filter(author=anna).count() == 30
    assert len([one for one in queries if one["sql"].startswith('UPDATE "feed_post"')]) == 2
    assert len(queries) < 300


def test_the_page_says_what_happens_and_does_it(
    as_person: Browser, anna: User, ann: User, boris: User, olga: User, sales: Department
) -> None:
    add_member(create_department("Office", parent=sales.parent, by=None), ann, by=None)
    publish_post(Draft(text="By Ann", audience=(EVERYONE,)), by=ann)
    browser = as_person(olga)
    assert f"/employees/{anna.pk}/merger/" in browser.get(f"/employees/{anna.pk}/").content.decode()
    found = browser.get(f"/employees/{anna.pk}/merger/?q=ann@").content.decode()
    address = f"/employees/{anna.pk}/merger/{ann.pk}/"
    assert address in found
    page = browser.get(address).content.decode()
    for said in ("cannot be undone", "1 post", "Office", "Which is right?", "ann@example.com"):
        assert said in page
    assert {str(one.label) for one in moving(ann, anna)} >= {
        "Feed",
        "Place in the structure",
        "Profile and sign-in",
    }
    refused = browser.post(address, {"first_name": "gone"})
    assert refused.status_code == 422
    assert User.objects.get(pk=ann.pk).merged_into_id is None
    answer = browser.post(address, {"first_name": "gone", "email": "kept", "is_sure": "on"})
    assert answer.headers["Location"] == f"/employees/{anna.pk}/"
    assert User.objects.get(pk=anna.pk).first_name == "Ann"
    assert as_person(boris).get(address).status_code == 403


def test_the_password_is_asked_for_again(as_person: Browser, anna: User, ann: User, olga: User) -> None:
    browser = as_person(olga)
    session = browser.session
    del session["proven_at"]
    session.save()
    answer = browser.post(f"/employees/{anna.pk}/merger/{ann.pk}/", {"is_sure": "on"})
    assert "/profile/proof/" in answer.headers["Location"]
    assert User.objects.get(pk=ann.pk).merged_into_id is None


def test_accounts_that_look_like_one_person_are_listed(
    as_person: Browser, person: Maker, anna: User, boris: User, olga: User
) -> None:
    twin = create_user(NewUser(email="anna@other.example", last_name="Test"), password=None, by=None)
    for account in (boris, olga):
        User.objects.filter(pk=account.pk).update(phone="8 900 111-22-33", last_name="Pair")
    pairs = {frozenset((one.kept.pk, one.gone.pk)): [str(why) for why in one.why] for one in alike()}
    assert pairs == {
        frozenset((anna.pk, twin.pk)): ["the e-mail before the @"],
        frozenset((boris.pk, olga.pk)): ["last name and phone"],
    }
    assert {one.gone.pk for one in alike(of=anna)} == {twin.pk}
    page = as_person(olga).get("/employees/duplicates/").content.decode()
    assert "the e-mail before the @" in page
    merge_people(twin, anna, by=olga)
    assert len(alike()) == 1
