"""Switching a machine on over the network: its card waits for its own address sixteen times over.

Source: AMD, "Magic Packet Technology" (1995). The packet is of UDP, to everybody, at port 9, "discard".
"""

from __future__ import annotations

import socket

PORT = 9
_EVERYBODY = "255.255.255.255"


def packet(mac: str) -> bytes:
    """102 bytes: six of ones, then the address (`52:54:00:12:34:56`) sixteen times."""
    return b"\xff" * 6 + bytes.fromhex(mac.replace(":", "")) * 16


def wake(mac: str, *, source: str, to: str = _EVERYBODY, port: int = PORT) -> None:
    """From the network of the address `source`, which is this machine's own. Nobody answers."""
    if ":" in source:
        source = ""  # there is no broadcast in IPv6
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sender.bind((source, 0))
        sender.sendto(packet(mac), (to, port))
