"""What people can do: free words on their profiles, confirmed by colleagues."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection, transaction
from django.db.models import Count
from django.utils.translation import gettext as _

from box.core.accounts.access import can_see_company
from box.core.accounts.models import User
from box.core.events.outbox import emit
from box.core.people.events import SkillAdded, SkillConfirmed, SkillRemoved
from box.core.people.models import PersonSkill, Skill, SkillConfirmation, skill_key

MOST_SKILLS = 50
LONGEST = 60
SUGGESTED = 12


@dataclass(frozen=True)
class ShownSkill:
    """A skill of a person, and who has confirmed it, the first of them first.

    `pk` is of the person's own row, `skill_id` of what it is called.
    """

    pk: int
    skill_id: int
    name: str
    confirmed_by: tuple[User, ...]
    is_mine: bool
    """The reader is one of those."""


@transaction.atomic
def add_skill(person: User, name: str, *, by: User) -> Skill:
    """The skill of this name, made where nobody has it yet. Raises ValidationError for no name or too long a
    one, and for one skill too many."""
    name = " ".join(name.replace("\x00", "").split())
    key = skill_key(name)
    if not key:
        raise ValidationError(_("Write what you can do, such as a language or a program."))
    if len(name) > LONGEST or len(key) > LONGEST:
        raise ValidationError(_("A skill has %(most)s characters at most.") % {"most": LONGEST})
    # Two at once could each be the last one that there is room for.
    User.objects.select_for_update().get(pk=person.pk)
    if PersonSkill.objects.filter(user=person).exclude(skill__key=key).count() >= MOST_SKILLS:
        raise ValidationError(_("%(most)s skills at most: take one away first.") % {"most": MOST_SKILLS})
    skill, _is_new = Skill.objects.get_or_create(key=key, defaults={"name": name})
    _own, is_added = PersonSkill.objects.get_or_create(user=person, skill=skill)
    if is_added:
        reindex_people([person.pk])
        emit(SkillAdded(user_id=person.pk, skill_id=skill.pk, by_id=by.pk))
    return skill


@transaction.atomic
def remove_skill(person: User, skill: Skill, *, by: User) -> None:
    """Its confirmations go with it, and the skill itself where nobody else has it."""
    gone, _each = PersonSkill.objects.filter(user=person, skill=skill).delete()
    if not gone:
        return
    reindex_people([person.pk])
    emit(SkillRemoved(user_id=person.pk, skill_id=skill.pk, by_id=by.pk))
    forget_unused([skill.pk])


def forget_unused(skills: Collection[int]) -> None:
    """Takes away those of these skills that nobody has."""
    Skill.objects.filter(pk__in=skills, people=None).delete()


@transaction.atomic
def confirm_skill(person: User, skill: Skill, *, by: User) -> None:
    """Once or twice is the same. Raises PermissionDenied for one's own, and to an outside guest."""
    _refuse_to_confirm(person, by)
    own = PersonSkill.objects.get(user=person, skill=skill)
    _row, is_new = SkillConfirmation.objects.get_or_create(of=own, by=by)
    if is_new:
        emit(SkillConfirmed(user_id=person.pk, skill_id=skill.pk, by_id=by.pk))


@transaction.atomic
def withdraw_confirmation(person: User, skill: Skill, *, by: User) -> None:
    SkillConfirmation.objects.filter(of__user=person, of__skill=skill, by=by).delete()


def can_confirm(user: User, person: User) -> bool:
    return can_see_company(user) and user.pk != person.pk and not person.is_extranet


def _refuse_to_confirm(person: User, by: User) -> None:
    if not can_confirm(by, person):
        raise PermissionDenied(_("Skills are confirmed by colleagues."))


def shown_skills(person: User, *, reader: User) -> list[ShownSkill]:
    """In two queries: the most confirmed first, then by name."""
    own = PersonSkill.objects.filter(user=person).select_related("skill")
    rows = list(own.prefetch_related("confirmations__by"))
    shown = []
    for row in rows:
        confirmations = sorted(row.confirmations.all(), key=lambda one: one.pk)
        people = tuple(one.by for one in confirmations)
        is_mine = any(one.pk == reader.pk for one in people)
        shown.append(ShownSkill(row.pk, row.skill_id, row.skill.name, people, is_mine))
    return sorted(shown, key=lambda one: (-len(one.confirmed_by), one.name.casefold()))


def suggested(text: str, *, besides: User) -> list[str]:
    """Names of skills that others have and that begin like this, the most usual first."""
    if not skill_key(text):
        return []
    found = Skill.objects.beginning(text[:LONGEST]).exclude(people__user=besides)
    return list(
        found.annotate(count=Count("people"))
        .order_by("-count", "name")
        .values_list("name", flat=True)[:SUGGESTED]
    )


def reindex_people(people: Collection[int]) -> None:
    """Writes what these people are found by."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE accounts_user SET skill_words = COALESCE(("
            " SELECT string_agg(skill.name, ' ' ORDER BY skill.name) FROM people_personskill AS own"
            " JOIN people_skill AS skill ON skill.id = own.skill_id"
            " WHERE own.user_id = accounts_user.id), '')"
            " WHERE id = ANY(%s)",
            [list(people)],
        )
