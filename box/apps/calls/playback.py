"""Where the sound of a recording lies, for whoever may hear it. That it was heard is in the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils.translation import gettext as _

from box.apps.calls import access
from box.core.accounts.auditing import called
from box.core.files.display import link_to_blob
from box.core.registry.auditing import About, record

if TYPE_CHECKING:
    from box.apps.calls.models import Recording
    from box.core.accounts.models import User

HEARD = "calls.heard"


def address_of_sound(user: User, kept: Recording, host: str) -> str:
    """Of a call that this person sees. Raises PermissionDenied, and Http404 where no sound is left."""
    if not access.can_listen(user, kept.logged):
        raise PermissionDenied(_("Ask an administrator for the right to listen to recordings."))
    if kept.blob is None:
        raise Http404
    about = About(kept.logged.ref.kind, kept.logged_id, str(kept.logged))
    record(HEARD, by_id=user.pk, actor=called(user), about=about)
    return link_to_blob(kept.blob, kept.file.rpartition("/")[2], host=host)
