"""Posts, and what was said below posts, tasks and clients, out of an archive."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, override

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.crm.models import Record
from box.apps.feed.actions import Draft, publish_post
from box.apps.feed.models import Post
from box.apps.feed.polls import Question, take_over_counts, vote
from box.apps.feed.receipts import confirm_reading
from box.apps.tasks.models import Task
from box.core.access.principals import code_of
from box.core.discussion.actions import add_comment
from box.core.discussion.models import Comment
from box.transfer.archive import records
from box.transfer.archive.stages.base import ArchiveStage, ArchiveWork, bring_reactions, everybody
from box.transfer.ledger import Extra
from box.transfer.stages.base import part_of

if TYPE_CHECKING:
    from box.core.discussion.models import Thread


class Posts(ArchiveStage[records.Post]):
    key = "posts"
    label = gettext_lazy("Posts of the feed")
    kind = "post"
    needs = ("people", "groups")

    @override
    def bring(self, work: ArchiveWork, record: records.Post, extra: Extra) -> int:
        author = work.author(self.kind, str(record.id), record.author)
        files = work.files_of(self.kind, str(record.id), extra, by=author)
        audience = work.codes(record.audience)
        if not audience:
            work.remark(
                self.kind, record.id, _("None of those whom it was for has come: its author sees it.")
            )
        post = publish_post(
            Draft(
                html=work.html(record.html, files),
                audience=audience or (code_of(author),),
                file_ids=tuple(file.pk for file in files.values()),
                question=_question(record.poll) if record.poll else None,
                is_announcement=record.is_announcement and record.poll is None,
                read_by_on=record.read_by_on if record.is_announcement else None,
            ),
            by=author,
        )
        self.took(work, record, post.pk, html=post.html)
        if record.poll:
            with part_of(work, self.kind, record.id):
                self._vote(work, record.poll, post)
        if record.is_announcement and record.poll is None:
            for person in everybody(work, record.readers):
                confirm_reading(post, by=person)
        bring_reactions(work, self.kind, record.id, record.reactions, post.thread)
        return post.pk

    def _vote(self, work: ArchiveWork, poll: records.Poll, post: Post) -> None:
        options = {one.text: one.pk for one in post.poll.options.all()}
        if poll.is_anonymous:
            counts = {
                options[one.text.strip()]: one.votes for one in poll.options if one.text.strip() in options
            }
            take_over_counts(post, counts, everybody(work, poll.voters))
            return
        chosen: dict[int, list[int]] = {}
        for one in poll.options:
            for voter in one.voters:
                if one.text.strip() in options:
                    chosen.setdefault(voter, []).append(options[one.text.strip()])
        for theirs, ids in chosen.items():
            for person in everybody(work, [theirs]):
                vote(post, ids, by=person, now=post.created_at)


def _question(poll: records.Poll) -> Question:
    return Question(
        options=tuple(one.text for one in poll.options),
        is_multiple=poll.is_multiple,
        is_anonymous=poll.is_anonymous,
        closes_at=poll.closes_at,
    )


_SUBJECTS: Mapping[str, Callable[[], Any]] = {
    "post": lambda: Post.objects.select_related("thread"),
    "task": lambda: Task.objects.select_related("thread"),
    "crm": lambda: Record.objects.select_related("thread"),
}


class Comments(ArchiveStage[records.Comment]):
    key = "comments"
    label = gettext_lazy("Comments")
    kind = "comment"
    needs = ("posts", "tasks", "clients")

    @override
    def bring(self, work: ArchiveWork, record: records.Comment, extra: Extra) -> int:
        thread = self._thread(work, record)
        author = work.author(self.kind, str(record.id), record.author)
        files = work.files_of(self.kind, str(record.id), extra, by=author)
        above = Comment.objects.filter(pk=work.ours(self.kind, record.parent or 0), thread=thread).first()
        made = add_comment(
            thread,
            html=work.html(record.html, files),
            parent=above,
            file_ids=[file.pk for file in files.values()],
            by=author,
        )
        self.took(work, record, made.pk, html=made.html)
        return made.pk

    def _thread(self, work: ArchiveWork, record: records.Comment) -> Thread:
        kinds = ("company", "contact", "lead", "deal") if record.on_kind == "crm" else (record.on_kind,)
        ours = next(filter(None, (work.ours(kind, record.on) for kind in kinds)), 0)
        found = _SUBJECTS[record.on_kind]().filter(pk=ours).first()
        if found is None:
            raise ValidationError(_("What it was said about has not come."), code="missing")
        thread: Thread = found.thread
        return thread
