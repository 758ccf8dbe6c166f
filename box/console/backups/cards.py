"""What a notice about backups names, in its reader's language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils.translation import gettext as _

from appliance.client import BackupWarning, ClusterProblem
from box.bridges.directory import troubles
from box.console.access import can_connect_directories, can_look_after_backups, can_use_console
from box.console.actions import BULLETIN, CHANGE
from box.console.backups.presenters import from_when, sentence
from box.console.models import BackupChange, Bulletin, Retrieval, Subject
from box.console.nodes import told
from box.core.registry.capabilities import Card, Ref

if TYPE_CHECKING:
    from box.core.accounts.models import User


RETRIEVAL = "console.retrieval"


def bulletin_cards(ids: list[int], reader: User) -> dict[int, Card]:
    subjects = {
        Subject.BACKUPS: (can_look_after_backups, _title, "console:backups"),
        Subject.CLUSTER: (can_use_console, title_of_nodes, "console:cluster"),
        Subject.DIRECTORY: (can_connect_directories, title_of_directories, "console:directory:list"),
    }
    found = {}
    for one in Bulletin.objects.filter(pk__in=ids):
        may_see, title, page = subjects[Subject(one.subject)]
        if may_see(reader):
            found[one.pk] = Card(Ref(BULLETIN, one.pk), title(one), reverse(page))
    return found


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


def title_of_nodes(bulletin: Bulletin) -> str:
    said = [ClusterProblem(one["kind"], one["target"], one["about"]) for one in bulletin.troubles]
    return " ".join(map(told, said)) or _("all is well")


def title_of_directories(bulletin: Bulletin) -> str:
    said = [troubles.sentence(one["kind"], one["target"], one["about"]) for one in bulletin.troubles]
    return " ".join(said) or _("all is well")


def _title(bulletin: Bulletin) -> str:
    if not bulletin.troubles:
        return _("all is well")
    said = [(one["target"], sentence(BackupWarning(**one))) for one in bulletin.troubles]
    return " ".join(f"{target}: {words}" if target else words for target, words in said)
