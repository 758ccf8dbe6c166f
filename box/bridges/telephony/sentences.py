"""What went wrong with a PBX, in words for people: `ami` itself knows no Django, and says it in English."""

from __future__ import annotations

from django.utils.translation import gettext, override
from django.utils.translation import gettext as _

from box.bridges.telephony.ami import PbxTrouble
from box.core.registry.company import LANGUAGE
from box.lib.sealing import SealBroken


def sentence(trouble: PbxTrouble | SealBroken) -> str:
    """In the language of whoever reads at the moment."""
    if isinstance(trouble, SealBroken):
        return _("The secret was stored by another box: write it anew.")
    values = {
        name: sentence(value) if isinstance(value, PbxTrouble) else value
        for name, value in trouble.values.items()
    }
    return gettext(trouble.text) % values


def company_sentence(trouble: PbxTrouble | SealBroken) -> str:
    """For what is kept and read by several."""
    with override(LANGUAGE.value):
        return sentence(trouble)
