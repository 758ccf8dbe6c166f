"""Every form posts once: the same nonce of the same person again returns the first result."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from box.core.events.models import Nonce
from box.lib.prepared import Asked

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest

_NONCE = re.compile(r"[0-9A-Za-z-]{8,64}")

# Every write pays for these two: they are not composed each time.
_TAKE = """
INSERT INTO events_nonce (actor_id, value, result, created_at) VALUES (%s, %s, '', now())
ON CONFLICT (actor_id, value) DO NOTHING RETURNING value
"""
_KEEP = "UPDATE events_nonce SET result = %s WHERE actor_id = %s AND value = %s RETURNING value"


def once[M: models.Model](model: type[M], act: Callable[[], M], *, nonce: str, actor_id: int) -> M:
    """Acts, unless this person has posted this nonce before: then the object that came of it is returned.

    The nonce is stored in the action's own transaction. A second request that comes while the first still
    runs waits in the INSERT for its outcome, and acts itself only if the first was rolled back.

    Raises ValidationError for a nonce that no form of ours made, that was posted in another form, or whose
    object was deleted since.
    """
    if not _NONCE.fullmatch(nonce):
        raise _incomplete()
    with transaction.atomic():
        is_first = bool(Asked(_TAKE, (actor_id, nonce), is_repeated=True).rows())
        if not is_first:
            mark = Nonce.objects.get(actor_id=actor_id, value=nonce)
            label, _colon, pk = mark.result.partition(":")
            if label != model._meta.label:
                raise _incomplete()
            found = model._default_manager.filter(pk=pk).first()
            if found is None:
                raise ValidationError(
                    _("You have posted this already, and it was deleted since."), code="deleted"
                )
            return found
        result = act()
        came_of_it = f"{model._meta.label}:{result.pk}"
        Asked(_KEEP, (came_of_it, actor_id, nonce), is_repeated=True).rows()
        return result


def posted_once[M: models.Model](request: PersonRequest, model: type[M], act: Callable[[], M]) -> M:
    """The same for a form that this person has sent."""
    return once(model, act, nonce=request.POST.get("nonce", ""), actor_id=request.user.pk)


def _incomplete() -> ValidationError:
    return ValidationError(_("This form is incomplete: reload the page and send it again."), code="nonce")
