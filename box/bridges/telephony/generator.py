"""Configuration for a company's Asterisk, commented, to be included by its own files: `boxctl telephony
config`.

`generate` makes everything out of one `Plan`: the bridge's manager user with least rights, CEL and CDR,
phones and browsers, queues, recording, the question to the box while it rings, a menu. Nothing is changed on
the PBX by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path

from box.bridges.telephony.asterisk_conf import Unwritable, Writer, caller_name, name, number, value
from box.bridges.telephony.facts import CREDENTIALS_CONTEXT

# What the bridge reads: `calls` needs no dialplan step, no RTCP report and no device's state, and on a busy
# PBX these are most of the stream.
UNREAD = (
    "Newexten",
    "VarSet",
    "RTCP",
    "DeviceStateChange",
    "ExtensionStatus",
    "PresenceState",
    "NewAccountCode",
    "HangupRequest",
    "SoftHangupRequest",
    "DTMF",
    "ChannelTalking",
    "ContactStatus",
)
# Bridges are watched by the channels that enter and leave them.
CEL_EVENTS = (
    "CHAN_START,CHAN_END,ANSWER,HANGUP,APP_START,APP_END,BRIDGE_ENTER,BRIDGE_EXIT,PARK_START,PARK_END,"
    "BLINDTRANSFER,ATTENDEDTRANSFER,PICKUP,FORWARD,LINKEDID_END,LOCAL_OPTIMIZE,USER_DEFINED"
)
# Music tells who was on hold. An older Asterisk refuses the whole file for an event that it does not know.
CEL_EVENTS_SINCE_22 = ",STREAM_BEGIN,STREAM_END"
CEL_APPS = "queue,mixmonitor"
# The columns of our CSV files, in this order; `cel` and `cdr` read them back.
CEL_COLUMNS = (
    "eventtype",
    "eventtime",
    "cidname",
    "cidnum",
    "exten",
    "context",
    "channame",
    "appname",
    "appdata",
    "uniqueid",
    "linkedid",
    "peer",
    "userdeftype",
    "eventextra",
)
CDR_COLUMNS = (
    "clid",
    "src",
    "dst",
    "dcontext",
    "channel",
    "dstchannel",
    "lastapp",
    "lastdata",
    "start",
    "answer",
    "end",
    "duration",
    "billsec",
    "disposition",
    "uniqueid",
    "linkedid",
    "sequence",
    "userfield",
)
BROWSER_FAMILY = "korobka"
"""Where in the PBX's own database the box puts the credentials of phones in browsers."""
HOLD_CONTEXT = "korobka-hold"
RETURN_CONTEXT = "korobka-return"
RETURNED_HEADER = "X-Korobka-Return"
"""On an INVITE with which somebody who waited is put through again."""
RECORDING = "KOROBKA_RECORDING"
"""The user event, in AMI and CEL alike, that says where a recording lies."""
_NOTES = Path(__file__).with_name("notes.txt")
WAITS_SECONDS = 300
"""On hold; then the telephone at which somebody was put there rings."""
COMES_BACK_SECONDS = 20
"""For which a telephone that is gone is waited for."""
ASKS_FOR_SECONDS = 2
"""How long a ringing call waits for the box; FastAGI by itself would wait for ever."""


@dataclass(frozen=True)
class Phone:
    number: str
    name: str
    password: str
    is_browser: bool = False
    """Rings in the portal, over a WebSocket that the box leads there; its password is the box's to give."""
    address: str = ""
    """Of a phone that does not register: `sip:100@10.0.0.7:5060`."""


@dataclass(frozen=True)
class Queue:
    name: str
    number: str
    members: tuple[str, ...] = ()
    strategy: str = "ringall"
    rings_seconds: int = 20
    waits_seconds: int = 300


@dataclass(frozen=True)
class Trunk:
    """The provider's line."""

    name: str
    host: str
    user: str = ""
    password: str = ""
    caller_id: str = ""
    numbers: tuple[str, ...] = ()
    """Ours, as the provider sends them."""
    answers: str = ""
    """Which extension or queue rings when one of these is called."""


@dataclass(frozen=True)
class Menu:
    """Press one for sales."""

    number: str
    sound: str
    choices: Mapping[str, str]
    """A key, and the number that it leads to."""


@dataclass(frozen=True)
class Plan:
    manager_secret: str
    asterisk: int = 13
    """The PBX's version: 13 to 22. A later one than is said here also reads what is written."""
    box_addresses: tuple[str, ...] = ("127.0.0.1/32",)
    """From where the bridge signs in."""
    bind_address: str = "0.0.0.0"  # noqa: S104 - a PBX listens; the user's ACL lets the box in only
    manager_port: int = 5038
    manager_user: str = "korobka"
    certificate: str = ""
    """A PEM file with key and certificate, on the PBX; with it the bridge's connection is encrypted."""
    websocket_port: int = 8088
    """Where browsers' phones arrive, by way of the box."""
    agi_host: str = ""
    agi_port: int = 4573
    phones: tuple[Phone, ...] = ()
    queues: tuple[Queue, ...] = ()
    trunks: tuple[Trunk, ...] = ()
    menus: tuple[Menu, ...] = ()
    outgoing_prefixes: tuple[str, ...] = ()
    """What may be dialled outside; nothing without."""
    records: bool = False
    recording_folder: str = "/var/spool/asterisk/monitor"
    recording_command: str = ""
    """Called with the file when a recording is whole."""
    database: bool = False
    """CEL and CDR go to PostgreSQL, not to CSV files."""
    database_dsn: Mapping[str, str] = field(default_factory=dict)


def generate(plan: Plan) -> dict[str, str]:
    """File name to text. Raises Unwritable where something cannot be written into a configuration."""
    files = {
        "manager_korobka.conf": _manager(plan),
        "cel_korobka.conf": _cel(plan),
        "cdr_korobka.conf": _cdr(),
        "pjsip_korobka.conf": _pjsip(plan),
        "queues_korobka.conf": _queues(plan),
        "extensions_korobka.conf": _extensions(plan),
        "README_korobka.txt": _NOTES.read_text(encoding="utf-8"),
    }
    if any(phone.is_browser for phone in plan.phones):
        files |= _browsers(plan)
    files |= _databases(plan) if plan.database else _csv()
    return files


def _manager(plan: Plan) -> str:
    out = Writer("The box's way in. Include it in manager.conf: #include manager_korobka.conf")
    out.section("general")
    out.set("enabled", True)
    out.set("webenabled", False, "Over HTTP nobody needs it.")
    out.set("bindaddr", value(ip_address(plan.bind_address)))
    out.set("port", plan.manager_port)
    out.set("timestampevents", True, "A call's moments are the PBX's own, however late the box reads them.")
    out.set("authtimeout", 10)
    out.set("authlimit", 20)
    if plan.certificate:
        out.set("tlsenable", True)
        out.set("tlsbindaddr", f"{ip_address(plan.bind_address)}:{plan.manager_port + 1}")
        out.set("tlscertfile", plan.certificate)
    out.section(plan.manager_user)
    if len(plan.manager_secret) < 16:
        raise Unwritable("The manager's secret is shorter than 16 characters: let the box make one.")
    out.set("secret", plan.manager_secret)
    out.set("deny", "0.0.0.0/0.0.0.0", "From the box only.")
    for address in plan.box_addresses:
        network = ip_network(address)
        out.set("permit", f"{network.network_address}/{network.netmask}")
    out.set(
        "read", "call,agent,user", "Calls, queues, and what our dialplan tells. Neither system nor command."
    )
    out.set("write", "call,originate,reporting", "Hang up, transfer, call; list the channels.")
    out.comment("What is not read is not sent: it would be most of the stream.")
    for event in UNREAD:
        out.set("eventfilter", f"!Event: {event}")
    out.set("writetimeout", 5000, "Milliseconds; a box that hangs must not hold the PBX.")
    return str(out)


def _cel(plan: Plan) -> str:
    out = Writer("What happened to every channel, for the box to read after an interruption: cel.conf")
    out.section("general")
    out.set("enable", True)
    out.set("apps", CEL_APPS)
    out.set("events", CEL_EVENTS + (CEL_EVENTS_SINCE_22 if plan.asterisk >= 22 else ""))
    return str(out)


def _cdr() -> str:
    out = Writer("One record a conversation: cdr.conf")
    out.section("general")
    out.set("enable", True)
    out.set("unanswered", True, "A missed call is a call.")
    out.set("congestion", True)
    out.set("endbeforehexten", False)
    out.set("initiatedseconds", False)
    out.set("batch", False, "Records are written at once, not when a hundred have gathered.")
    return str(out)


def _csv() -> dict[str, str]:
    cel = Writer("Events to /var/log/asterisk/cel-custom/korobka.csv, in UTC: cel_custom.conf")
    cel.section("mappings")
    cel_fields = {
        "cidname": "CALLERID(name)",
        "cidnum": "CALLERID(num)",
        "exten": "CHANNEL(exten)",
        "context": "CHANNEL(context)",
        "channame": "CHANNEL(channame)",
        "appname": "CHANNEL(appname)",
        "appdata": "CHANNEL(appdata)",
        "uniqueid": "CHANNEL(uniqueid)",
        "linkedid": "CHANNEL(linkedid)",
        "peer": "CHANNEL(peer)",
    }
    cel.set("korobka.csv", ",".join(f"${{CSV_QUOTE(${{{cel_fields.get(c, c)}}})}}" for c in CEL_COLUMNS))
    cdr = Writer("Records to /var/log/asterisk/cdr-custom/korobka.csv: cdr_custom.conf")
    cdr.section("mappings")
    # 'u': moments with microseconds since 1970, in no time zone.
    moments = {"start": ",u", "answer": ",u", "end": ",u"}
    cdr.set(
        "korobka.csv", ",".join(f"${{CSV_QUOTE(${{CDR({c}{moments.get(c, '')})}})}}" for c in CDR_COLUMNS)
    )
    return {"cel_custom_korobka.conf": str(cel), "cdr_custom_korobka.conf": str(cdr)}


def _databases(plan: Plan) -> dict[str, str]:
    files = {}
    for kind in ("cel", "cdr"):
        out = Writer(f"To PostgreSQL: {kind}_pgsql.conf. The tables are in README_korobka.txt.")
        out.section("global")
        for option in ("hostname", "port", "dbname", "user", "password"):
            if option in plan.database_dsn:
                out.set(option, plan.database_dsn[option])
        out.set("table", kind)
        out.set("encoding", "UTF8")
        files[f"{kind}_pgsql_korobka.conf"] = str(out)
    return files


def _browsers(plan: Plan) -> dict[str, str]:
    """What phones in browsers need beside their endpoints."""
    http = Writer("Phones in browsers arrive here, by way of the box alone: http.conf")
    http.section("general")
    http.set("enabled", True)
    http.set("bindaddr", value(ip_address(plan.bind_address)), "Let a firewall admit the box only.")
    http.set("bindport", plan.websocket_port)
    http.set("enablestatic", False)
    sorcery = Writer("Passwords of phones in browsers are short-lived, and lie in AstDB: sorcery.conf")
    sorcery.section("res_pjsip")
    sorcery.set("auth", "config,pjsip.conf,criteria=type=auth")
    sorcery.set("auth", f"astdb,{BROWSER_FAMILY}")
    return {"http_korobka.conf": str(http), "sorcery_korobka.conf": str(sorcery)}


def _pjsip(plan: Plan) -> str:
    out = Writer(
        "Phones, browsers and lines: #include it at the end of pjsip.conf, which has the transports."
    )
    if any(phone.is_browser for phone in plan.phones):
        out.section("korobka-websocket", why="Of phones in browsers; where it listens says http.conf.")
        out.set("type", "transport")
        out.set("protocol", "ws")
        out.set("bind", value(ip_address(plan.bind_address)))
    for phone in plan.phones:
        number(phone.number, "An extension")
        out.section(phone.number, why=f"{phone.name}")
        out.set("type", "endpoint")
        out.set("context", "korobka-internal")
        out.set("disallow", "all")
        out.set("allow", "opus,alaw,ulaw" if phone.is_browser else "alaw,ulaw,g722")
        out.set("callerid", f'"{caller_name(phone.name)}" <{phone.number}>')
        out.set("auth", phone.number)
        out.set("aors", phone.number)
        out.set("call_group", 1, "Who is in the group may pick up: *8.")
        out.set("pickup_group", 1)
        if phone.is_browser:
            out.set("webrtc", True, "DTLS-SRTP, ICE and rtcp-mux; Asterisk makes the certificate itself.")
        else:
            out.set("direct_media", False, "Else there is nothing to record, and holds are not seen.")
            out.section(phone.number)
            out.set("type", "auth")
            out.set("auth_type", "userpass")
            out.set("username", phone.number)
            out.set("password", phone.password)
        out.section(phone.number)
        out.set("type", "aor")
        out.set("max_contacts", 3)
        out.set("remove_existing", True)
        if phone.address:
            out.set("contact", phone.address)
        elif not phone.is_browser:
            out.set("qualify_frequency", 60)
    for trunk in plan.trunks:
        _trunk(out, trunk)
    return str(out)


def _trunk(out: Writer, trunk: Trunk) -> None:
    out.section(trunk.name, why="The provider's line.")
    out.set("type", "endpoint")
    out.set("context", "korobka-incoming")
    out.set("disallow", "all")
    out.set("allow", "alaw,ulaw")
    out.set("direct_media", False)
    out.set("aors", trunk.name)
    if trunk.caller_id:
        out.set("from_user", number(trunk.caller_id, "The line's caller ID"))
    if trunk.user:
        out.set("outbound_auth", trunk.name)
        out.section(trunk.name)
        out.set("type", "auth")
        out.set("auth_type", "userpass")
        out.set("username", trunk.user)
        out.set("password", trunk.password)
        out.section(f"{trunk.name}-registration")
        out.set("type", "registration")
        out.set("outbound_auth", trunk.name)
        out.set("server_uri", f"sip:{trunk.host}")
        out.set("client_uri", f"sip:{trunk.user}@{trunk.host}")
        out.set("retry_interval", 30)
    out.section(trunk.name)
    out.set("type", "aor")
    out.set("contact", f"sip:{trunk.host}")
    out.section(f"{trunk.name}-identify")
    out.set("type", "identify")
    out.set("endpoint", trunk.name)
    out.set("match", trunk.host.partition(":")[0], "Who comes from elsewhere is not the provider.")


def _queues(plan: Plan) -> str:
    out = Writer("Queues: #include it in queues.conf.")
    for queue in plan.queues:
        out.section(queue.name)
        out.set("strategy", name(queue.strategy))
        out.set("timeout", queue.rings_seconds)
        out.set("retry", 3)
        out.set("ringinuse", False, "Who talks is not rung.")
        out.set("joinempty", True)
        out.set("musicclass", "default")
        for member in queue.members:
            out.set("member", f"PJSIP/{number(member, 'A member of a queue')}")
    return str(out)


def _extensions(plan: Plan) -> str:
    out = Writer("The dialplan: #include it at the end of extensions.conf.")
    out.section("korobka-internal", why="What employees dial.")
    for phone in plan.phones:
        out.extension(
            number(phone.number), [*_recorded(plan), f"Dial(PJSIP/{phone.number},60,tT)", "Hangup()"]
        )
    for queue in plan.queues:
        out.extension(number(queue.number), [*_recorded(plan), *_queue(queue)])
    for menu in plan.menus:
        _menu_entry(out, menu)
    out.extension("*8", ["Pickup()", "Hangup()"])
    out.extension("_**X.", ["Pickup(${EXTEN:2})", "Hangup()"])
    if plan.trunks:
        trunk = plan.trunks[0]
        for prefix in plan.outgoing_prefixes:
            out.comment("Only what begins so may be dialled outside: the rest is what toll fraud lives on.")
            steps = [*_recorded(plan), f"Dial(PJSIP/${{EXTEN}}@{name(trunk.name)},60,T)", "Hangup()"]
            if trunk.caller_id:
                steps.insert(0, f"Set(CALLERID(num)={number(trunk.caller_id)})")
            out.extension(f"_{number(prefix, 'A prefix')}X.", steps)
    out.section("korobka-incoming", why="What the provider's line brings.")
    for trunk in plan.trunks:
        for own in trunk.numbers:
            out.extension(number(own, "A number of ours"), _incoming(plan, trunk))
    for menu in plan.menus:
        _menu(out, menu)
    _hold(out)
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


def _hold(out: Writer) -> None:
    out.section(HOLD_CONTEXT, why="Who is put on hold from the portal waits here for the extension.")
    out.extension(
        "_X!",
        [f"MusicOnHold(,{WAITS_SECONDS})", f"Goto({RETURN_CONTEXT},${{EXTEN}},1)"],
    )
    out.section(RETURN_CONTEXT, why="And is put through to it again; a browser may just be loading a page.")
    out.extension(
        "_X!",
        [
            "Set(KOROBKA_TRIES=0)",
            "again|Dial(PJSIP/${EXTEN},30,tTb(korobka-returned^s^1))",
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


def _recorded(plan: Plan) -> list[str]:
    if not plan.records:
        return []
    path = f"{value(plan.recording_folder)}/${{STRFTIME(${{EPOCH}},UTC,%Y/%m/%d)}}/${{CHANNEL(LINKEDID)}}.wav"
    if any(sign in plan.recording_folder + plan.recording_command for sign in ",()${}'\"|&`"):
        raise Unwritable(
            "The folder and the command of recordings have signs that the dialplan reads: use plain paths."
        )
    command = f",{plan.recording_command} ^{{MIXMONITOR_FILENAME}}" if plan.recording_command else ""
    return [
        f"Set(KOROBKA_FILE={path})",
        f"MixMonitor(${{KOROBKA_FILE}},b{command})",
        # The same in both streams: live, and for whoever reads up later.
        f"UserEvent({RECORDING},File: ${{KOROBKA_FILE}})",
        f"CELGenUserEvent({RECORDING},${{KOROBKA_FILE}})",
    ]


def _queue(queue: Queue) -> list[str]:
    return ["Answer()", f"Queue({name(queue.name)},tT,,,{queue.waits_seconds})", "Hangup()"]


def _incoming(plan: Plan, trunk: Trunk) -> list[str]:
    goal = number(trunk.answers, "Who answers a line")
    steps = []
    if plan.agi_host:
        steps = [
            "Set(__KOROBKA_CALLER=${CHANNEL})",
            f"Dial(Local/ask@korobka-ask/n,{ASKS_FOR_SECONDS})",
            'GotoIf($["${SHARED(KOROBKA_ROUTE)}" = "refuse"]?refused)',
            'ExecIf($["${SHARED(KOROBKA_ROUTE)}" = "first" & "${SHARED(KOROBKA_EXTENSION)}" != ""]'
            "?Dial(PJSIP/${SHARED(KOROBKA_EXTENSION)},20,tT))",
            'GotoIf($["${DIALSTATUS}" = "ANSWER"]?over)',
            'GotoIf($["${SHARED(KOROBKA_ROUTE)}" = "closed"]?over)',
        ]
    steps.append(f"Goto(korobka-internal,{goal},1)")
    if plan.agi_host:
        steps += ["over|Hangup()", "refused|Hangup(21)"]
    return steps


def _menu_entry(out: Writer, menu: Menu) -> None:
    out.extension(number(menu.number), [f"Goto(korobka-menu-{number(menu.number)},s,1)"])


def _menu(out: Writer, menu: Menu) -> None:
    out.section(f"korobka-menu-{number(menu.number)}")
    out.extension("s", ["Answer()", f"Background({name(menu.sound)})", "WaitExten(8)", "Hangup()"])
    for key, goal in menu.choices.items():
        out.extension(number(key), [f"Goto(korobka-internal,{number(goal)},1)"])
    out.extension("i", ["Goto(s,1)"])
    out.extension("t", ["Hangup()"])
