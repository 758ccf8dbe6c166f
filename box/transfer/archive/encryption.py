"""Archives that only one key opens, by age: the program `age` opens them too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import pyrage
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from pyrage import x25519

from box.lib.piping import piped

HEADER = b"age-encryption.org/v1"


def recipient_of(text: str) -> x25519.Recipient:
    """A public key as age-keygen prints it. Raises ValidationError."""
    try:
        return x25519.Recipient.from_str(text.strip())
    except pyrage.RecipientError:
        raise ValidationError(
            _("This is no public key of age: copy the line that begins with “age1” from age-keygen."),
            code="recipient",
        ) from None


@contextmanager
def encrypted(out: IO[bytes], recipient: str) -> Iterator[IO[bytes]]:
    """A file to write into; what reaches `out` only the holder of the key can read. Nothing: as it is."""
    if not recipient:
        yield out
        return
    key = recipient_of(recipient)
    with piped(lambda plain: pyrage.encrypt_io(plain, out, [key])) as sealed:
        yield sealed
