"""A row of a table, understood, and what its cells may name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from box.apps.crm.catalog import catalog
from box.apps.crm.contact_points import Reach
from box.apps.crm.models import Currency, Stage
from box.core.fields.values import Values
from box.core.registry.company import PHONE_REGION


@dataclass(frozen=True)
class ClientSought:
    """A client that a row names, by what is known of it."""

    name: str = ""
    phone: str = ""
    email: str = ""


@dataclass(frozen=True)
class RecordRow:
    """A row, understood. `fields` are columns of the record that the row has a value for."""

    fields: Mapping[str, Any]
    reached_by: Sequence[Reach] = ()
    keys: Sequence[str] = ()
    company: str = ""
    contact: ClientSought = ClientSought()
    responsible_id: int | None = None
    stage: Stage | None = None
    own: Values = field(default_factory=dict)


class Lists:
    """What cells may name, read once a run."""

    def __init__(self, type_id: int) -> None:
        known = catalog()
        self.type = known.types[type_id]
        self.stages = known.stages_of_type(self.type)
        sources = known.standing_sources
        self.sources = {name.casefold(): one for one in sources for name in (one.code, str(one))}
        self.base = Currency.objects.get(is_base=True).code
        self.region = PHONE_REGION.value

    def stage(self, pipeline: str, name: str) -> Stage | None:
        """By their names; without one the first. Raises ValidationError."""
        within = [one for one in self.stages if not pipeline or _is_same(str(one.pipeline), pipeline)]
        if pipeline and not within:
            raise ValidationError(_("There is no pipeline %(name)s.") % {"name": pipeline})
        named = [one for one in within if not name or one.code == name or _is_same(str(one), name)]
        if name and not named:
            raise ValidationError(_("There is no stage %(name)s.") % {"name": name})
        return named[0] if named else None


def _is_same(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()
