"""The configuration of a PBX as its administrator gets it: made of what is set up here."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

from django.utils import timezone

from box.bridges.telephony.generator import Phone, Plan, generate
from box.bridges.telephony.models import Pbx
from box.bridges.telephony.recordings import script

SCRIPT = "korobka_recording.sh"


def files_for(
    pbx: Pbx, *, asterisk: int, boxes: tuple[str, ...], records: bool, agi_host: str, receiver: str
) -> dict[str, str]:
    """By name. Raises Unwritable, RecordingRefused and ValueError for what cannot be written."""
    sends = records and not pbx.recordings_here
    files = generate(
        Plan(
            pbx.secret,
            asterisk=asterisk,
            box_addresses=boxes,
            manager_port=pbx.port,
            manager_user=pbx.user,
            phones=tuple(
                Phone(one.number, one.user.name if one.user else one.number, "", is_browser=True)
                for one in pbx.extensions.filter(is_browser=True).select_related("user").order_by("number")
            ),
            agi_host=agi_host,
            outgoing_prefixes=tuple(one.lstrip("+") for one in pbx.prefixes),
            records=records,
            recording_folder=pbx.recordings_there,
            recording_command=f"/usr/local/bin/{SCRIPT}" if sends else "",
            database=pbx.logs == Pbx.Logs.TABLES,
        )
    )
    if sends and pbx.delivery_key:
        files[SCRIPT] = script(pbx=pbx.name, key=pbx.delivery_key, url=receiver)
    return files


def packed(files: Mapping[str, str]) -> bytes:
    out = io.BytesIO()
    now = timezone.localtime().timetuple()[:6]
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name, now)
            # Secrets are in them.
            entry.external_attr = (0o700 if name.endswith(".sh") else 0o600) << 16
            archive.writestr(entry, text)
    return out.getvalue()
