"""Lines, queues, menus and forwarding of a PBX, from which its configuration is made. Nothing of it reaches
the PBX before its administrator loads that."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from box.bridges.telephony.configuration import forward_goal
from box.bridges.telephony.events import ExtensionsChanged, PbxChanged
from box.bridges.telephony.models import CallMenu, CallQueue, Extension, Pbx, Trunk
from box.bridges.telephony.models.trunks import MOST
from box.bridges.telephony.originate import NotAllowed
from box.bridges.telephony.plan import RESERVED
from box.core.accounts.models import User
from box.core.events.outbox import emit

LONGEST_RING = 120


@transaction.atomic
def save_trunk(trunk: Trunk, *, by: User) -> None:
    """Adds it, or keeps what was changed; its endpoint counts as a line outside from then on. Raises
    ValidationError."""
    pbx = Pbx.objects.select_for_update().get(pk=trunk.pbx_id)
    _room_for(trunk, pbx.trunks.count())
    _check_name(trunk)
    trunk.full_clean()
    trunk.save()
    if trunk.endpoint not in pbx.lines:
        pbx.lines = [*pbx.lines, trunk.endpoint]
        pbx.save(update_fields=["lines"])
    emit(PbxChanged(pbx_id=pbx.pk, by_id=by.pk))


@transaction.atomic
def remove_trunk(trunk: Trunk, *, by: User) -> None:
    """What came over it before still came from outside: its endpoint stays among the lines."""
    trunk.delete()
    emit(PbxChanged(pbx_id=trunk.pbx_id, by_id=by.pk))


@transaction.atomic
def save_queue(queue: CallQueue, *, by: User) -> None:
    """Adds it, or keeps what was changed. Raises ValidationError."""
    pbx = Pbx.objects.select_for_update().get(pk=queue.pbx_id)
    _room_for(queue, pbx.call_queues.count())
    _check_name(queue)
    _check_number(pbx, queue)
    queue.full_clean()
    queue.save()
    emit(PbxChanged(pbx_id=pbx.pk, by_id=by.pk))


@transaction.atomic
def remove_queue(queue: CallQueue, *, by: User) -> None:
    queue.delete()
    emit(PbxChanged(pbx_id=queue.pbx_id, by_id=by.pk))


@transaction.atomic
def save_menu(menu: CallMenu, *, by: User) -> None:
    """Adds it, or keeps what was changed. Raises ValidationError."""
    pbx = Pbx.objects.select_for_update().get(pk=menu.pbx_id)
    _room_for(menu, pbx.call_menus.count())
    _check_name(menu)
    _check_number(pbx, menu)
    if not menu.choices:
        raise ValidationError(_("Say for one key at least where it leads."))
    menu.full_clean()
    menu.save()
    emit(PbxChanged(pbx_id=pbx.pk, by_id=by.pk))


@transaction.atomic
def remove_menu(menu: CallMenu, *, by: User) -> None:
    menu.delete()
    emit(PbxChanged(pbx_id=menu.pbx_id, by_id=by.pk))


@transaction.atomic
def forward_extension(extension: Extension, to: str, after_seconds: int, *, by: User) -> None:
    """To an extension or a number in E.164 that may be called from the portal; nowhere when empty. After no
    seconds it does not ring at all. Raises ValidationError."""
    extension.forwards_to, extension.forwards_after = to, min(max(after_seconds, 0), LONGEST_RING)
    if to == extension.number:
        raise ValidationError(_("A telephone does not forward to itself."), code="itself")
    if to:
        try:
            forward_goal(extension, extension.pbx)
        except NotAllowed as refused:
            raise ValidationError(str(refused), code="not-allowed") from refused
    extension.save(update_fields=["forwards_to", "forwards_after"])
    emit(ExtensionsChanged(pbx_id=extension.pbx_id, by_id=by.pk))


def _check_number(pbx: Pbx, one: CallQueue | CallMenu) -> None:
    """What is dialled inside reaches one thing."""
    said = ""
    if pbx.extensions.filter(number=one.number).exists():
        said = _("%(number)s is an extension already: choose another number.")
    elif any(
        rival != one for rows in (pbx.call_queues, pbx.call_menus) for rival in rows.filter(number=one.number)
    ):
        said = _("%(number)s is a queue or a menu already: choose another number.")
    if said:
        raise ValidationError({"number": said % {"number": one.number}})


def _check_name(one: Trunk | CallQueue | CallMenu) -> None:
    """Digits alone would be a telephone's name."""
    if one.name in RESERVED or one.name.isdecimal():
        said = _("“%(name)s” is the name of something else on a PBX: choose another.") % {"name": one.name}
        raise ValidationError({"name": said})


def _room_for(one: Trunk | CallQueue | CallMenu, count: int) -> None:
    if one.pk is None and count >= MOST:
        raise ValidationError(_("At most %(most)s of them.") % {"most": MOST}, code="many")
