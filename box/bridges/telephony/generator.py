"""Configuration for a company's Asterisk, commented, to be included by its own files: `boxctl telephony
config`.

`generate` makes everything out of one `Plan`: the bridge's manager user with least rights, CEL and CDR,
phones and browsers, queues, recording, the question to the box while it rings, a menu. Nothing is changed on
the PBX by itself.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from pathlib import Path

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.bridges.telephony.asterisk_conf import Unwritable, Writer, caller_name, name, number, value
from box.bridges.telephony.dialplan import BROWSER_FAMILY, INCOMING, INTERNAL, extensions, look_where_calls_go
from box.bridges.telephony.plan import RESERVED, Phone, Plan, Trunk

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
CEL_EVENTS_OF_MUSIC = ",STREAM_BEGIN,STREAM_END"
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
_NOTES = Path(__file__).with_name("notes.txt")


def generate(plan: Plan) -> dict[str, str]:
    """File name to text. Raises Unwritable where something cannot be written into a configuration, or would
    lead nowhere."""
    look_where_calls_go(plan)
    _look_at_names(plan)
    files = {
        "manager_korobka.conf": _manager(plan),
        "cel_korobka.conf": _cel(plan),
        "cdr_korobka.conf": _cdr(),
        "pjsip_korobka.conf": _pjsip(plan),
        "queues_korobka.conf": _queues(plan),
        "extensions_korobka.conf": extensions(plan),
        "README_korobka.txt": _NOTES.read_text(encoding="utf-8"),
    }
    if any(phone.is_browser for phone in plan.phones):
        files |= _browsers(plan)
    files |= _databases(plan) if plan.database else _csv()
    return files


def _look_at_names(plan: Plan) -> None:
    """A section of the name of a telephone, the PBX's own too, would become a part of that telephone."""
    taken = RESERVED | {phone.number for phone in plan.phones}
    for name_of_section in [*(trunk.name for trunk in plan.trunks), *(queue.name for queue in plan.queues)]:
        if name_of_section in taken:
            said = _("%(name)s is the name of something else on a PBX: choose another.")
            raise Unwritable(said % {"name": name_of_section})


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
        raise Unwritable(_("The manager's secret is shorter than 16 characters: let the box make one."))
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
    out.set("events", CEL_EVENTS + (CEL_EVENTS_OF_MUSIC if plan.asterisk.logs_music else ""))
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
    if plan.certificate:
        where = f"{ip_address(plan.bind_address)}:{plan.websocket_port + 1}"
        http.set("tlsenable", True, "The box arrives here encrypted where telephony.phones says wss://.")
        http.set("tlsbindaddr", where)
        http.set("tlscertfile", plan.certificate)
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
        if phone.is_own:
            continue
        number(phone.number, gettext_lazy("An extension"))
        out.section(phone.number, why=f"{phone.name}")
        out.set("type", "endpoint")
        out.set("context", INTERNAL)
        out.set("disallow", "all")
        out.set("allow", _codecs(plan, phone))
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
        # One that has come into another network is not looked for in the old one.
        out.set("max_contacts", 1 if phone.is_browser else 3)
        out.set("remove_existing", True)
        if phone.address:
            out.set("contact", phone.address)
        elif not phone.is_browser:
            out.set("qualify_frequency", 60)
    for trunk in plan.trunks:
        _trunk(out, trunk)
    return str(out)


def _codecs(plan: Plan, phone: Phone) -> str:
    if not phone.is_browser:
        return "alaw,ulaw,g722"
    # Asterisk talks to whoever answers in the first of these that both know, even if it cannot translate it.
    return "opus,alaw,ulaw" if plan.transcodes_opus else "alaw,ulaw"


def _trunk(out: Writer, trunk: Trunk) -> None:
    out.section(trunk.name, why="The provider's line.")
    out.set("type", "endpoint")
    out.set("context", INCOMING)
    out.set("disallow", "all")
    out.set("allow", "alaw,ulaw")
    out.set("direct_media", False)
    out.set("aors", trunk.name)
    if trunk.caller_id:
        out.set("from_user", number(trunk.caller_id, gettext_lazy("The line's caller ID")))
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
        if queue.is_group:
            continue
        out.section(queue.name)
        out.set("strategy", name(queue.strategy))
        out.set("timeout", queue.rings_seconds)
        out.set("retry", 3)
        out.set("ringinuse", False, "Who talks is not rung.")
        out.set("joinempty", True)
        out.set("musicclass", "default")
        for member in queue.members:
            out.set("member", f"PJSIP/{number(member, gettext_lazy('A member of a queue'))}")
    return str(out)
