"""What the audit log tells of how the CRM is set up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext

from box.apps.crm.catalog import catalog
from box.apps.crm.events import DictionaryChanged, PermissionChanged, PipelineChanged
from box.apps.crm.field_rights import FIELD_LEVELS, PREFIX, types_in
from box.apps.crm.permissions import LEVELS, OPERATIONS, Level, Operation
from box.core.access.events import FieldRightChanged
from box.core.access.field_rights import FieldLevel
from box.core.registry.auditing import Audited, audited

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

_DICTIONARIES: Mapping[str, _StrOrPromise] = {
    "source": _("sources"),
    "loss_reason": _("loss reasons"),
    "currency": _("currencies"),
    "unit": _("units"),
    "vat": _("rates of VAT"),
    "product": _("products"),
    "type": _("entities"),
    "robot": _("robots"),
    "form": _("web forms"),
    "paper": _("quotes and invoices"),
    "plan": _("plans of revenue"),
}


def declare() -> None:
    for change, sentence in {
        "added": _("added to the CRM's %(dictionary)s: %(name)s"),
        "changed": _("changed in the CRM's %(dictionary)s: %(name)s"),
        "retired": _("retired of the CRM's %(dictionary)s: %(name)s"),
        "restored": _("brought back into the CRM's %(dictionary)s: %(name)s"),
        "removed": _("removed from the CRM's %(dictionary)s: %(name)s"),
    }.items():
        words: dict[str, Callable[[str], str]] = {"dictionary": lambda key: str(_DICTIONARIES.get(key, key))}
        audited.add(
            f"crm.dictionary_{change}", Audited(sentence, DictionaryChanged, told=_is(change), words=words)
        )
    audited.add(
        "crm.pipeline",
        Audited(_("changed the pipeline %(pipeline_id)s"), PipelineChanged, words={"pipeline_id": _pipeline}),
    )
    audited.add(
        "crm.permission",
        Audited(
            _("changed how far the role %(role)s reaches in the CRM: %(operation)s in %(scope)s: %(level)s"),
            PermissionChanged,
            words={"operation": _operation, "scope": _scope, "level": _level},
        ),
    )
    audited.add(
        "crm.field_right",
        Audited(
            _("changed what the role %(role)s may with a field: %(field)s of %(entity)s: %(level)s"),
            FieldRightChanged,
            told=lambda event: event.entity.startswith(PREFIX),
            words={"entity": _entity, "level": _field_level},
        ),
    )


def _entity(key: str) -> str:
    kind = next((catalog().types.get(pk) for pk in types_in([key])), None)
    return str(kind.label) if kind else key


def _field_level(key: str) -> str:
    return str(FIELD_LEVELS[FieldLevel[key.upper()]]) if key else pgettext("field", "as usual")


def _is(change: str) -> Callable[[DictionaryChanged], bool]:
    return lambda event: event.change == change


def _operation(key: str) -> str:
    return str(OPERATIONS[Operation(key)])


def _level(key: str) -> str:
    return str(LEVELS[Level[key.upper()]]) if key else pgettext("reach", "as above it")


def _scope(key: str) -> str:
    known, pk = catalog(), int(key[1:])
    rows: Mapping[str, Mapping[int, object]] = {"t": known.types, "p": known.pipelines, "s": known.stages}
    row = rows[key[0]].get(pk)
    return key if row is None else str(getattr(row, "label", row))


def _pipeline(pk: str | int) -> str:
    return str(catalog().pipelines.get(int(pk), pk))
