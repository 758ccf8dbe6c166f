"""The address to which a PBX sends recordings: a call of an hour is larger than what a form holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core import signing
from django.http import QueryDict

from box.bridges.telephony.recordings import LARGEST
from box.core.registry.worker import LargeBody

if TYPE_CHECKING:
    from box.bridges.telephony.models import Pbx

ADDRESS = "/calls/recordings/"
_signer = signing.Signer(salt="calls.receiver")


def address_for(pbx: Pbx) -> str:
    """Stands in the script on the PBX for as long as that does. It lets large bodies in and nothing else:
    each recording is signed by itself."""
    query = QueryDict(mutable=True)
    query["from"] = _signer.sign(pbx.name)
    return f"{ADDRESS}?{query.urlencode()}"


def _was_given(query: str) -> bool:
    try:
        _signer.unsign(QueryDict(query).get("from") or "")
    except signing.BadSignature:
        return False
    return True


DELIVERIES = LargeBody(lambda: LARGEST + 1, _was_given)
