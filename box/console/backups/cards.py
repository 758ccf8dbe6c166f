"""What a notice about backups names, in its reader's language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils.translation import gettext as _

from appliance.client import BackupWarning
from box.console.access import can_look_after_backups
from box.console.actions import BULLETIN, CHANGE
from box.console.backups.presenters import from_when, sentence
from box.console.models import BackupChange, Bulletin, Retrieval
from box.core.registry.capabilities import Card, Ref

if TYPE_CHECKING:
    from box.core.accounts.models import User


RETRIEVAL = "console.retrieval"


def bulletin_cards(ids: list[int], reader: User) -> dict[int, Card]:
    if not can_look_after_backups(reader):
        return {}
    return {
        one.pk: Card(Ref(BULLETIN, one.pk), _title(one), reverse("console:backups"))
        for one in Bulletin.objects.filter(pk__in=ids)
    }


def change_cards(ids: list[int], reader: User) -> dict[int, Card]:
    if not reader.is_administrator:
        return {}
    return {
        one.pk: Card(
            Ref(CHANGE, one.pk),
            f"{one.by}: {one.get_kind_display()}, {one.about}",
            reverse("console:backups"),
        )
        for one in BackupChange.objects.filter(pk__in=ids)
    }


def retrieval_cards(ids: list[int], reader: User) -> dict[int, Card]:
    """For whoever has asked, and for those who answer: these hear from which day, and nothing else."""
    found = Retrieval.objects.filter(pk__in=ids)
    is_keeper = can_look_after_backups(reader)
    return {
        one.pk: Card(
            Ref(RETRIEVAL, one.pk),
            from_when(one.day),
            one.get_absolute_url() if one.asker_id == reader.pk else reverse("console:backups"),
        )
        for one in found
        if is_keeper or one.asker_id == reader.pk
    }


def _title(bulletin: Bulletin) -> str:
    if not bulletin.troubles:
        return _("all is well")
    said = [(one["target"], sentence(BackupWarning(**one))) for one in bulletin.troubles]
    return " ".join(f"{target}: {words}" if target else words for target, words in said)
