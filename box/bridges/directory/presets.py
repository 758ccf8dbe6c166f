"""What each kind of directory calls things: to begin with, and changed where a company does otherwise."""

from __future__ import annotations

from dataclasses import dataclass

from box.bridges.directory.mapping import FieldRule, Mapping
from box.bridges.directory.models import Connection


@dataclass(frozen=True)
class Preset:
    mapping: Mapping
    people_filter: str
    group_filter: str
    unit_filter: str = "(objectClass=organizationalUnit)"


_AD = Preset(
    Mapping(
        stable_id="objectGUID",
        fields=(
            FieldRule("login", "sAMAccountName", "lower"),
            FieldRule("email", "mail", "lower"),
            FieldRule("last_name", "sn"),
            FieldRule("first_name", "givenName"),
            FieldRule("patronymic", "middleName"),
            FieldRule("position", "title"),
            FieldRule("phone", "telephoneNumber", "phone"),
            FieldRule("city", "l"),
        ),
        photo=("thumbnailPhoto", "jpegPhoto"),
        manager="manager",
        disabled="userAccountControl",
        expires="accountExpires",
        number="employeeID",
    ),
    # Computers are users too, and contacts are persons.
    people_filter="(&(objectCategory=person)(objectClass=user))",
    group_filter="(objectClass=group)",
)
_OPENLDAP = Preset(
    Mapping(
        stable_id="entryUUID",
        fields=(
            FieldRule("login", "uid", "lower"),
            FieldRule("email", "mail", "lower"),
            FieldRule("last_name", "sn"),
            FieldRule("first_name", "givenName"),
            FieldRule("position", "title"),
            FieldRule("phone", "telephoneNumber", "phone"),
            FieldRule("city", "l"),
        ),
        photo=("jpegPhoto",),
        manager="manager",
        disabled="pwdAccountLockedTime",
        number="employeeNumber",
    ),
    people_filter="(objectClass=inetOrgPerson)",
    group_filter="(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames))",
)
_FREEIPA = Preset(
    Mapping(
        stable_id="ipaUniqueID",
        fields=_OPENLDAP.mapping.fields,
        photo=("jpegPhoto",),
        manager="manager",
        disabled="nsAccountLock",
        expires="krbPrincipalExpiration",
        number="employeeNumber",
        # FreeIPA keeps all people in one place: the tree says nothing.
        departments="attribute",
        department_attribute="ou",
    ),
    people_filter="(objectClass=posixAccount)",
    group_filter="(objectClass=ipaUserGroup)",
)

PRESETS: dict[str, Preset] = {
    Connection.Kind.AD: _AD,
    Connection.Kind.OPENLDAP: _OPENLDAP,
    Connection.Kind.FREEIPA: _FREEIPA,
}


def preset(kind: str) -> Preset:
    return PRESETS[kind]


def people_filter(connection: Connection) -> str:
    return connection.people_filter.strip() or preset(connection.kind).people_filter


def group_filter(connection: Connection) -> str:
    return connection.group_filter.strip() or preset(connection.kind).group_filter
