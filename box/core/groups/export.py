"""Groups as rows: out of an older state of the portal, and back."""

from __future__ import annotations

from collections.abc import Iterator

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.translation import gettext as _

from box.core.accounts.models import User
from box.core.groups import actions
from box.core.groups.models import Group, Member
from box.core.registry.capabilities import Kept, Rows
from box.core.registry.rows import packed, put_in, stands, values_of


def find(text: str, reader: User) -> Iterator[Kept]:
    """For whoever owned the group; administrators find those that they see."""
    owned = _owned_by(reader)
    return _groups(text, reader, owned | Q(is_private=False) if reader.is_administrator else owned)


def find_own(text: str, reader: User) -> Iterator[Kept]:
    return _groups(text, reader, _owned_by(reader))


def _owned_by(person: User) -> Q:
    return Q(pk__in=Member.objects.filter(user=person, role=Member.Role.OWNER).values("group"))


def _groups(text: str, reader: User, which: Q) -> Iterator[Kept]:
    found = Group.objects.visible_to(reader).filter(which, name__icontains=text)
    for group in found.order_by("-pk"):
        yield Kept(group.pk, group.name, group.get_kind_display(), group.created_at)


def pack(pk: int) -> Rows:
    group = Group.objects.get(pk=pk)
    return packed(group, *group.members.order_by("id"))


def is_there(rows: Rows) -> bool:
    return stands(rows, Group.objects.all())


def is_same(rows: Rows) -> bool:
    """What it is called and whom it takes, not who is in it."""
    return stands(rows, Group.objects.all(), "name", "description", "kind")


def put_back(rows: Rows, by: User) -> str:
    """As it was; one that was deleted comes back with those of its members who may still sign in."""
    values = values_of(rows, Group)
    owners = {row["values"]["user_id"] for row in rows if row["values"].get("role") == Member.Role.OWNER}
    if not by.is_administrator and by.pk not in owners:
        raise ValidationError(_("A group is put back by its owner, or by an administrator."))
    group = Group.objects.filter(pk=values["id"]).first()
    if group is None:
        put_in(rows)
        group = Group.objects.get(pk=values["id"])
        actions.resume_group(group, by=by)
    elif not is_same(rows):
        changed = actions.NewGroup(values["name"], values["description"], values["kind"])
        actions.change_group(group, changed, by=by)
    return group.get_absolute_url()
