"""Every write of devices."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from box.bridges.dav.access import can_use
from box.bridges.dav.events import DeviceAdded, DeviceRemoved
from box.bridges.dav.models import Device, old_states
from box.core.events.outbox import emit

if TYPE_CHECKING:
    from box.bridges.dav.passwords import DevicePassword
    from box.core.accounts.models import User

MOST = 20


@transaction.atomic
def add_device(name: str, password: DevicePassword, *, by: User) -> Device:
    if not can_use(by):
        raise PermissionDenied(_("Ask an administrator for the right to connect phones and programs."))
    if Device.objects.of(by).connected().count() >= MOST:
        raise ValidationError(_("You have %(most)s devices: remove one first.") % {"most": MOST})
    device = Device(user=by, name=" ".join(name.split()), digest=password.digest)
    device.clean_fields(exclude={field.name for field in Device._meta.fields} - {"name"})
    device.save()
    emit(DeviceAdded(device_id=device.pk, user_id=by.pk, by_id=by.pk, name=device.name))
    return device


@transaction.atomic
def remove_device(device: Device, *, by: User) -> None:
    """Its password opens nothing any more."""
    if Device.objects.connected().filter(pk=device.pk).update(revoked_at=timezone.now()):
        emit(DeviceRemoved(device_id=device.pk, user_id=device.user_id, by_id=by.pk, name=device.name))


@transaction.atomic
def remove_all_of(person: User, *, until: datetime, by_id: int | None) -> None:
    """Those that this person had at that moment: they were suspended, or have left."""
    connected = Device.objects.of(person).connected().filter(created_at__lte=until)
    for device in connected.select_for_update(of=("self",)):
        device.revoked_at = timezone.now()
        device.save(update_fields=["revoked_at"])
        emit(DeviceRemoved(device_id=device.pk, user_id=person.pk, by_id=by_id, name=device.name))


def revoke_everybodys() -> int:
    """After a restore: a password that was revoked since is not to open anything again. Returns how many were
    connected."""
    return Device.objects.connected().update(revoked_at=timezone.now())


def forget_states(now: datetime) -> int:
    return old_states(now).delete()[0]
