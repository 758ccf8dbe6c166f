"""A real Active Directory domain controller, with LDAP and Kerberos, on a loopback address of its own.

Its ports are fixed (389, 636, 88, ...), so that each controller has another 127.77.x.y; root only, for these
ports. Changes are written into its database while it runs, as `samba-tool` does on a controller itself.
"""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterable
from pathlib import Path

from tests.directory import entries
from tests.directory.entries import Entry, Values, rdn
from tests.directory.server import Server, run
from tests.ports import hold

REALM = "CORP.TEST"
BASE = "DC=corp,DC=test"
USERS = f"CN=Users,{BASE}"
PASSWORD = "Adm1n-Passw0rd"
# Only a user without a password may lack one: 512 (a normal account) + 32 (no password needed).
WITHOUT_PASSWORD = 544
DISABLED = 2

_COMPATIBLE = f"CN=Pre-Windows 2000 Compatible Access,CN=Builtin,{BASE}"
_AUTHENTICATED = f"CN=S-1-5-11,CN=ForeignSecurityPrincipals,{BASE}"

TOOLS = ("samba", "samba-tool", "ldbadd", "kinit")
INSTALL = (
    "apt-get install samba-ad-dc samba-ad-provision winbind krb5-user ldb-tools python3-samba"
    " samba-dsdb-modules"
)


class Samba(Server):
    """Created as an empty domain, CORP.TEST, which is kept as `empty`."""

    host = "dc1.corp.test"
    base = BASE
    realm = REALM
    admin = f"CN=Administrator,CN=Users,{BASE}"
    password = PASSWORD

    def __init__(self, folder: Path, *, tls_days: int = 30, has_dns: bool = False) -> None:
        """`has_dns`: it answers for its domain on port 53 too, with the records of a controller."""
        super().__init__(folder)
        self.address = _own_address()
        self.has_dns = has_dns
        self._provision()
        self._configure(tls_days)
        self.keep("empty")

    @property
    def url(self) -> str:
        return f"ldap://{self.address}"

    @property
    def ldaps_url(self) -> str:
        return f"ldaps://{self.address}"

    # Entries

    def unit(self, name: str, parent: str = BASE) -> Entry:
        return Entry(rdn("OU", name, parent), {"objectClass": "organizationalUnit"})

    def person(self, login: str, parent: str = USERS, *, name: str = "", **more: Values) -> Entry:
        """Without a password unless `password` gives one; attributes by their LDAP names."""
        attributes: dict[str, Values] = {
            "objectClass": "user",
            "sAMAccountName": login,
            "userPrincipalName": f"{login}@corp.test",
            "userAccountControl": str(WITHOUT_PASSWORD),
        }
        password = more.pop("password", None)
        if password is not None:
            attributes |= {"userAccountControl": "512", "unicodePwd": _quoted(str(password))}
        return Entry(rdn("CN", name or login, parent), {**attributes, **more})

    def group(self, name: str, parent: str = USERS, *, members: Iterable[str] = ()) -> Entry:
        attributes: dict[str, Values] = {"objectClass": "group", "sAMAccountName": name}
        if chosen := list(members):
            attributes["member"] = chosen
        return Entry(rdn("CN", name, parent), attributes)

    def seed(self, *seeds: Entry) -> None:
        """Adds many entries at once while the server is stopped: 1,000 people a second without passwords."""
        self._offline(lambda: self._ldb("ldbadd", entries.ldif(seeds)))

    def add(self, *new: Entry) -> None:
        self.apply("\n".join(entries.added(entry) for entry in new))

    def apply(self, ldif: str) -> None:
        """Performs changes given as LDIF, while the server runs: see `tests.directory.entries`."""
        self._ldb("ldbmodify", ldif)

    def set_password(self, dn: str, password: str) -> None:
        self.apply(entries.modify(dn, unicodePwd=_quoted(password)))

    def read(self, dn: str, *attributes: str) -> str:
        """An entry as LDIF, read past the server."""
        return run(["ldbsearch", "-H", self._sam, "-b", dn, "-s", "base", *attributes])

    def tool(self, *arguments: str) -> str:
        """Runs samba-tool: `tool("user", "disable", "anna")`."""
        return run(["samba-tool", *arguments, "-s", str(self._smb_conf)])

    def lock_after(self, threshold: int) -> None:
        """Wrong passwords after which the domain locks an account for half an hour; 0: never."""
        minutes = ("--account-lockout-duration=30", "--reset-account-lockout-after=30")
        threshold_option = f"--account-lockout-threshold={threshold}"
        self.tool("domain", "passwordsettings", "set", threshold_option, *minutes)

    # Kerberos

    def service_keytab(self, account: str, principal: str) -> bytes:
        """A keytab for the account, to which the principal (`HTTP/portal.corp.test`) is given."""
        self.tool("spn", "add", principal, account)
        keytab = self.folder / f"{account}.keytab"
        keytab.unlink(missing_ok=True)
        self.tool("domain", "exportkeytab", str(keytab), f"--principal={principal}")
        return keytab.read_bytes()

    def ticket(self, login: str, password: str) -> dict[str, str]:
        """The environment in which programs hold a ticket of this person, gotten by kinit."""
        env = {
            "KRB5_CONFIG": str(self.folder / "krb5.conf"),
            "KRB5CCNAME": f"FILE:{self.folder}/ticket-{login}",
        }
        run(["kinit", f"{login}@{REALM}"], given=f"{password}\n", env=env)
        return env

    # How it runs

    @property
    def _sam(self) -> str:
        return str(self.data / "private" / "sam.ldb")

    @property
    def _smb_conf(self) -> Path:
        return self.data / "etc" / "smb.conf"

    def _ldb(self, program: str, ldif: str) -> None:
        given = self.folder / "changes.ldif"
        given.write_text(ldif, encoding="utf-8")
        run([program, "-H", self._sam, str(given)], env={"SMB_CONF_PATH": str(self._smb_conf)})

    def _provision(self) -> None:
        if self.data.exists():
            shutil.rmtree(self.data)
        run(
            [
                *("samba-tool", "domain", "provision"),
                *(f"--targetdir={self.data}", f"--realm={REALM}", "--domain=CORP", "--server-role=dc"),
                f"--dns-backend={'SAMBA_INTERNAL' if self.has_dns else 'NONE'}",
                *("--use-rfc2307", f"--adminpass={PASSWORD}"),
                *("--host-name=dc1", f"--host-ip={self.address}"),
                *(f"--option=interfaces={self.address}/8", "--option=bind interfaces only=yes"),
            ]
        )

    def _configure(self, tls_days: int) -> None:
        certificate, key = self.authority.issue(self.data / "tls", self.host, self.address, days=tls_days)
        run_folder = self.data / "run"
        run_folder.mkdir()
        options = {
            "netbios name": "DC1",
            "realm": REALM,
            "workgroup": "CORP",
            "server role": "active directory domain controller",
            # Records are added by the tests, unsigned.
            "allow dns updates": "nonsecure" if self.has_dns else "disabled",
            "server services": "ldap, cldap, kdc" + (", dns" if self.has_dns else ""),
            # The netmask makes it a known network: the address needs not be added to the machine.
            "interfaces": f"{self.address}/8",
            "bind interfaces only": "yes",
            "prefork children": "2",
            # Windows lets the former one in for a while over NTLM alone, Samba everywhere.
            "old password allowed period": "0",
            "tls certfile": certificate,
            "tls keyfile": key,
            "tls cafile": self.authority.file,
            "private dir": self.data / "private",
            "state directory": self.data / "state",
            "cache directory": self.data / "cache",
            "lock directory": self.data,
            "binddns dir": self.data / "bind-dns",
            "pid directory": run_folder,
            "ncalrpc dir": run_folder / "ncalrpc",
            "winbindd socket directory": run_folder / "winbindd",
            "ntp signd socket directory": run_folder / "ntp",
            "nmbd:socket dir": run_folder / "nmbd",
            "idmap_ldb:use rfc2307": "yes",
        }
        lines = "".join(f"{name} = {value}\n" for name, value in options.items())
        self._smb_conf.write_text(f"[global]\n{lines}", encoding="utf-8")
        (self.folder / "krb5.conf").write_text(
            f"[libdefaults]\ndefault_realm = {REALM}\ndns_lookup_realm = false\ndns_lookup_kdc = false\n"
            "rdns = false\ndns_canonicalize_hostname = false\nudp_preference_limit = 1\n"
            f"[realms]\n{REALM} = {{\n kdc = {self.address}\n kpasswd_server = {self.address}\n}}\n"
            f"[domain_realm]\n.corp.test = {REALM}\n",
            encoding="utf-8",
        )

    def _command(self) -> list[str]:
        return ["samba", "--interactive", "--no-process-group", "--debug-stdout", "-s", str(self._smb_conf)]

    def _ports(self) -> list[int]:
        return [389, 636, 88, *([53] if self.has_dns else [])]


def harden(server: Samba) -> None:
    """As guides to hardening advise: an ordinary account may read less of others."""
    server.apply(f"dn: {_COMPATIBLE}\nchangetype: modify\ndelete: member\nmember: {_AUTHENTICATED}\n")


def soften(server: Samba) -> None:
    server.apply(f"dn: {_COMPATIBLE}\nchangetype: modify\nadd: member\nmember: {_AUTHENTICATED}\n")


def _quoted(password: str) -> bytes:
    """As Active Directory takes a password: quoted, in UTF-16."""
    return f'"{password}"'.encode("utf-16-le")


def _own_address() -> str:
    """Nobody else's as long as this process lives: a port that is held gives it its number."""
    number = hold()
    address = f"127.77.{number // 250}.{number % 250 + 1}"
    with socket.socket() as probe:
        # As Samba does: lines that the one before has closed a minute ago are in nobody's way.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, 389))
        except PermissionError as error:
            raise RuntimeError("Samba's ports are below 1024: run this as root.") from error
    return address
