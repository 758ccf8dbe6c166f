"""The feed's reactions: open pages learn of new posts and comments, authors of answers; and what happens in
other rooms becomes entries of the portal's own, and its first posts."""

from __future__ import annotations

from django.db.models import BigIntegerField

from box.apps.feed.events import EntryTold, PostDeleted, PostEdited, PostPublished, Voted
from box.apps.feed.models import Award, Poll, Post, PostAddressee
from box.apps.feed.notices import GIVEN, MENTIONED, THANKED
from box.apps.feed.settings import TELL_GROUPS, TELL_HEADS, TELL_JOINED, TELL_POSITIONS
from box.apps.feed.system_posts import Fact, What, tell
from box.apps.feed.welcome_posts import welcome
from box.core.accounts.events import PersonJoined, ProfileChanged, UserCreated
from box.core.accounts.models import User
from box.core.events.outbox import on
from box.core.groups.events import GroupCreated, GroupDeleted
from box.core.groups.models import Group
from box.core.notify.actions import notify
from box.core.people.mentions import people_mentioned
from box.core.portal.events import SettingsChanged
from box.core.portal.setup import PASSED, next_step
from box.core.push.actions import send
from box.core.registry.company import company_day
from box.core.structure.events import MemberAdded
from box.core.structure.models import Membership
from box.lib.prepared import Param, PreparedModels

# Asked after each post, and so composed once.
_POST = PreparedModels(
    lambda: Post.objects.there().select_related("author").filter(pk=Param("post", BigIntegerField()))
)
_AWARD = PreparedModels(
    lambda: Award.objects.select_related("user", "post__author").filter(pk=Param("post", BigIntegerField()))
)


def _post(pk: int) -> Post | None:
    return next(iter(_POST.rows(post=pk)), None)


@on(PostPublished, hears_imports=False)
def tell_open_feeds(event: PostPublished) -> None:
    post = _post(event.post_id)
    if post is not None:
        send("feed", "post", audience=post.audience, payload={"id": post.pk, "by": event.by_id})


@on(PostDeleted, hears_imports=False)
def tell_open_feeds_of_deleted(event: PostDeleted) -> None:
    """Who was told of it a moment ago counts it no more."""
    post = Post.objects.filter(pk=event.post_id).exclude(deleted_at=None).first()
    if post is not None:
        send("feed", "gone", audience=post.audience, payload={"id": post.pk, "by": event.by_id})


@on(PostPublished, hears_imports=False)
def tell_mentioned(event: PostPublished) -> None:
    _tell_mentioned(event)


@on(PostPublished, hears_imports=False)
def tell_who_was_thanked(event: PostPublished) -> None:
    award = next(iter(_AWARD.rows(post=event.post_id)), None)
    if award is not None and award.post.deleted_at is None:
        notice = GIVEN if award.badge.is_gift else THANKED
        notify(award.user, notice, about=award.post.ref, key=f"award:{award.pk}", actor=award.post.author)


@on(PostEdited, hears_imports=False)
def tell_mentioned_since(event: PostEdited) -> None:
    """Who was called before is not called again: the key is the same."""
    _tell_mentioned(event)


def _tell_mentioned(event: PostPublished | PostEdited) -> None:
    post = _post(event.post_id)
    if post is None:
        return
    for person in people_mentioned(post.html, by_id=event.by_id, audience=post.audience):
        notify(person, MENTIONED, about=post.ref, key=f"mention:post:{post.pk}", actor=post.author)


@on(Voted, hears_imports=False)
def tell_open_polls(event: Voted) -> None:
    """Numbers, and whose vote moved them stays unsaid."""
    poll = Poll.objects.select_related("post").filter(pk=event.post_id).first()
    if poll is not None:
        votes = dict(poll.options.values_list("pk", "votes_count"))
        payload = {"post": poll.pk, "voters": poll.voters_count, "votes": votes}
        send("feed", "poll", audience=poll.post.audience, payload=payload)


@on(GroupDeleted)
def forget_group(event: GroupDeleted) -> None:
    PostAddressee.objects.filter(code__in=[f"G{event.group_id}", f"GM{event.group_id}"]).delete()


# What other rooms tell of.


@on(EntryTold)
def tell_open_feeds_of_entries(event: EntryTold) -> None:
    post = _post(event.post_id)
    if post is not None:
        send("feed", "post", audience=post.audience, payload={"id": post.pk, "by": 0})


@on(UserCreated)
def tell_of_new_colleague(event: UserCreated) -> None:
    """Who was invited is new when they come. Whom nobody has added, the console has: that is no news."""
    person = User.objects.filter(pk=event.user_id, invited_at=None).first()
    if person is not None and event.by_id is not None:
        _tell_of_person(person)


@on(PersonJoined)
def tell_of_joined_colleague(event: PersonJoined) -> None:
    person = User.objects.filter(pk=event.user_id).first()
    if person is not None:
        _tell_of_person(person)


def _tell_of_person(person: User) -> None:
    if TELL_JOINED.value and person.is_active and not person.is_extranet and not person.is_demo:
        fact = Fact(f"joined:{person.pk}", (f"U{person.pk}",))
        tell(What.JOINED, [fact], day=company_day(), author=person)


@on(MemberAdded)
def tell_of_new_head(event: MemberAdded) -> None:
    """As it is now: who was put back again is no news."""
    if event.role != Membership.Role.HEAD or event.by_id is None or not TELL_HEADS.value:
        return
    found = Membership.objects.filter(
        user=event.user_id, department=event.department_id, role=Membership.Role.HEAD
    )
    headed = found.select_related("user").first()
    if headed is None or not headed.user.is_active:
        return
    fact = Fact(
        f"head:{event.department_id}:{event.user_id}", (f"U{event.user_id}", f"D{event.department_id}")
    )
    tell(What.HEADS, [fact], day=company_day(), author=headed.user)


@on(ProfileChanged)
def tell_of_new_position(event: ProfileChanged) -> None:
    """As it is by now. What somebody calls themselves is no news, nor is that of who came today: that they
    are new is told already."""
    if "position" not in event.fields or event.by_id == event.user_id or not TELL_POSITIONS.value:
        return
    people = User.objects.active().employees().filter(is_demo=False).exclude(position="")
    person = people.filter(pk=event.user_id).first()
    today = company_day()
    if person is not None and company_day(person.joined_at) != today:
        # Of a person once a day, however often it is corrected.
        fact = Fact(f"position:{person.pk}:{today.isoformat()}", (f"U{person.pk}",), person.position)
        tell(What.POSITIONS, [fact], day=today, author=person)


@on(GroupCreated)
def tell_of_new_group(event: GroupCreated) -> None:
    """Only of those that everybody may join."""
    if not TELL_GROUPS.value:
        return
    group = Group.objects.standing().filter(pk=event.group_id, kind=Group.Kind.OPEN).first()
    author = User.objects.active().filter(pk=event.by_id, is_extranet=False).first()
    if group is not None and author is not None:
        tell(What.GROUPS, [Fact(f"group:{group.pk}", (group.code,))], day=company_day(), author=author)


@on(SettingsChanged)
def welcome_everybody(event: SettingsChanged) -> None:
    """Once the portal is set up its feed begins with a few words about what it is for."""
    is_about_setup = any(key == PASSED.key for key, _before, _now in event.changes)
    by = User.objects.active().filter(pk=event.by_id, is_extranet=False).first()
    if is_about_setup and next_step() is None and by is not None:
        welcome(by=by)
