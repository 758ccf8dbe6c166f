from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from box.bridges.directory import distinguished_names

# What servers may hold: any letters, in any scripts, and every sign that a name gives a meaning to.
VALUES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20) | st.text(
    st.sampled_from(' ,+"\\<>;=#аЁ🙂'), min_size=1, max_size=8
)


@given(st.lists(VALUES, min_size=1, max_size=5))
def test_a_name_is_taken_apart_as_it_was_put_together(values: list[str]) -> None:
    dn = ",".join(f"ou={distinguished_names.escape(value)}" for value in values)
    assert distinguished_names.parse(dn) == tuple((("ou", value),) for value in values)
    assert len(distinguished_names.ancestor_keys(dn)) == len(values) - 1


@given(st.lists(VALUES, min_size=1, max_size=4))
def test_each_spelling_of_a_name_is_the_same_name(values: list[str]) -> None:
    plain = ",".join(f"OU={distinguished_names.escape(value)}" for value in values)
    in_hex = " , ".join("ou=" + "".join(f"\\{byte:02x}" for byte in value.encode()) for value in values)
    assert distinguished_names.key(plain) == distinguished_names.key(in_hex)


def test_a_comma_in_a_name_parts_nothing() -> None:
    sales = r"OU=Sales\, North,DC=corp,DC=test"
    assert distinguished_names.name_of(sales) == "Sales, North"
    assert distinguished_names.is_within(rf"CN=Anna \"A\"\20,{sales}", "ou=sales\\2c north,dc=CORP,dc=test")
    assert not distinguished_names.is_within(r"CN=Anna,OU=Sales\, North\,DC=corp,DC=test", sales)
    assert not distinguished_names.is_within("CN=Anna,OU=xSales,DC=corp", "OU=Sales,DC=corp")
    assert not distinguished_names.is_within("CN=Anna", " ")
    assert distinguished_names.key('CN="Anna, A",DC=corp') == distinguished_names.key(r"cn=anna\, a, dc=corp")
