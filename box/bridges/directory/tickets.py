"""Tickets of Kerberos, as browsers of a company's network bring them (SPNEGO, RFC 4559)."""

from __future__ import annotations

import base64
import binascii
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

logger = logging.getLogger(__name__)

SCHEME = "Negotiate"
LARGEST = 64 * 1024


class TicketRefused(Exception):
    """It is none, or not for this portal."""


@dataclass(frozen=True)
class Ticket:
    """Whom it names: `anna` of `CORP.EXAMPLE`. `answer` shows the browser that this is whom it asked."""

    login: str
    realm: str
    answer: str = ""


def token_in(header: str) -> bytes:
    """What an Authorization header brings; nothing where it brings none."""
    scheme, _space, text = header.partition(" ")
    if scheme.lower() != SCHEME.lower() or len(text) > LARGEST:
        return b""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""


def read(token: bytes, keytab: bytes) -> Ticket:
    """Raises TicketRefused. Only the keytab's key decides: no server is asked."""
    # Only where tickets are taken: the library costs each worker memory.
    import gssapi

    with _as_file(keytab) as path:
        try:
            key = gssapi.Credentials(usage="accept", store={"keytab": f"FILE:{path}"})
            context = gssapi.SecurityContext(creds=key, usage="accept")
            answer = context.step(token)
            # The library tells some errors only here.
            principal = str(context.initiator_name) if context.complete else ""
        except gssapi.raw.GSSError as error:
            logger.info("A ticket was refused: %s", error.gen_message())
            raise TicketRefused from None
    return _named(principal, answer or b"")


def _named(principal: str, answer: bytes) -> Ticket:
    login, _at, realm = principal.rpartition("@")
    # Services (HTTP/www) and names within names are nobody who signs in.
    if not login or not realm or set(login) & set("/\\@"):
        raise TicketRefused
    return Ticket(login, realm, base64.b64encode(answer).decode())


@contextmanager
def _as_file(content: bytes) -> Iterator[str]:
    """In memory, under a name: the library reads keys from files only, and the disk must not have it."""
    number = os.memfd_create("keytab", os.MFD_CLOEXEC)
    try:
        os.write(number, content)
        yield f"/proc/self/fd/{number}"
    finally:
        os.close(number)
