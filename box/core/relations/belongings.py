"""What people have related, when they are erased or two accounts become one; and what is related to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from box.core.registry.belongings import DECIDED, Belongings, Belongs, Stays
from box.core.registry.capabilities import Ref
from box.core.relations.actions import forget_relations
from box.core.relations.models import Relation, in_order

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.registry.belongings import Pair

# As links to people say it: see `box.core.structure.names`, which is above.
PERSON_KIND = "org.person"


def _forget(person: User, by: User) -> None:
    forget_relations([Ref(PERSON_KIND, person.pk)])


def _follow(pair: Pair) -> None:
    """What was related to the one is related to the other, each once."""
    gone, kept = Ref(PERSON_KIND, pair.gone), Ref(PERSON_KIND, pair.kept)
    for row in Relation.objects.of(gone):
        other = row.end_beside(gone)
        if other != kept and not Relation.objects.between(kept, other).exists():
            first, second = in_order(kept, other)
            row.kind, row.object_id, row.other_kind, row.other_id = (
                first.kind, first.id, second.kind, second.id,
            )  # fmt: skip
            row.save(update_fields=["kind", "object_id", "other_kind", "other_id"])
        else:
            row.delete()


BELONGINGS = Belongings(
    _("Relations"),
    {"relations.Relation.made_by": Belongs(Stays(DECIDED))},
    erase=_forget,
    follow=_follow,
)
