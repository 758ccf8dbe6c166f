"""Answers in XML: well-formed whatever stands in them, with PHP's words for what is true and what is not."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from hypothesis import given
from hypothesis.strategies import booleans, dictionaries, integers, lists, none, recursive, text

from box.lib.php_xml import xml_of


@given(
    recursive(
        none() | booleans() | integers() | text(),
        lambda inner: lists(inner) | dictionaries(text(), inner),
        max_leaves=20,
    )
)
def test_whatever_is_answered_is_well_formed(value: Any) -> None:
    ElementTree.fromstring(xml_of({"result": value}, root="response"))


def test_lists_are_items_and_other_keys_attributes() -> None:
    said = xml_of({"ID": 7, "list": [True, False, None], "12": "<&>"}, root="response").decode()
    body = said.partition("?>")[2]
    assert body == (
        "<response><ID>7</ID><list><item>1</item><item></item><item></item></list>"
        '<item key="12">&lt;&amp;&gt;</item></response>'
    )
