"""What the audit log tells of devices."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from box.bridges.dav.events import DeviceAdded, DeviceRemoved
from box.core.accounts.auditing import about_person
from box.core.registry.auditing import About, Audited, audited


def declare() -> None:
    added = Audited(_("connected the device “%(name)s”"), DeviceAdded, about=_person)
    audited.add("dav.device_added", added)
    removed = Audited(_("removed the device “%(name)s” of %(about)s"), DeviceRemoved, about=_person)
    audited.add("dav.device_removed", removed)


def _person(event: DeviceAdded | DeviceRemoved) -> About:
    return about_person(event.user_id)
