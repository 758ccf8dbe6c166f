"""How a phone in a browser gets to its PBX: a ticket for the balancer, which lets nobody else near it, and a
password of its own for an hour. Neither is stored, and the PBX's other secrets never leave the box."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils.crypto import salted_hmac

from box.bridges.telephony.facts import CREDENTIALS_CONTEXT
from box.bridges.telephony.models import Credential
from box.bridges.telephony.relays import Relay

LIVES = timedelta(hours=1)
TICKET_LIVES = timedelta(minutes=2)
"""For connecting; what is connected stays."""
_SALT = "box.bridges.telephony.credentials"


@dataclass(frozen=True)
class Phone:
    """What a browser needs to be the phone of an extension."""

    number: str
    password: str
    socket: str
    """Path and query on the portal's own host."""
    expires_at: datetime
    relays: Sequence[Relay] = ()
    """By way of which sound passes where there is no straight way."""


def password(credential: Credential) -> str:
    """48 hexadecimal digits."""
    said = f"{credential.pbx_id}:{credential.number}:{credential.key}"
    return salted_hmac(_SALT, said, algorithm="sha256").hexdigest()[:48]


def nobodys_password() -> str:
    """As long, and known to nobody."""
    return secrets.token_hex(24)


def socket_path(pbx_name: str, *, now: datetime) -> str:
    return f"/phone/{pbx_name}?ticket={_ticket(pbx_name, until=now + TICKET_LIVES)}"


def _ticket(pbx_name: str, *, until: datetime) -> str:
    """A JSON Web Token (RFC 7519) with HS256: HAProxy's `jwt_verify` reads it."""
    parts = ({"alg": "HS256", "typ": "JWT"}, {"aud": pbx_name, "exp": int(until.timestamp())})
    signed = ".".join(_base64(json.dumps(part, separators=(",", ":")).encode()) for part in parts)
    signature = hmac.digest(settings.BROWSER_PHONES_KEY.encode(), signed.encode(), hashlib.sha256)
    return f"{signed}.{_base64(signature)}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def placing(number: str, secret: str) -> dict[str, str]:
    """Headers of the Originate that runs the step of the dialplan which keeps it: no right of the manager
    user writes AstDB but one that also runs programs."""
    return {
        "Channel": f"Local/{number}@{CREDENTIALS_CONTEXT}/n",
        "Application": "NoOp",
        "Variable": f"KOROBKA_PASSWORD={secret}",
        "Async": "true",
        "Timeout": "5000",
    }
