"""The authority of an external store."""

from __future__ import annotations

from appliance.authorities import NamedAuthority
from appliance.node import Node


def _named(node: Node) -> str:
    objects = node.box.objects
    return objects.ca_file if objects.engine == "external" else ""


AUTHORITY = NamedAuthority("store-ca.crt", "objects.ca_file", _named)
NAME = AUTHORITY.name
file_of, text_of, keep = AUTHORITY.file_of, AUTHORITY.text_of, AUTHORITY.keep
