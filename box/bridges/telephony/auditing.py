"""What the audit log tells of PBXs: who has connected them. Calls have a log of their own."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from box.bridges.telephony import events
from box.bridges.telephony.models import Pbx
from box.core.registry.auditing import About, Audited, audited


def declare() -> None:
    audited.add(
        "telephony.pbx_changed",
        Audited(_("connected the PBX %(about)s, or changed it"), events.PbxChanged, about=_pbx),
    )
    audited.add(
        "telephony.extensions_changed",
        Audited(_("gave out extensions of the PBX %(about)s"), events.ExtensionsChanged, about=_pbx),
    )
    audited.add("telephony.pbx_removed", Audited(_("removed the PBX “%(name)s”"), events.PbxRemoved))


def _pbx(event: Any) -> About | None:
    pbx = Pbx.objects.filter(pk=event.pbx_id).first()
    return About("telephony.pbx", pbx.pk, pbx.name) if pbx else None
