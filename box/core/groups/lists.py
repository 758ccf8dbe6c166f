"""The list of groups, and of each its members and files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from box.core.accounts.models import User
from box.core.files.models import File
from box.core.groups import actions
from box.core.groups.access import Standing
from box.core.groups.models import Group, Member
from box.core.lists.definition import Bulk, Column, Empty, List, Search, Shortcut
from box.core.lists.filters import Choice, Dates, Word, people
from box.core.lists.presenters import macro
from box.core.registry.environment import url
from box.core.registry.filtering import Keyword, Moment, Related

if TYPE_CHECKING:
    from django.db.models import QuerySet

UI = "groups/ui.html"
ALL, ARCHIVE = "all", "archive"
SHOW = Word(
    "show",
    gettext_lazy("Show"),
    read_word=lambda text: text if text in (ALL, ARCHIVE) else "",
    say=lambda word, reader: _("All") if word == ALL else _("Archive"),
)
WAYS_IN = macro(UI, "ways_in_or_standing")


def group_list(user: User, *, show: str, text: str, csrf_input: Callable[[], Any]) -> List[Group, Standing]:
    """One's own groups; all of them, or those in the archive, where one asks for these (`show`) or looks for
    one by its name: it may be a group that one is not in."""
    seen = Group.objects.visible_to(user)
    rows = seen if show or text else seen.of(user)
    return List(
        key="groups.groups",
        title=gettext_lazy("Groups"),
        rows=rows.filter(archived_at__isnull=show != ARCHIVE).with_standing_of(user),
        columns=(
            Column(
                "name",
                gettext_lazy("Name"),
                lambda standing: standing.group.name,
                sort="name",
                cell=macro(UI, "title"),
            ),
            Column("members", gettext_lazy("Members"), lambda standing: standing.group.members_count),
            Column(
                "standing",
                gettext_lazy("You"),
                lambda standing: standing.role or "",
                cell=lambda standing: WAYS_IN(standing, csrf_input()),
                is_exported=False,
            ),
        ),
        filters=(SHOW,),
        shortcuts=(
            Shortcut(gettext_lazy("All"), f"show={ALL}"),
            Shortcut(gettext_lazy("Archive"), f"show={ARCHIVE}"),
        ),
        order="name",
        search=Search(gettext_lazy("Name of a group"), narrow=lambda found, words: found.matching(words)),  # type: ignore[attr-defined]
        present=lambda groups: _standings(user, groups),
        pk=lambda standing: standing.group.pk,
        href=lambda standing: url("groups:group", standing.group.pk),
        can_export=False,
        empty=Empty(
            gettext_lazy("You are in no group yet"),
            gettext_lazy("Look through all groups and join one, or create your own."),
            f"{url('groups:list')}?show={ALL}",
            gettext_lazy("Look at the groups"),
        ),
    )


def _standings(user: User, groups: Sequence[Group]) -> Iterable[Standing]:
    return (Standing.of(user, group) for group in groups)


# Of one group


def member_list(standing: Standing) -> List[Member]:
    """The newest first."""
    name, acts = macro(UI, "member_name"), macro(UI, "member_acts")
    return List(
        key="groups.members",
        title=gettext_lazy("Members"),
        rows=standing.group.members.current().select_related("user"),
        columns=(
            Column(
                "name",
                gettext_lazy("Name"),
                lambda member: member.user.name,
                cell=lambda member: name(member, is_known(standing, member.user)),
            ),
            Column("role", gettext_lazy("Role"), lambda member: member.get_role_display()),
            Column("position", gettext_lazy("Position"), lambda member: member.user.position),
            Column(
                "joined",
                gettext_lazy("In the group since"),
                lambda member: member.joined_at,
                sort="id",
                is_shown=False,
            ),
            Column(
                "acts",
                gettext_lazy("What can be done"),
                lambda member: "",
                cell=lambda member: acts(member, standing.can_take_out(member), may_lead(standing, member)),
            ),
        ),
        filters=(ROLE,),
        bulk=(_taking_out(standing),) if standing.can_invite else (),
        order="-joined",
        search=Search(gettext_lazy("Name of a person"), _called),
        href=None,
        can_export=False,
    )


ROLE = Choice("role", gettext_lazy("Role"), Keyword("role", tuple(Member.Role)), choices=Member.Role.choices)


def _called(rows: QuerySet[Member], text: str) -> QuerySet[Member]:
    return rows.filter(user__in=User.objects.matching(text))


def is_known(standing: Standing, person: User) -> bool:
    """Whether who looks may open this member's page."""
    return standing.user.is_extranet or not person.is_extranet or standing.can_read


def may_lead(standing: Standing, member: Member) -> bool:
    """Whether who looks can make this member a moderator, or no moderator any more."""
    return standing.can_change(member) and standing.owns and not member.user.is_extranet


def _taken_out(count: int) -> str:
    said = ngettext("%(num)s person is taken out.", "%(num)s people are taken out.", count)
    return said % {"num": count}


def _taking_out(standing: Standing) -> Bulk[Member]:
    def take_out(member: Member, /, *, by: User) -> None:
        if not standing.can_take_out(member):
            raise PermissionDenied(_("Only who leads the group changes that."))
        actions.remove_member(member, by=by)

    return Bulk(
        key="take-out",
        label=gettext_lazy("Take out of the group"),
        icon="user-off",
        question=gettext_lazy("Who is chosen will no longer see what is written in the group."),
        act=take_out,
        done=_taken_out,
    )


def file_list(standing: Standing) -> List[File]:
    """Of everything that is addressed to the group and that this reader sees, the newest first."""
    there = File.objects.reachable_by_few([standing.group.code]).exclude(attached_at=None)
    return List(
        key="groups.files",
        title=gettext_lazy("Files"),
        rows=there.with_blobs().select_related("owner"),
        columns=FILE_COLUMNS,
        filters=FILE_FILTERS,
        order="-when",
        search=Search(gettext_lazy("Name"), lambda rows, text: rows.filter(name__icontains=text)),
        href=None,
        can_export=False,
        empty=Empty(
            gettext_lazy("No files yet"),
            gettext_lazy("Files of the posts that are written in this group are gathered here."),
        ),
    )


FILE_COLUMNS: tuple[Column[File], ...] = (
    Column("name", gettext_lazy("Name"), lambda file: file.name, cell=macro(UI, "file_name")),
    Column("by", gettext_lazy("Uploaded by"), lambda file: file.owner.face),
    Column("when", gettext_lazy("Uploaded"), lambda file: file.created_at, sort="id"),
    Column("size", gettext_lazy("Size"), lambda file: file.size, cell=macro(UI, "file_size")),
)
FILE_FILTERS = (
    people("by", gettext_lazy("Uploaded by"), Related("owner"), is_always_set=True),
    Dates("when", gettext_lazy("Uploaded"), Moment("created_at"), is_always_set=True),
)
