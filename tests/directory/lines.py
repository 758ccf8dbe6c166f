"""A line over which a directory is changed, and read past the portal's own code."""

from __future__ import annotations

import ssl
from typing import Any

import ldap3


def administrator(address: str, admin: str, password: str) -> Any:
    """As the administrator, over StartTLS; `address` is a host, with a port where it is not the usual one."""
    host, _colon, port = address.partition(":")
    server = ldap3.Server(
        host, port=int(port or 389), tls=ldap3.Tls(validate=ssl.CERT_NONE), get_info=ldap3.NONE
    )
    return ldap3.Connection(server, admin, password, auto_bind=ldap3.AUTO_BIND_TLS_BEFORE_BIND)
