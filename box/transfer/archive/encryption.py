"""Archives that only one key opens, by age: the program `age` opens them too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from typing import TYPE_CHECKING, override

import pyrage
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from pyrage import x25519

from box.lib.pipes import Sink, piped

if TYPE_CHECKING:
    from collections.abc import Buffer


def recipient_of(text: str) -> x25519.Recipient:
    """A public key as age-keygen prints it. Raises ValidationError."""
    try:
        return x25519.Recipient.from_str(text.strip())
    except pyrage.RecipientError:
        raise ValidationError(
            _("This is no public key of age: copy the line that begins with “age1” from age-keygen."),
            code="recipient",
        ) from None


class _Buffered(BufferedIOBase):
    """A sink as the library wants one."""

    def __init__(self, out: Sink) -> None:
        self._out = out

    @override
    def writable(self) -> bool:
        return True

    @override
    def write(self, data: Buffer, /) -> int:
        self._out.write(bytes(data))
        return memoryview(data).nbytes

    @override
    def flush(self) -> None:
        self._out.flush()


@contextmanager
def encrypted(out: Sink, recipient: str) -> Iterator[Sink]:
    """A file to write into; what reaches `out` only the holder of the key can read. Nothing: as it is."""
    if not recipient:
        yield out
        return
    key = recipient_of(recipient)
    with piped(lambda plain: pyrage.encrypt_io(plain, _Buffered(out), [key])) as sealed:
        yield sealed
