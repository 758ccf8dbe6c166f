"""Looking around in a directory: its tree, and single entries with what they hold."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import islice

from django.utils.translation import gettext as _
from ldap3.utils.conv import escape_filter_chars
from PIL import ImageOps

from box.bridges.directory import distinguished_names
from box.bridges.directory.client import Directory, Entry
from box.core.files.decoder_client import Busy, Undecodable, decoded

PAGE = 100
# A folder with more is searched, not read to its end.
MOST_CHILDREN = 5000
MOST_VALUES = 10
LONGEST_VALUE = 300
PHOTO_SIDE = 96
LARGEST_PHOTO = 5 * 2**20

# Never asked for and never shown, whatever the account may read.
SECRETS = frozenset(
    [
        "userpassword",
        "unicodepwd",
        "dbcspwd",
        "lmpwdhistory",
        "ntpwdhistory",
        "supplementalcredentials",
        "sambantpassword",
        "sambalmpassword",
        "sambapasswordhistory",
        "krbprincipalkey",
        "krbprincipalauthind",
        "ipanthash",
        "ms-mcs-admpwd",
        "mslaps-password",
        "mslaps-encryptedpassword",
        "mslaps-encryptedpasswordhistory",
        "msds-managedpassword",
        "msds-keycredentiallink",
        "krbextradata",
        "pwdhistory",
        "userpkcs12",
        "authpassword",
        "ipatokenotpkey",
        "olcrootpw",
        "trustauthincoming",
        "trustauthoutgoing",
        "currentvalue",
        "priorvalue",
        "initialauthincoming",
        "initialauthoutgoing",
        "msfve-recoverypassword",
        "carlicensekey",
    ]
)
PHOTOS = frozenset(("jpegphoto", "thumbnailphoto", "photo"))
_OWN = (
    "cn=configuration",
    "cn=schema",
    "cn=monitor",
    "cn=config",
    "cn=changelog",
    "dc=forestdnszones",
    "dc=domaindnszones",
    "o=ipaca",
)
_CONTAINERS = (
    "(|(objectClass=organizationalUnit)(objectClass=container)(objectClass=domain)(objectClass=organization)"
    "(objectClass=builtinDomain)(objectClass=nsContainer)(objectClass=country)(objectClass=locality))"
)
_KINDS = (
    ("organizationalunit", "unit"),
    ("group", "group"),
    ("groupofnames", "group"),
    ("groupofuniquenames", "group"),
    ("posixgroup", "group"),
    ("ipausergroup", "group"),
    ("computer", "computer"),
    ("inetorgperson", "person"),
    ("user", "person"),
    ("person", "person"),
    ("domain", "domain"),
    ("organization", "domain"),
    ("container", "folder"),
    ("nscontainer", "folder"),
    ("builtindomain", "folder"),
)


@dataclass(frozen=True)
class Node:
    """A line of the tree. `kind` is domain, unit, folder, person, group, computer or entry."""

    dn: str
    name: str
    kind: str

    @property
    def is_folder(self) -> bool:
        return self.kind in ("domain", "unit", "folder")


@dataclass(frozen=True)
class Children:
    """What is directly under an entry: folders first. `next_skip` is None where that is all."""

    nodes: list[Node]
    next_skip: int | None = None


@dataclass(frozen=True)
class Attribute:
    """With its values as text. `photo` is a data: address of a picture that was drawn anew."""

    name: str
    values: list[str]
    more: int = 0
    photo: str = ""


def tops(directory: Directory) -> list[Node]:
    """Where the tree begins: what the server holds, without its own configuration."""
    root = directory.root()
    first = [root.default_naming_context] if root.default_naming_context else []
    others = [dn for dn in root.naming_contexts if dn not in first and not _is_of_the_server(dn)]
    return [Node(dn, dn, "domain") for dn in (*first, *others)]


def children(directory: Directory, dn: str, *, skip: int = 0) -> Children:
    """A page of them. Servers keep the place in a list only as long as the line is open: it is read again."""
    folders: list[Node] = []
    if not skip:
        found = directory.search(dn, _CONTAINERS, ["objectClass"], scope="one", most=MOST_CHILDREN)
        folders = sorted(map(_node, found), key=_by_name)
    # Not by a filter that leaves the folders out: a class that the server doesn't know makes nothing of it.
    everything = directory.search(dn, "(objectClass=*)", ["objectClass"], scope="one", most=MOST_CHILDREN)
    others = (node for node in map(_node, everything) if not node.is_folder)
    page = list(islice(others, skip, skip + PAGE + 1))
    more = skip + PAGE if len(page) > PAGE else None
    return Children([*folders, *sorted(page[:PAGE], key=_by_name)], more)


def search(
    directory: Directory, bases: Sequence[str], text: str, *, among: str = "", most: int = 20
) -> list[Node]:
    """Entries under these bases, and of this filter, whose name, login or e-mail contains the text."""
    word = escape_filter_chars(text.strip())
    if not word:
        return []
    names = ("cn", "sAMAccountName", "uid", "mail", "sn", "ou")
    wanted = "".join(f"({name}=*{word}*)" for name in names)
    found: list[Node] = []
    for base in bases:
        filter_ = f"(&{among}(|{wanted}))" if among else f"(|{wanted})"
        entries = directory.search(base, filter_, ["objectClass"], page=most, most=most - len(found))
        found += map(_node, entries)
        if len(found) >= most:
            break
    return found


def attributes_of(directory: Directory, dn: str) -> list[Attribute] | None:
    """What the entry holds, secrets left out; None where there is none."""
    entry = directory.read(dn, ["*", "entryUUID", "objectGUID"])
    if entry is None:
        return None
    shown = [
        _attribute(name, values)
        for name, values in entry.attributes.items()
        if not is_secret(name) and values
    ]
    return sorted(shown, key=lambda one: (not one.photo, one.name != "objectClass", one.name.lower()))


def is_secret(attribute: str) -> bool:
    """With an option too, such as `userPassword;binary`."""
    return attribute.partition(";")[0].lower() in SECRETS


def attribute_names(directory: Directory, base: str, question: str, *, most: int = 50) -> list[str]:
    """Of the first people there, all attributes that hold anything and are no secret."""
    found: set[str] = set()
    for entry in directory.search(base, question, ["*"], page=most, most=most):
        found |= {name.partition(";")[0] for name, values in entry.attributes.items() if values}
    return sorted(found - SECRETS)


def shown_photo(data: bytes) -> str:
    """A small picture drawn anew, as an address that a page may show; empty for what is no picture."""
    if len(data) > LARGEST_PHOTO:
        return ""
    try:
        picture = decoded(BytesIO(data), at_least=PHOTO_SIDE)
    except (Undecodable, Busy):
        return ""
    small = ImageOps.fit(picture.image.convert("RGB"), (PHOTO_SIDE, PHOTO_SIDE))
    out = BytesIO()
    small.save(out, "WEBP", quality=80)
    return f"data:image/webp;base64,{b64encode(out.getvalue()).decode()}"


def _by_name(node: Node) -> str:
    return node.name.casefold()


def _node(entry: Entry) -> Node:
    classes = {one.lower() for one in entry.texts("objectClass")}
    kind = next((kind for known, kind in _KINDS if known in classes), "entry")
    return Node(entry.dn, distinguished_names.name_of(entry.dn), kind)


def _is_of_the_server(dn: str) -> bool:
    """What it keeps for itself: its configuration, its schema, its zones."""
    return dn.lower().startswith(_OWN)


def _attribute(name: str, values: Sequence[bytes]) -> Attribute:
    if name.partition(";")[0] in PHOTOS and (photo := shown_photo(values[0])):
        return Attribute(name, [], photo=photo)
    texts = [_as_text(name, value) for value in values[:MOST_VALUES]]
    return Attribute(name, texts, more=len(values) - len(texts))


def _as_text(name: str, value: bytes) -> str:
    if name == "objectguid":
        return value.hex()
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return _("%(count)s bytes") % {"count": len(value)}
    if (
        not text.isprintable()
        and not text.replace("\n", "").replace("\r", "").replace("\t", "").isprintable()
    ):
        return _("%(count)s bytes") % {"count": len(value)}
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"
