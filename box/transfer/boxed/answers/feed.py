"""Posts with whom they are for, and what was said below them.

Source of the tables: `b_blog_post`, `b_blog_socnet_rights`, `b_blog_comment` of the module blog. Whoever may
read a post has a code there: G2 and AU are everybody, SG5 a group, DR3 a department with those below it, U7 a
person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from box.lib.numbers import whole_number
from box.transfer.boxed.answers.base import PAGE, Listed, Method, Question, Row
from box.transfer.boxed.answers.disk import attached_to
from box.transfer.boxed.answers.reactions import reactions_to

_POSTS = "b_blog_post WHERE PUBLISH_STATUS = 'P'"
_EVERYBODY = ("G2", "AU", "UA")


def _posts(question: Question) -> Any:
    """By numbers forward, or else the newest first, a page at a time. An entry of the feed has its post's
    number here."""
    extract = question.extract
    if "first_id" in question.given:
        most = min(question.number("limit") or PAGE, PAGE)
        sql = f"SELECT * FROM {_POSTS} AND ID > ? ORDER BY ID LIMIT ?"
        return _told(question, extract.rows(sql, [question.number("first_id"), most]))
    if rights := question.given.get("log_rights"):
        return _readable(question, list(rights.values() if isinstance(rights, dict) else rights))
    sql = f"SELECT * FROM {_POSTS} ORDER BY ID DESC LIMIT {PAGE} OFFSET ?"
    rows = extract.rows(sql, [question.number("start")])
    return Listed(_told(question, rows), extract.count(_POSTS))


def _readable(question: Question, rights: Sequence[str]) -> list[Row]:
    """By somebody with one of these rights: all at once, for nothing but their numbers is asked."""
    codes = [one for right in rights for one in (_EVERYBODY if right == "UA" else (str(right),))]
    marks = ", ".join("?" * len(codes))
    sql = (
        f"SELECT DISTINCT POST_ID AS ID FROM b_blog_socnet_rights WHERE ENTITY IN ({marks})"
        " ORDER BY POST_ID DESC LIMIT -1 OFFSET ?"
    )
    return list(question.extract.rows(sql, [*codes, question.number("start")]))


def _told(question: Question, rows: Sequence[Row]) -> list[Row]:
    ids = [str(row["ID"]) for row in rows]
    own = question.extract.own("b_uts_blog_post", ids)
    files = attached_to(question, "BlogPostConnector", ids)
    reactions = reactions_to(question, "BLOG_POST", ids)
    return [
        {
            **row,
            "DATE_PUBLISH": question.moment(row["DATE_PUBLISH"]),
            "FILES": [one["ID"] for one in files.get(str(row["ID"]), ())],
            "UF_BLOG_POST_VOTE": own.get(str(row["ID"]), {}).get("UF_BLOG_POST_VOTE"),
            "UF_BLOG_POST_IMPRTNT": own.get(str(row["ID"]), {}).get("UF_BLOG_POST_IMPRTNT"),
            "REACTIONS": reactions.get(str(row["ID"])),
            "UF_GRATITUDE": own.get(str(row["ID"]), {}).get("UF_GRATITUDE"),
        }
        for row in rows
    ]


def _comments(question: Question) -> dict[str, Any]:
    """Of one person, the newest first."""
    last = question.number("last_id") or 2**62
    sql = (
        "SELECT * FROM b_blog_comment WHERE AUTHOR_ID = ? AND ID > ? AND ID < ? AND PUBLISH_STATUS = 'P'"
        " ORDER BY ID DESC LIMIT ?"
    )
    most = min(question.number("limit") or 100, 100)
    rows = question.extract.rows(sql, [question.number("user_id"), question.number("first_id"), last, most])
    files = attached_to(question, "BlogPostCommentConnector", [str(row["ID"]) for row in rows])
    comments = [
        {
            "id": row["ID"],
            "comment_id": row["ID"],
            "log_id": row["POST_ID"],
            "date": question.moment(row["DATE_CREATE"]),
            "text": row["POST_TEXT"],
            "attach": [one["ID"] for one in files.get(str(row["ID"]), ())],
        }
        for row in rows
    ]
    told = {
        one["ID"]: {"id": one["OBJECT_ID"], "name": one["NAME"], "urlDownload": one["DOWNLOAD_URL"]}
        for several in files.values()
        for one in several
        if whole_number(str(one["ID"]))
    }
    return {"comments": comments, "files": told}


METHODS: Mapping[str, Method] = {"log.blogpost.get": _posts, "log.blogcomment.user.get": _comments}
