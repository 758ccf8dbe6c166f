"""When a run has to ask before it goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from box.bridges.directory.mapping import Rules


@dataclass(frozen=True)
class Leaving:
    """How many would be suspended or dismissed now, how many were within 24 hours, and of how many."""

    now: int
    before: int = 0
    people: int = 0
    by_base: Mapping[str, int] = field(default_factory=dict)
    in_base: Mapping[str, int] = field(default_factory=dict)
    empty_bases: tuple[str, ...] = ()


def guard(leaving: Leaving, rules: Rules) -> str:
    """The question that the run has to ask first; empty where it may go on."""
    for base in leaving.empty_bases:
        if leaving.in_base.get(base):
            return _(
                "%(base)s answers, but nobody is in it, where %(count)s people were. Was it moved, or a right"
                " taken away?"
            ) % {"base": base, "count": leaving.in_base[base]}
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
