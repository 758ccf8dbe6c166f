"""How a record reads, in its reader's language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from box.core.accounts.models import User
from box.core.registry.auditing import sentence_of, told
from box.core.registry.settings import settings

if TYPE_CHECKING:
    from box.core.audit.models import AuditRecord


def erased_people() -> frozenset[int]:
    """Whose names are shown no more. The records keep them: they are sealed."""
    return frozenset(User.objects.erased().values_list("pk", flat=True))


@dataclass(frozen=True)
class Shown:
    """`erased` are the people without names: `erased_people()`, once for all records of a page."""

    record: AuditRecord
    erased: frozenset[int] = frozenset()

    @property
    def who(self) -> str:
        if self.record.by_id in self.erased:
            return User.nameless(self.record.by_id)
        return self.record.actor or _("Somebody unknown")

    @property
    def sentence(self) -> str:
        return sentence_of(self.record.kind, self.record.details, self._about)

    @property
    def _about(self) -> str:
        if self.record.about_kind == "accounts.user" and self.record.about_id in self.erased:
            return User.nameless(self.record.about_id)
        return self.record.about_name


def told_of_settings(changes: Any) -> str:
    """Each change behind what its setting is called; one that no room has any more has only its key."""
    return "; ".join(_told_of_setting(*change) for change in changes)


def _told_of_setting(key: str, old: Any, new: Any) -> str:
    if key not in settings:
        return f"{key}: {told(old)} → {told(new)}"
    setting = settings[key]
    return f"{setting.label}: {told(setting.told(old))} → {told(setting.told(new))}"
