"""Address books, as phones and mail programs export them."""

from __future__ import annotations

import io

import pytest

from box.lib import vcards
from box.lib.tables import Reading, TableRefused, guess_reading, read_table
from box.lib.vcards import HEADS

V2 = (
    b"BEGIN:VCARD\r\nVERSION:2.1\r\n"
    b"N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=D0=98=D0=B2=D0=B0=D0=BD=D0=BE=D0=B2;=D0=98=\r\n"
    b"=D0=B2=D0=B0=D0=BD;;;\r\n"
    b"TEL;CELL;PREF:+7 916 123-45-67\r\nTEL;WORK:+7 495 1\r\nPHOTO;ENCODING=BASE64;JPEG:/9j/4AAQ\r\n /9j/\r\n"
    b"END:VCARD\r\n"
)
V3 = (
    "BEGIN:VCARD\nVERSION:3.0\nFN:Анна Тест\nN:Тест;Анна;Ивановна;;\n"
    "ORG:ООО «Ромашка»\\, филиал;Отдел продаж\n"
    "TITLE:Менеджер\nitem1.EMAIL;TYPE=INTERNET:anna@\n example.com\nURL:https://example.com\nBDAY:19901124\n"
    "ADR;TYPE=WORK:;;Ленина\\; 1;Тверь;;170000;Россия\nNOTE:строка\\nвторая\nEND:VCARD\n"
).encode()
V4 = (
    b'BEGIN:VCARD\nVERSION:4.0\nFN:Bob\nTEL;VALUE=uri;TYPE="voice,home":tel:+1-555-555-5555\n'
    b"EMAIL;PREF=1:bob@example.com\nEMAIL:b@example.com\nX-ODD:1\nBDAY:--0412\nEND:VCARD\n"
)


def cards(data: bytes) -> list[dict[str, str]]:
    file = io.BytesIO(data)
    _head, *rows = read_table(file, guess_reading(file))
    return [dict(zip(HEADS, row.cells, strict=False)) for row in rows]


def test_an_old_phone_says_names_in_quoted_printable_and_pictures_are_left_out() -> None:
    (card,) = cards(V2)
    assert card["Full name"] == "Иванов Иван"
    assert card["Phone"] == "+7 916 123-45-67\n+7 495 1"
    assert "9j" not in "".join(card.values())


def test_a_card_of_version_3_is_read_whole() -> None:
    (card,) = cards(V3)
    assert card == {
        "Full name": "Анна Тест", "Last name": "Тест", "First name": "Анна", "Patronymic": "Ивановна",
        "Company": "ООО «Ромашка», филиал", "Department": "Отдел продаж", "Position": "Менеджер",
        "E-mail": "anna@example.com", "Phone": "", "Website": "https://example.com",
        "Address": "Ленина; 1, Тверь, 170000, Россия", "Birthday": "1990-11-24", "Note": "строка\nвторая",
    }  # fmt: skip


def test_a_card_of_version_4_has_several_values_in_lines() -> None:
    (card,) = cards(V4)
    assert (card["Phone"], card["E-mail"]) == ("+1-555-555-5555", "bob@example.com\nb@example.com")
    assert card.get("Birthday", "") == "", "a day without a year is none"


def test_cards_of_all_versions_stand_in_one_book() -> None:
    assert [card["Full name"] for card in cards(V2 + V3 + V4)] == ["Иванов Иван", "Анна Тест", "Bob"]


def test_a_book_that_breaks_off_is_refused() -> None:
    with pytest.raises(TableRefused, match="damaged"):
        cards(V3 + b"BEGIN:VCARD\nFN:Lost\n")


def test_a_card_without_an_end_is_refused_before_it_fills_the_memory() -> None:
    with pytest.raises(TableRefused, match="damaged"):
        cards(b"BEGIN:VCARD\n" + b"FN:a\n" * 3000)
    assert guess_reading(io.BytesIO(V4)) == Reading("utf-8-sig")


@pytest.mark.parametrize(
    "line",
    [
        "TEL" + ";" * 90_000,
        "TEL" + ';"' * 40_000,
        "TEL" + ';x="a"' * 15_000,
        "a." * 40_000,
    ],
)
def test_a_line_that_is_none_is_known_in_one_pass(line: str) -> None:
    """28 semicolons took 12 seconds where each could stand in two places of the pattern."""
    assert values(f"BEGIN:VCARD\nFN:Anna\n{line}\nEND:VCARD\n") == ["Anna"]


@pytest.mark.parametrize("piece", [b" a\n", b"=\n"])
def test_a_line_of_many_pieces_is_put_together_in_one_pass(piece: bytes) -> None:
    data = b"BEGIN:VCARD\nFN:Anna\nNOTE;ENCODING=QUOTED-PRINTABLE:=\n" + piece * 1_000_000 + b"\nEND:VCARD\n"
    assert called(data) == ["Anna"]


def test_a_line_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vcards, "LONGEST_UNFOLDED", 100)
    with pytest.raises(vcards.NotVcard, match="no end"):
        list(vcards.read(io.BytesIO(b"BEGIN:VCARD\nNOTE:a\n" + b" a\n" * 96 + b"END:VCARD\n"), "utf-8"))


def test_a_file_has_so_many_lines_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """8,000,000 of `N:;` took 45 s of the worker that shows what the table holds."""
    monkeypatch.setattr(vcards, "MOST_LINES", 4)
    whole = b"BEGIN:VCARD\nFN:Anna\nNOTE:a\n b\nEND:VCARD\n"
    assert called(whole) == ["Anna"]
    with pytest.raises(vcards.NotVcard, match="too many lines"):
        called(whole + b"N:;\n")


def test_of_an_address_as_many_parts_are_read_as_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one with 100,000 semicolons each part was made plain, twice."""
    plain, asked = vcards._plain, list[str]()

    def noted(text: str) -> str:
        asked.append(text)
        return plain(text)

    monkeypatch.setattr(vcards, "_plain", noted)
    (_head, (_number, cells)) = vcards.read(
        io.BytesIO(b"BEGIN:VCARD\nADR:;;Lenina 1;Tver;;;Russia" + b";" * 90_000 + b"\nEND:VCARD\n"), "utf-8"
    )
    assert cells[HEADS.index("Address")] == "Lenina 1, Tver, Russia"
    assert len(asked) == vcards.MOST_PARTS


def test_a_backslash_before_an_n_ends_no_line() -> None:
    (card,) = cards(b"BEGIN:VCARD\nFN:Anna\nNOTE:\\\\\\\\server\\\\new\\nline\nEND:VCARD\n")
    assert card["Note"] == "\\\\server\\new\nline"


@pytest.mark.parametrize(
    "charset", ["idna", "punycode", "undefined", "zlib", "unicode_escape", "none", "cp99999"]
)
def test_a_charset_is_one_of_letters_and_no_other_codec(charset: str) -> None:
    assert values(f"BEGIN:VCARD\nFN;CHARSET={charset}:Anna\nEND:VCARD\n") == ["Anna"]


def test_the_usual_charsets_are_read() -> None:
    for charset in ("UTF-8", "windows-1251", "KOI8-R", "ISO-8859-5", "cp866"):
        data = (
            b"BEGIN:VCARD\nFN;CHARSET=" + charset.encode() + b":" + "Анна".encode(charset) + b"\nEND:VCARD\n"
        )
        assert called(data) == ["Анна"]


def values(text: str) -> list[str]:
    """What the cards are called."""
    return called(text.encode())


def called(data: bytes) -> list[str]:
    return [cells[0] for _number, cells in vcards.read(io.BytesIO(data), "utf-8")][1:]
