"""Recordings of calls: collected from a folder that PBX and box share, or taken from the PBX's own hand,
signed."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from django.utils.translation import gettext as _

LARGEST = 500 * 1024 * 1024
"""A day of speech in 8 kHz WAV is larger; a call is not."""
VALID_SECONDS = 300
_SUFFIXES = {".wav", ".mp3", ".ogg", ".gsm", ".wav49"}
_PART = re.compile(r"[A-Za-z0-9_.,+@=-]{1,200}")
_MAGIC = {".wav": b"RIFF", ".wav49": b"RIFF", ".ogg": b"OggS"}


class RecordingRefused(Exception):
    """It is not taken in; the text says why."""


@dataclass(frozen=True)
class Folder:
    """Where the PBX's recordings are seen here."""

    here: Path
    there: str
    """The same folder by the PBX's name: `/var/spool/asterisk/monitor`."""

    def open(self, file: str) -> BinaryIO:
        """The recording that the PBX calls so. No link is followed, and nothing above the folder is reached.

        Raises RecordingRefused, and FileNotFoundError where it is not there, or not yet.
        """
        parts = relative(file, self.there)
        folder = os.open(self.here, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for part in parts[:-1]:
                inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
                os.close(folder)
                folder = inner
            found = os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        except FileNotFoundError:
            raise
        except OSError as error:
            said = _("%(file)s is no plain file in the folder of recordings (%(why)s).")
            raise RecordingRefused(said % {"file": file[:200], "why": error.strerror}) from error
        finally:
            os.close(folder)
        status = os.fstat(found)
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST:
            os.close(found)
            said = _("%(file)s is no plain file, or has more than %(most)s MB.")
            raise RecordingRefused(said % {"file": file[:200], "most": LARGEST // 1024 // 1024})
        stream = os.fdopen(found, "rb")
        magic = _MAGIC.get(PurePosixPath(file).suffix.lower(), b"")
        if magic and stream.read(len(magic)) != magic:
            stream.close()
            said = _("%(file)s is not what its name says.")
            raise RecordingRefused(said % {"file": file[:200]})
        stream.seek(0)
        return stream


def relative(file: str, folder: str) -> tuple[str, ...]:
    """The parts of a recording's path within its folder. Raises RecordingRefused."""
    path = PurePosixPath(file)
    if path.is_absolute():
        try:
            path = path.relative_to(PurePosixPath(folder))
        except ValueError as error:
            said = _("%(file)s does not lie in %(folder)s.")
            raise RecordingRefused(said % {"file": repr(file[:200]), "folder": folder}) from error
    parts = path.parts
    if not parts or len(parts) > 8 or any(part in ("..", ".") or not _PART.fullmatch(part) for part in parts):
        said = _("%(file)s is no name of a recording.")
        raise RecordingRefused(said % {"file": repr(file[:200])})
    if path.suffix.lower() not in _SUFFIXES:
        said = _("%(file)s has no ending of a recording: %(endings)s.")
        raise RecordingRefused(said % {"file": repr(file[:200]), "endings": ", ".join(sorted(_SUFFIXES))})
    return parts


# --- by the PBX's own hand


@dataclass(frozen=True)
class Delivery:
    """What the generated script says of a file that it sends."""

    pbx: str
    file: str
    size: int
    sha256: str
    sent_at: int


def signature(delivery: Delivery, key: str) -> str:
    """HMAC-SHA256, in hexadecimal, over one line a field: what `SCRIPT` makes with openssl."""
    signed = f"{delivery.pbx}\n{delivery.file}\n{delivery.size}\n{delivery.sha256}\n{delivery.sent_at}"
    return hmac.new(key.encode(), signed.encode(), hashlib.sha256).hexdigest()


def accept(headers: Mapping[str, str], *, keys: Mapping[str, str], folder: str, now: int) -> Delivery:
    """Whether a file may come in, before a byte of it is read. `keys` are the known PBXs'. Raises
    RecordingRefused."""
    try:
        delivery = Delivery(
            headers["X-Korobka-Pbx"],
            headers["X-Korobka-File"],
            int(headers["X-Korobka-Size"]),
            headers["X-Korobka-Sha256"],
            int(headers["X-Korobka-Sent"]),
        )
    except (KeyError, ValueError) as error:
        raise RecordingRefused("This is no delivery of a recording.") from error
    key = keys.get(delivery.pbx, "")
    # One answer whether the PBX is unknown or the signature wrong.
    given = headers.get("X-Korobka-Signature", "").encode()
    if not hmac.compare_digest(signature(delivery, key).encode(), given) or not key:
        raise RecordingRefused("The signature is wrong: put the script on the PBX anew.")
    if abs(now - delivery.sent_at) > VALID_SECONDS:
        raise RecordingRefused(
            "The PBX's clock differs from the box's by more than five minutes: set it by NTP."
        )
    if not 0 < delivery.size <= LARGEST or not re.fullmatch(r"[0-9a-f]{64}", delivery.sha256):
        raise RecordingRefused(f"A recording has up to {LARGEST // 1024 // 1024} MB.")
    relative(delivery.file, folder)
    return delivery


SCRIPT = """\
#!/bin/sh
# Sends recordings to the box. Asterisk calls it with the file when a call is over; what the box does not take
# then is noted, and sent when the next call is over, or by cron, as the user of Asterisk and without a file:
#   */5 * * * * asterisk /usr/local/bin/korobka_recording.sh
# Keep it readable by Asterisk only: it holds the key.
set -eu
umask 077
unsent={folder}/korobka-unsent
send() {{
  file=$1
  shift
  size=$(stat -c %s -- "$file") || return
  sum=$(sha256sum -- "$file" | cut -d' ' -f1) || return
  sent=$(date +%s)
  mac=$(printf '%s\\n%s\\n%s\\n%s\\n%s' {pbx} "$file" "$size" "$sum" "$sent" |
    openssl dgst -sha256 -hmac {key} -r | cut -d' ' -f1) || return
  curl --fail --silent --show-error --connect-timeout 20 --max-time 600 "$@" --data-binary @"$file" \\
    -H "X-Korobka-Pbx: "{pbx} -H "X-Korobka-File: $file" \\
    -H "X-Korobka-Size: $size" -H "X-Korobka-Sha256: $sum" \\
    -H "X-Korobka-Sent: $sent" -H "X-Korobka-Signature: $mac" \\
    -H 'Content-Type: application/octet-stream' {url}
}}
mkdir -p "$unsent"
if [ $# -gt 0 ]; then
  note=$unsent/${{1##*/}}
  printf '%s\\n' "$1" > "$note"
  send "$1" --retry 5 || exit
  rm -f -- "$note"
fi
# One at a time looks after the others; what nobody wanted for a week nobody will.
exec 9> "$unsent.lock"
flock -n 9 || exit 0
find "$unsent" -type f -mtime +6 -delete
for note in "$unsent"/*; do
  read -r file 2>/dev/null < "$note" || continue
  status=0
  if [ -e "$file" ]; then send "$file" || status=$?; fi
  case $status in
    0) rm -f -- "$note" ;;
    # The box has answered, and does not take this one yet.
    22) ;;
    *) exit "$status" ;;
  esac
done
"""


def script(*, pbx: str, key: str, url: str, folder: str) -> str:
    """The receiver's counterpart on the PBX, where recordings lie in `folder`. Raises RecordingRefused for
    what a shell would read otherwise."""
    return SCRIPT.format(
        pbx=f"'{plain(pbx)}'", key=f"'{plain(key)}'", url=f"'{plain(url)}'", folder=f"'{plain(folder)}'"
    )


def plain(text: str) -> str:
    """For a script, between quotes. Raises RecordingRefused."""
    if not re.fullmatch(r"[A-Za-z0-9_./:?=&%-]{1,300}", text):
        said = _("%(text)s has signs that a shell reads: plain letters and digits, please.")
        raise RecordingRefused(said % {"text": repr(text[:40])})
    return text
