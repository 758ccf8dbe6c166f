"""Setting up a new portal: steps that may be skipped and come back to, offered to an administrator once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from box.core.accounts.access import can_manage_people
from box.core.accounts.models import User
from box.core.portal.access import can_change_settings
from box.core.registry.settings import Setting, settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.utils.functional import _StrOrPromise

STEPS = {
    "company": _("Company"),
    "logo": _("Logo"),
    "work": _("Working time"),
    "mail": _("Mail"),
    "people": _("Colleagues"),
}

# No section's: they are no choices.
OFFERED = Setting("setup.offered", default=False, section="", label=_("The setup was offered"))
PASSED = Setting(
    "setup.passed",
    default=list[str](),
    section="",
    label=_("Steps of the setup"),
    told=lambda steps: [str(STEPS.get(step, step)) for step in steps or ()],
)

for _setting in (OFFERED, PASSED):
    settings.add(_setting.key, _setting)


def steps_of(user: User) -> Mapping[str, _StrOrPromise]:
    """Those that this person may do: who chooses for all need not be who says who works here."""
    return {step: label for step, label in STEPS.items() if step != "people" or can_manage_people(user)}


def next_step(user: User | None = None) -> str | None:
    """The first that was neither done nor skipped, of all or of this person's; None: the portal is set up."""
    passed = PASSED.value
    return next((step for step in (steps_of(user) if user else STEPS) if step not in passed), None)


def is_to_be_offered(user: User) -> bool:
    return (
        user.is_administrator and can_change_settings(user) and not OFFERED.value and next_step() is not None
    )
