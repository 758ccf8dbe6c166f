"""Every form posts once: the same nonce of the same person again returns the first result."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.core.exceptions import ValidationError
from django.db import connection, models, transaction
from django.utils.translation import gettext_lazy as _

from box.core.events.models import Nonce

_NONCE = re.compile(r"[0-9A-Za-z-]{8,64}")


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
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO events_nonce (actor_id, value, result, created_at) VALUES (%s, %s, '', now())"
                " ON CONFLICT (actor_id, value) DO NOTHING",
                [actor_id, nonce],
            )
            is_first = cursor.rowcount == 1
        mark = Nonce.objects.filter(actor_id=actor_id, value=nonce)
        if not is_first:
            label, _colon, pk = mark.get().result.partition(":")
            if label != model._meta.label:
                raise _incomplete()
            found = model._default_manager.filter(pk=pk).first()
            if found is None:
                raise ValidationError(
                    _("You have posted this already, and it was deleted since."), code="deleted"
                )
            return found
        result = act()
        mark.update(result=f"{model._meta.label}:{result.pk}")
        return result


def _incomplete() -> ValidationError:
    return ValidationError(_("This form is incomplete: reload the page and send it again."), code="nonce")
