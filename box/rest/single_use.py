"""Addresses that are good for one file: whoever was given one cannot fill a drive with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.cache import cache
from django.utils.translation import gettext as _

from box.core.accounts.digests import digest
from box.core.registry.rest import DOWNLOAD_SECONDS, ApiRefused


@contextmanager
def used_once(token: str) -> Iterator[None]:
    """Raises ApiRefused where it was used, or is in use now. What fails within gives it back; without the
    cache nobody is kept out."""
    key = f"rest:upload:{digest(token)}"
    if not cache.add(key, True, DOWNLOAD_SECONDS) and cache.get(key) is not None:
        said = _("A file has come by this address already: call the method again for another address.")
        raise ApiRefused("ERROR_ARGUMENT", said)
    try:
        yield
    except BaseException:
        cache.delete(key)
        raise
