import pytest

from box.lib import phones


@pytest.mark.parametrize(
    ("written", "region", "expected"),
    [
        ("8 (916) 123-45-67", "RU", "+79161234567"),
        ("+7 916 123 45 67", "DE", "+79161234567"),
        ("916 123-45-67", "RU", "+79161234567"),
        ("8-495-123-45-67 доб. 12", "RU", "+74951234567"),
        ("+7 495 123-45-67 ext. 12", "RU", "+74951234567"),
        ("030 901820", "DE", "+4930901820"),
        (" +44 20 7946 0958 ", "RU", "+442079460958"),
        ("tel:+7-916-123-45-67", "RU", "+79161234567"),
    ],
)
def test_however_it_is_written_it_is_one_number(written: str, region: str, expected: str) -> None:
    assert phones.normal(written, region) == expected


@pytest.mark.parametrize(
    "written",
    [
        "",
        " ",
        "anonymous",
        "12",
        "100",
        "+7",
        "123456",
        "1234567",
        "+7916123456789012345",
        "'; drop table",
        "\x00",
    ],
)
def test_what_no_network_knows_is_no_number(written: str) -> None:
    assert phones.normal(written, "RU") is None


def test_a_text_is_bounded_before_it_is_read() -> None:
    assert phones.normal("+7 916 123 45 67".ljust(phones.LONGEST + 1, "0"), "RU") is None
    assert phones.normal("8 (916) 123-45-67".ljust(phones.LONGEST), "RU") == "+79161234567"


def test_a_number_of_ones_own_country_is_shown_without_its_code() -> None:
    assert phones.shown("+79161234567", "RU") == "8 (916) 123-45-67"
    assert phones.shown("+79161234567", "DE") == "+7 916 123-45-67"
    assert phones.shown("100", "RU") == "100"


def test_up_to_six_digits_are_short() -> None:
    assert phones.is_short("100")
    assert phones.is_short("*123#")
    assert phones.is_short("123456")
    assert not phones.is_short("1234567")
    assert not phones.is_short("+79161234567")
    assert not phones.is_short("")
