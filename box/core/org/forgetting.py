"""What the structure and the photo tell of a person, for when it is to be forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.core.org import actions
from box.core.org.models import Absence, Department, PersonSkill, Skill
from box.core.org.photos import remove_photo
from box.core.org.skills import forget_unused, know_again
from box.core.registry.capabilities import Eraser

if TYPE_CHECKING:
    from box.core.accounts.models import User


def known_of(person: User) -> list[str]:
    """See `box.core.registry.capabilities.Eraser`."""
    own = Department.objects.filter(memberships__user=person)
    skills = Skill.objects.filter(people__user=person).by_name()
    return [
        *own.by_name().values_list("name", flat=True),
        *skills.values_list("name", flat=True),
        *([_("absences")] if Absence.objects.filter(user=person).exists() else []),
        *([_("photo")] if person.photo_id else []),
    ]


def forget(person: User, by: User) -> None:
    # Whoever owned where they belonged does so no more: the accounts room, which is asked last, says so.
    actions.place(person, {}, by=None)
    Absence.objects.filter(user=person).delete()
    had = list(PersonSkill.objects.filter(user=person).values_list("skill", flat=True))
    PersonSkill.objects.filter(user=person).delete()
    forget_unused(had)
    know_again([person.pk])
    if person.photo_id is not None:
        remove_photo(person, by=by)


ERASER = Eraser(
    gettext_lazy("Place in the structure"),
    known_of,
    forget,
    ("org.Membership.user", "org.PersonSkill.user", "org.Absence.user"),
)
