"""Who may do what to posts."""

from __future__ import annotations

import re

from box.apps.feed.models import Post, addressees_of
from box.core.access.principals import EVERYONE, codes_of
from box.core.access.rights import has_right
from box.core.accounts.models import User
from box.core.groups.models import Group

POST_TO_ALL = "feed.post_to_all"
ANNOUNCE = "feed.announce"
DEFINE_BADGES = "feed.badges"


def can_edit(user: User, post: Post) -> bool:
    """Nobody puts words into another's mouth."""
    return user.pk == post.author_id and post.kind != Post.Kind.SYSTEM


def can_delete(user: User, post: Post) -> bool:
    if post.kind == Post.Kind.SYSTEM:
        # It stands under the name of whom it is about, and nobody has written it.
        return user.is_administrator
    return user.pk == post.author_id or (user.is_administrator and not post.is_private)


def can_pin(user: User, post: Post) -> bool:
    """Posts on top are for all who see them: moderators of a group decide of its own."""
    if post.is_private:
        return False
    groups = {f"GM{code[1:]}" for code in post.audience if re.fullmatch(r"G\d+", code)}
    return has_right(user, "feed.pin") or not groups.isdisjoint(codes_of(user))


def can_announce(user: User) -> bool:
    return has_right(user, ANNOUNCE)


def can_thank(user: User) -> bool:
    """Those of the company thank each other."""
    return EVERYONE in codes_of(user)


def can_define_badges(user: User) -> bool:
    return has_right(user, DEFINE_BADGES)


def can_see_readers(user: User, post: Post) -> bool:
    """Who has read it, and who not: for whoever asked, and for administrators."""
    return user.pk == post.author_id or user.is_administrator


def can_moderate(user: User, post: Post) -> bool:
    """Whether one takes back what others have said below it."""
    return user.is_administrator and not post.is_private


def can_post_to_all(user: User) -> bool:
    return has_right(user, POST_TO_ALL)


def can_comment(user: User, post: Post) -> bool:
    """Whoever sees it; but nobody answers to what was for groups alone that are all in the archive."""
    codes = addressees_of(post.audience)
    groups = [int(code.lstrip("GM")) for code in codes if code.startswith("G")]
    if not groups or len(groups) < len(codes) or EVERYONE in post.audience:
        return True
    return Group.objects.standing().filter(pk__in=groups).exists()
