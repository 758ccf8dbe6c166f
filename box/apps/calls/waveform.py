"""How loud a recording is, from its beginning to its end: what a player draws. Pure, and bounded."""

from __future__ import annotations

import hashlib
import wave
from dataclasses import dataclass
from typing import IO

BARS = 160
CHUNK = 1024 * 1024
MOST_FRAMES = 2 * CHUNK
"""At once, whatever the file's head says of its length: 160 of them are a day of speech."""
_TYPES = {b"RIFF": "audio/wav", b"OggS": "audio/ogg", b"ID3\x03": "audio/mpeg", b"ID3\x04": "audio/mpeg"}


@dataclass(frozen=True)
class Sound:
    content_type: str
    sha256: str
    seconds: int = 0
    waveform: tuple[int, ...] = ()


def heard(stream: IO[bytes]) -> Sound:
    """Of anything but 16-bit PCM no waveform is known: the player draws a line."""
    stream.seek(0)
    digest = hashlib.sha256()
    head = b""
    while chunk := stream.read(CHUNK):
        head = head or chunk[:4]
        digest.update(chunk)
    content_type = _TYPES.get(
        head, "audio/mpeg" if head[:2] in (b"\xff\xfb", b"\xff\xf3") else "application/octet-stream"
    )
    stream.seek(0)
    seconds, bars = _of_wave(stream) if content_type == "audio/wav" else (0, ())
    return Sound(content_type, digest.hexdigest(), seconds, bars)


def _of_wave(stream: IO[bytes]) -> tuple[int, tuple[int, ...]]:
    try:
        # A file says itself how it was opened, and one for reading and writing would be refused.
        with wave.open(stream, "rb") as sound:
            frames, rate = sound.getnframes(), sound.getframerate()
            if sound.getsampwidth() != 2 or not frames or not rate:
                return 0, ()
            per_bar = min(max(1, -(-frames // BARS)), MOST_FRAMES)
            bars: list[int] = []
            # Of one that breaks off there may be half a sample at the end.
            while len(bars) < BARS and len(data := sound.readframes(per_bar)) > 1:
                samples = memoryview(data[: len(data) // 2 * 2]).cast("h")
                loud, low = max(samples), min(samples)
                bars.append(max(loud, -low))
    except (wave.Error, EOFError):
        return 0, ()
    # Speech is seldom louder than a quarter of what a sample holds.
    loudest = max(*bars, 8192) if bars else 1
    return round(frames / rate), tuple(round(bar * 100 / loudest) for bar in bars)
