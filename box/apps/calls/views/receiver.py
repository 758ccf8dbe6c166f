"""Recordings by the PBX's own hand: the script of the generated configuration sends each when it is whole."""

from __future__ import annotations

import tempfile
import time
from typing import TYPE_CHECKING

from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from box.apps.calls.actions.recordings import keep_delivered
from box.bridges.telephony.models import Pbx
from box.bridges.telephony.recordings import Delivery, RecordingRefused, accept
from box.lib.sealing import SealBroken

if TYPE_CHECKING:
    from typing import IO

    from django.http import HttpRequest

IN_MEMORY = 4 * 1024 * 1024
CHUNK = 256 * 1024


@csrf_exempt
@login_not_required
@require_POST
def receive(request: HttpRequest) -> HttpResponse:
    """The signature is asked for before a byte of the body is read. A PBX that is refused is told why: it
    stands in its own log."""
    try:
        delivery = _accepted(request)
    except RecordingRefused as refused:
        return _plain(str(refused), 401)
    try:
        with tempfile.SpooledTemporaryFile(IN_MEMORY) as stream:
            _take(request, stream, delivery.size)
            is_kept = keep_delivered(delivery, stream)
    except RecordingRefused as refused:
        return _plain(str(refused), 422)
    # It may be faster than the call's end: the script comes again.
    return _plain("kept", 201) if is_kept else _plain("The call is not known yet.", 503)


def _accepted(request: HttpRequest) -> Delivery:
    pbx = Pbx.objects.on().filter(name=request.headers.get("X-Korobka-Pbx", "")[:40]).first()
    try:
        keys = {pbx.name: pbx.delivery_key} if pbx else {}
    except SealBroken:
        keys = {}
    folder = pbx.recordings_there if pbx else ""
    return accept(request.headers, keys=keys, folder=folder, now=int(time.time()))


def _take(request: HttpRequest, stream: IO[bytes], size: int) -> None:
    """So many bytes as were signed for, and no more."""
    taken = 0
    while chunk := request.read(min(CHUNK, size + 1 - taken)):
        stream.write(chunk)
        taken += len(chunk)
        if taken > size:
            break
    if taken != size:
        raise RecordingRefused("Its length is not what was signed.")
    stream.seek(0)


def _plain(text: str, status: int) -> HttpResponse:
    return HttpResponse(f"{text}\n", status=status, content_type="text/plain; charset=utf-8")
