"""Place in the structure, skills, absences and photo, when people are erased or two accounts become one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.core.accounts.models import User
from box.core.org import actions
from box.core.org.models import (
    Absence,
    Department,
    Membership,
    PersonSkill,
    Skill,
    SkillConfirmation,
)
from box.core.org.photos import remove_photo
from box.core.org.skills import forget_unused, reindex_people
from box.core.org.skills import reindex_people as know_skills_again
from box.core.registry.belongings import (
    DECIDED,
    Belongings,
    Belongs,
    Deleted,
    OneEach,
    Pair,
    Settled,
    Stays,
    run,
)

if TYPE_CHECKING:
    from box.core.accounts.models import User

_RANK = "CASE {0}.role WHEN 'head' THEN 2 WHEN 'deputy' THEN 1 ELSE 0 END"
_HIGHER = f"{_RANK.format('gone')} > {_RANK.format('kept')}"
_DAYS = "daterange({0}.starts_on, {0}.ends_on, '[]')"
_SAME_DAYS = f"{_DAYS.format('gone')} && {_DAYS.format('kept')}"


def _known(person: User) -> list[str]:
    own = Department.objects.filter(memberships__user=person)
    skills = Skill.objects.filter(people__user=person).by_name()
    return [
        *own.by_name().values_list("name", flat=True),
        *skills.values_list("name", flat=True),
        *([_("absences")] if Absence.objects.filter(user=person).exists() else []),
        *([_("photo")] if person.photo_id else []),
    ]


def _forget(person: User, by: User) -> None:
    # Whoever owned where they belonged does so no more: the accounts room, which is asked last, says so.
    actions.place(person, {}, by=None)
    had = list(PersonSkill.objects.filter(user=person).values_list("skill", flat=True))
    PersonSkill.objects.filter(user=person).delete()
    forget_unused(had)
    reindex_people([person.pk])
    if person.photo_id is not None:
        remove_photo(person, by=by)


def _moves(gone: User, kept: User) -> list[str]:
    skills = Skill.objects.filter(people__user=gone).by_name()
    return [*_departments(gone, kept), *skills.values_list("name", flat=True)]


def _departments(gone: User, kept: User) -> list[str]:
    if "departments" in kept.owners:
        return []
    return list(Department.objects.filter(memberships__user=gone).by_name().values_list("name", flat=True))


def _skills_once(pair: Pair) -> None:
    """Who has confirmed either has confirmed it."""
    both = (
        "gone.user_id = %(gone)s AND kept.user_id = %(kept)s AND gone.skill_id = kept.skill_id"
        " AND confirmation.of_id = gone.id"
    )
    run(
        "UPDATE org_skillconfirmation AS confirmation SET of_id = kept.id"  # noqa: S608 - our own words
        f" FROM org_personskill AS gone, org_personskill AS kept WHERE {both} AND NOT EXISTS"
        "  (SELECT 1 FROM org_skillconfirmation AS other"
        "    WHERE other.of_id = kept.id AND other.by_id = confirmation.by_id)",
        pair,
    )
    same = PersonSkill.objects.filter(user=pair.kept).values("skill")
    PersonSkill.objects.filter(user=pair.gone, skill__in=same).delete()


def _follow(pair: Pair) -> None:
    """Nobody confirms what they can do themselves, or stands in for themselves."""
    SkillConfirmation.objects.filter(by=pair.kept, of__user=pair.kept).delete()
    Absence.objects.filter(user=pair.kept, substitute=pair.kept).update(substitute=None)
    know_skills_again([pair.gone, pair.kept])


def _before(pair: Pair) -> None:
    """Where an outside source decides where one of them belongs, the person belongs nowhere else."""
    actions.lock()
    owners = {person.pk: person.owners for person in User.objects.filter(pk__in=(pair.gone, pair.kept))}
    if "departments" in owners.get(pair.gone, {}):
        Membership.objects.filter(user=pair.kept).delete()
    elif "departments" in owners.get(pair.kept, {}):
        Membership.objects.filter(user=pair.gone).delete()


BELONGINGS = Belongings(
    gettext_lazy("Place in the structure"),
    {
        "org.Membership.user": Belongs(Deleted(), OneEach("department", better=_HIGHER)),
        "org.PersonSkill.user": Belongs(Deleted(), Settled(_skills_once)),
        "org.SkillConfirmation.by": Belongs(Stays(DECIDED), OneEach("of")),
        "org.Absence.user": Belongs(Deleted(), OneEach(only=_SAME_DAYS)),
        "org.Absence.by": Belongs(Stays(DECIDED)),
        "org.Absence.substitute": Belongs(Stays(DECIDED)),
    },
    found=_known,
    erase=_forget,
    moves=_moves,
    before=_before,
    follow=_follow,
)
