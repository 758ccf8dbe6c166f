"""The WebSockets of PBXs, at which phones in browsers arrive by way of the balancer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from appliance.authorities import NamedAuthority
from appliance.node import Node

TLS = "wss://"
AUTHORITY = NamedAuthority("telephony-ca.crt", "telephony.ca_file", lambda node: node.box.telephony.ca_file)


@dataclass(frozen=True)
class PhoneSocket:
    """Where one PBX takes in phones; encrypted where its address begins with `wss://`."""

    address: str
    is_tls: bool

    @property
    def host(self) -> str:
        """The name that the PBX's certificate has to have."""
        return self.address.rpartition(":")[0]


def phone_socket(address: str) -> PhoneSocket:
    return PhoneSocket(address.removeprefix(TLS), address.startswith(TLS))


def phone_sockets(node: Node) -> Mapping[str, PhoneSocket]:
    """By the names that the PBXs have in the portal."""
    entries = (entry.split("=", 1) for entry in node.box.telephony.phones)
    return {name: phone_socket(address) for name, address in entries}
