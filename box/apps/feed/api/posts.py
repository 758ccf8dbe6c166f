"""Posts of the feed."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.feed import actions
from box.apps.feed.actions import Draft
from box.apps.feed.api.authors import SCOPE, Written, author_of, files_of
from box.apps.feed.api.polls import question_of
from box.apps.feed.events import PostDeleted, PostEdited, PostPublished
from box.apps.feed.models import Post, PostFile, PostQuerySet, PostTag
from box.core.access.principals import EVERYONE
from box.core.discussion.models import Thread
from box.core.discussion.reactions import reactions_to
from box.core.people.bbcode import bbcode_of, html_of
from box.core.registry.filtering import order_of
from box.core.registry.rest import (
    DOCS,
    Call,
    HookEvent,
    Listing,
    ListParameters,
    Method,
    Scope,
    Several,
    Sorting,
    YesNo,
    hook_events,
    listed,
    methods,
    scopes,
    shaped,
)

PAGE = 50
LARGEST_PAGE = 200
# A title of ours stands in the text: longer ones are cut where a list shows them.
TITLE = 100

# Bitrix24's groups are ours; its own G codes are groups of rights, which we have not.
_CODE = re.compile(r"SG(\d{1,18})|(UA|U\d{1,18}|DR\d{1,18}|D\d{1,18})")
_YES_NO = {True: "Y", False: "N"}


class PostAdd(Written):
    POST_MESSAGE = forms.CharField(help_text=gettext_lazy("The text. An empty line begins a paragraph."))
    POST_TITLE = forms.CharField(required=False, max_length=200, help_text=gettext_lazy("Stands above it."))
    DEST = Several(
        required=False,
        help_text=gettext_lazy(
            "Who sees it: UA everybody, U1 a person, DR1 a department, SG1 a group. Everybody, if missing."
        ),
    )
    SPERM = Several(required=False, help_text=gettext_lazy("The older name of DEST."))
    IMPORTANT = YesNo(
        required=False, help_text=gettext_lazy("Y: an announcement, which everybody confirms to have read.")
    )
    IMPORTANT_DATE_END = forms.DateTimeField(
        required=False, help_text=gettext_lazy("By when an announcement is to be read.")
    )
    TAGS = forms.CharField(required=False, help_text=gettext_lazy("Words separated by commas."))
    PARSE_PREVIEW = YesNo(required=False)


class PostGet(ListParameters):
    POST_ID = forms.IntegerField(required=False, help_text=gettext_lazy("This post alone."))
    ORDER = Sorting(required=False, help_text=gettext_lazy('The direction by field, {"ID": "ASC"}.'))
    LOG_RIGHTS = Several(required=False, help_text=gettext_lazy("For whom it is, as in DEST."))
    LOG_DATE_FROM = forms.DateTimeField(required=False, help_text=gettext_lazy("Published since."))
    LOG_DATE_TO = forms.DateTimeField(required=False, help_text=gettext_lazy("Published before."))
    FIRST_ID = forms.IntegerField(required=False, help_text=gettext_lazy("Posts with higher numbers."))
    LAST_ID = forms.IntegerField(required=False, help_text=gettext_lazy("Posts with lower numbers."))
    LIMIT = forms.IntegerField(
        required=False, help_text=gettext_lazy("How many, with FIRST_ID or LAST_ID; 200 at most.")
    )


def add_post(call: Call) -> Post:
    """https://apidocs.bitrix24.com/api-reference/log/log-blogpost-add.html"""
    assert isinstance(call.parameters, PostAdd)  # noqa: S101 - as it is declared
    values, author = call.values, author_of(call)
    until = values["IMPORTANT_DATE_END"]
    draft = Draft(
        html=_html_of(values["POST_TITLE"], values["POST_MESSAGE"], values["TAGS"]),
        audience=_codes(values["DEST"] or values["SPERM"] or [EVERYONE]),
        is_announcement=values["IMPORTANT"],
        read_by_on=timezone.localdate(until) if until and values["IMPORTANT"] else None,
        file_ids=files_of(call, author),
        question=question_of(call.parameters.others),
    )
    return actions.publish_post(draft, by=author)


def posts(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/log/log-blogpost-get.html"""
    values = call.values

    def shown(rows: Iterable[Post]) -> list[dict[str, Any]]:
        return _shown(rows, is_moving=call.may_transfer)

    found: PostQuerySet = Post.objects.visible_to(call.user)
    if values["POST_ID"] is not None:
        return Listing(found.filter(pk=values["POST_ID"]), shown, ("-id",))
    if values["LOG_RIGHTS"]:
        found = found.filter(audience__overlap=list(_codes(values["LOG_RIGHTS"])))
    if values["LOG_DATE_FROM"]:
        found = found.published_from(values["LOG_DATE_FROM"])
    if values["LOG_DATE_TO"]:
        found = found.published_before(values["LOG_DATE_TO"])
    if not {"FIRST_ID", "LAST_ID"} & set(call.parameters.given):
        return Listing(found, shown, order_of("", values["ORDER"], {"ID": "id"}, usual=("-id",)))
    # A cursor of the caller's own: neither counted nor paged.
    limit = values["LIMIT"] if values["LIMIT"] and values["LIMIT"] > 0 else PAGE
    if "FIRST_ID" in call.parameters.given:
        found = found.after(values["FIRST_ID"] or 0).order_by("id")
    elif values["LAST_ID"]:
        found = found.before(values["LAST_ID"]).newest_first()
    else:
        found = found.newest_first()
    return shown(found[: min(limit, LARGEST_PAGE)])


def _html_of(title: str, text: str, tags: str) -> str:
    """Posts have no title and no tags beside their text: they stand in it, as people write them."""
    head = f"<h3>{escape(title)}</h3>" if title else ""
    words = (re.sub(r"[^\w-]+", "_", one.strip().lstrip("#")) for one in tags.split(","))
    foot = " ".join(f"#{word}" for word in words if word)
    return head + html_of(text) + (f"<p>{escape(foot)}</p>" if foot else "")


def _codes(given: Iterable[str]) -> tuple[str, ...]:
    """Ours for Bitrix24's. Raises ValidationError."""
    codes = []
    for one in given:
        match = _CODE.fullmatch(one.strip().upper())
        if match is None:
            raise ValidationError(
                _("%(code)s means nobody: write UA, U1, DR1 or SG1.") % {"code": one[:40]}, code="audience"
            )
        codes.append(f"G{match[1]}" if match[1] else match[2])
    return tuple(codes)


def _shown(rows: Iterable[Post], *, is_moving: bool) -> list[dict[str, Any]]:
    """Whoever moves them is told also who has reacted, which no field of Bitrix24 holds."""
    found: Sequence[Post] = list(rows)
    reactions = reactions_to([post.thread_id for post in found]) if is_moving else {}
    ids = [post.pk for post in found]
    said = dict(Thread.objects.filter(post__in=ids).values_list("post", "comments_count"))
    tagged = set(PostTag.objects.filter(post__in=ids).values_list("post_id", flat=True))
    files: dict[int, list[int]] = defaultdict(list)
    for tie in PostFile.objects.filter(post__in=ids).order_by("position"):
        files[tie.post_id].append(tie.file_id)
    return [
        {
            "ID": str(post.pk),
            "BLOG_ID": str(post.author_id),
            "PUBLISH_STATUS": "P",
            "TITLE": post.text.split("\n", 1)[0][:TITLE],
            "AUTHOR_ID": str(post.author_id),
            "ENABLE_COMMENTS": "Y",
            "NUM_COMMENTS": str(said.get(post.pk, 0)),
            "CODE": None,
            "MICRO": "Y",
            "DETAIL_TEXT": bbcode_of(post.html, files[post.pk]),
            "DATE_PUBLISH": timezone.localtime(post.created_at).isoformat(timespec="seconds"),
            "CATEGORY_ID": "",
            "HAS_SOCNET_ALL": _YES_NO[EVERYONE in post.audience],
            "HAS_TAGS": _YES_NO[post.pk in tagged],
            "HAS_IMAGES": "N",
            "HAS_PROPS": _YES_NO[bool(files[post.pk])],
            "HAS_COMMENT_IMAGES": None,
            "FILES": files[post.pk],
            **_of_its_kind(post),
            **({"REACTIONS": reactions.get(post.thread_id, {})} if is_moving else {}),
        }
        for post in found
    ]


def _of_its_kind(post: Post) -> dict[str, Any]:
    """The fields in which Bitrix24 says that a post is important, or asks something."""
    fields = {
        Post.Kind.ANNOUNCEMENT: ("UF_BLOG_POST_IMPRTNT", "integer", "1"),
        Post.Kind.POLL: ("UF_BLOG_POST_VOTE", "vote", str(post.pk)),
    }
    if post.kind not in fields:
        return {}
    name, kind, value = fields[Post.Kind(post.kind)]
    return {name: {"FIELD_NAME": name, "USER_TYPE_ID": kind, "VALUE": value}}


def _numbered(event: PostPublished | PostEdited | PostDeleted) -> Mapping[str, Any] | None:
    """https://apidocs.bitrix24.com/api-reference/log/events/on-live-feed-post-add.html

    What is between two people is not told of outside, not even by its number.
    """
    if Post.objects.filter(pk=event.post_id, is_private=False).exists():
        return {"FIELDS": {"POST_ID": event.post_id}}
    return None


def _with_fields(**types: str) -> dict[str, Any]:
    rows = listed(**types)
    field = shaped(FIELD_NAME="string", USER_TYPE_ID="string", VALUE="string")
    rows["items"]["properties"] |= {"UF_BLOG_POST_IMPRTNT": field, "UF_BLOG_POST_VOTE": field}
    return rows


def declare() -> None:
    for name, label, event in (
        ("ONLIVEFEEDPOSTADD", gettext_lazy("A post was published"), PostPublished),
        ("ONLIVEFEEDPOSTUPDATE", gettext_lazy("A post was changed"), PostEdited),
        ("ONLIVEFEEDPOSTDELETE", gettext_lazy("A post was deleted"), PostDeleted),
    ):
        hook_events.add(name, HookEvent("feed", label, event, _numbered))
    scopes.add(
        SCOPE,
        Scope(
            gettext_lazy("Feed"),
            gettext_lazy("Read the posts that you see, and write posts and comments in your name."),
            room="feed",
        ),
    )
    methods.add(
        "log.blogpost.add",
        Method(
            room="feed",
            scopes=(SCOPE,),
            about=gettext_lazy("Publishes a post; answers with its number."),
            parameters=PostAdd,
            answer=add_post,
            makes=Post,
            takes_over=True,
            result={"type": "integer"},
            source=f"{DOCS}log/log-blogpost-add.html",
        ),
    )
    methods.add(
        "log.blogpost.get",
        Method(
            room="feed",
            scopes=(SCOPE,),
            about=gettext_lazy("Posts that you see, the newest first."),
            parameters=PostGet,
            answer=posts,
            result=_with_fields(
                ID="string",
                BLOG_ID="string",
                PUBLISH_STATUS="string",
                TITLE="string",
                AUTHOR_ID="string",
                ENABLE_COMMENTS="string",
                NUM_COMMENTS="string",
                CODE="string?",
                MICRO="string",
                DETAIL_TEXT="string",
                DATE_PUBLISH="string",
                CATEGORY_ID="string",
                HAS_SOCNET_ALL="string",
                HAS_TAGS="string",
                HAS_IMAGES="string",
                HAS_PROPS="string",
                HAS_COMMENT_IMAGES="string?",
                FILES="array of integer",
            ),
            source=f"{DOCS}log/log-blogpost-get.html",
        ),
    )
