"""Which workgroups a person is in, for when it is to be forgotten. What they wrote in them stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from box.core.groups.actions import take_out_of_all
from box.core.groups.models import Group
from box.core.registry.capabilities import Eraser

if TYPE_CHECKING:
    from box.core.accounts.models import User


def grouped(person: User) -> list[str]:
    """Also those that they were asked into, or asked to join."""
    own = Group.objects.filter(members__user=person) | Group.objects.filter(admissions__user=person)
    return list(own.distinct().by_name().values_list("name", flat=True))


def forget(person: User, by: User) -> None:
    take_out_of_all(person, by=by)


ERASER = Eraser(_("Groups"), grouped, forget, ("groups.Member.user", "groups.Admission.user"))
