from datetime import UTC, datetime

import pytest

from box.bridges.telephony.calls import Calls, Leg
from box.bridges.telephony.facts import Channel, Fact, Kind
from box.bridges.telephony.numbers import Numbering, TrunkRule

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
COMPANY = Numbering(
    "RU",
    area="495",
    extension_length=4,
    lines=frozenset({"PJSIP/line"}),
    rules=(TrunkRule("PJSIP/line", strip="9", prepend=""), TrunkRule("PJSIP/abroad", prepend="+")),
)


@pytest.mark.parametrize(
    ("number", "endpoint", "expected"),
    [
        ("79161234567", "PJSIP/other", "+79161234567"),
        ("989161234567", "PJSIP/line", "+79161234567"),
        ("4930901820", "PJSIP/abroad", "+4930901820"),
        ("1234567", "", "+74951234567"),
        ("1234", "", None),
        ("12345", "", None),
        ("", "", None),
        ("anonymous", "PJSIP/line", None),
        ("'; DROP TABLE calls; --", "", None),
    ],
)
def test_a_number_is_read_as_its_line_writes_it(number: str, endpoint: str, expected: str | None) -> None:
    assert COMPANY.e164(number, endpoint) == expected


def call(origin: str, called: str, *, number: str = "", exten: str = "", called_number: str = ""):  # type: ignore[no-untyped-def]
    calls = Calls("office")
    calls.feed(
        [
            Fact(Kind.SEEN, NOW, Channel.of("1.1", "1.1", f"{origin}-00000001", number=number, exten=exten)),
            Fact(Kind.SEEN, NOW, Channel.of("1.2", "1.1", f"{called}-00000002", number=called_number)),
        ]
    )
    return calls.open["1.1"]


def test_a_call_over_the_line_comes_from_outside() -> None:
    one = call("PJSIP/line", "PJSIP/100", number="79161234567", exten="4950000")
    assert (COMPANY.direction(one), COMPANY.outside(one)) == ("in", "+79161234567")


def test_a_call_to_the_line_goes_outside_even_before_the_line_has_said_its_number() -> None:
    one = call("PJSIP/100", "PJSIP/line", number="100", exten="79161234567")
    assert (COMPANY.direction(one), COMPANY.outside(one)) == ("out", "+79161234567")


def test_a_call_among_colleagues_has_nobody_outside() -> None:
    one = call("PJSIP/100", "PJSIP/101", number="100", exten="101")
    assert (COMPANY.direction(one), COMPANY.outside(one)) == ("internal", None)


def test_who_withholds_their_number_is_nobody() -> None:
    assert COMPANY.outside(call("PJSIP/line", "PJSIP/100", number="anonymous")) is None


def test_who_called_from_outside_and_was_connected_to_a_call_within_is_a_client() -> None:
    calls = Calls("office")
    calls.feed(
        [
            Fact(Kind.SEEN, NOW, Channel.of("1.1", "1.1", "PJSIP/100-00000001", number="100", exten="101")),
            Fact(Kind.SEEN, NOW, Channel.of("1.2", "1.1", "PJSIP/101-00000002", number="101")),
        ]
    )
    one = calls.open["1.1"]
    one.legs["2.1"] = Leg(
        "2.1", "PJSIP/line-00000003", NOW, is_called=False, is_local=False, number="79161234567"
    )
    assert (COMPANY.direction(one), COMPANY.outside(one)) == ("in", "+79161234567")
