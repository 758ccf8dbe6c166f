"""Drafts, when people are erased or two accounts become one: of two in one place the newer one is left."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from box.core.registry.belongings import Belongings, Belongs, Deleted, OneEach, follow_in_json

BELONGINGS = Belongings(
    _("Drafts"),
    {
        "drafts.Draft.user": Belongs(
            Deleted(),
            OneEach("place", better="gone.saved_at > kept.saved_at"),
            said=ngettext_lazy("%(num)s draft", "%(num)s drafts", "num"),
        ),
    },
    follow=lambda pair: follow_in_json("drafts_draft", "content", pair),
)
