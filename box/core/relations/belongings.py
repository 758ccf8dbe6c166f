"""What people have related, when they are erased or two accounts become one; and what is related to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from box.core.registry.belongings import DECIDED, Belongings, Belongs, Stays
from box.core.registry.capabilities import Ref
from box.core.relations.actions import forget_relations, hand_on

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.registry.belongings import Pair

# As links to people say it: see `box.core.structure.names`, which is above.
PERSON_KIND = "org.person"


def _forget(person: User, by: User) -> None:
    forget_relations([Ref(PERSON_KIND, person.pk)])


def _follow(pair: Pair) -> None:
    """What was related to the one is related to the other, each once."""
    gone = Ref(PERSON_KIND, pair.gone)
    hand_on(gone, Ref(PERSON_KIND, pair.kept))
    forget_relations([gone])


BELONGINGS = Belongings(
    _("Relations"),
    {"relations.Relation.made_by": Belongs(Stays(DECIDED))},
    erase=_forget,
    follow=_follow,
)
