"""The configuration of a PBX as its administrator gets it: made of what is set up here."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

from django.utils import timezone

from box.apps.calls import prompts
from box.apps.calls.deliveries import address_for
from box.bridges.telephony.configuration import plan_of
from box.bridges.telephony.generator import generate
from box.bridges.telephony.models import Pbx
from box.bridges.telephony.plan import Release
from box.bridges.telephony.recordings import script
from box.core.files import recall

SCRIPT = "korobka_recording.sh"


def files_for(
    pbx: Pbx,
    *,
    asterisk: Release,
    boxes: tuple[str, ...],
    records: bool,
    transcodes_opus: bool,
    base: str,
) -> dict[str, str]:
    """By name; `base` is the box's own address. Raises Unwritable, NotAllowed, RecordingRefused and
    ValueError for what cannot be written."""
    sends = records and not pbx.recordings_here
    command = f"/usr/local/bin/{SCRIPT}" if sends else ""
    plan = plan_of(
        pbx,
        asterisk=asterisk,
        boxes=boxes,
        records=records,
        transcodes_opus=transcodes_opus,
        recording_command=command,
    )
    files = generate(plan)
    if sends and pbx.delivery_key:
        files[SCRIPT] = script(
            pbx=pbx.name, key=pbx.delivery_key, url=base + address_for(pbx), folder=pbx.recordings_there
        )
    if menus := prompts.recorded(pbx):
        files[prompts.SCRIPT] = prompts.script(menus, base=base)
    return files


def sounds_for(pbx: Pbx) -> dict[str, bytes]:
    """What callers of menus hear, for a PBX that does not reach the box."""
    return {
        f"sounds/{prompts.FOLDER}/{one.name}.wav": b"".join(recall.read(one.prompt))
        for one in prompts.recorded(pbx)
        if one.prompt is not None
    }


def packed(files: Mapping[str, str | bytes]) -> bytes:
    out = io.BytesIO()
    now = timezone.localtime().timetuple()[:6]
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, now)
            # Secrets are in them.
            entry.external_attr = (0o700 if name.endswith(".sh") else 0o600) << 16
            archive.writestr(entry, content)
    return out.getvalue()
