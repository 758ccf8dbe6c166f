"""Servers that DNS names: in place of a server a name under which domain controllers register (MS-ADTS
6.3.2), `_ldap._tcp.dc._msdcs.corp.example`, or of one site `_ldap._tcp.Berlin._sites.dc._msdcs.corp.example`.

DNS is believed where a server is, and not who it is: a target outside of the domain is not asked, for its
certificate would prove only that it is called as whoever forged the answer says. Nor is one that is no name
of a host: a label holds any letter, and `evil.test/x.corp.example` is in an address another server.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from django.core.cache import cache

if TYPE_CHECKING:
    from dns.resolver import Resolver
    from dns.rrset import RRset

log = logging.getLogger(__name__)

_NAME = re.compile(r"_(ldaps?)\._tcp(\.[a-z0-9_-]{1,63}){2,}", re.IGNORECASE)
_HOST = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?")
# With what is before it, no key of the cache may be longer than 250.
LONGEST_NAME = 200
# Of a domain with a hundred controllers nobody waits for each.
MOST = 8
ANSWER_SECONDS = 3.0
# As long as the records say, within these; nothing found is asked again soon.
SHORTEST, LONGEST, NOTHING = 60, 900, 10
LDAP = "ldap"


def is_name(server: str) -> bool:
    """Whether it stands for the servers that DNS has under it."""
    return len(server) <= LONGEST_NAME and _NAME.fullmatch(server) is not None


def resolver() -> Resolver:
    """As the machine is set up to ask."""
    # Only where names are asked for: the library costs each worker memory.
    from dns.resolver import Resolver

    return Resolver()


def found_under(name: str, *, is_ldaps: bool) -> list[str]:
    """`dc1.corp.example:389`, in the order of RFC 2782; nothing where DNS does not say, which the log does.

    Controllers register the port of plain LDAP: over LDAPS its usual one is meant.
    """
    key = f"directory:controllers:{is_ldaps}:{name.lower()}"
    known: list[str] | None = cache.get(key)
    if known is None:
        known, seconds = _asked(name, is_ldaps=is_ldaps)
        cache.set(key, known, seconds)
    return known


def _asked(name: str, *, is_ldaps: bool) -> tuple[list[str], int]:
    from dns.exception import DNSException

    try:
        records = resolver().resolve(f"{name}.", "SRV", lifetime=ANSWER_SECONDS).rrset
    except DNSException as error:
        log.warning("DNS names no server under %s: %s", name, error)
        return [], NOTHING
    servers = servers_in(records, name, is_ldaps=is_ldaps) if records is not None else []
    if records is None or not servers:
        return [], NOTHING
    return servers, min(max(int(records.ttl), SHORTEST), LONGEST)


def servers_in(records: RRset, name: str, *, is_ldaps: bool) -> list[str]:
    """Those of an answer that may be asked; the log has one line of the others, however many."""
    from dns.rdtypes.IN.SRV import SRV

    match = _NAME.fullmatch(name)
    has_usual_port = is_ldaps and match is not None and match[1].lower() == LDAP
    found: dict[str, None] = {}
    strangers = []
    for record in records.processing_order():
        if not isinstance(record, SRV):
            continue
        host = record.target.to_text(omit_final_dot=True).lower()
        if _HOST.fullmatch(host) and host.endswith(f".{_domain(name)}"):
            found[host if has_usual_port else f"{host}:{record.port}"] = None
        else:
            strangers.append(host)
    if strangers:
        log.warning(
            "DNS names %s under %s, and %s more of that kind: no host of the domain, and not asked.",
            strangers[0], name, len(strangers) - 1,
        )  # fmt: skip
    return list(found)[:MOST]


def _domain(name: str) -> str:
    """What stands behind the last label that is no host's."""
    labels = name.lower().rstrip(".").split(".")
    last = max(place for place, label in enumerate(labels) if label.startswith("_"))
    return ".".join(labels[last + 1 :])
