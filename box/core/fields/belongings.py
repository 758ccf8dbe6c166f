"""Fields of anything that name a person, when people are erased or two accounts become one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy

from box.core.fields.models import Field, Value
from box.core.registry.belongings import Belongings, Belongs, Deleted, Settled, run

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.registry.belongings import Pair

MOST_NAMED = 50


def _naming(person: User) -> list[str]:
    fields = Field.objects.filter(pk__in=Value.objects.filter(person=person).values("field"))
    return list(fields.order_by("name", "id").values_list("name", flat=True)[:MOST_NAMED])


def _once(pair: Pair) -> None:
    """Where both stand among several, one is enough."""
    run(
        "DELETE FROM fields_value AS gone USING fields_value AS kept"
        " WHERE gone.person_id = %(gone)s AND kept.person_id = %(kept)s"
        "   AND kept.object_id = gone.object_id AND kept.field_id = gone.field_id",
        pair,
    )


BELONGINGS = Belongings(
    gettext_lazy("Fields that name them"),
    {"fields.Value.person": Belongs(Deleted(), Settled(_once))},
    found=_naming,
)
