"""What an account has in files, said before it becomes another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from box.core.files.models import File
from box.core.registry.merging import Merger, mergers

if TYPE_CHECKING:
    from box.core.accounts.models import User


def declare() -> None:
    mergers.add("files", Merger(_("Files"), moves=_owned))


def _owned(gone: User, kept: User) -> list[str]:
    count = File.objects.filter(owner=gone).count()
    return [ngettext("%(num)s file", "%(num)s files", count) % {"num": count}] if count else []
