"""Setting up a new portal: steps that may be skipped and come back to, offered to an administrator once."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from box.core.accounts.models import User
from box.core.portal.access import can_change_settings
from box.core.registry.settings import Setting, settings

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


def next_step() -> str | None:
    """The first that was neither done nor skipped; None: the portal is set up."""
    passed = PASSED.value
    return next((step for step in STEPS if step not in passed), None)


def is_to_be_offered(user: User) -> bool:
    return (
        user.is_administrator and can_change_settings(user) and not OFFERED.value and next_step() is not None
    )
