"""When a run has to ask before it goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from box.bridges.directory.mapping import Rules


@dataclass(frozen=True)
class LeavingGroup:
    """How many would leave a group, of how many, and how many have within 24 hours; several groups may have
    one name."""

    name: str
    now: int
    members: int
    before: int = 0


@dataclass(frozen=True)
class Leaving:
    """How many would be suspended or dismissed now, how many were within 24 hours, and of how many; and so of
    departments that go, of what people lose, and of who leaves which groups."""

    now: int
    before: int = 0
    people: int = 0
    by_base: Mapping[str, int] = field(default_factory=dict)
    in_base: Mapping[str, int] = field(default_factory=dict)
    empty_bases: tuple[str, ...] = ()
    departments_now: int = 0
    departments_before: int = 0
    departments: int = 0
    # How many departments would have nobody at their head any more, of how many that have.
    heads_now: int = 0
    heads_before: int = 0
    heads: int = 0
    # By field from how many the directory takes away what it had given.
    by_field: Mapping[str, int] = field(default_factory=dict)
    by_field_before: Mapping[str, int] = field(default_factory=dict)
    groups: Sequence[LeavingGroup] = ()

    @property
    def counted(self) -> dict[str, int]:
        """How many of each kind, for what somebody has allowed to be no more than that."""
        return {
            "leaving": self.now,
            "departments": self.departments_now,
            "heads": self.heads_now,
            "values": sum(self.by_field.values()),
            "members": sum(group.now for group in self.groups),
        }


def guard(leaving: Leaving, rules: Rules) -> str:
    """The question that the run has to ask first; empty where it may go on."""
    for base in leaving.empty_bases:
        if leaving.in_base.get(base):
            return _(
                "%(base)s answers, but nobody is in it, where %(count)s people were. Was it moved, or a right"
                " taken away?"
            ) % {"base": base, "count": leaving.in_base[base]}
    return _about_people(leaving, rules) or _about_the_rest(leaving, rules)


def _about_people(leaving: Leaving, rules: Rules) -> str:
    total = leaving.now + leaving.before
    if leaving.now == 0 or total <= rules.guard_least:
        return ""
    told = {"count": leaving.now, "before": leaving.before, "people": leaving.people}
    is_many = total > rules.guard_people
    if is_many or (leaving.people and total * 100 > rules.guard_percent * leaving.people):
        return (
            _(
                "%(count)s of %(people)s people would be suspended or dismissed (%(before)s were within the"
                " last 24 hours). Is that right?"
            )
            % told
        )
    for base, count in sorted(leaving.by_base.items()):
        of = leaving.in_base.get(base, 0)
        if of and count > rules.guard_least and count * 100 > rules.guard_base_percent * of:
            return _(
                "%(count)s of the %(people)s people of %(base)s would be suspended or dismissed. Is that"
                " right?"
            ) % {"count": count, "people": of, "base": base}
    return ""


def _about_the_rest(leaving: Leaving, rules: Rules) -> str:
    """A right that was taken away looks as if the company had been rebuilt."""
    if _is_much(leaving.departments_now, leaving.departments_before, leaving.departments, rules):
        return _(
            "%(count)s of %(all)s departments are not in the directory any more (%(before)s went within the"
            " last 24 hours). Were they removed, or a right taken away?"
        ) % {
            "count": leaving.departments_now,
            "all": leaving.departments,
            "before": leaving.departments_before,
        }
    if _is_much(leaving.heads_now, leaving.heads_before, leaving.heads, rules):
        return _(
            "%(count)s of %(all)s departments would have no head any more (%(before)s lost theirs within the"
            " last 24 hours). Was that changed, or a right taken away?"
        ) % {"count": leaving.heads_now, "all": leaving.heads, "before": leaving.heads_before}
    for name, count in sorted(leaving.by_field.items()):
        before = leaving.by_field_before.get(name, 0)
        if _is_much(count, before, leaving.people, rules):
            return _(
                "What the directory has told of %(count)s of %(people)s people is not in it any more"
                " (%(field)s; of %(before)s it went within the last 24 hours). Was it removed, or a right"
                " taken away?"
            ) % {"count": count, "people": leaving.people, "field": name, "before": before}
    for group in sorted(leaving.groups, key=lambda one: one.name):
        total, members = group.now + group.before, group.members + group.before
        is_many = total > rules.guard_least and total * 100 > rules.guard_base_percent * members
        if group.now and is_many:
            return _(
                "%(count)s of the %(people)s people of the group %(name)s would leave it (%(before)s left"
                " within the last 24 hours). Is that right?"
            ) % {
                "count": group.now,
                "people": group.members,
                "name": group.name,
                "before": group.before,
            }
    return ""


def _is_much(now: int, before: int, of: int, rules: Rules) -> bool:
    total = now + before
    return (
        now > 0
        and total > rules.guard_least
        and (total > rules.guard_people or total * 100 > rules.guard_percent * of)
    )
