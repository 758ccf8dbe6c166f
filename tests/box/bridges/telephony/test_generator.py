import re
from dataclasses import replace
from itertools import takewhile

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from box.bridges.telephony import asterisk_conf
from box.bridges.telephony.asterisk_conf import Unwritable, Writer
from box.bridges.telephony.generator import generate
from box.bridges.telephony.plan import Menu, Phone, Plan, Queue, Release, Trunk, release_for

PLAN = Plan(
    "a-secret-of-enough-length",
    box_addresses=("10.0.0.5/32",),
    phones=(Phone("100", "Анна Соколова", "p"), Phone("101", "Boris", "p", is_browser=True)),
    queues=(Queue("support", "700", ("100", "101")),),
    trunks=(Trunk("line", "sip.provider.test", "user", "p;w", "4950000", ("4950000",), "700"),),
    menus=(Menu("800", "hello", {"1": "700", "0": "100"}),),
    outgoing_prefixes=("79",),
    agi_host="10.0.0.5",
    records=True,
)


def test_the_manager_may_read_calls_and_place_them_and_nothing_else() -> None:
    manager = generate(PLAN)["manager_korobka.conf"]
    assert "read = call,agent,user\n" in manager
    assert "write = call,originate,reporting\n" in manager
    assert "deny = 0.0.0.0/0.0.0.0\n; " not in manager
    assert "permit = 10.0.0.5/255.255.255.255\n" in manager


def test_only_allowed_prefixes_lead_outside() -> None:
    dialplan = generate(PLAN)["extensions_korobka.conf"]
    internal = dialplan[: dialplan.index("[korobka-incoming]")]
    assert [line for line in internal.splitlines() if line.startswith("exten => _")] == [
        "exten => _**X.,1,Pickup(${EXTEN:2})",
        'exten => _79X.,1,GotoIf($[${REGEX("^[0-9*#+]+$" ${EXTEN})} = 0]?refused)',
    ]
    assert "@line" not in generate(replace(PLAN, outgoing_prefixes=()))["extensions_korobka.conf"]


def test_a_second_number_behind_an_allowed_one_is_refused_before_anything_is_dialled() -> None:
    """`79161234567&PJSIP/8816…@line`, as a telephone may send it: the dot of a pattern takes any sign."""
    dialplan = generate(replace(PLAN, forbidden_prefixes=("7979",), dial_prefix="9"))
    steps = dialplan["extensions_korobka.conf"].partition("exten => _979X.,1,")[2].partition("exten =>")[0]
    first, *rest = steps.splitlines()
    assert first == 'GotoIf($[${REGEX("^[0-9*#+]+$" ${EXTEN})} = 0]?refused)'
    assert any("Dial(PJSIP/${EXTEN:1}@line" in one for one in rest)
    assert " same => n(refused),Hangup(21)" in rest
    # What is both allowed and forbidden is forbidden.
    both = generate(replace(PLAN, forbidden_prefixes=("79",)))["extensions_korobka.conf"]
    assert "exten => _79X.,1,Hangup(21)" in both
    assert "@line" not in both


def test_who_calls_from_outside_passes_no_call_on() -> None:
    """`T` lets the calling side transfer by keys: from outside that would be at the company's expense."""
    dialplan = generate(PLAN)["extensions_korobka.conf"]
    incoming = dialplan.partition("[korobka-incoming]")[2].partition("\n[")[0]
    assert "exten => 4950000,1,Set(KOROBKA_OUTSIDE=yes)" in incoming
    assert "tT" not in dialplan
    for line in dialplan.splitlines():
        if ",n,Dial(PJSIP/" in line or ",1,Dial(PJSIP/" in line or "Queue(" in line:
            assert 't${IF($["${KOROBKA_OUTSIDE}" = ""]?T)}' in line or "@line" in line
    assert "@line,60,Tb(korobka-outside^s^1))" in dialplan
    assert "[korobka-outside]\nexten => s,1,Set(KOROBKA_OUTSIDE=yes)" in dialplan


def steps_of(dialplan: str, context: str, exten: str) -> list[str]:
    """Applications with their arguments, labels as `label|`."""
    inside = dialplan.partition(f"[{context}]\n")[2].partition("\n[")[0]
    lines = iter(inside.splitlines())
    first = next(line for line in lines if line.startswith(f"exten => {exten},1,"))
    rest = takewhile(lambda line: line.startswith(" same => n"), lines)
    labelled = (re.sub(r"^ same => n(?:\((\w+)\))?,", r"\1|", line).removeprefix("|") for line in rest)
    return [first.removeprefix(f"exten => {exten},1,"), *labelled]


@pytest.mark.parametrize(
    ("context", "exten", "then"),
    [
        ("korobka-internal", "100", "Dial(PJSIP/100,"),
        ("korobka-internal", "700", "Answer()"),
        ("korobka-internal", "_79X.", "Dial(PJSIP/${EXTEN}@line,"),
        # Who was on hold, and was called before: their channel has not been recorded by then.
        ("korobka-return", "_X!", "Set(KOROBKA_TRIES=0)"),
        # Who looks after the client is called first.
        ("korobka-incoming", "4950000", "Dial(PJSIP/${SHARED(KOROBKA_EXTENSION)},"),
    ],
)
def test_wherever_somebody_is_put_through_their_channel_is_recorded_once(
    context: str, exten: str, then: str
) -> None:
    """Begun anew with the same channel, or by the name of the call, Asterisk would empty what is there."""
    steps = steps_of(generate(PLAN)["extensions_korobka.conf"], context, exten)
    begin = steps.index('GotoIf($["${KOROBKA_FILE}" != ""]?recorded)')
    file = "/var/spool/asterisk/monitor/${STRFTIME(${EPOCH},UTC,%Y/%m/%d)}/${UNIQUEID}.wav"
    assert steps[begin + 1 : begin + 6] == [
        f"Set(KOROBKA_FILE={file})",
        "MixMonitor(${KOROBKA_FILE},b)",
        "UserEvent(KOROBKA_RECORDING,File: ${KOROBKA_FILE})",
        "CELGenUserEvent(KOROBKA_RECORDING,${KOROBKA_FILE})",
        "recorded|NoOp()",
    ]
    assert steps[begin + 6].startswith(then)
    without = generate(replace(PLAN, records=False))["extensions_korobka.conf"]
    assert steps_of(without, context, exten) == [*steps[:begin], *steps[begin + 6 :]]


def test_who_is_not_called_first_is_not_recorded_before_the_line_answers() -> None:
    steps = steps_of(generate(PLAN)["extensions_korobka.conf"], "korobka-incoming", "4950000")
    first = steps.index(
        'GotoIf($["${SHARED(KOROBKA_ROUTE)}" != "first" | "${SHARED(KOROBKA_EXTENSION)}" = ""]?line)'
    )
    line = next(at for at, one in enumerate(steps) if one.startswith("line|"))
    assert not any("MixMonitor" in one for one in [*steps[:first], *steps[line:]])
    assert steps[line - 1] == 'GotoIf($["${DIALSTATUS}" = "ANSWER"]?over)'


def test_a_phone_in_a_browser_has_no_password_in_any_file() -> None:
    files = generate(PLAN)
    assert files["pjsip_korobka.conf"].count("type = auth\n") == 2
    assert "astdb,korobka" in files["sorcery_korobka.conf"]
    # Only hexadecimal digits become a password, only digits a name.
    assert "FILTER(0-9a-f,${KOROBKA_PASSWORD})" in files["extensions_korobka.conf"]
    without = generate(replace(PLAN, phones=PLAN.phones[:1]))
    assert not {"http_korobka.conf", "sorcery_korobka.conf"} & set(without)
    assert "korobka-credentials" not in without["extensions_korobka.conf"]


def test_a_browser_is_offered_opus_only_where_the_pbx_translates_it() -> None:
    desk = "allow = alaw,ulaw,g722\n"
    without = generate(PLAN)["pjsip_korobka.conf"]
    assert desk in without
    assert "opus" not in without
    translates = generate(replace(PLAN, transcodes_opus=True))["pjsip_korobka.conf"]
    assert desk in translates
    assert "allow = opus,alaw,ulaw\n" in translates


def test_a_semicolon_begins_no_comment() -> None:
    assert "password = p\\;w\n" in generate(PLAN)["pjsip_korobka.conf"]


@pytest.mark.parametrize(
    "bad",
    [
        replace(PLAN, manager_secret="short"),
        replace(PLAN, manager_secret="a-secret\n[admin]\nsecret = x"),
        replace(PLAN, manager_user="x]\n[y"),
        replace(PLAN, phones=(Phone("100", 'A" <911>', "p"),)),
        replace(PLAN, phones=(Phone("_X.", "A", "p"),)),
        replace(PLAN, phones=(Phone("100,1,System(x)", "A", "p"),)),
        replace(PLAN, queues=(Queue("support),System(x", "700"),)),
        replace(PLAN, outgoing_prefixes=("_.",)),
        replace(PLAN, dial_prefix="X."),
        replace(PLAN, queues=(Queue("support", "100"),)),
        replace(PLAN, queues=(Queue("general", "700"),)),
        replace(PLAN, trunks=(replace(PLAN.trunks[0], name="100"),)),
        replace(PLAN, trunks=(PLAN.trunks[0], replace(PLAN.trunks[0], name="other"))),
        replace(PLAN, trunks=(replace(PLAN.trunks[0], answers="700,1)"),)),
        replace(PLAN, menus=(Menu("800", "hello&x", {}),)),
        replace(PLAN, recording_folder="/tmp/${SHELL(id)}"),
        replace(PLAN, recording_command="/bin/sh -c 'x'"),
    ],
)
def test_what_would_become_configuration_of_its_own_is_refused(bad: Plan) -> None:
    with pytest.raises((Unwritable, ValueError)):
        generate(bad)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (replace(PLAN, dial_prefix="X."), "Префикс городских номеров: 'X.'. Допустимы только цифры"),
        (replace(PLAN, phones=(Phone("100", 'Anna "A"', "p"),)), 'Имя сотрудника: знак " нельзя передать'),
        (replace(PLAN, manager_user="a\nb"), "есть управляющий символ|Допустимы латинские буквы"),
        (replace(PLAN, queues=(Queue("general", "700"),)), "Имя general на АТС уже занято"),
    ],
)
def test_why_it_is_refused_is_said_in_the_language_of_whoever_asks(bad: Plan, said: str) -> None:
    with translation.override("ru"), pytest.raises(Unwritable, match=said):
        generate(bad)


def test_an_older_asterisk_gets_no_event_that_it_refuses() -> None:
    def knows_music(release: str) -> bool:
        return "STREAM_BEGIN" in generate(replace(PLAN, asterisk=Release.of(release)))["cel_korobka.conf"]

    before, since = ("13", "19.8", "20.15.2", "21.10", "22", "22.5.2"), ("20.16", "21.11.0", "22.6", "23")
    assert [knows_music(one) for one in before] == [False] * len(before)
    assert [knows_music(one) for one in since] == [True] * len(since)


@pytest.mark.parametrize("text", ["", "12", "22.", "22.6-rc1", "Asterisk 22", "222", "22.6.1.1"])
def test_what_is_no_release_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no release of Asterisk"):
        Release.of(text)


@pytest.mark.parametrize(
    ("said", "made_for"),
    [
        ("16.28.0", Release(16)), ("20.15.2", Release(20)), ("20.16.0", Release(20, 16)),
        ("22.6.0", Release(22, 6)), ("23.1.0", Release(22, 6)), ("certified/18.9-cert1", Release(18)),
        ("GIT-master-8d2f", None), ("12.8.2", None), ("", None),
        # Of the manager interface, as boxes noted it before.
        ("11.0.0", None), ("5.0.5", None),
    ],
)  # fmt: skip
def test_a_configuration_is_for_the_highest_release_that_is_not_above_the_pbx(
    said: str, made_for: Release | None
) -> None:
    assert release_for(said) == made_for


@given(st.text(max_size=200))
def test_no_value_writes_a_line_of_its_own(text: str) -> None:
    writer = Writer()
    writer.section("one")
    before = str(writer).count("\n")
    try:
        writer.set("option", text)
    except Unwritable:
        return
    assert str(writer).count("\n") == before + 1
    assert not asterisk_conf.value(text).replace("\\;", "").count(";")
