"""Every form posts once: the same nonce of the same person again returns the first result."""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import ValidationError
from django.db import connection, models, transaction
from django.utils.translation import gettext_lazy as _

from box.core.events.models import Nonce

MAX_LENGTH = 64


def once[M: models.Model](model: type[M], act: Callable[[], M], *, nonce: str, actor_id: int) -> M:
    """Acts, unless this person has posted this nonce before: then the object that came of it is returned.

    The nonce is stored in the action's own transaction. A second request that comes while the first still
    runs waits in the INSERT for its outcome, and acts itself only if the first was rolled back.
    """
    if not 8 <= len(nonce) <= MAX_LENGTH:
        raise ValidationError(_("This form is incomplete: reload the page and send it again."), code="nonce")
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO events_nonce (actor_id, value, result_id, created_at) VALUES (%s, %s, '', now())"
                " ON CONFLICT (actor_id, value) DO NOTHING",
                [actor_id, nonce],
            )
            is_first = cursor.rowcount == 1
        mark = Nonce.objects.filter(actor_id=actor_id, value=nonce)
        if not is_first:
            return model._default_manager.get(pk=mark.get().result_id)
        result = act()
        mark.update(result_id=str(result.pk))
        return result
