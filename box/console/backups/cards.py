"""What a notice about backups names, in its reader's language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils.translation import gettext as _

from appliance.client import BackupWarning
from box.console.access import can_look_after_backups
from box.console.actions import BULLETIN
from box.console.backups.showing import sentence
from box.console.models import Bulletin
from box.core.registry.capabilities import Card, Ref

if TYPE_CHECKING:
    from box.core.accounts.models import User


def bulletin_cards(ids: list[int], reader: User) -> dict[int, Card]:
    if not can_look_after_backups(reader):
        return {}
    return {
        one.pk: Card(Ref(BULLETIN, one.pk), _title(one), reverse("console:backups"))
        for one in Bulletin.objects.filter(pk__in=ids)
    }


def _title(bulletin: Bulletin) -> str:
    if not bulletin.troubles:
        return _("all is well")
    said = [(one["target"], sentence(BackupWarning(**one))) for one in bulletin.troubles]
    return " ".join(f"{target}: {words}" if target else words for target, words in said)
