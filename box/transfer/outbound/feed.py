"""Posts with their files and polls, and what was said below them.

Source: https://apidocs.bitrix24.com/api-reference/log/. Nobody may say there when a post was written: its
first line does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, time
from typing import Any, override

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from msgspec.structs import replace

from box.core.discussion.models import Comment, Thread
from box.core.groups.models import Member
from box.core.structure.models import Membership
from box.transfer.archive import records
from box.transfer.archive.export.base import Scope
from box.transfer.archive.export.feed import comments, posts, posts_in
from box.transfer.cloud import Command
from box.transfer.outbound.base import OutboundStage, OutboundWork, Write, rows_in, same, stays
from box.transfer.own_links import targets_in

MOST_PAGES = 10
"""Of the newest posts, among which one that was just sent is looked for."""
LONGEST_QUESTION = 200


class Posts(OutboundStage[records.Post]):
    key = "posts"
    label = gettext_lazy("Posts of the feed")
    kind = "post"
    scope = "log"
    needs = ("people", "groups")

    @override
    def things(self, scope: Scope) -> Iterator[records.Post]:
        return posts(scope)

    @override
    def count(self, scope: Scope) -> int:
        return posts_in(scope).count()

    @override
    def write(self, work: OutboundWork, record: records.Post) -> Write:
        readers = list(_readers(work, record.audience))
        if not readers:
            # Without any the portal would show it to everybody.
            raise stays(_("Nobody who may read it is there."))
        fields: dict[str, Any] = {
            "POST_MESSAGE": self._message(work, record), "DEST": readers,
            "USER_ID": work.user(record.author),
        }  # fmt: skip
        if record.is_announcement:
            fields["IMPORTANT"] = "Y"
            if record.read_by_on:
                last = timezone.make_aware(datetime.combine(record.read_by_on, time.max))
                fields["IMPORTANT_DATE_END"] = last.isoformat(timespec="seconds")
        if record.poll is not None:
            fields |= self._poll(work, record, record.poll)
        if files := work.contents(self.kind, record.id, record.files):
            fields["FILES"] = files
        return Write("log.blogpost.add", fields, by=record.author, at=record.created_at)

    @override
    def going(self, record: records.Post) -> records.Post:
        poll = record.poll
        if poll is not None:
            options = [records.Option(text=one.text) for one in poll.options]
            poll = replace(poll, options=options, voters=[])
        return replace(record, poll=poll, readers=[], reactions=None)

    @override
    def comes_after(self, work: OutboundWork, record: records.Post) -> Collection[int]:
        """Those that its links lead to: how a box calls them is known once they are there."""
        if not work.takes_over:
            return ()
        return [int(pk) for kind, pk in targets_in(record.html, work.source) if kind == self.kind]

    def _message(self, work: OutboundWork, record: records.Post) -> str:
        return work.signed(work.text(record.html), record.author, record.created_at)

    def _poll(self, work: OutboundWork, record: records.Post, poll: records.Poll) -> Mapping[str, Any]:
        if poll.voters:
            work.remark(self.kind, record.id, _("Its poll begins anew: nobody can vote for others there."))
        question = " ".join(work.text(record.html).split())[:LONGEST_QUESTION] or "?"
        told = {
            "QUESTIONS": [
                {
                    "QUESTION": question,
                    "FIELD_TYPE": int(poll.is_multiple),
                    "ANSWERS": [{"MESSAGE": one.text} for one in poll.options],
                }
            ],
            "ANONYMITY": 2 if poll.is_anonymous else 1,
            "OPTIONS": 1,
        }
        return {"UF_BLOG_POST_VOTE": "n1", "UF_BLOG_POST_VOTE_n1_DATA": told}

    @override
    def find(self, work: OutboundWork, sought: Sequence[records.Post]) -> Mapping[int, str]:
        commands = [
            Command(f"p{page}", "log.blogpost.get", {"start": 50 * page}) for page in range(MOST_PAGES)
        ]
        newest = [row for one in work.asked(commands).values() for row in rows_in(one.result)]
        candidates = {
            one.id: [
                str(row["ID"])
                for row in newest
                if same(row.get("DETAIL_TEXT"), self._message(work, one))
                and str(row.get("AUTHOR_ID")) == work.user(one.author)
            ]
            for one in sought
        }
        return work.unclaimed(self.kind, candidates)

    @override
    def total(self, mark: str) -> Command:
        return Command(self.key, "log.blogpost.get")


def _readers(work: OutboundWork, audience: Iterable[str]) -> Iterator[str]:
    """Codes of the portal, of no one more than may read it here."""
    codes = set(audience)
    if "UA" in codes:
        yield "UA"
        return
    groups = work.all_theirs("group", _numbers(codes, "G"))
    departments = work.all_theirs("department", _numbers(codes, "DR"))
    yield from (f"SG{theirs}" for theirs in groups.values())
    yield from (f"DR{theirs}" for theirs in departments.values())
    # What the portal has no code for are the people whom it means today.
    people = {*_numbers(codes, "U")}
    if work.takes_over:
        yield from (f"D{theirs}" for theirs in work.all_theirs("department", _numbers(codes, "D")).values())
    else:
        of = Membership.objects.filter(department__in=_numbers(codes, "D"))
        people |= set(of.values_list("user", flat=True))
    leading = Membership.objects.leading().filter(department__in=_numbers(codes, "H"))
    people |= set(leading.values_list("user", flat=True))
    moderating = Member.objects.filter(group__in=_numbers(codes, "GM")).exclude(role=Member.Role.MEMBER)
    people |= set(moderating.values_list("user", flat=True))
    yield from (f"U{theirs}" for theirs in work.people(sorted(people)))


def _numbers(codes: Iterable[str], letters: str) -> list[int]:
    return [
        int(code[len(letters) :])
        for code in codes
        if code.startswith(letters) and code[len(letters) :].isdecimal()
    ]


class Comments(OutboundStage[records.Comment]):
    """Below posts."""

    key = "comments"
    label = gettext_lazy("Comments of the feed")
    kind = "comment"
    scope = "log"
    needs = ("posts",)

    @override
    def things(self, scope: Scope) -> Iterator[records.Comment]:
        return comments(scope, ("post",))

    @override
    def count(self, scope: Scope) -> int:
        return comments_below(posts_in(scope)).count()

    @override
    def write(self, work: OutboundWork, record: records.Comment) -> Write:
        post = work.theirs("post", record.on)
        if not post:
            raise stays(_("What it was said about is not there."))
        fields: dict[str, Any] = {
            "POST_ID": post, "TEXT": self._message(work, record), "USER_ID": work.user(record.author)
        }  # fmt: skip
        if files := work.contents(self.kind, record.id, record.files):
            fields["FILES"] = files
        return Write("log.blogcomment.add", fields, by=record.author, at=record.created_at)

    def _message(self, work: OutboundWork, record: records.Comment) -> str:
        return work.signed(work.text(record.html), record.author, record.created_at)

    @override
    def find(self, work: OutboundWork, sought: Sequence[records.Comment]) -> Mapping[int, str]:
        def ask(one: records.Comment) -> Write:
            return Write("log.blogcomment.user.get", {"USER_ID": work.user(one.author), "LIMIT": 100})

        def told(one: records.Comment, result: Any) -> Iterator[str]:
            text = self._message(work, one)
            for row in rows_in(result, "comments"):
                # Of others' comments the portal tells everything but the text.
                is_hidden = not row.get("text") and len(_listed(row.get("attach"))) == len(one.files)
                if is_hidden or same(row.get("text"), text):
                    yield str(row["id"])

        return work.look_for(self.kind, sought, ask, told)


def _listed(attached: Any) -> list[Any]:
    return list(attached.values() if isinstance(attached, dict) else attached or ())


def comments_below(rows: QuerySet[Any]) -> QuerySet[Comment]:
    threads = Thread.objects.filter(pk__in=rows.order_by().values("thread"))
    return Comment.objects.filter(is_deleted=False, thread__in=threads)
