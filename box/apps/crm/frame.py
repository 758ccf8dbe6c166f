"""What stands above every page of the CRM: a tab for each type that one reaches, and each further section."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from box.apps.crm.access import can_administer
from box.apps.crm.catalog import catalog
from box.apps.crm.payments import has_reports
from box.apps.crm.permissions import Operation, reaches_into
from box.core.registry.environment import url

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

    from box.core.accounts.models import User


@dataclass(frozen=True)
class Section:
    """A page of the CRM beside those of its records."""

    key: str
    label: _StrOrPromise
    icon: str
    url_name: str
    is_for: Callable[[User], bool] = lambda user: True
    arguments: tuple[str, ...] = ()


SECTIONS: tuple[Section, ...] = (
    Section("day", _("My day"), icon="calendar-event", url_name="crm:day"),
    Section(
        "report",
        _("Reports"),
        icon="chart-bar",
        url_name="crm:report",
        arguments=("month",),
        is_for=has_reports,
    ),
    Section("settings", _("Settings"), icon="settings", url_name="crm:setup", is_for=can_administer),
)
"""In their order, behind the types."""


@dataclass(frozen=True)
class Tab:
    key: str
    label: str
    icon: str
    url: str


def tabs_for(user: User) -> list[Tab]:
    types = [
        Tab(
            one.slug,
            str(one.label),
            one.icon,
            url("crm:board" if one.has_stages else "crm:list", one.slug),
        )
        for one in catalog().standing_types
        if reaches_into(user, Operation.READ, one)
    ]
    sections = [
        Tab(one.key, str(one.label), one.icon, url(one.url_name, *one.arguments))
        for one in SECTIONS
        if one.is_for(user)
    ]
    return [*types, *sections]
