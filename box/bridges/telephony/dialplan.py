"""The dialplan of a `Plan`: what employees dial, what lines bring, and what the box is asked meanwhile."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from itertools import chain

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.bridges.telephony.asterisk_conf import Unwritable, Writer, name, number, value
from box.bridges.telephony.facts import CREDENTIALS_CONTEXT
from box.bridges.telephony.plan import Menu, Phone, Plan, Queue, Trunk

BROWSER_FAMILY = "korobka"
"""Where in the PBX's own database the box puts the credentials of phones in browsers."""
INTERNAL, INCOMING = "korobka-internal", "korobka-incoming"
HOLD_CONTEXT = "korobka-hold"
RETURN_CONTEXT = "korobka-return"
RETURNED_HEADER = "X-Korobka-Return"
"""On an INVITE with which somebody who waited is put through again."""
RECORDING = "KOROBKA_RECORDING"
"""The user event, in AMI and CEL alike, that says where a recording lies."""
WAITS_SECONDS = 300
"""On hold; then the telephone at which somebody was put there rings."""
COMES_BACK_SECONDS = 20
"""For which a telephone that is gone is waited for."""
ASKS_FOR_SECONDS = 2
"""How long a ringing call waits for the box; FastAGI by itself would wait for ever."""
MENU_TRIES = 3
"""So often a menu is said to whoever presses nothing."""
MENU_WAITS_SECONDS = 5
OUTSIDE = "korobka-outside"
_OUTSIDE = "KOROBKA_OUTSIDE"
# Who calls from outside, and might pass the call on by keys, would call the world at the company's expense.
_TRANSFERS = f't${{IF($["${{{_OUTSIDE}}}" = ""]?T)}}'


def extensions(plan: Plan) -> str:
    out = Writer("The dialplan: #include it at the end of extensions.conf.")
    out.section(INTERNAL, why="What employees dial.")
    for phone in plan.phones:
        out.extension(number(phone.number), [*_recorded(plan), *_phone(phone)])
    for queue in plan.queues:
        out.extension(number(queue.number), [*_recorded(plan), *_queue(queue)])
    for menu in plan.menus:
        _menu_entry(out, menu)
    out.extension("*8", ["Pickup()", "Hangup()"])
    out.extension("_**X.", ["Pickup(${EXTEN:2})", "Hangup()"])
    if plan.trunks:
        _outgoing(out, plan, plan.trunks[0])
    out.section(INCOMING, why="What the provider's line brings.")
    for trunk in plan.trunks:
        for own in trunk.numbers:
            out.extension(number(own, gettext_lazy("A number of ours")), _incoming(plan, trunk))
    for menu in plan.menus:
        _menu(out, menu)
    _hold(out, plan)
    if any(phone.is_browser for phone in plan.phones):
        _credentials(out)
    if plan.agi_host:
        out.section("korobka-ask", why="Asks the box; in a channel of its own, which a time limit can end.")
        out.extension(
            "ask",
            [
                f"AGI(agi://{value(ip_address(plan.agi_host))}:{plan.agi_port}/route)",
                # A number, checked here once more: whatever the box says, it is dialled in our context only.
                'GotoIf($[${REGEX("^[0-9]{1,15}$" ${KOROBKA_EXTENSION})} = 0]?told)',
                "Set(SHARED(KOROBKA_EXTENSION,${KOROBKA_CALLER})=${KOROBKA_EXTENSION})",
                "told|Set(SHARED(KOROBKA_ROUTE,${KOROBKA_CALLER})=${FILTER(a-z,${KOROBKA_ROUTE})})",
                "Hangup()",
            ],
        )
    return str(out)


def _outgoing(out: Writer, plan: Plan, trunk: Trunk) -> None:
    begin = (
        number(plan.dial_prefix, gettext_lazy("The prefix of numbers outside")) if plan.dial_prefix else ""
    )
    dialled = f"${{EXTEN:{len(begin)}}}" if begin else "${EXTEN}"
    for prefix in dict.fromkeys(plan.outgoing_prefixes):
        if prefix in plan.forbidden_prefixes:
            continue
        out.comment("Only what begins so may be dialled outside: the rest is what toll fraud lives on.")
        steps = [
            # The dot of a pattern takes any sign, and "&" would dial a second number behind the first.
            'GotoIf($[${REGEX("^[0-9*#+]+$" ${EXTEN})} = 0]?refused)',
            *([f"Set(CALLERID(num)={number(trunk.caller_id)})"] if trunk.caller_id else []),
            *_recorded(plan),
            f"Dial(PJSIP/{dialled}@{name(trunk.name)},60,Tb({OUTSIDE}^s^1))",
            "Hangup()",
            "refused|Hangup(21)",
        ]
        out.extension(f"_{begin}{number(prefix, gettext_lazy('A prefix'))}X.", steps)
    for prefix in dict.fromkeys(plan.forbidden_prefixes):
        # Of two patterns the longer one counts.
        out.extension(f"_{begin}{number(prefix, gettext_lazy('A prefix'))}X.", ["Hangup(21)"])


def _credentials(out: Writer) -> None:
    out.section(
        CREDENTIALS_CONTEXT,
        why="The box gives a phone in a browser its password for an hour. Its manager user may not write"
        " AstDB itself: here it can set these, and nothing else.",
    )
    # It becomes JSON: what is not hexadecimal would be a field of its own.
    password = "${FILTER(0-9a-f,${KOROBKA_PASSWORD})}"  # noqa: S105 - a variable of the dialplan
    held = f'{{"auth_type":"userpass","username":"${{EXTEN}}","password":"{password}"}}'
    steps = [
        "Set(CDR_PROP(disable)=1)",
        f"GotoIf($[${{LEN({password})}} < 32]?over)",
        f"Set(DB({BROWSER_FAMILY}/auth/${{EXTEN}})={held})",
        "over|Hangup()",
    ]
    for digits in range(1, 7):
        out.extension("_" + "X" * digits, steps)


def _hold(out: Writer, plan: Plan) -> None:
    out.section(HOLD_CONTEXT, why="Who is put on hold from the portal waits here for the extension.")
    out.extension(
        "_X!",
        [f"MusicOnHold(,{WAITS_SECONDS})", f"Goto({RETURN_CONTEXT},${{EXTEN}},1)"],
    )
    out.section(RETURN_CONTEXT, why="And is put through to it again; a browser may just be loading a page.")
    out.extension(
        "_X!",
        [
            *_recorded(plan),
            "Set(KOROBKA_TRIES=0)",
            "again|Dial(PJSIP/${EXTEN},30," + _TRANSFERS + "b(korobka-returned^s^1))",
            'GotoIf($["${DIALSTATUS}" != "CHANUNAVAIL"]?over)',
            "Set(KOROBKA_TRIES=$[${KOROBKA_TRIES} + 1])",
            f"GotoIf($[${{KOROBKA_TRIES}} > {COMES_BACK_SECONDS}]?over)",
            "Wait(1)",
            "Goto(again)",
            "over|Hangup()",
        ],
    )
    out.section("korobka-returned")
    out.extension("s", [f"Set(PJSIP_HEADER(add,{RETURNED_HEADER})=yes)", "Return()"])
    out.section(OUTSIDE, why="Whoever is called outside is marked: also on hold they pass no call on.")
    out.extension("s", [f"Set({_OUTSIDE}=yes)", "Return()"])


def _recorded(plan: Plan) -> list[str]:
    """A channel is recorded once, and as long as it is there: also where it is passed on. Another one of the
    same call, which stays when the first has gone, has a file of its own."""
    if not plan.records:
        return []
    path = f"{value(plan.recording_folder)}/${{STRFTIME(${{EPOCH}},UTC,%Y/%m/%d)}}/${{UNIQUEID}}.wav"
    if any(sign in plan.recording_folder + plan.recording_command for sign in ",()${}'\"|&`"):
        raise Unwritable(
            _("The folder and the command of recordings have signs that the dialplan reads: use plain paths.")
        )
    command = f",{plan.recording_command} ^{{MIXMONITOR_FILENAME}}" if plan.recording_command else ""
    return [
        'GotoIf($["${KOROBKA_FILE}" != ""]?recorded)',
        f"Set(KOROBKA_FILE={path})",
        f"MixMonitor(${{KOROBKA_FILE}},b{command})",
        # The same in both streams: live, and for whoever reads up later.
        f"UserEvent({RECORDING},File: ${{KOROBKA_FILE}})",
        f"CELGenUserEvent({RECORDING},${{KOROBKA_FILE}})",
        "recorded|NoOp()",
    ]


def _phone(phone: Phone) -> list[str]:
    rings = f"Dial(PJSIP/{phone.number},{phone.forwards_after if phone.forwards_to else 60:d},{_TRANSFERS})"
    if not phone.forwards_to:
        return [rings, "Hangup()"]
    return [*(_unless_answered(rings) if phone.forwards_after else ()), *_on_to(phone.forwards_to)]


def _queue(queue: Queue) -> list[str]:
    further = _on_to(queue.otherwise) if queue.otherwise else ["Hangup()", "over|Hangup()"]
    if not queue.is_group:
        # Behind it the dialplan goes on only for whoever nobody has answered.
        waits = f"Queue({name(queue.name)},{_TRANSFERS},,,{queue.waits_seconds:d})"
        return ["Answer()", waits, *further]
    phones = [f"PJSIP/{number(member, gettext_lazy('A member of a group'))}" for member in queue.members]
    if queue.strategy != "linear":
        phones = ["&".join(phones)] if phones else []
    rings = (_unless_answered(f"Dial({one},{queue.rings_seconds:d},{_TRANSFERS})") for one in phones)
    return [*chain.from_iterable(rings), *further]


def _unless_answered(dials: str) -> list[str]:
    return [dials, 'GotoIf($["${DIALSTATUS}" = "ANSWER"]?over)']


def _on_to(goal: str) -> list[str]:
    return [f"Goto({INTERNAL},{number(goal)},1)", "over|Hangup()"]


def look_where_calls_go(plan: Plan) -> None:
    """Every number that calls are sent on to is one that may be dialled, and none leads back: with all
    telephones off, a circle would keep the PBX busy for as long as the caller has patience."""
    further = {phone.number: phone.forwards_to for phone in plan.phones if phone.forwards_to}
    further |= {queue.number: queue.otherwise for queue in plan.queues if queue.otherwise}
    further |= {menu.number: menu.otherwise for menu in plan.menus if menu.otherwise}
    known = {phone.number for phone in plan.phones}
    known |= {queue.number for queue in plan.queues} | {menu.number for menu in plan.menus}
    answers = [goal for trunk in plan.trunks for goal in (trunk.answers, trunk.closed) if goal]
    keys = [goal for menu in plan.menus for goal in menu.choices.values()]
    for goal in (*further.values(), *answers, *keys):
        if goal not in known and not _may_be_dialled(plan, goal):
            said = _("%(number)s is no number that may be called: add it, or allow its beginning.")
            raise Unwritable(said % {"number": goal})
    for begin in further:
        passed, place = {begin}, begin
        while (place := further.get(place, "")) and place not in passed:
            passed.add(place)
        if place:
            said = _("Calls of %(number)s would go in a circle by way of %(other)s: change one of them.")
            raise Unwritable(said % {"number": begin, "other": place})


def _may_be_dialled(plan: Plan, goal: str) -> bool:
    def longest(prefixes: Iterable[str]) -> int:
        return max((len(one) for one in prefixes if goal.startswith(plan.dial_prefix + one)), default=-1)

    return longest(plan.outgoing_prefixes) > longest(plan.forbidden_prefixes)


def _incoming(plan: Plan, trunk: Trunk) -> list[str]:
    goal = number(trunk.answers, gettext_lazy("Who answers a line"))
    closed = f"{INTERNAL},{number(trunk.closed)},1" if trunk.closed else "over"
    steps = [f"Set({_OUTSIDE}=yes)"]
    if plan.hours and trunk.closed:
        steps += [f"GotoIfTime({plan.hours}?open)", f"Goto({closed})", "open|NoOp()"]
    if plan.agi_host:
        steps += [
            "Set(__KOROBKA_CALLER=${CHANNEL})",
            f"Dial(Local/ask@korobka-ask/n,{ASKS_FOR_SECONDS})",
            'GotoIf($["${SHARED(KOROBKA_ROUTE)}" = "refuse"]?refused)',
            'GotoIf($["${SHARED(KOROBKA_ROUTE)}" != "first" | "${SHARED(KOROBKA_EXTENSION)}" = ""]?line)',
            *_recorded(plan),
            *_unless_answered(f"Dial(PJSIP/${{SHARED(KOROBKA_EXTENSION)}},20,{_TRANSFERS})"),
            f'line|GotoIf($["${{SHARED(KOROBKA_ROUTE)}}" = "closed"]?{closed})',
        ]
    steps.append(f"Goto({INTERNAL},{goal},1)")
    if plan.agi_host:
        steps += ["over|Hangup()", "refused|Hangup(21)"]
    return steps


def _menu_entry(out: Writer, menu: Menu) -> None:
    out.extension(number(menu.number), [f"Goto(korobka-menu-{number(menu.number)},s,1)"])


def _menu(out: Writer, menu: Menu) -> None:
    out.section(f"korobka-menu-{number(menu.number)}", why="What callers hear there, and where keys lead.")
    sound = "/".join(name(part, gettext_lazy("A sound")) for part in menu.sound.split("/"))
    further = f"Goto({INTERNAL},{number(menu.otherwise)},1)" if menu.otherwise else "Hangup()"
    out.extension(
        "s",
        [
            "Answer()",
            "Set(KOROBKA_TRIES=0)",
            "again|Set(KOROBKA_TRIES=$[${KOROBKA_TRIES} + 1])",
            f"GotoIf($[${{KOROBKA_TRIES}} > {MENU_TRIES}]?further)",
            f"Background({sound})",
            f"WaitExten({MENU_WAITS_SECONDS})",
            f"further|{further}",
        ],
    )
    for key, goal in menu.choices.items():
        if len(key) != 1:
            raise Unwritable(
                _("%(key)s is no key of a telephone: one of 0 to 9, * and #.") % {"key": repr(key)}
            )
        out.extension(number(key), [f"Goto({INTERNAL},{number(goal)},1)"])
    out.extension("i", ["Goto(s,again)"])
    out.extension("t", ["Goto(s,again)"])
