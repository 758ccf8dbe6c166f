"""Looking around in a real Active Directory and a real OpenLDAP."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from box.bridges.directory.browse import (
    Node,
    attribute_names,
    attributes_of,
    children,
    search,
    shown_photo,
    tops,
)
from box.bridges.directory.client import connect
from tests.box.bridges.directory.test_probe import PASSWORD, to_samba, to_slapd

if TYPE_CHECKING:
    from tests.directory.samba import Samba
    from tests.directory.slapd import Slapd


def picture() -> bytes:
    out = BytesIO()
    Image.new("RGB", (300, 200), "teal").save(out, "JPEG")
    return out.getvalue()


@pytest.fixture(scope="module")
def domain(samba: Samba) -> Samba:
    staff = samba.unit("Сотрудники")
    samba.seed(
        staff,
        samba.unit("Sales, north", staff.dn),
        samba.person("reader", password=PASSWORD),
        samba.person("anna", staff.dn, name="Anna", mail="anna@corp.test", thumbnailPhoto=picture()),
        samba.group("Sellers", staff.dn),
    )
    return samba


@pytest.fixture(scope="module")
def openldap(slapd: Slapd) -> Slapd:
    sales = slapd.unit("Sales")
    people = [slapd.person(f"p{number:03}", sales.dn, password=PASSWORD) for number in range(230)]
    slapd.seed(sales, *people)
    return slapd


def test_the_tree_begins_with_what_the_domain_holds(domain: Samba) -> None:
    with connect(to_samba(domain)) as directory:
        (top,) = tops(directory)
        assert top == Node(domain.base, domain.base, "domain")
        under = children(directory, top.dn).nodes
        staff = next(node for node in under if node.name == "Сотрудники")
        assert (staff.kind, staff.is_folder) == ("unit", True)
        found = children(directory, staff.dn)
    assert [(node.name, node.kind) for node in found.nodes] == [
        ("Sales, north", "unit"),
        ("Anna", "person"),
        ("Sellers", "group"),
    ]
    assert found.next_skip is None


def test_a_large_folder_comes_by_pages(openldap: Slapd) -> None:
    seen: list[str] = []
    skip: int | None = 0
    with connect(to_slapd(openldap)) as directory:
        while skip is not None:
            page = children(directory, f"ou=Sales,{openldap.base}", skip=skip)
            assert len(page.nodes) <= 100
            seen += [node.dn for node in page.nodes]
            skip = page.next_skip
    assert len(seen) == len(set(seen)) == 230


def test_an_entry_shows_what_it_holds_and_its_photo_drawn_anew(domain: Samba) -> None:
    with connect(to_samba(domain)) as directory:
        found = attributes_of(directory, f"CN=Anna,OU=Сотрудники,{domain.base}") or []
        assert attributes_of(directory, f"CN=Nobody,{domain.base}") is None
    attributes = {one.name: one for one in found}
    assert attributes["mail"].values == ["anna@corp.test"]
    assert attributes["thumbnailphoto"].photo.startswith("data:image/webp;base64,")
    assert attributes["objectsid"].values[0].endswith("bytes")


def test_no_secret_is_shown_even_to_who_may_read_it(openldap: Slapd) -> None:
    """The administrator of OpenLDAP reads the digests of passwords."""
    with connect(to_slapd(openldap)) as directory:
        raw = directory.read(f"cn=p001,ou=Sales,{openldap.base}", ["*"])
        assert raw is not None
        assert raw.raw("userPassword")
        attributes = attributes_of(directory, f"cn=p001,ou=Sales,{openldap.base}") or []
        names = attribute_names(directory, openldap.base, "(objectClass=person)")
    assert "uid" in {one.name for one in attributes}
    assert "userpassword" not in {one.name for one in attributes} | set(names)


def test_a_search_takes_signs_as_they_are(domain: Samba) -> None:
    with connect(to_samba(domain)) as directory:
        assert [node.name for node in search(directory, [domain.base], "anna@corp")] == ["Anna"]
        assert search(directory, [domain.base], "*)(cn=*") == []
        assert search(directory, [domain.base], "  ") == []
        groups = search(directory, [domain.base], "Sellers", among="(objectClass=group)")
    assert [node.kind for node in groups] == ["group"]


@pytest.mark.parametrize("data", [b"", b"<svg onload=alert(1)>", b"\xff\xd8\xff\xe0 no picture", b"\0" * 100])
def test_what_is_no_picture_is_not_shown(data: bytes) -> None:
    assert shown_photo(data) == ""
