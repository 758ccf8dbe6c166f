"""Stages of pipelines and sources of clients, which Bitrix24 keeps as the entries of dictionaries.

Source: https://apidocs.bitrix24.com/api-reference/crm/status/index.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.crm.access import can_administer
from box.apps.crm.actions import dictionaries, setup, stages
from box.apps.crm.api.records import New, declare_method
from box.apps.crm.api.stages import SEMANTICS, category_of, entity_of, name_of
from box.apps.crm.catalog import catalog
from box.apps.crm.models import Source, Stage
from box.apps.crm.permissions import may_enter
from box.core.registry.rest import Call, Conditions, Parameters, listed, not_found, shaped
from box.lib.numbers import whole_number

if TYPE_CHECKING:
    from box.apps.crm.models import Pipeline

SOURCES = "SOURCE"
_STATUS = {
    **dict.fromkeys(
        ("ID", "ENTITY_ID", "STATUS_ID", "NAME", "NAME_INIT", "SORT", "SYSTEM", "COLOR"), "string"
    ),
    **dict.fromkeys(("SEMANTICS", "CATEGORY_ID"), "string?"),
}
# Each place is so far from the next one.
_STEP = 10
_OF_A_SOURCE = "S"
"""Before the number of a source, so that it is no stage's."""
_KINDS = {
    **{letter: kind for kind, letter in SEMANTICS.items()},
    "": "open", "process": "open", "success": "won", "failure": "lost", "apology": "lost",
}  # fmt: skip
_COLOR = re.compile(r"#[0-9A-Fa-f]{6}")
_CODE = re.compile(r"[A-Z0-9_]{1,30}")


class StatusList(Parameters):
    FILTER = Conditions(required=False, help_text=gettext_lazy('Of which list: {"ENTITY_ID": "DEAL_STAGE"}.'))
    ORDER = Conditions(required=False, help_text=gettext_lazy("They come in their own order."))


class OfEntity(Parameters):
    ENTITYID = forms.CharField(help_text=gettext_lazy("The list, such as STATUS, DEAL_STAGE, SOURCE."))


class OneStatus(Parameters):
    ID = forms.CharField(max_length=20, help_text=gettext_lazy("Its number, as the list tells it."))


class ChangedStatus(OneStatus):
    FIELDS = Conditions(help_text=gettext_lazy("NAME, SORT and COLOR; what is not named stays."))


class DeletedStatus(OneStatus):
    PARAMS = Conditions(
        required=False, help_text=gettext_lazy("Nothing: a stage in which something is stays.")
    )


# Reading


def statuses(call: Call) -> list[dict[str, Any]]:
    """https://apidocs.bitrix24.com/api-reference/crm/status/crm-status-list.html"""
    _enter(call)
    wanted = {str(name).upper().lstrip("="): str(value) for name, value in call.values["FILTER"].items()}
    if unknown := sorted(wanted.keys() - {"ENTITY_ID", "STATUS_ID", "SEMANTICS", "ID"}):
        raise ValidationError(_("There is no filter by %(name)s.") % {"name": unknown[0][:40]})
    return [row for row in _rows() if all(str(row[name]) == value for name, value in wanted.items())]


def _rows() -> list[dict[str, Any]]:
    known, found = catalog(), []
    for kind in known.standing_types:
        for pipeline in known.pipelines_of(kind):
            for place, stage in enumerate(known.stages_of(pipeline), 1):
                found.append(
                    {
                        "ID": str(stage.pk), "ENTITY_ID": entity_of(pipeline), "STATUS_ID": name_of(stage),
                        "NAME": str(stage), "NAME_INIT": "", "SORT": str(place * _STEP),
                        "SYSTEM": "N" if stage.name else "Y", "CATEGORY_ID": str(category_of(pipeline)),
                        "COLOR": stage.color,
                        "SEMANTICS": None if stage.is_open else SEMANTICS[stage.kind],
                    }
                )  # fmt: skip
    for place, source in enumerate(known.standing_sources, 1):
        found.append(
            {
                "ID": f"{_OF_A_SOURCE}{source.pk}", "ENTITY_ID": SOURCES, "STATUS_ID": source.code,
                "NAME": str(source), "NAME_INIT": "", "SORT": str(place * _STEP),
                "SYSTEM": "N" if source.name else "Y", "CATEGORY_ID": None, "COLOR": "", "SEMANTICS": None,
            }
        )  # fmt: skip
    return found


def status(call: Call) -> dict[str, Any]:
    """https://apidocs.bitrix24.com/api-reference/crm/status/crm-status-get.html"""
    _enter(call)
    found = next((row for row in _rows() if row["ID"] == call.values["ID"]), None)
    if found is None:
        raise _no_such()
    return found


def entity_items(call: Call) -> list[dict[str, Any]]:
    """https://apidocs.bitrix24.com/api-reference/crm/status/crm-status-entity-items.html"""
    _enter(call)
    return [
        {"NAME": row["NAME"], "SORT": int(row["SORT"]), "STATUS_ID": row["STATUS_ID"]}
        for row in _rows()
        if row["ENTITY_ID"] == call.values["ENTITYID"]
    ]


# Writing


@dataclass(frozen=True)
class Sent:
    """What a program has said of an entry; None of what it has not."""

    name: str | None
    sort: int | None
    color: str | None

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Sent:
        """Raises ValidationError."""
        extra = _extra(fields)
        color = fields.get("COLOR") or extra.get("COLOR")
        if color and _COLOR.fullmatch(str(color)) is None:
            raise ValidationError(f"COLOR: {_('Write a colour such as #4299e1.')}", code="color")
        sort = whole_number(str(fields["SORT"])) if fields.get("SORT") not in (None, "") else None
        if fields.get("SORT") not in (None, "") and sort is None:
            raise ValidationError(f"SORT: {_('Write a whole number.')}", code="sort")
        name = str(fields["NAME"]) if "NAME" in fields else None
        return cls(name, sort, str(color).lower() if color else None)

    def place_among(self, sorts: Sequence[int]) -> int:
        """Behind those whose SORT is smaller."""
        assert self.sort is not None  # noqa: S101 - asked where it is
        return sum(one < self.sort for one in sorts)


@transaction.atomic
def add(call: Call) -> int | str:
    """https://apidocs.bitrix24.com/api-reference/crm/status/crm-status-add.html"""
    _administer(call)
    fields = _capitals(call.values["FIELDS"])
    entity, sent = str(fields.get("ENTITY_ID") or ""), Sent.of(fields)
    if entity == SOURCES:
        source = dictionaries.add_ranked(Source, sent.name or "", by=call.user)
        assert isinstance(source, Source)  # noqa: S101 - as it was asked
        _place_source(source, sent, call)
        return f"{_OF_A_SOURCE}{source.pk}"
    pipeline = _pipeline(entity)
    code = str(fields.get("STATUS_ID") or "").upper().rpartition(":")[2]
    if code and _CODE.fullmatch(code) is None:
        said = _("Letters from A to Z, digits and _, 30 at most.")
        raise ValidationError(f"STATUS_ID: {said}", code="code")
    stage = setup.add_stage(
        pipeline, sent.name or "", kind=_kind(fields), color=sent.color or "", code=code, by=call.user
    )
    _place_stage(stage, sent, call)
    return int(stage.pk)


@transaction.atomic
def change(call: Call) -> bool:
    """https://apidocs.bitrix24.com/api-reference/crm/status/crm-status-update.html"""
    _administer(call)
    found, sent = _found(call), Sent.of(_capitals(call.values["FIELDS"]))
    if isinstance(found, Source):
        if sent.name is not None:
            dictionaries.change_ranked(found, sent.name, by=call.user)
        _place_source(found, sent, call)
        return True
    if sent.name is not None or sent.color is not None:
        name = str(found) if sent.name is None else sent.name
        stages.change_stage(found, name, sent.color or found.color, by=call.user)
    _place_stage(found, sent, call)
    return True


def remove(call: Call) -> bool:
    """https://apidocs.bitrix24.com/api-reference/crm/status/crm-status-delete.html

    What is in use stays, whatever is said of force: nobody says where it should go.
    """
    _administer(call)
    found = _found(call)
    if isinstance(found, Source):
        dictionaries.retire_ranked(found, True, by=call.user)
    else:
        stages.retire_stage(found, by=call.user)
    return True


def _place_stage(stage: Stage, sent: Sent, call: Call) -> None:
    if sent.sort is None:
        return
    inside = stage.pipeline.stages.standing()
    kinds = [kind for kind in SEMANTICS if kind != stage.kind]
    before = sum(inside.filter(kind=kind).count() for kind in kinds if _comes_first(kind, stage.kind))
    alike = inside.filter(kind=stage.kind).exclude(pk=stage.pk).count()
    sorts = [(before + place) * _STEP for place in range(1, alike + 1)]
    stages.place_stage(stage, sent.place_among(sorts), by=call.user)


def _comes_first(kind: str, other: str) -> bool:
    order = list(SEMANTICS)
    return order.index(kind) < order.index(other)


def _place_source(source: Source, sent: Sent, call: Call) -> None:
    if sent.sort is None:
        return
    others = Source.objects.filter(retired_at=None).exclude(pk=source.pk).count()
    sorts = [place * _STEP for place in range(1, others + 1)]
    dictionaries.place_ranked(source, sent.place_among(sorts), by=call.user)


def _pipeline(entity: str) -> Pipeline:
    known = catalog()
    for kind in known.standing_types:
        for pipeline in known.pipelines_of(kind):
            if entity_of(pipeline) == entity:
                return pipeline
    said = _("There is no list %(name)s to which something is added here.") % {"name": entity[:40]}
    raise ValidationError(f"ENTITY_ID: {said}", code="entity")


def _kind(fields: Mapping[str, Any]) -> str:
    word = str(fields.get("SEMANTICS") or _extra(fields).get("SEMANTICS") or "")
    found = _KINDS.get(word) or _KINDS.get(word.lower())
    if found is None:
        said = _("Write one of: %(words)s.") % {"words": ", ".join(filter(None, _KINDS))}
        raise ValidationError(f"SEMANTICS: {said}", code="semantics")
    return found


def _found(call: Call) -> Stage | Source:
    text = call.values["ID"]
    number = whole_number(text.removeprefix(_OF_A_SOURCE))
    if number is None:
        raise _no_such()
    found: Stage | Source | None
    if text.startswith(_OF_A_SOURCE):
        found = Source.objects.filter(pk=number, retired_at=None).first()
    else:
        standing = Stage.objects.standing().filter(pipeline__in=_pipelines())
        found = standing.select_related("pipeline__type").filter(pk=number).first()
    if found is None:
        raise _no_such()
    return found


def _pipelines() -> list[int]:
    known = catalog()
    return [one.pk for kind in known.standing_types for one in known.pipelines_of(kind)]


def _capitals(given: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name).upper(): value for name, value in given.items()}


def _extra(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What older programs send of a stage's meaning and colour."""
    sent = fields.get("EXTRA")
    return _capitals(sent) if isinstance(sent, Mapping) else {}


def _no_such() -> Exception:
    return not_found(_("There is no such stage or source."))


def _enter(call: Call) -> None:
    if not may_enter(call.user):
        raise PermissionDenied(_("Your role does not reach that far here."))


def _administer(call: Call) -> None:
    if not (may_enter(call.user) and can_administer(call.user)):
        raise PermissionDenied(_("Ask an administrator for the right to set up the CRM."))


def declare() -> None:
    one = shaped(**_STATUS)
    items = listed(NAME="string", SORT="integer", STATUS_ID="string")
    yes, number = {"type": "boolean"}, {"type": ["integer", "string"]}
    of_list = gettext_lazy("The stages or sources of one list.")
    adds = gettext_lazy("Adds a stage or a source; answers with its number.")
    changes = gettext_lazy("Calls a stage or a source otherwise, moves it, or gives a stage another colour.")
    retires = gettext_lazy("Retires a source, or a stage in which nothing is.")
    for name, about, parameters, answer, result in (
        ("list", gettext_lazy("Stages and sources."), StatusList, statuses, listed(**_STATUS)),
        ("get", gettext_lazy("A stage or a source."), OneStatus, status, one),
        ("entity.items", of_list, OfEntity, entity_items, items),
        ("add", adds, New, add, number),
        ("update", changes, ChangedStatus, change, yes),
        ("delete", retires, DeletedStatus, remove, yes),
    ):
        declare_method(f"crm.status.{name}", about, parameters, answer, result)
