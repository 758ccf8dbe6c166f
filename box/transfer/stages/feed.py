"""Posts of the feed with their files, and what was said below them.

The portal does not say for whom a post is. It lists posts by who may read them, so each group, department and
person is asked for once, and what is for several is found in several lists.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, override

from django.core.exceptions import ValidationError
from django.utils.html import escape
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.feed.actions import Draft, attach_files, edit_post, publish_post
from box.apps.feed.models import Post
from box.core.access.principals import EVERYONE, code_of
from box.core.accounts.models import User
from box.core.discussion.actions import add_comment
from box.lib.numbers import whole_number
from box.transfer.cloud import AT_ONCE, Command
from box.transfer.ledger import Extra, Row, digest_of
from box.transfer.stages.base import (
    STRIDE,
    Page,
    Stage,
    Work,
    clean,
    ids_in,
    is_yes,
    line,
    moment_in,
    same_page,
)
from box.transfer.stages.comments import change_comment
from box.transfer.stages.polls import Told, bring_votes, fetch_polls
from box.transfer.stages.reactions import take_over_reactions

_CODES = {
    "SG": ("group", "G"),
    "DR": ("department", "DR"),
    "D": ("department", "D"),
    "U": ("person", "U"),
}
"""Of whoever may read a post: the kind, and a principal's letters. `D` are a department's own people."""
METHOD = "log.blogpost.get"
MOST_COMMENTS = 100
"""Of one answer."""
WIDEST = 2**20
# Of a portal that begins at whole pages, whatever place it is told, the last three may be the same one.
_ALIKE = 3
HIGHEST = 2**31
"""Number of a comment: the portal's column holds no higher one."""


class Posts(Stage):
    key = "posts"
    label = gettext_lazy("Posts of the feed")
    kind = "post"
    needs = ("people", "groups")

    @override
    def pages(self, work: Work, cursor: Mapping[str, Any]) -> Iterator[Page]:
        """The oldest first, for the feed is read by number: from the end of the portal's list on."""
        start = cursor.get("start")
        if start is None:
            start = max(0, self._count(work) - AT_ONCE)
        last: list[list[int]] = []
        while start >= 0:
            rows = [row for row in work.cloud.call(METHOD, start=start) or [] if isinstance(row, dict)]
            rows.sort(key=lambda row: int(row["ID"]))
            ids = [int(row["ID"]) for row in rows]
            if ids and last == [ids] * _ALIKE:
                raise same_page()
            last = [*last, ids][-_ALIKE:]
            # Pages overlap, so that what is added or taken away meanwhile moves nothing past us.
            start = max(0, start - STRIDE) if start else -1
            yield Page(rows, {"start": start})

    def _count(self, work: Work) -> int:
        total = work.cloud.totals([Command("all", METHOD)])["all"].total or 0
        # The portal's totals may be stale: where there are fewer by far, their end is looked for,
        fewest, most = 0, total
        while most - fewest > AT_ONCE:
            middle = most - AT_ONCE if most == total else (fewest + most) // 2
            if work.cloud.call(METHOD, start=middle):
                fewest = middle
            else:
                most = middle
        # and what lies behind them. Behind its end a portal may give its last page again and again.
        before: Any = None
        while (rows := work.cloud.call(METHOD, start=most)) and _ids(rows) != before:
            before = _ids(rows)
            most += AT_ONCE
        return most

    @override
    def fetch(self, work: Work, rows: Sequence[Row]) -> Extra:
        audiences(work)
        extra = Extra()
        work.fetch_attached(self.kind, {self.id_of(row): ids_in(row.get("FILES")) for row in rows}, extra)
        fetch_polls(work, self.kind, rows, extra)
        return extra

    @override
    def moment_of(self, row: Row) -> datetime:
        return moment_in(row.get("DATE_PUBLISH"))

    @override
    def take(self, work: Work, row: Row, extra: Extra) -> int:
        theirs = self.id_of(row)
        author = work.author(self.kind, theirs, row.get("AUTHOR_ID"))
        files = work.files_of(self.kind, theirs, extra, by=author)
        self._say_what_stays(work, row)
        poll = self._poll(work, theirs, extra)
        draft = Draft(
            html=self._html(work, row, files, poll),
            audience=self._audience(work, row, author),
            file_ids=tuple(file.pk for file in files.values()),
            question=poll.as_question() if poll else None,
            is_announcement=is_yes(_value(row, "UF_BLOG_POST_IMPRTNT")) and poll is None,
        )
        post = publish_post(draft, by=author)
        work.took(self.kind, theirs, post.pk, digest=digest_of(row), html=post.html)
        if poll is not None:
            bring_votes(work, self.kind, theirs, poll, post)
        take_over_reactions(work, self.kind, theirs, row.get("REACTIONS"), post.thread)
        return post.pk

    def _poll(self, work: Work, theirs: str, extra: Extra) -> Told | None:
        """A post here asks one question, and its answers are at least two."""
        told: list[Told] = extra.rows.get(theirs) or []
        if len(told) > 1:
            said = _("Of its questions only the first came: %(more)s more.") % {"more": len(told) - 1}
            work.remark(self.kind, theirs, said)
        if told and len(told[0].answers) < 2:
            work.remark(self.kind, theirs, _("Its poll has fewer than two answers: the text came."))
            return None
        return told[0] if told else None

    @override
    def change(self, work: Work, row: Row, extra: Extra, ours: int) -> None:
        post = Post.objects.filter(pk=ours).select_related("author").first()
        if post is None:
            return
        theirs = self.id_of(row)
        self._attach(work, row, extra, post)
        html = self._html(work, row, work.held_files(self.kind, theirs), self._poll(work, theirs, extra))
        edit_post(post, html=html, version=post.version, by=post.author)
        post.refresh_from_db()
        work.took(self.kind, theirs, post.pk, digest=digest_of(row), html=post.html)
        take_over_reactions(work, self.kind, theirs, row.get("REACTIONS"), post.thread)

    @override
    def complete(self, work: Work, row: Row, extra: Extra, ours: int, *, is_edited: bool) -> None:
        post = Post.objects.filter(pk=ours).select_related("author").first()
        if not is_edited:
            self.change(work, row, extra, ours)
        elif post is not None:
            self._attach(work, row, extra, post)

    def _attach(self, work: Work, row: Row, extra: Extra, post: Post) -> None:
        new = work.files_of(self.kind, self.id_of(row), extra, by=post.author)
        attach_files(post, [file.pk for file in new.values()], by=post.author)

    def _html(self, work: Work, row: Row, files: Mapping[str, Any], poll: Told | None) -> str:
        title, text = line(row.get("TITLE"), 255), clean(row.get("DETAIL_TEXT"))
        begin = " ".join(text.split())[: len(title)]
        head = "" if is_yes(row.get("MICRO")) or not title or begin == title else f"<h3>{escape(title)}</h3>"
        asks = f"<p><strong>{escape(poll.question)}</strong></p>" if poll else ""
        html = head + work.html(text, files) + asks
        return html or ("" if files else escape(title or _("(without a text)")))

    def _audience(self, work: Work, row: Row, author: User) -> tuple[str, ...]:
        found = audiences(work).get(self.id_of(row), set())
        if is_yes(row.get("HAS_SOCNET_ALL")):
            found = {*found, EVERYONE}
        if not found:
            said = _("The portal does not say for whom it is: only its author sees it.")
            work.remark(self.kind, self.id_of(row), said)
        return tuple(sorted(found or {code_of(author)}))

    def _say_what_stays(self, work: Work, row: Row) -> None:
        if _value(row, "UF_GRATITUDE"):
            said = _("It thanked somebody with a badge, which is not given by the portal: the text came.")
            work.remark(self.kind, self.id_of(row), said)


def audiences(work: Work) -> dict[str, set[str]]:
    """By the id of a post the codes of whom it is for, asked once a run."""
    if "audiences" not in work.kept:
        found: dict[str, set[str]] = defaultdict(set)
        for theirs, code in _rights(work):
            _list_by(work, theirs, code, found)
        work.kept["audiences"] = found
    known: dict[str, set[str]] = work.kept["audiences"]
    return known


def _rights(work: Work) -> Iterator[tuple[list[str], list[str]]]:
    """Fifty at a time: what the portal calls them, and what they are called here."""
    pairs = [("UA", EVERYONE)]
    for letters, (kind, ours) in _CODES.items():
        pairs += [(f"{letters}{one}", f"{ours}{pk}") for one, pk in work.listed(kind)]
    for start in range(0, len(pairs), AT_ONCE):
        some = pairs[start : start + AT_ONCE]
        yield [theirs for theirs, _code in some], [code for _theirs, code in some]


def _list_by(work: Work, theirs: Sequence[str], codes: Sequence[str], found: dict[str, set[str]]) -> None:
    waiting = [(right, code, 0) for right, code in zip(theirs, codes, strict=True)]
    while waiting:
        commands = [
            Command(f"r{number}", METHOD, {"LOG_RIGHTS": [right], "start": start})
            for number, (right, _code, start) in enumerate(waiting)
        ]
        answers, further = work.cloud.each(commands), []
        for number, (right, code, start) in enumerate(waiting):
            if (refused := answers[f"r{number}"].refused) is not None:
                said = _("Which posts are for them is not given by the portal: %(why)s") % {"why": refused}
                work.remark(Posts.kind, right, said)
            rows = answers[f"r{number}"].result or []
            new = [row for row in rows if code not in found[str(row["ID"])]]
            for row in new:
                found[str(row["ID"])].add(code)
            # A portal that passes over where to begin gives the same ones again and again.
            if new and len(rows) == AT_ONCE:
                further.append((right, code, start + STRIDE))
        waiting = further


class Comments(Stage):
    """The portal gives comments by who wrote them and by the number of an entry of the feed, which is not the
    post's: an entry is asked for by its number, and by that behind it, and is a post where the two differ."""

    key = "comments"
    label = gettext_lazy("Comments of the feed")
    kind = "comment"
    needs = ("posts",)
    id_name = "id"

    @override
    def pages(self, work: Work, cursor: Mapping[str, Any]) -> Iterator[Page]:
        people = [theirs for theirs, _ours in work.listed("person")]
        after, width = int(cursor.get("after", 0)), int(cursor.get("width", 1000))
        # However high a number the portal says, what lies below is asked for in so many windows.
        last = min(self._last(work, people), HIGHEST)
        while after < last:
            rows = self._between(work, people, after, after + width + 1)
            if rows is None:
                # Somebody has said more than one answer holds.
                width = max(1, width // 4)
                continue
            after += width
            width = min(WIDEST, width * 2)
            yield Page(rows, {"after": after, "width": width})

    def _last(self, work: Work, people: Sequence[str]) -> int:
        found = self._asked(work, people, {})
        return max((int(one["id"]) for rows in found.values() for one in rows), default=0)

    def _between(self, work: Work, people: Sequence[str], first: int, last: int) -> list[Row] | None:
        """In the order in which they were written; None where an answer was full."""
        found = self._asked(work, people, {"FIRST_ID": first, "LAST_ID": last})
        if any(len(rows) >= MOST_COMMENTS for rows in found.values()) and last - first > 2:
            return None
        return sorted((row for rows in found.values() for row in rows), key=lambda row: int(row["id"]))

    def _asked(self, work: Work, people: Sequence[str], limits: Mapping[str, int]) -> dict[str, list[Row]]:
        commands = [
            Command(
                f"u{theirs}",
                "log.blogcomment.user.get",
                {"USER_ID": theirs, "LIMIT": MOST_COMMENTS, **limits},
            )
            for theirs in people
        ]
        rows: dict[str, list[Row]] = {}
        for name, outcome in work.cloud.each(commands).items():
            if outcome.refused is not None:
                said = _("What person %(id)s has said is not given by the portal: %(why)s")
                work.hide(
                    self.key, self.kind, f"U{name[1:]}", said % {"id": name[1:], "why": outcome.refused}
                )
            told = outcome.result if isinstance(outcome.result, dict) else {}
            given = told.get("files")
            files = given if isinstance(given, dict) else {}
            comments = [one for one in told.get("comments") or [] if isinstance(one, dict)]
            for one in comments:
                one["_author"] = name[1:]
                one["_files"] = [files[pk] for pk in ids_in(one.get("attach")) if pk in files]
            rows[name] = comments
        return rows

    @override
    def fetch(self, work: Work, rows: Sequence[Row]) -> Extra:
        extra = Extra(rows={"posts": self._posts(work, {str(row.get("log_id")) for row in rows})})
        wanted = {
            self.id_of(row): [
                {"ID": f"n{one.get('id')}", "NAME": one.get("name"), "DOWNLOAD_URL": one.get("urlDownload")}
                for one in row["_files"]
            ]
            for row in rows
        }
        work.fetch_files(self.kind, wanted, extra)
        return extra

    def _posts(self, work: Work, entries: set[str]) -> dict[str, str]:
        """By the number of an entry the id of the post that it is."""
        known: dict[str, str] = work.kept.setdefault("entries", {})
        new = sorted(entry for entry in entries if whole_number(entry) is not None and entry not in known)
        commands = [
            Command(f"e{entry}b{behind}", METHOD, {"FIRST_ID": int(entry) - 1 + behind, "LIMIT": 1})
            for entry in new
            for behind in (0, 1)
        ]
        found = work.cloud.each(commands)
        for entry in new:
            here, next_ = (_first(found[f"e{entry}b{behind}"].result) for behind in (0, 1))
            known[entry] = here if here and here != next_ else ""
        return known

    @override
    def moment_of(self, row: Row) -> datetime:
        return moment_in(row.get("date"))

    @override
    def take(self, work: Work, row: Row, extra: Extra) -> int:
        theirs = self.id_of(row)
        entry = str(row.get("log_id"))
        post_id = work.ours("post", extra.rows["posts"].get(entry) or "0")
        post = Post.objects.filter(pk=post_id).select_related("thread").first()
        if post is None:
            raise ValidationError(_("What it was said about is no post that has come."), code="refused")
        author = work.author(self.kind, theirs, row["_author"])
        files = work.files_of(self.kind, theirs, extra, by=author)
        html = work.html(row.get("text"), files)
        if not html and not files:
            said = _("The portal gives the texts of comments only to whoever wrote them: this one is empty.")
            raise ValidationError(said, code="refused")
        ids = [file.pk for file in files.values()]
        comment = add_comment(post.thread, html=html, file_ids=ids, by=author)
        work.took(self.kind, theirs, comment.pk, digest=digest_of(row), html=comment.html)
        return comment.pk

    @override
    def change(self, work: Work, row: Row, extra: Extra, ours: int) -> None:
        identity = work.known(self.kind, [self.id_of(row)])[self.id_of(row)]
        change_comment(work, identity, row.get("text"), extra, digest_of(row))


def _ids(rows: Any) -> list[str]:
    return [str(row.get("ID")) for row in rows if isinstance(row, dict)]


def _first(rows: Any) -> str:
    return str(rows[0].get("ID", "")) if isinstance(rows, list) and rows and isinstance(rows[0], dict) else ""


def _value(row: Row, name: str) -> Any:
    """Of a field of the company's own, which the portal gives with all that it knows of the field."""
    found = row.get(name)
    return found.get("VALUE") if isinstance(found, dict) else found
