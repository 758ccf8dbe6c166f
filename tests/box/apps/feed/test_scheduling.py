"""Posts that wait for their moment: published exactly once, and checked again then."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone

from box.apps.feed import actions, scheduling
from box.apps.feed.actions import Draft
from box.apps.feed.events import PostPublished
from box.apps.feed.models import Post, ScheduledPost
from box.apps.feed.polls import Question
from box.apps.feed.scheduling import change_scheduled, publish_due, publish_now, schedule_post
from box.core.accounts.actions import dismiss_user
from box.core.accounts.models import User
from box.core.events.models import Event
from box.core.events.outbox import kind_of
from box.core.files.garbage_collection import sweep_files
from box.core.files.models import File
from box.core.notify.models import Notification
from box.core.structure.models import Department
from tests.box.apps.feed.test_views import HTMX, Browser, file_of, form
from tests.clock import MIDDAY

pytestmark = [pytest.mark.usefixtures("clock"), pytest.mark.django_db]

HOUR = timedelta(hours=1)


def waiting(author: User, text: str = "Later", **more: object) -> ScheduledPost:
    now = timezone.now()
    return schedule_post(Draft(text, **more), now + HOUR, by=author, now=now)  # type: ignore[arg-type]


def test_a_post_waits_and_is_published_as_it_was_written(anna: User, sales: Department) -> None:
    file, closes_at = file_of(anna), timezone.now() + timedelta(days=3)
    question = Question(("tea", "coffee"), is_multiple=True, closes_at=closes_at)
    waiting(anna, "Which? #tea", audience=(sales.code,), file_ids=(file.pk,), question=question)
    assert publish_due(timezone.now()) == 0
    assert not Post.objects.exists()
    assert publish_due(timezone.now() + 2 * HOUR) == 1
    post = Post.objects.get()
    assert (post.author, post.text, post.kind) == (anna, "Which? #tea", Post.Kind.POLL)
    assert sales.code in post.audience
    assert list(post.files.all()) == [file]
    assert (post.poll.is_multiple, post.poll.closes_at) == (True, closes_at)
    assert [one.text for one in post.poll.options.all()] == ["tea", "coffee"]
    assert not ScheduledPost.objects.exists()
    assert publish_due(timezone.now() + 2 * HOUR) == 0


def test_a_run_that_is_killed_publishes_nothing_and_loses_nothing(
    anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting(anna)

    def killed(*args: object, **kwargs: object) -> None:
        actions.publish_post(*args, **kwargs)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(scheduling, "publish_post", killed)
        with pytest.raises(KeyboardInterrupt):
            publish_due(timezone.now() + 2 * HOUR)
    assert not Post.objects.exists()
    assert publish_due(timezone.now() + 2 * HOUR) == 1
    assert Event.objects.filter(kind=kind_of(PostPublished)).count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_runs_at_once_publish_each_post_once(person: Callable[..., User]) -> None:
    anna = person("Anna")
    for number in range(5):
        waiting(anna, f"number {number}")
    then = timezone.now() + 2 * HOUR

    def run() -> None:
        try:
            publish_due(then)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(Post.objects.values_list("text", flat=True)) == [f"number {number}" for number in range(5)]


def test_the_right_to_write_there_is_asked_again(
    anna: User, boris: User, olga: User, sales: Department
) -> None:
    department = Department.objects.create(name="Short-lived", parent=sales.parent, path=[])
    waiting(anna, "for nobody", audience=(department.code,))
    waiting(boris, "for sales", audience=(sales.code,))
    Department.objects.filter(pk=department.pk).delete()
    assert publish_due(timezone.now() + 2 * HOUR) == 1
    assert Post.objects.get().text == "for sales"
    left = ScheduledPost.objects.get()
    assert "Choose the audience again" in left.problem
    notice = Notification.objects.get()
    assert (notice.user, notice.kind, notice.about_id) == (anna, "feed.unpublished", left.pk)
    # It is the author's to decide: it does not try again by itself.
    assert publish_due(timezone.now() + 3 * HOUR) == 0
    assert Notification.objects.count() == 1
    now = timezone.now()
    change_scheduled(left, Draft("for sales too", (sales.code,)), now + HOUR, by=anna, now=now)
    assert publish_due(now + 2 * HOUR) == 1


def test_one_that_breaks_off_keeps_no_other_waiting(anna: User) -> None:
    broken = waiting(anna, "broken")
    waiting(anna, "whole")
    ScheduledPost.objects.filter(pk=broken.pk).update(question={"options": 7})
    assert publish_due(timezone.now() + 2 * HOUR) == 1
    assert Post.objects.get().text == "whole"
    assert "broke off" in ScheduledPost.objects.get(pk=broken.pk).problem
    assert Notification.objects.get().about_id == broken.pk


def test_whoever_left_publishes_nothing(anna: User, olga: User) -> None:
    waiting(anna)
    dismiss_user(anna, by=olga)
    assert publish_due(timezone.now() + 2 * HOUR) == 0
    assert not Post.objects.exists()
    assert ScheduledPost.objects.get().problem


@pytest.mark.parametrize(
    ("hours", "draft", "word"),
    [
        (-1, Draft("x"), "is over"),
        (24 * 400, Draft("x"), "within a year"),
        (1, Draft(""), "Write something"),
        (1, Draft("x", ()), "Choose who"),
        (1, Draft("x", ("D999",)), "D999"),
        (1, Draft("x", file_ids=(999,)), "attach it again"),
        (1, Draft("x", question=Question(("a",))), "2 to 20"),
        (2, Draft("x", question=Question(("a", "b"), closes_at=MIDDAY + HOUR)), "would be over"),
    ],
)
def test_what_could_not_be_published_is_refused_at_once(
    anna: User, hours: int, draft: Draft, word: str
) -> None:
    now = timezone.now()
    with pytest.raises(ValidationError, match=word):
        schedule_post(draft, now + hours * HOUR, by=anna, now=now)
    assert not ScheduledPost.objects.exists()


def test_files_wait_with_the_post(anna: User) -> None:
    file = file_of(anna)
    waiting(anna, file_ids=(file.pk,))
    assert sweep_files(timezone.now() + timedelta(days=300), older_than=timedelta(days=30)) == 0
    assert File.objects.filter(pk=file.pk).exists()


def test_one_writes_for_later_and_publishes_now(as_person: Browser, anna: User, boris: User) -> None:
    browser = as_person(anna)
    moment = (timezone.localtime() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    sent = form(publish_at=moment)
    for _ in range(2):
        answer = browser.post("/feed/", sent, headers=HTMX)
        assert "It will be published" in answer.headers["HX-Trigger"]
    post = ScheduledPost.objects.get()
    assert timezone.localtime(post.publish_at).strftime("%Y-%m-%dT%H:%M") == moment
    assert b"Good morning" in browser.get("/feed/scheduled/").content
    assert b"Good morning" not in as_person(boris).get("/feed/scheduled/").content
    assert as_person(boris).post(f"/feed/scheduled/{post.pk}/publication/").status_code == 404
    browser.post(
        f"/feed/scheduled/{post.pk}/", {"text": "Good evening", "audience": "UA", "publish_at": moment}
    )
    browser.post(f"/feed/scheduled/{post.pk}/publication/")
    assert Post.objects.get().text == "Good evening"
    assert b"Nothing waits" in browser.get("/feed/scheduled/").content


def test_one_changes_ones_mind_about_it(as_person: Browser, anna: User) -> None:
    post = waiting(anna)
    page = as_person(anna)
    answer = page.post(
        f"/feed/scheduled/{post.pk}/", {"text": "x", "audience": "UA", "publish_at": "2020-01-01T10:00"}
    )
    assert answer.status_code == 422
    assert "choose a later one" in answer.content.decode()
    page.post(f"/feed/scheduled/{post.pk}/", {"do": "delete"})
    assert not ScheduledPost.objects.exists()
    with pytest.raises(ScheduledPost.DoesNotExist):
        publish_now(post, by=anna)


def test_what_waits_is_shown_as_it_was_written_and_no_more(as_person: Browser, anna: User) -> None:
    now = timezone.now()
    html = "<p>hello<script>alert(1)</script></p>"
    schedule_post(Draft(html=html), now + HOUR, by=anna, now=now)
    ScheduledPost.objects.update(problem="<img src=x onerror=alert(1)>")
    page = as_person(anna).get("/feed/scheduled/").content
    assert b"alert(1)</script>" not in page
    assert b"<img src=x" not in page
