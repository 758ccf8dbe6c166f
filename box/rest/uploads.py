"""Files that come in two steps: how much an address that was given for one takes."""

from __future__ import annotations

from django.conf import settings
from django.http import QueryDict

from box.core.registry.rest import read_upload_token
from box.core.registry.worker import LargeBody

ADDRESS = "/rest/upload.json"
MOST_UPLOADED = 512 * 2**20
"""Bytes of a file that comes this way: a worker of the portal takes it in, and answers nobody meanwhile."""
LONGEST_FORM = 2**16
"""Of what stands around it."""


def most_uploaded() -> int:
    return min(settings.FILE_SIZE_LIMIT, MOST_UPLOADED)


def _was_given(query: str) -> bool:
    return read_upload_token(QueryDict(query).get("token") or "") is not None


UPLOADS = LargeBody(lambda: most_uploaded() + LONGEST_FORM + 1, _was_given)
"""Whoever was given no address, or one of more than an hour ago, sends no more than a form holds."""
