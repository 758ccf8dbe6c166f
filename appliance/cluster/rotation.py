"""Another authority for all nodes, so that nothing which the one before has vouched for opens anything.

Three times from node to node (`rolling.Rotate`): all trust both authorities; all show certificates of the new
one; all forget the old one. So at every moment any two of them know each other, wherever it stops. What is to
come lies in one file beside what holds: a node has all of it, or nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from contextlib import suppress
from dataclasses import dataclass

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from appliance.certificates import key_pem
from appliance.cluster import https, identity
from appliance.cluster.identity import NEXT, REALMS, Authority, Realm
from appliance.cluster.topology import MEMBER_PORT, Member, TopologyRefused, folder
from appliance.files import write_atomically
from appliance.node import Node
from appliance.paths import Paths

PATH = "/authorities"
MOST_BYTES = 64 << 10
_MOST_SEALS = 2
TURNED = ("etcd", "database", "router", "balancer", "member")
"""Services that show a certificate of the cluster or look at one, in the order in which they begin anew."""


@dataclass(frozen=True)
class Offer:
    """Where a node gets the next authorities, and the SHA-256 of their file."""

    address: str
    sha256: str


def is_under_way(paths: Paths) -> bool:
    return (folder(paths) / NEXT).exists()


def prepare(node: Node) -> Offer:
    """Make the next authorities here, for the others to fetch. Those of a rotation that has not come to its
    end are kept: nodes may show certificates of them already."""
    if (text := _stored(node.paths)) is None:
        made = {realm: identity.create_authority(realm) for realm in REALMS}
        text = json.dumps(dict(_texts(made)), sort_keys=True).encode()
        _store(node.paths, text)
    return Offer(node.cluster.me.address, hashlib.sha256(text).hexdigest())


def offered(paths: Paths) -> bytes | None:
    """What another node is given: whoever can read it can make nodes.

    So it is sealed with the key of each authority that this node knows, which are root's on every node, some
    of which have only one of them. A node's certificate says too little: its etcd and its database show the
    same one, as users of their own.
    """
    found = _stored(paths)
    return None if found is None else b"\n".join(seal.encrypt(found) for seal in _seals(paths))


def trust(node: Node, offer: Offer) -> None:
    """Fetch the next authorities, and trust them beside those that hold."""
    before = _stored(node.paths)
    if before is not None:
        if _is(before, offer):
            return
        if _is_entered(node.paths, _read(before)):
            # Another rotation ended where this one was begun, and not here: what came of it holds.
            forget(node)
    context = identity.client_context(folder(node.paths))
    sealed = https.fetch(offer.address, MEMBER_PORT, PATH, context=context, most=MOST_BYTES)
    found = _unsealed(node.paths, sealed)
    if not _is(found, offer):
        raise TopologyRefused(f"The authorities that {offer.address} gives are not those that it spoke of.")
    _read(found)
    _store(node.paths, found)


def enter(node: Node) -> None:
    """Show certificates of the next authorities from now on."""
    found = _stored(node.paths)
    if found is None:
        raise TopologyRefused("This node was not given the next authorities: `boxctl cluster rotate` again.")
    me = node.cluster.me
    identity.reissue(node.paths, _read(found), name=me.name, address=me.address)


def forget(node: Node) -> None:
    """Trust the next authorities alone. Done again after a crash it ends the same."""
    found = _stored(node.paths)
    if found is None:
        return
    to_come = _read(found)
    if not _is_entered(node.paths, to_come):
        raise TopologyRefused(
            "This node shows a certificate of the authority that it was to forget: `boxctl cluster rotate` "
            "again."
        )
    for name, text in _texts(to_come):
        write_atomically(folder(node.paths) / name, text, mode=0o600)
    (folder(node.paths) / NEXT).unlink()


def is_member(paths: Paths, *, name: str, address: str) -> bool:
    """Whether a node that is one now is called so and has this address: a certificate says what it was."""
    known: tuple[Member, ...] = Node.load(paths).cluster.topology.members
    return any(one.name == name and one.address == address for one in known)


def _is_entered(paths: Paths, next_authorities: dict[Realm, Authority]) -> bool:
    """Whether this node shows a certificate of theirs."""
    return identity.is_issued_by(folder(paths), next_authorities[identity.NODES])


def _is(text: bytes, offer: Offer) -> bool:
    return hmac.compare_digest(hashlib.sha256(text).hexdigest(), offer.sha256)


def _texts(authorities: dict[Realm, Authority]) -> list[tuple[str, str]]:
    """By the names of their files: the key first, for a certificate without its key lets nobody in."""
    return [
        entry
        for realm, authority in authorities.items()
        for entry in (
            (realm.authority_key, key_pem(authority.key).decode()),
            (realm.authority, authority.pem),
        )
    ]


def _read(text: bytes) -> dict[Realm, Authority]:
    try:
        said = json.loads(text)
        return {
            realm: identity.authority_of(said[realm.authority].encode(), said[realm.authority_key].encode())
            for realm in REALMS
        }
    except (ValueError, KeyError, TypeError, AttributeError, identity.IdentityRefused):
        raise TopologyRefused("The next authorities cannot be read: `boxctl cluster rotate` again.") from None


def _unsealed(paths: Paths, text: bytes) -> bytes:
    """Empty where it was not sealed with a key that is here."""
    known = MultiFernet(_seals(paths))
    for sealed in text.splitlines()[:_MOST_SEALS]:
        with suppress(InvalidToken):
            return known.decrypt(sealed)
    return b""


def _seals(paths: Paths) -> list[Fernet]:
    known = identity.read_authorities(paths)
    return [Fernet(base64.urlsafe_b64encode(one.derived_key("rotation"))) for one in known]


def _stored(paths: Paths) -> bytes | None:
    try:
        return (folder(paths) / NEXT).read_bytes()
    except FileNotFoundError:
        return None


def _store(paths: Paths, text: bytes) -> None:
    write_atomically(folder(paths) / NEXT, text.decode(), mode=0o600)
