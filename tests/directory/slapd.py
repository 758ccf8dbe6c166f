"""A real OpenLDAP, on free ports, with the usual overlays and whatever limits a test wants."""

from __future__ import annotations

import hashlib
import os
from base64 import b64encode
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from tests.directory import entries
from tests.directory.entries import Entry, Values, rdn
from tests.directory.server import Server, run
from tests.ports import hold

BASE = "dc=corp,dc=test"
PASSWORD = "Adm1n-Passw0rd"
READER_PASSWORD = "Read-0nly"

OPTIONS = ("size_limit", "paged_limit", "tls_days", "rules", "has_policy")
TOOLS = ("slapd", "slapadd", "ldapmodify")
INSTALL = "apt-get install slapd ldap-utils"
_SCHEMA = Path("/etc/ldap/schema")
_POLICY = f"cn=policy,{BASE}"


class Slapd(Server):
    """Created with the base and the reader, who reads all but passwords; kept as `empty`.

    `size_limit` bounds whoever is not the administrator, paged searches included unless `paged_limit` is
    `unlimited`; `rules` are access rules in slapd's own words, asked before the usual ones.
    """

    host = "ldap.corp.test"
    address = "127.0.0.1"
    base = BASE
    admin = f"cn=admin,{BASE}"
    password = PASSWORD
    reader = f"cn=reader,{BASE}"
    reader_password = READER_PASSWORD

    size_limit = 500
    paged_limit = "unlimited"
    rules: tuple[str, ...] = ()
    tls_days = 30
    has_policy = False

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port = hold(2)
        self.tls_port = self.port + 1
        self.data.mkdir(parents=True)
        (self.folder / "password").touch(mode=0o600)
        (self.folder / "password").write_text(PASSWORD, encoding="ascii")
        company = {"objectClass": ["dcObject", "organization"], "dc": "corp", "o": "Corp"}
        reader = {"objectClass": ["applicationProcess", "simpleSecurityObject"]}
        self.seed(
            Entry(BASE, company),
            Entry(self.reader, reader | {"userPassword": hashed(READER_PASSWORD)}),
        )
        self.keep("empty")

    @property
    def url(self) -> str:
        return f"ldap://{self.address}:{self.port}"

    @property
    def ldaps_url(self) -> str:
        return f"ldaps://{self.address}:{self.tls_port}"

    # Entries

    def unit(self, name: str, parent: str = BASE) -> Entry:
        return Entry(rdn("ou", name, parent), {"objectClass": "organizationalUnit"})

    def person(self, login: str, parent: str = BASE, *, name: str = "", **more: Values) -> Entry:
        """Without a password unless `password` gives one; attributes by their LDAP names."""
        attributes: dict[str, Values] = {"objectClass": "inetOrgPerson", "uid": login, "sn": name or login}
        password = more.pop("password", None)
        if password is not None:
            attributes["userPassword"] = hashed(str(password))
        return Entry(rdn("cn", name or login, parent), {**attributes, **more})

    def group(self, name: str, parent: str = BASE, *, members: Iterable[str]) -> Entry:
        """Of at least one member: the schema wants it."""
        return Entry(rdn("cn", name, parent), {"objectClass": "groupOfNames", "member": list(members)})

    def seed(self, *seeds: Entry) -> None:
        """Adds many entries at once while the server is stopped: tens of thousands a second."""
        self._offline(lambda: self._slapadd(_with_memberships(seeds)))

    def add(self, *new: Entry) -> None:
        self.apply("\n".join(entries.added(entry) for entry in new))

    def apply(self, ldif: str) -> None:
        """Performs changes given as LDIF as the administrator: see `tests.directory.entries`."""
        secret = ("-y", str(self.folder / "password"))
        command = ["ldapmodify", "-x", "-H", self.url, "-D", self.admin, *secret]
        try:
            run(command, given=ldif)
        except RuntimeError as error:
            # OpenLDAP 2.6.10 refuses at times to rename in a subtree that was moved, until it starts anew.
            if "DN index add failed" not in str(error):
                raise
            self._offline(lambda: None)
            with suppress(RuntimeError):
                # It complains of what was done before that.
                run([*command, "-c"], given=ldif)

    def set_password(self, dn: str, password: str) -> None:
        self.apply(entries.modify(dn, userPassword=hashed(password)))

    def lock_after(self, threshold: int) -> None:
        """Wrong passwords after which the overlay ppolicy locks an account for half an hour."""
        self.change(has_policy=True)
        policy = {
            "objectClass": ["device", "pwdPolicy"], "pwdAttribute": "userPassword", "pwdLockout": "TRUE",
            "pwdMaxFailure": str(threshold), "pwdLockoutDuration": "1800", "pwdFailureCountInterval": "1800",
        }  # fmt: skip
        self.add(Entry(_POLICY, policy))

    def change(self, **options: object) -> None:
        """Another value of one of OPTIONS; the server starts again with it."""
        for name, value in options.items():
            if name not in OPTIONS:
                raise TypeError(f"no option of slapd: {name}")
            setattr(self, name, value)
        self._offline(lambda: None)

    def as_usual(self) -> None:
        """Takes every `change` back, for the next start."""
        for name in OPTIONS:
            self.__dict__.pop(name, None)

    # How it runs

    def _slapadd(self, seeds: Iterable[Entry]) -> None:
        self._configure()
        given = self.folder / "seed.ldif"
        given.write_text(entries.ldif(seeds), encoding="utf-8")
        run(["slapadd", "-q", "-f", str(self._conf), "-l", str(given)])

    @property
    def _conf(self) -> Path:
        return self.folder / "slapd.conf"

    def _configure(self) -> None:
        certificate, key = self.authority.issue(
            self.folder / "tls", self.host, self.address, days=self.tls_days
        )
        schemas = "".join(
            f"include {_SCHEMA}/{name}.schema\n" for name in ("core", "cosine", "inetorgperson")
        )
        rules = "\n".join(self.rules)
        policy = "moduleload ppolicy\n", f"overlay ppolicy\nppolicy_default {_POLICY}\n"
        module, overlay = policy if self.has_policy else ("", "")
        self._conf.write_text(
            f"{schemas}"
            f"pidfile {self.folder}/slapd.pid\n"
            "modulepath /usr/lib/ldap\nmoduleload back_mdb\nmoduleload memberof\nmoduleload refint\n"
            f"{module}"
            f"TLSCACertificateFile {self.authority.file}\n"
            f"TLSCertificateFile {certificate}\nTLSCertificateKeyFile {key}\n"
            f"sizelimit {self.size_limit}\n"
            "database mdb\n"
            f"suffix {BASE}\nrootdn {self.admin}\nrootpw {hashed(PASSWORD)}\n"
            f"directory {self.data}\nmaxsize 1073741824\ndbnosync\n"
            # Of the database: in front of it they would hold for none.
            f"limits users size.soft={self.size_limit} size.hard={self.size_limit}"
            f" size.prtotal={self.paged_limit}\n"
            "index objectClass,uid,mail,member,memberOf,entryUUID,entryCSN eq\nindex modifyTimestamp eq\n"
            f"{overlay}"
            "overlay memberof\nmemberof-refint TRUE\noverlay refint\nrefint_attributes member manager\n"
            "access to attrs=userPassword by self write by anonymous auth by * none\n"
            f"{rules}\n"
            "access to * by users read by * none\n",
            encoding="utf-8",
        )

    def _command(self) -> list[str]:
        self._configure()
        return ["slapd", "-d", "0", "-f", str(self._conf), "-h", f"{self.url} {self.ldaps_url}"]

    def _ports(self) -> list[int]:
        return [self.port, self.tls_port]


def hashed(password: str) -> str:
    salt = os.urandom(8)
    digest = hashlib.sha1(password.encode() + salt, usedforsecurity=False).digest()
    return f"{{SSHA}}{b64encode(digest + salt).decode()}"


def _with_memberships(seeds: Iterable[Entry]) -> list[Entry]:
    """With `memberOf`, which the overlay writes only while the server runs."""
    seeds = list(seeds)
    groups: dict[str, list[str]] = {}
    for seed in seeds:
        for member in entries.each(seed.attributes.get("member", [])):
            groups.setdefault(str(member), []).append(seed.dn)
    return [
        Entry(seed.dn, {**seed.attributes, "memberOf": groups[seed.dn]}) if seed.dn in groups else seed
        for seed in seeds
    ]
