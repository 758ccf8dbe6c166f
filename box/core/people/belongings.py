"""Skills, absences and photo, when people are erased or two accounts become one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.core.accounts.models import User
from box.core.people.models import Absence, PersonSkill, Skill, SkillConfirmation
from box.core.people.photos import remove_photo
from box.core.people.skills import forget_unused, reindex_people
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

_DAYS = "daterange({0}.starts_on, {0}.ends_on, '[]')"
_SAME_DAYS = f"{_DAYS.format('gone')} && {_DAYS.format('kept')}"


def _known(person: User) -> list[str]:
    skills = Skill.objects.filter(people__user=person).by_name()
    return [
        *skills.values_list("name", flat=True),
        *([_("absences")] if Absence.objects.filter(user=person).exists() else []),
        *([_("photo")] if person.photo_id else []),
    ]


def _forget(person: User, by: User) -> None:
    had = list(PersonSkill.objects.filter(user=person).values_list("skill", flat=True))
    PersonSkill.objects.filter(user=person).delete()
    forget_unused(had)
    reindex_people([person.pk])
    if person.photo_id is not None:
        remove_photo(person, by=by)


def _moves(gone: User, kept: User) -> list[str]:
    return list(Skill.objects.filter(people__user=gone).by_name().values_list("name", flat=True))


def _skills_once(pair: Pair) -> None:
    """Who has confirmed either has confirmed it."""
    both = (
        "gone.user_id = %(gone)s AND kept.user_id = %(kept)s AND gone.skill_id = kept.skill_id"
        " AND confirmation.of_id = gone.id"
    )
    run(
        "UPDATE people_skillconfirmation AS confirmation SET of_id = kept.id"  # noqa: S608 - our own words
        f" FROM people_personskill AS gone, people_personskill AS kept WHERE {both} AND NOT EXISTS"
        "  (SELECT 1 FROM people_skillconfirmation AS other"
        "    WHERE other.of_id = kept.id AND other.by_id = confirmation.by_id)",
        pair,
    )
    same = PersonSkill.objects.filter(user=pair.kept).values("skill")
    PersonSkill.objects.filter(user=pair.gone, skill__in=same).delete()


def _follow(pair: Pair) -> None:
    """Nobody confirms what they can do themselves, or stands in for themselves."""
    SkillConfirmation.objects.filter(by=pair.kept, of__user=pair.kept).delete()
    Absence.objects.filter(user=pair.kept, substitute=pair.kept).update(substitute=None)
    reindex_people([pair.gone, pair.kept])


BELONGINGS = Belongings(
    gettext_lazy("Photo, skills and absences"),
    {
        "people.PersonSkill.user": Belongs(Deleted(), Settled(_skills_once)),
        "people.SkillConfirmation.by": Belongs(Stays(DECIDED), OneEach("of")),
        "people.Absence.user": Belongs(Deleted(), OneEach(only=_SAME_DAYS)),
        "people.Absence.by": Belongs(Stays(DECIDED)),
        "people.Absence.substitute": Belongs(Stays(DECIDED)),
    },
    found=_known,
    erase=_forget,
    moves=_moves,
    follow=_follow,
)
