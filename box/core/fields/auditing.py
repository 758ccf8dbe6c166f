"""What the audit log tells of the definitions of fields."""

from __future__ import annotations

from collections.abc import Callable

from django.utils.translation import gettext_lazy as _

from box.core.fields.events import FieldChanged
from box.core.fields.sets import set_at
from box.core.registry.auditing import Audited, audited


def declare() -> None:
    for change, sentence in {
        "added": _("added the field %(name)s: %(set_key)s"),
        "changed": _("changed the field %(name)s: %(set_key)s"),
        "archived": _("put the field %(name)s into the archive: %(set_key)s"),
        "restored": _("brought the field %(name)s back: %(set_key)s"),
    }.items():
        told = _is(change, "moved") if change == "changed" else _is(change)
        audited.add(f"fields.{change}", Audited(sentence, FieldChanged, told=told, words={"set_key": _label}))

    # Of earlier versions, in which only profiles had such fields.
    for change, sentence in {
        "added": _("added the field of profiles %(name)s"),
        "changed": _("changed the field of profiles %(name)s"),
        "archived": _("put the field of profiles %(name)s into the archive"),
        "restored": _("brought the field of profiles %(name)s back"),
    }.items():
        audited.add(f"accounts.own_field_{change}", Audited(sentence))


def _is(*changes: str) -> Callable[[FieldChanged], bool]:
    return lambda event: event.change in changes


def _label(set_key: str) -> str:
    of = set_at(set_key)
    return str(of.label) if of else set_key
