"""Lines, queues, menus and forwarding of a PBX, from which its configuration is made. Nothing of it reaches
the PBX before its administrator loads that."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from box.apps.calls.prompts import Prompt, put, sound_of
from box.bridges.telephony.configuration import forward_goal
from box.bridges.telephony.events import ExtensionsChanged, PbxChanged
from box.bridges.telephony.models import CallMenu, CallQueue, Extension, Pbx, Trunk
from box.bridges.telephony.models.trunks import MOST
from box.bridges.telephony.originate import NotAllowed
from box.bridges.telephony.plan import RESERVED
from box.core.accounts.models import User
from box.core.events.outbox import emit
from box.core.files.models import Blob

LONGEST_RING = 120


type Part = Trunk | CallQueue | CallMenu
"""What a PBX's configuration is made of, one of its rows."""


def save_part(part: Part, *, prompt: Prompt | None = None, by: User) -> None:
    """Adds it, or keeps what was changed; the endpoint of a line counts as one outside from then on. `prompt`
    is what callers of a menu hear from now on. Raises ValidationError."""
    _save(part, put(prompt) if prompt is not None else None, prompt.seconds if prompt else 0, by)


@transaction.atomic
def _save(part: Part, said: Blob | None, seconds: int, by: User) -> None:
    pbx = Pbx.objects.select_for_update().get(pk=part.pbx_id)
    _check_room(part)
    _check_name(part)
    if not isinstance(part, Trunk):
        _check_number(pbx, part)
    if isinstance(part, CallMenu):
        if not part.choices:
            raise ValidationError(_("Say for one key at least where it leads."))
        _give_prompt(part, said, seconds)
    part.full_clean()
    part.save()
    if isinstance(part, Trunk) and part.endpoint not in pbx.lines:
        # By the second its bridge sees that they are others.
        pbx.lines, pbx.changed_at = [*pbx.lines, part.endpoint], timezone.now()
        pbx.save(update_fields=["lines", "changed_at"])
    emit(PbxChanged(pbx_id=pbx.pk, by_id=by.pk))


def _give_prompt(menu: CallMenu, said: Blob | None, seconds: int) -> None:
    """What was recorded here, the last; or a sound of the PBX where another one is named than that."""
    before = CallMenu.objects.filter(pk=menu.pk).first()
    if said is not None:
        menu.prompt, menu.prompt_seconds = said, seconds
    elif before is None or menu.sound not in ("", before.sound):
        menu.prompt, menu.prompt_seconds = None, 0
    if menu.prompt is not None:
        menu.sound = sound_of(menu)


@transaction.atomic
def remove_part(part: Part, *, by: User) -> None:
    """What came over a line before still came from outside: its endpoint stays among the lines."""
    part.delete()
    emit(PbxChanged(pbx_id=part.pbx_id, by_id=by.pk))


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


def _check_name(one: Part) -> None:
    """Digits alone would be a telephone's name."""
    if one.name in RESERVED or one.name.isdecimal():
        said = _("“%(name)s” is the name of something else on a PBX: choose another.") % {"name": one.name}
        raise ValidationError({"name": said})


def _check_room(one: Part) -> None:
    if one.pk is None and type(one).objects.filter(pbx=one.pbx_id).count() >= MOST:
        raise ValidationError(_("At most %(most)s of them.") % {"most": MOST}, code="many")
