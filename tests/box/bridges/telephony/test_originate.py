from dataclasses import replace

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from box.bridges.telephony.originate import Caller, NotAllowed, Rules, request

ANNA = Caller("Anna", "PJSIP/100", "100", is_working=True)
RULES = Rules("korobka-internal", prefixes=("+7", "+4930"), forbidden=("+7809",))


def test_a_colleague_and_an_allowed_number_are_called_in_the_one_context() -> None:
    assert request(ANNA, "101", RULES)["Exten"] == "101"
    asked = request(ANNA, "+79161234567", RULES)
    assert (asked["Channel"], asked["Context"], asked["Exten"]) == (
        "PJSIP/100",
        "korobka-internal",
        "79161234567",
    )


def test_the_dial_prefix_stands_before_numbers_outside_only() -> None:
    rules = replace(RULES, dial_prefix="9", keeps_plus=True)
    assert request(ANNA, "+79161234567", rules)["Exten"] == "9+79161234567"
    assert request(ANNA, "101", rules)["Exten"] == "101"


@pytest.mark.parametrize(
    "goal",
    [
        "+78091234567",
        "+442079460958",
        "+493",
        "89161234567",
        "1234567",
        "+",
        "",
        "+7",
        "101,1)System(x",
        "+79161234567\r\nAction: Command",
        "١٠١",
        "*8",
        "+7916123456789012",
    ],
)
def test_what_the_settings_do_not_allow_is_not_called(goal: str) -> None:
    with pytest.raises(NotAllowed):
        request(ANNA, goal, RULES)


@pytest.mark.parametrize(
    ("caller", "goal", "rules", "said"),
    [
        (ANNA, "hello", RULES, "На такой номер"),
        (ANNA, "+442079460958", RULES, "начинаются с +442"),
        (replace(ANNA, may_call_outside=False), "+79161234567", RULES, "только внутренние"),
        (replace(ANNA, is_working=False), "101", RULES, "только сотрудники"),
        (replace(ANNA, number=""), "101", RULES, "нет внутреннего номера"),
        (ANNA, "101", replace(RULES, context=""), "Контекст"),
    ],
)
def test_a_refusal_is_in_the_readers_language(caller: Caller, goal: str, rules: Rules, said: str) -> None:
    with translation.override("ru"), pytest.raises(NotAllowed) as refused:
        request(caller, goal, rules)
    assert said in str(refused.value)


def test_the_longer_prefix_decides_and_equal_ones_refuse() -> None:
    rules = replace(RULES, prefixes=("+7", "+78091"), forbidden=("+7809",))
    assert request(ANNA, "+78091234567", rules)["Exten"] == "78091234567"
    with pytest.raises(NotAllowed):
        request(ANNA, "+78092234567", rules)
    with pytest.raises(NotAllowed):
        request(ANNA, "+79161234567", replace(RULES, forbidden=("+7",)))


def test_nobody_calls_for_who_was_dismissed() -> None:
    with pytest.raises(NotAllowed, match="works here"):
        request(replace(ANNA, is_working=False), "101", RULES)


def test_who_has_no_extension_or_may_call_inside_only_is_told_so() -> None:
    with pytest.raises(NotAllowed, match="extension"):
        request(replace(ANNA, endpoint=""), "101", RULES)
    inside = replace(ANNA, may_call_outside=False)
    assert request(inside, "101", RULES)
    with pytest.raises(NotAllowed, match="inside"):
        request(inside, "+79161234567", RULES)


@given(st.text(max_size=30), st.text(max_size=60))
def test_whatever_is_asked_for_only_digits_and_a_plain_name_reach_the_pbx(goal: str, name: str) -> None:
    try:
        asked = request(replace(ANNA, name=name), goal, RULES)
    except NotAllowed:
        return
    assert asked["Exten"].isascii()
    assert asked["Exten"].isdigit()
    assert not set(asked["CallerID"][1:].split('"')[0]) & set('"<>\r\n\\,;')
