"""In whose name programs write into the feed, and the files that they send with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.core.accounts.models import User
from box.core.files.rest import kept, several_sent
from box.core.registry.rest import AsSent, Parameters, not_found

if TYPE_CHECKING:
    from box.core.registry.rest import Call

SCOPE = "log"
FILE = "log.file"
"""Of a download: a file of a comment."""


class Written(Parameters):
    """What posts and comments share."""

    USER_ID = forms.IntegerField(
        required=False,
        help_text=gettext_lazy("In whose name: another's for a migration of an administrator alone."),
    )
    FILES = AsSent(required=False, help_text=gettext_lazy("A list of files: name, and bytes in Base64."))


def author_of(call: Call) -> User:
    """Raises PermissionDenied, ApiRefused."""
    pk = call.values["USER_ID"]
    if pk in (None, call.author.pk):
        return call.author
    if not call.may_transfer:
        raise PermissionDenied(_("A webhook writes in the name of who made it, and of nobody else."))
    author: User | None = User.objects.active().filter(pk=pk).first()
    if author is None:
        raise not_found(_("There is no such person, or they have left."))
    return author


def files_of(call: Call, author: User) -> tuple[int, ...]:
    """What was sent, kept as the author's. Raises ValidationError, StoreUnavailable."""
    return tuple(kept(several_sent(call.values["FILES"]), by=author))
