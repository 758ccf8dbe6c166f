"""What is said below records, for programs: `crm.timeline.comment.*`.

Source: https://apidocs.bitrix24.com/api-reference/crm/timeline/comments/crm-timeline-comment-add.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.crm.api.fields import moment_of, whole
from box.apps.crm.api.records import All, Changed, New, One, declare_method
from box.apps.crm.catalog import catalog
from box.apps.crm.models import Record
from box.core.discussion.access import can_delete, can_edit, can_moderate, can_write
from box.core.discussion.actions import add_comment, delete_comment, edit_comment
from box.core.discussion.models import Comment
from box.core.people.bbcode import bbcode_of, html_of
from box.core.registry.filtering import order_of
from box.core.registry.rest import Call, Listing, listed, not_found, shaped

if TYPE_CHECKING:
    from box.apps.crm.models import RecordType

_DYNAMIC = "dynamic_"
_COMMENT = dict.fromkeys(("ID", "ENTITY_ID", "ENTITY_TYPE", "CREATED", "COMMENT", "AUTHOR_ID"), "string")


def _sent(given: Mapping[str, Any]) -> dict[str, Any]:
    """`=ENTITY_ID` of a filter is `ENTITY_ID`."""
    return {str(name).lstrip("=").upper(): value for name, value in given.items()}


def _record(given: Mapping[str, Any], call: Call) -> Record:
    kind = _kind(str(given.get("ENTITY_TYPE", "")).lower())
    seen = Record.objects.visible_to(call.user).there().select_related("type", "responsible")
    found = seen.filter(type=kind.pk, pk=whole(given.get("ENTITY_ID"))).first() if kind else None
    if found is None:
        raise not_found(_("There is no such record, or you don't see it."))
    return found


def _kind(name: str) -> RecordType | None:
    """`deal`, or `dynamic_1030` of a company's own entity."""
    number = name.removeprefix(_DYNAMIC)
    if name.startswith(_DYNAMIC) and number.isdecimal() and len(number) < 10:
        return catalog().types.get(int(number))
    return catalog().by_slug.get(name)


def _name_of(kind: RecordType) -> str:
    return kind.slug if kind.is_built_in else f"{_DYNAMIC}{kind.pk}"


def comments(call: Call) -> Listing[Comment]:
    """Below one record: both names are needed, for comments have no permissions of their own."""
    given = _sent(call.values["FILTER"])
    if unknown := sorted(given.keys() - {"ENTITY_ID", "ENTITY_TYPE"}):
        raise ValidationError(_("There is no field %(names)s.") % {"names": ", ".join(unknown)[:80]})
    record = _record(given, call)
    rows = Comment.objects.filter(thread=record.thread_id, is_deleted=False)
    order = order_of("ID", call.values["ORDER"], {"ID": "id", "CREATED": "created_at"})
    return Listing(rows, lambda page: [_row(one, record) for one in page], order)


def comment(call: Call) -> dict[str, Any]:
    return _row(*_found(call))


def _found(call: Call) -> tuple[Comment, Record]:
    one = Comment.objects.filter(pk=call.values["ID"], is_deleted=False).select_related("author").first()
    seen = Record.objects.visible_to(call.user).there().select_related("type", "responsible")
    record = seen.filter(thread=one.thread_id).first() if one is not None else None
    if one is None or record is None:
        raise not_found(_("There is no such comment, or you don't see it."))
    return one, record


def _row(one: Comment, record: Record) -> dict[str, Any]:
    return {
        "ID": str(one.pk), "ENTITY_ID": str(record.pk), "ENTITY_TYPE": _name_of(record.type),
        "CREATED": moment_of(one.created_at), "COMMENT": bbcode_of(one.html), "AUTHOR_ID": str(one.author_id),
    }  # fmt: skip


def add(call: Call) -> Comment:
    given = _sent(call.values["FIELDS"])
    record = _record(given, call)
    if not can_write(call.user, record):
        raise PermissionDenied(_("You cannot comment on this."))
    html = html_of(str(given.get("COMMENT") or ""))
    return add_comment(record.thread, html=html, by=call.author)


def change(call: Call) -> bool:
    one, _record = _found(call)
    if not can_edit(call.user, one):
        raise PermissionDenied(_("Only who wrote a comment changes it."))
    edit_comment(one, html=html_of(str(_sent(call.values["FIELDS"]).get("COMMENT") or "")), by=call.user)
    return True


def remove(call: Call) -> bool:
    one, record = _found(call)
    if not can_delete(call.user, one, is_moderator=can_moderate(call.user, record)):
        raise PermissionDenied(_("Only who wrote a comment, or may delete the record, takes it away."))
    delete_comment(one, by=call.user)
    return True


def declare() -> None:
    yes, makes = {"type": "boolean"}, {"makes": Comment, "takes_over": True}
    rows: Sequence[tuple[Any, ...]] = (
        ("list", gettext_lazy("What is said below a record."), All, comments, listed(**_COMMENT), {}),
        ("get", gettext_lazy("A comment."), One, comment, shaped(**_COMMENT), {}),
        ("add", gettext_lazy("Comments on a record; answers with the number."), New, add,
         {"type": "integer"}, makes),
        ("update", gettext_lazy("Changes a comment of one's own."), Changed, change, yes, {}),
        ("delete", gettext_lazy("Takes a comment away."), One, remove, yes, {}),
    )  # fmt: skip
    for verb, about, parameters, answer, result, more in rows:
        declare_method(f"crm.timeline.comment.{verb}", about, parameters, answer, result, **more)
