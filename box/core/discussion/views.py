"""What is said below an object of any kind, and what people make of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from box.core.accounts.access import can_see_company
from box.core.accounts.models import User
from box.core.discussion import actions
from box.core.discussion.access import can_delete, can_edit, can_moderate, can_write
from box.core.discussion.models import Comment
from box.core.discussion.presenters import (
    MOST_NEWS,
    count_of,
    foot_of,
    replies_before,
    said_alone,
    talk_below,
    who_reacted,
)
from box.core.discussion.threads import subject_for, subject_over
from box.core.drafts.actions import drop_draft
from box.core.events.nonces import posted_once
from box.core.files.actions import NotYours
from box.core.people.mentions import mentionable_by
from box.core.people.today import today
from box.core.structure.names import MOST_FOUND
from box.lib.pages import REFUSED, ids_of, number_of, render, wants_part, with_toast

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest

REACTIONS = {"1": 1, "-1": -1, "0": 0}
# What most reactions are; all others are behind the search.
USUAL = ("❤️", "🎉", "😂", "👏", "🔥", "🤝", "😮", "😢")


@require_http_methods(["GET", "POST"])
def comments(request: PersonRequest, kind: str, pk: int) -> HttpResponse:
    """GET shows the latest, those `before` one, or also what was answered `after` one; POST adds."""
    subject = subject_for(request.user, kind, pk)
    if request.method == "POST":
        return _add(request, subject)
    before, after = number_of(request.GET, "before"), number_of(request.GET, "after")
    talk = talk_below(subject, reader=request.user, before=before, after=after)
    return _page(request, subject, blocks=("earlier",) if before else ("talk", "count"), talk=talk)


def _page(
    request: PersonRequest, subject: Any, *, blocks: str | tuple[str, ...], status: int = 200, **more: Any
) -> HttpResponse:
    """A page with what is said and made of the object; or, asked by htmx, what of it `more` holds."""
    if not wants_part(request):
        talk = more.get("talk") or talk_below(subject, reader=request.user)
        more = {"talk": talk, "foot": foot_of(subject, reader=request.user)}
    return render(request, "discussion/comments.html", more, blocks=blocks, status=status)


def _add(request: PersonRequest, subject: Any) -> HttpResponse:
    _refuse_if_closed(request.user, subject)
    text, html = request.POST.get("text", ""), request.POST.get("html", "")
    parent_id = number_of(request.POST, "parent")
    file_ids = ids_of(request.POST, "files")
    parent = get_object_or_404(subject.thread.comments, pk=parent_id) if parent_id else None
    try:
        comment = posted_once(
            request,
            Comment,
            lambda: actions.add_comment(
                subject.thread, text, html=html, parent=parent, file_ids=file_ids, by=request.user
            ),
        )
    except ValidationError as error:
        return _refused(request, subject, text=text, html=html, problem=" ".join(error.messages))
    except NotYours:
        problem = _("Choose the files again: they are not here any more.")
        return _refused(request, subject, text=text, html=html, problem=problem)
    drop_draft(request.POST.get("place", ""), by=request.user)
    if not wants_part(request):
        return redirect(subject)
    comment.author = request.user
    return _changed(request, subject, comment, "added")


def _changed(request: PersonRequest, subject: Any, comment: Comment, block: str) -> HttpResponse:
    """What was written and how many there are now, and nothing of what stood there before."""
    said = said_alone(comment, subject=subject, reader=request.user)
    context = {"one": said, "count": count_of(subject.thread_id), "thread_pk": subject.thread_id}
    return render(request, "discussion/comment.html", context, blocks=(block, "count"))


def _refused(request: PersonRequest, subject: Any, **written: str) -> HttpResponse:
    """The form again, with all that was written in it."""
    talk = talk_below(subject, reader=request.user)
    response = _page(request, subject, blocks="form", status=REFUSED, talk=talk, **written)
    response.headers["HX-Retarget"] = f"#answer-{talk.thread_pk}"
    response.headers["HX-Reswap"] = "outerHTML"
    return response


@require_GET
def news(request: PersonRequest, kind: str, pk: int) -> HttpResponse:
    """How many comments others have added since the comment `after`."""
    subject, after = subject_for(request.user, kind, pk), number_of(request.GET, "after") or 0
    others = Comment.objects.filter(thread=subject.thread_id, pk__gt=after).exclude(author=request.user)
    count = others[: MOST_NEWS + 1].count()
    context = {"count": count, "subject": subject, "after": after, "most": MOST_NEWS}
    return render(request, "discussion/news.html", context, blocks="news")


@require_http_methods(["GET", "POST", "DELETE"])
def comment(request: PersonRequest, pk: int) -> HttpResponse:
    """One comment, to be changed or taken back."""
    comment = get_object_or_404(Comment.objects.with_authors().select_related("thread"), pk=pk)
    subject = subject_over(comment.thread, request.user)
    if request.method == "DELETE":
        return _delete(request, comment, subject)
    if not can_edit(request.user, comment):
        raise PermissionDenied(_("Only its author changes a comment."))
    if request.method == "GET":
        return _comment_form(request, comment, text=comment.text, html=comment.html)
    text, html = request.POST.get("text", ""), request.POST.get("html", "")
    try:
        actions.edit_comment(comment, text, html=html, by=request.user)
    except ValidationError as error:
        return _comment_form(request, comment, text=text, html=html, problem=" ".join(error.messages))
    return _changed(request, subject, comment, "one") if wants_part(request) else redirect(subject)


def _delete(request: PersonRequest, comment: Comment, subject: Any) -> HttpResponse:
    is_moderator = can_moderate(request.user, subject)
    if not can_delete(request.user, comment, is_moderator=is_moderator):
        raise PermissionDenied(_("Only its author and administrators delete a comment."))
    actions.delete_comment(comment, by=request.user)
    if not wants_part(request):
        return redirect(subject)
    return _changed(request, subject, comment, "one" if comment.pk else "gone")


def _comment_form(
    request: PersonRequest, comment: Comment, *, problem: str = "", **written: Any
) -> HttpResponse:
    context = {"comment": comment, "problem": problem, **written}
    status = REFUSED if problem else 200
    return render(request, "discussion/edit.html", context, blocks="form", status=status)


@require_GET
def replies(request: PersonRequest, pk: int) -> HttpResponse:
    """Answers to a comment, before the answer `before`."""
    comment = get_object_or_404(Comment.objects.with_authors().select_related("thread"), pk=pk)
    subject = subject_over(comment.thread, request.user)
    before = number_of(request.GET, "before") or 2**62
    context = {"one": replies_before(comment, before, subject=subject, reader=request.user)}
    return render(request, "discussion/replies.html", context, blocks="replies")


@require_POST
def reaction(request: PersonRequest, kind: str, pk: int) -> HttpResponse:
    subject = subject_for(request.user, kind, pk)
    _refuse_if_closed(request.user, subject)
    try:
        actions.react(subject.thread, REACTIONS[request.POST.get("value", "")], by=request.user)
    except (KeyError, ValidationError):
        return _foot(request, subject, status=REFUSED)
    return _foot(request, subject) if wants_part(request) else redirect(subject)


@require_http_methods(["GET", "POST"])
def emoji(request: PersonRequest, kind: str, pk: int) -> HttpResponse:
    """GET shows what one may give and who has given what; POST gives one, or with `?on=0` takes it back."""
    subject = subject_for(request.user, kind, pk)
    if request.method == "GET":
        known = User.objects.visible_to(request.user)
        context = {"subject": subject, "usual": USUAL, "reacted": who_reacted(subject, known=known)}
        return render(request, "discussion/emoji.html", context, blocks="sheet")
    _refuse_if_closed(request.user, subject)
    given, is_given = request.POST.get("emoji", ""), request.GET.get("on") != "0"
    try:
        actions.give_emoji(subject.thread, given, is_given, by=request.user)
    except ValidationError as error:
        return with_toast(_foot(request, subject, status=REFUSED), " ".join(error.messages))
    return _foot(request, subject) if wants_part(request) else redirect(subject)


@require_GET
def people(request: PersonRequest) -> JsonResponse:
    """Whom one may call with @, as found by a part of the name; who is away today may not answer soon."""
    text = request.GET.get("q", "")[:200]
    people = mentionable_by(request.user).exclude(pk=request.user.pk)
    # A typo of one word is forgiven; what follows a call is a sentence, and nearly nobody's name.
    is_word = len(text.split()) == 1
    found = people.nearest(text, MOST_FOUND) if is_word else people.matching(text).nearest_first(text)
    out = today.value.out if can_see_company(request.user) else {}
    options = [
        {
            "id": one.pk,
            "name": one.name,
            "about": one.position,
            "away": out[one.pk].said if one.pk in out else "",
        }
        for one in found[:MOST_FOUND]
    ]
    return JsonResponse({"people": options})


def _foot(request: PersonRequest, subject: Any, *, status: int = 200) -> HttpResponse:
    return _page(request, subject, blocks="foot", status=status, foot=foot_of(subject, reader=request.user))


def _refuse_if_closed(user: User, subject: Any) -> None:
    if not can_write(user, subject):
        raise PermissionDenied(_("Nothing is added here any more: it is only read."))
