from __future__ import annotations

import zoneinfo
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from box.apps.feed import actions, receipts
from box.apps.feed.actions import Draft
from box.apps.feed.models import Post, Receipt
from box.apps.feed.receipts import (
    confirm_reading,
    receipts_of,
    remind_of_due,
    skip_due_reminders,
    still_to_read,
)
from box.core.audit.models import AuditRecord
from box.core.notify.actions import notify
from box.core.notify.models import Notification
from box.core.registry.company import TIME_ZONE

if TYPE_CHECKING:
    from django.test import Client

    from box.core.accounts.models import User
    from box.core.structure.models import Department

pytestmark = pytest.mark.usefixtures("clock")

type Browser = Callable[[User], Client]

HTMX = {"HX-Request": "true"}


def announced(author: User, *audience: str) -> Post:
    return actions.publish_post(Draft("The new rules", audience or ("UA",), is_announcement=True), by=author)


def waiting(post: Post) -> set[str]:
    return {person.first_name for person in still_to_read(post, post.announcement)}


def test_only_who_may_announce_does(anna: User, olga: User) -> None:
    with pytest.raises(PermissionDenied):
        announced(anna)
    assert announced(olga).kind == Post.Kind.ANNOUNCEMENT


def test_who_has_read_it_and_who_has_not_is_known(
    as_person: Browser, anna: User, boris: User, cara: User, erik: User, olga: User
) -> None:
    post = announced(olga)
    assert waiting(post) == {"Anna", "Boris", "Cara"}
    for _ in range(2):
        answer = as_person(boris).post(f"/feed/{post.pk}/reading/", headers=HTMX)
        assert "You have read this" in answer.content.decode()
    assert waiting(post) == {"Anna", "Cara"}
    assert [receipt.user for receipt in receipts_of(post.announcement)] == [boris]
    table = b"".join(as_person(olga).get(f"/feed/{post.pk}/readers/?export=csv")).decode()
    assert table.count("\n") == 4
    assert "Boris" in table.splitlines()[1]


def test_who_is_to_read_follows_from_the_structure(
    anna: User, boris: User, cara: User, olga: User, sales: Department
) -> None:
    assert sales.parent is not None
    assert waiting(announced(olga, sales.code)) == {"Anna", "Boris"}
    assert waiting(announced(olga, sales.parent.code_with_below)) == {"Anna", "Boris"}
    assert waiting(announced(olga, sales.parent.code)) == set()
    assert waiting(announced(olga, sales.code, f"U{cara.pk}")) == {"Anna", "Boris", "Cara"}


def test_a_new_version_is_read_anew_where_its_author_says_so(anna: User, olga: User) -> None:
    post = announced(olga)
    confirm_reading(post, by=anna)
    actions.edit_post(post, "The new rules, spelt right", version=1, by=olga)
    assert "Anna" not in waiting(again(post))
    actions.edit_post(post, "Quite other rules", version=2, is_read_again=True, by=olga)
    assert "Anna" in waiting(again(post))
    confirm_reading(again(post), by=anna)
    assert "Anna" not in waiting(again(post))
    assert Receipt.objects.count() == 2


def test_what_is_read_anew_is_this_announcement_alone(anna: User, olga: User) -> None:
    post, other = announced(olga), announced(olga)
    for one in (post, other):
        confirm_reading(one, by=anna)
    actions.edit_post(post, "Quite other rules", version=1, is_read_again=True, by=olga)
    assert ["Anna" in waiting(again(one)) for one in (post, other)] == [True, False]


def test_what_is_still_to_read_can_be_chosen(as_person: Browser, anna: User, olga: User) -> None:
    post = announced(olga)
    browser = as_person(anna)
    assert b"The new rules" in browser.get("/feed/?only=unread").content
    browser.post(f"/feed/{post.pk}/reading/")
    assert b"The new rules" not in browser.get("/feed/?only=unread").content


def again(post: Post) -> Post:
    return Post.objects.select_related("announcement").get(pk=post.pk)


def test_whoever_has_not_read_by_the_day_is_reminded_once(
    anna: User, boris: User, cara: User, olga: User, sales: Department
) -> None:
    today = timezone.localdate()
    draft = Draft("Rules", (sales.code,), is_announcement=True, read_by_on=today)
    post = actions.publish_post(draft, by=olga)
    confirm_reading(post, by=boris)
    assert remind_of_due(today - timedelta(days=1)) == 0
    assert remind_of_due(today) == 1
    notice = Notification.objects.get()
    assert (notice.user, notice.kind, notice.actor) == (anna, "feed.reading", olga)
    assert remind_of_due(today) == 0
    # Changed so that all must read it anew: of this version they are reminded, once.
    actions.edit_post(post, "Other rules", version=1, is_read_again=True, by=olga)
    assert remind_of_due(today + timedelta(days=1)) == 2
    assert remind_of_due(today + timedelta(days=1)) == 0


def test_after_a_restore_nobody_is_reminded_again(anna: User, olga: User, sales: Department) -> None:
    today = timezone.localdate()
    for days in (0, 1):
        draft = Draft(
            f"Rules {days}", (sales.code,), is_announcement=True, read_by_on=today + timedelta(days=days)
        )
        actions.publish_post(draft, by=olga)
    zone = zoneinfo.ZoneInfo(TIME_ZONE.value)
    assert skip_due_reminders(datetime(today.year, today.month, today.day, 8, tzinfo=zone)) == 0
    # From nine on those of the day have been told.
    assert skip_due_reminders(datetime(today.year, today.month, today.day, 9, tzinfo=zone)) == 1
    assert remind_of_due(today) == 0
    assert remind_of_due(today + timedelta(days=1)) > 0


def test_a_killed_reminder_goes_on_where_it_was(
    anna: User, boris: User, olga: User, sales: Department, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = timezone.localdate()
    actions.publish_post(Draft("Rules", (sales.code,), is_announcement=True, read_by_on=today), by=olga)

    def first_alone(person: User, *args: object, **kwargs: object) -> None:
        if Notification.objects.exists():
            raise KeyboardInterrupt
        notify(person, *args, **kwargs)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(receipts, "notify", first_alone)
        with pytest.raises(KeyboardInterrupt):
            remind_of_due(today)
    remind_of_due(today)
    assert set(Notification.objects.values_list("user", flat=True)) == {anna.pk, boris.pk}


def test_a_deleted_announcement_reminds_nobody(anna: User, olga: User, sales: Department) -> None:
    today = timezone.localdate()
    draft = Draft("Rules", (sales.code,), is_announcement=True, read_by_on=today)
    actions.delete_post(actions.publish_post(draft, by=olga), by=olga)
    assert remind_of_due(today) == 0


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_who_saves_the_list_is_in_the_audit_log(
    as_person: Callable[[User], Client], anna: User, olga: User, sales: Department, kind: str
) -> None:
    post = actions.publish_post(Draft("Rules", (sales.code,), is_announcement=True), by=olga)
    answer = as_person(olga).get(f"/feed/{post.pk}/readers/?export={kind}")
    assert b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    record = AuditRecord.objects.get(kind="feed.exported")
    assert (record.by_id, record.about_id, record.details) == (olga.pk, post.pk, {"format": kind})


def test_only_an_announcement_is_read_by_a_day(anna: User) -> None:
    with pytest.raises(ValidationError, match="Only an announcement"):
        actions.publish_post(Draft("x", read_by_on=timezone.localdate()), by=anna)
