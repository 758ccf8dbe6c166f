"""What callers of a menu hear, as somebody has recorded it: what every Asterisk plays, and nothing else.

Browsers make that of whatever sound is chosen (static/calls/prompts.js), so that nothing is decoded here.
"""

from __future__ import annotations

import hashlib
import io
import wave
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from django.core import signing
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from box.bridges.telephony.models import CallMenu
from box.bridges.telephony.recordings import plain
from box.core.files.models import Blob, new_key
from box.core.files.store import store

if TYPE_CHECKING:
    from collections.abc import Iterable

    from box.bridges.telephony.models import Pbx

RATE = 8000
"""Samples a second; each has 16 bits, and there is one channel."""
LONGEST_SECONDS = 120
FOLDER = "korobka"
"""Among the sounds of a PBX."""
SCRIPT = "korobka_sounds.sh"
_signer = signing.Signer(salt="calls.prompt")


@dataclass(frozen=True)
class Prompt:
    """A WAV file of `RATE`."""

    content: bytes
    seconds: int


def read(stream: IO[bytes]) -> Prompt:
    """Written anew: what stands around the sound is left behind. Raises ValidationError."""
    refused = ValidationError(
        _("Choose a sound of at most %(most)s seconds. Without scripts: WAV of 8 kHz, 16 bits, mono.")
        % {"most": LONGEST_SECONDS},
        code="sound",
    )
    try:
        with wave.open(stream, "rb") as given:
            shape = given.getnchannels(), given.getsampwidth(), given.getframerate()
            frames = given.getnframes()
            if shape != (1, 2, RATE) or not 0 < frames <= LONGEST_SECONDS * RATE:
                raise refused
            samples = given.readframes(frames)
    except (wave.Error, EOFError):
        raise refused from None
    if len(samples) != 2 * frames:
        raise refused
    out = io.BytesIO()
    with wave.open(out, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(RATE)
        written.writeframes(samples)
    return Prompt(out.getvalue(), -(-frames // RATE))


def put(prompt: Prompt) -> Blob:
    """Into the store; a blob that no menu names goes by itself."""
    key = new_key(timezone.now())
    store().write_from(key, io.BytesIO(prompt.content), len(prompt.content), content_type="audio/wav")
    return Blob.objects.create(
        key=key, size=len(prompt.content), content_type="audio/wav", inspected_at=timezone.now(),
        sha256=hashlib.sha256(prompt.content).hexdigest(),
    )  # fmt: skip


def sound_of(menu: CallMenu) -> str:
    """As the PBX's dialplan names what was recorded here."""
    return f"{FOLDER}/{menu.name}"


# Of the PBX's own accord


def token_of(menu: CallMenu) -> str:
    return str(_signer.sign(str(menu.pk)))


def menu_of(token: str) -> CallMenu | None:
    """Whose sound the PBX asks for, if there is one."""
    try:
        pk = int(_signer.unsign(token))
    except (signing.BadSignature, ValueError):
        return None
    return CallMenu.objects.select_related("prompt").filter(pk=pk, prompt__isnull=False).first()


_HEAD = """\
#!/bin/sh
# Fetches what callers of menus hear from the box. Run it after a sound was changed there, or by cron.
set -eu
# Debian has another place for sounds than others.
data=$(awk '$1 == "astdatadir" {print $3}' /etc/asterisk/asterisk.conf 2>/dev/null || :)
folder=${1:-${data:-/var/lib/asterisk}/sounds/korobka}
mkdir -p "$folder"
fetch() {
  curl --fail --silent --show-error --location --retry 5 --max-time 60 --output "$folder/$1.new" "$2"
  mv "$folder/$1.new" "$folder/$1.wav"
}
"""


def recorded(pbx: Pbx) -> list[CallMenu]:
    """Of which menus the sound lies here."""
    return list(pbx.call_menus.filter(prompt__isnull=False).select_related("prompt").order_by("name"))


def script(menus: Iterable[CallMenu], *, base: str) -> str:
    """`base` is the box's own address. Raises RecordingRefused for what a shell would read otherwise."""
    lines = [
        f"fetch '{plain(one.name)}' '{plain(base + reverse('calls:fetched-prompt', args=[token_of(one)]))}'\n"
        for one in menus
    ]
    return _HEAD + "".join(lines)
