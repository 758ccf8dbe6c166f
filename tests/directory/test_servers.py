"""The directories that other tests rely on: seeded, changed, killed, put back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.directory import entries
from tests.directory.server import run

if TYPE_CHECKING:
    from tests.directory.samba import Samba
    from tests.directory.slapd import Slapd


def found(server: Samba | Slapd, who: str, password: str, filter_: str, *attributes: str) -> str:
    """What a search over StartTLS finds, the server's certificate checked."""
    secret = server.folder / "asked"
    secret.write_text(password, encoding="utf-8")
    env = {"LDAPTLS_CACERT": str(server.authority.file), "LDAPTLS_REQCERT": "demand"}
    who_and_where = ("-H", server.url, "-ZZ", "-D", who, "-y", str(secret), "-b", server.base)
    return run(
        ["ldapsearch", "-x", "-LLL", "-o", "ldif-wrap=no", *who_and_where, filter_, *attributes], env=env
    )


def test_samba_is_seeded_changed_killed_and_put_back(samba: Samba) -> None:
    sales = samba.unit("Sales")
    known = {"mail": "anna@corp.test", "password": "Anna-Passw0rd"}
    anna = samba.person("anna", sales.dn, name='Anna "A", Sales', **known)
    samba.seed(sales, anna, samba.group("Sellers", members=[anna.dn]))
    samba.keep("seeded")
    assert "Sellers" in found(samba, "anna@corp.test", "Anna-Passw0rd", "(mail=anna@corp.test)", "memberOf")

    samba.apply(entries.move(anna.dn, new_rdn="CN=Anna", parent=f"CN=Users,{samba.base}"))
    samba.kill()
    samba.start()
    assert "dn: CN=Anna,CN=Users" in found(samba, "anna@corp.test", "Anna-Passw0rd", "(cn=Anna)", "cn")

    samba.restore("seeded")
    assert "OU=Sales" in found(samba, "anna@corp.test", "Anna-Passw0rd", "(mail=anna@corp.test)", "cn")


def test_samba_locks_an_account_and_gives_tickets(samba: Samba) -> None:
    boris = samba.person("boris", password="Boris-Passw0rd")
    samba.add(boris)
    assert samba.ticket("boris", "Boris-Passw0rd")["KRB5CCNAME"]
    assert samba.service_keytab("boris", "HTTP/portal.corp.test")[:2] == b"\x05\x02"
    samba.lock_after(2)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="data 52e"):
            found(samba, "boris@corp.test", "wrong", "(cn=boris)")
    with pytest.raises(RuntimeError, match="Invalid credentials"):
        found(samba, "boris@corp.test", "Boris-Passw0rd", "(cn=boris)")


def test_slapd_is_seeded_changed_killed_and_put_back(slapd: Slapd) -> None:
    sales = slapd.unit("Sales")
    people = [slapd.person(f"p{number}", sales.dn, mail=f"p{number}@corp.test") for number in range(700)]
    slapd.seed(sales, *people, slapd.group("Sellers", members=[people[5].dn]))
    slapd.keep("seeded")
    assert "cn=Sellers" in found(slapd, slapd.reader, slapd.reader_password, "(uid=p5)", "memberOf")

    with pytest.raises(RuntimeError, match="Size limit exceeded"):
        found(slapd, slapd.reader, slapd.reader_password, "(uid=*)", "uid")
    slapd.add(slapd.group("Buyers", members=[people[5].dn]))
    slapd.kill()
    slapd.start()
    assert "cn=Buyers" in found(slapd, slapd.reader, slapd.reader_password, "(uid=p5)", "memberOf")
    slapd.restore("seeded")
    assert "cn=Buyers" not in found(slapd, slapd.reader, slapd.reader_password, "(uid=p5)", "memberOf")


def test_slapd_hides_what_its_rules_hide_and_its_certificate_expires(slapd: Slapd) -> None:
    secret = slapd.unit("Secret")
    slapd.add(secret, slapd.person("spy", secret.dn))
    slapd.change(rules=(f'access to dn.subtree="{secret.dn}" by * none',))
    assert "uid: spy" not in found(slapd, slapd.reader, slapd.reader_password, "(uid=spy)", "uid")
    slapd.change(rules=(), tls_days=-1)
    with pytest.raises(RuntimeError, match="Connect error"):
        found(slapd, slapd.reader, slapd.reader_password, "(uid=spy)")
    slapd.change(tls_days=30)
    assert "uid: spy" in found(slapd, slapd.reader, slapd.reader_password, "(uid=spy)", "uid")
