"""Who is in a group of a directory, through other groups too: for the rules of signing in."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

import ldap
import ldap.filter
from django_auth_ldap.config import LDAPGroupQuery, LDAPGroupType

from box.bridges.directory import distinguished_names
from box.bridges.directory.models import Connection

if TYPE_CHECKING:
    from box.bridges.directory.authentication import DirectoryUser

# Active Directory walks the chain of groups itself.
IN_CHAIN = "1.2.840.113556.1.4.1941"
DEEPEST = 50


class GroupMissing(Exception):
    """A rule names a group that there is not: renamed, removed, or hidden from the bind account."""


class GroupHidden(Exception):
    """A rule names a group of which the bind account may not see who is in it."""


def any_of(groups: Iterable[str]) -> LDAPGroupQuery | None:
    queries = [LDAPGroupQuery(dn) for dn in groups if dn.strip()]
    return reduce(or_, queries) if queries else None


class Membership(LDAPGroupType):  # type: ignore[misc]
    """Asks about one group, by the directory's own means where it has them."""

    def __init__(self, connection: Connection, bases: Iterable[str]) -> None:
        super().__init__()
        self._is_ad = connection.kind == Connection.Kind.AD
        self._bases = tuple(bases)

    def is_member(self, ldap_user: DirectoryUser, group_dn: str) -> bool:
        """Raises GroupMissing and GroupHidden."""
        group = self._entry(ldap_user, group_dn)
        if self._is_ad:
            return self._is_primary(ldap_user, group) or self._is_in_chain(ldap_user, group_dn)
        if distinguished_names.key(group_dn) in self._all_groups(ldap_user):
            return True
        if self._is_hidden(ldap_user, group_dn):
            raise GroupHidden(group_dn)
        return False

    def _entry(self, ldap_user: DirectoryUser, group_dn: str) -> dict[str, list[bytes]]:
        try:
            found = ldap_user.connection.search_ext_s(
                group_dn, ldap.SCOPE_BASE, "(objectClass=*)", ["objectSid", "cn"]
            )
        except (ldap.NO_SUCH_OBJECT, ldap.INVALID_DN_SYNTAX):
            found = []
        entries = [values for dn, values in found if dn]
        if not entries:
            raise GroupMissing(group_dn)
        return entries[0]  # type: ignore[no-any-return]

    def _is_in_chain(self, ldap_user: DirectoryUser, group_dn: str) -> bool:
        """By the group and by the person: who may not see the members of one may see the groups of the
        other, and Active Directory does not say what it hides."""
        return any(
            _matches(ldap_user, dn, f"({attribute}:{IN_CHAIN}:={ldap.filter.escape_filter_chars(value)})")
            for dn, attribute, value in (
                (group_dn, "member", ldap_user.dn),
                (ldap_user.dn, "memberOf", group_dn),
            )
        )

    def _is_hidden(self, ldap_user: DirectoryUser, group_dn: str) -> bool:
        """What may not be looked at is neither there nor not there (RFC 4511, 4.5.1.7)."""
        decided = "".join(f"(|({name}=*)(!({name}=*)))" for name in ("member", "uniqueMember"))
        return not _matches(ldap_user, group_dn, f"(&{decided})")

    def _is_primary(self, ldap_user: DirectoryUser, group: dict[str, list[bytes]]) -> bool:
        """Of the primary group nobody is a `member`: the person names it by the end of its identifier."""
        sids, primary = group.get("objectSid"), ldap_user.attrs.get("primarygroupid")
        if not sids or not primary:
            return False
        return int.from_bytes(sids[0][-4:], "little") == int(primary[0])

    def _all_groups(self, ldap_user: DirectoryUser) -> set[str]:
        """Keys of the names of all groups above, level by level; one in a circle is met once."""
        found: set[str] = set()
        level = [ldap_user.dn]
        for _depth in range(DEEPEST):
            above = [dn for member in level for dn in self._groups_of(ldap_user, member)]
            level = [dn for dn in above if distinguished_names.key(dn) not in found]
            found |= {distinguished_names.key(dn) for dn in level}
            if not level:
                break
        return found

    def _groups_of(self, ldap_user: DirectoryUser, member: str) -> list[str]:
        escaped = ldap.filter.escape_filter_chars(member)
        filterstr = f"(|(member={escaped})(uniqueMember={escaped}))"
        answers: list[Any] = []
        for base in self._bases or ldap_user.bases:
            answers += ldap_user.connection.search_ext_s(base, ldap.SCOPE_SUBTREE, filterstr, ["1.1"])
        return [dn for dn, _values in answers if dn]


def _matches(ldap_user: DirectoryUser, dn: str, filterstr: str) -> bool:
    """Whether this very entry does."""
    found = ldap_user.connection.search_ext_s(dn, ldap.SCOPE_BASE, filterstr, ["1.1"])
    return any(dn for dn, _values in found)
