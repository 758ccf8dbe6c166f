"""Who is in which group, when people are erased or two accounts become one: with the higher role, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from box.core.groups.actions import take_out_of_all
from box.core.groups.models import Group, Member
from box.core.registry.belongings import DECIDED, Belongings, Belongs, Deleted, OneEach, Stays, run

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.registry.belongings import Pair


_RANK = "CASE {0}.role WHEN 'owner' THEN 2 WHEN 'moderator' THEN 1 ELSE 0 END"
_TAKES = """
    joined_at = least(kept.joined_at, gone.joined_at),
    expires_at = CASE WHEN kept.expires_at IS NULL OR gone.expires_at IS NULL THEN NULL
                      ELSE greatest(kept.expires_at, gone.expires_at) END
"""
_BETTER = f"{_RANK.format('gone')} > {_RANK.format('kept')}"


def _memberships(person: User) -> list[str]:
    """Also those that they were asked into, or asked to join."""
    own = Group.objects.filter(members__user=person) | Group.objects.filter(admissions__user=person)
    return list(own.distinct().by_name().values_list("name", flat=True))


def _forget(person: User, by: User) -> None:
    take_out_of_all(person, by=by)


def _groups(gone: User, kept: User) -> list[str]:
    return list(Group.objects.of(gone).by_name().values_list("name", flat=True))


def _hold(pair: Pair) -> None:
    """As whoever changes who is in a group does, and before the people's rows."""
    theirs = Member.objects.filter(user__in=(pair.gone, pair.kept)).values("group")
    list(Group.objects.select_for_update().filter(pk__in=theirs).order_by("id").values_list("id"))


def _count(pair: Pair) -> None:
    """Nobody is asked into a group that they are in, or in it twice."""
    run(
        "DELETE FROM groups_admission AS asked USING groups_member AS member"
        " WHERE asked.user_id = %(kept)s AND member.user_id = %(kept)s AND member.group_id = asked.group_id",
        pair,
    )
    run(
        "UPDATE groups_group AS one SET audience = array_remove(audience, %(kept_code)s), members_count ="
        "   (SELECT count(*) FROM groups_member WHERE group_id = one.id)"
        " WHERE id IN (SELECT group_id FROM groups_member WHERE user_id = %(kept)s)",
        pair,
    )


BELONGINGS = Belongings(
    _("Groups"),
    {
        "groups.Member.user": Belongs(Deleted(), OneEach("group", takes=_TAKES, better=_BETTER)),
        "groups.Admission.user": Belongs(Deleted(), OneEach("group")),
        "groups.Admission.by": Belongs(Stays(DECIDED)),
    },
    found=_memberships,
    erase=_forget,
    moves=_groups,
    before=_hold,
    follow=_count,
)
