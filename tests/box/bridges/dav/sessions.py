"""What clients of CalDAV send, one request after another, and what they need of the answers.

Written from what is known of them, and recorded from none: which properties each asks for, at which depth,
with which headers, in which order. Bodies are our own, with each client's way to write names of namespaces,
for servers have stumbled over these. `{me}` is the principal, `{calendar}` the person's calendar,
`{event}` an object in it; what an exchange keeps stands in later ones under its name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Exchange:
    method: str
    path: str
    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    has: Sequence[str] = ()
    """Elements by their paths below a response's `prop`, `C:name=text` with the text that is in it; `ETag`;
    or texts of the answer."""
    lacks: Sequence[str] = ()
    keeps: Mapping[str, str] = field(default_factory=dict)
    """By name a header of the answer, or the path of an element."""


def _prop(root: str, names: str, namespaces: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><{root} {namespaces}>{names}</{root}>'


def _event(uid: str, title: str, *more: str) -> str:
    return "\r\n".join(
        [
            "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Client//EN", "BEGIN:VEVENT", f"UID:{uid}",
            "DTSTAMP:20261101T000000Z", "DTSTART;TZID=Europe/Moscow:20261202T100000",
            "DTEND;TZID=Europe/Moscow:20261202T110000", f"SUMMARY:{title}", *more, "END:VEVENT",
            "END:VCALENDAR", "",
        ]
    )  # fmt: skip


# DAVx5 (at.bitfire.dav4jvm): no prefix for DAV:, CAL and CS for the others.

_DAVX5 = {
    "User-Agent": "DAVx5/4.4.11-ose (dav4jvm; okhttp/4.12.0) Android/15",
    "Content-Type": "application/xml; charset=utf-8",
}


def _davx5(names: str) -> str:
    spaces = 'xmlns="DAV:" xmlns:CAL="urn:ietf:params:xml:ns:caldav" xmlns:CS="http://calendarserver.org/ns/"'
    return _prop("propfind", f"<prop>{names}</prop>", spaces)


_DAVX5_LIST = _davx5(
    '<resourcetype/><displayname/><owner/><current-user-privilege-set/><CAL:calendar-description/>'
    '<n0:calendar-color xmlns:n0="http://apple.com/ns/ical/"/><CAL:calendar-timezone/>'
    '<CAL:supported-calendar-component-set/><CS:source/>'
)  # fmt: skip
_DAVX5_MULTIGET = (
    '<?xml version="1.0" encoding="UTF-8"?><CAL:calendar-multiget xmlns="DAV:"'
    ' xmlns:CAL="urn:ietf:params:xml:ns:caldav"><prop><getcontenttype/><getetag/>'
    '<CAL:calendar-data content-type="text/calendar" version="2.0"/></prop><href>{event}</href>'
    "</CAL:calendar-multiget>"
)
_DAVX5_QUERY = (
    '<?xml version="1.0" encoding="UTF-8"?><CAL:calendar-query xmlns="DAV:"'
    ' xmlns:CAL="urn:ietf:params:xml:ns:caldav"><prop><getetag/></prop><CAL:filter>'
    '<CAL:comp-filter name="VCALENDAR"><CAL:comp-filter name="VEVENT">'
    '<CAL:time-range start="20260801T000000Z"/></CAL:comp-filter></CAL:comp-filter></CAL:filter>'
    "</CAL:calendar-query>"
)
_DAVX5_SYNC = (
    '<?xml version="1.0" encoding="UTF-8"?><sync-collection xmlns="DAV:"><sync-token>{token}</sync-token>'
    "<sync-level>1</sync-level><prop><getetag/></prop></sync-collection>"
)

DAVX5 = (
    Exchange(
        "PROPFIND", "/.well-known/caldav", 301, _davx5("<current-user-principal/>"), {**_DAVX5, "Depth": "0"}
    ),
    Exchange(
        "PROPFIND",
        "/dav/",
        207,
        _davx5("<current-user-principal/>"),
        {**_DAVX5, "Depth": "0"},
        has=["D:current-user-principal/D:href={me}"],
    ),
    Exchange(
        "PROPFIND",
        "{me}",
        207,
        _davx5("<displayname/><CAL:calendar-home-set/><CAL:calendar-user-address-set/><group-membership/>"),
        {**_DAVX5, "Depth": "0"},
        has=["C:calendar-home-set/D:href={me}", "C:calendar-user-address-set/D:href=mailto:anna@example.com"],
    ),
    Exchange("OPTIONS", "{me}", 200, "", _DAVX5, has=["DAV: calendar-access", "DAV: calendar-auto-schedule"]),
    Exchange(
        "PROPFIND",
        "{me}",
        207,
        _DAVX5_LIST,
        {**_DAVX5, "Depth": "1"},
        has=[
            "D:resourcetype/C:calendar",
            "D:current-user-privilege-set/D:privilege/D:write-content",
            "C:supported-calendar-component-set/C:comp",
        ],
    ),
    Exchange(
        "PROPFIND",
        "{calendar}",
        207,
        _davx5(
            "<CAL:max-resource-size/><CAL:supported-calendar-data/><supported-report-set/><CS:getctag/><sync-token/>"
        ),
        {**_DAVX5, "Depth": "0"},
        has=["D:supported-report-set/D:supported-report/D:report/D:sync-collection", "CS:getctag"],
        keeps={"token": "D:sync-token"},
    ),
    Exchange(
        "PUT",
        "{event}",
        201,
        _event("davx5-1", "From a phone"),
        {**_DAVX5, "Content-Type": "text/calendar; charset=utf-8", "If-None-Match": "*"},
        lacks=["ETag"],
    ),
    # An upload that it repeats, because the answer was lost on the way.
    Exchange(
        "PUT",
        "{event}",
        412,
        _event("davx5-1", "Once more"),
        {**_DAVX5, "Content-Type": "text/calendar; charset=utf-8", "If-None-Match": "*"},
    ),
    Exchange(
        "REPORT",
        "{calendar}",
        207,
        _DAVX5_QUERY,
        {**_DAVX5, "Depth": "1"},
        has=["{event}"],
        keeps={"etag": "D:getetag"},
    ),
    Exchange(
        "REPORT",
        "{calendar}",
        207,
        _DAVX5_MULTIGET,
        {**_DAVX5, "Depth": "0"},
        has=["C:calendar-data=From a phone"],
    ),
    Exchange(
        "REPORT",
        "{calendar}",
        207,
        _DAVX5_SYNC,
        {**_DAVX5, "Depth": "0"},
        has=["{event}"],
        keeps={"token": "sync-token"},
    ),
    Exchange("REPORT", "{calendar}", 207, _DAVX5_SYNC, {**_DAVX5, "Depth": "0"}, lacks=["{event}"]),
    Exchange(
        "PUT",
        "{event}",
        412,
        _event("davx5-1", "Over what is newer"),
        {**_DAVX5, "Content-Type": "text/calendar; charset=utf-8", "If-Match": '"of-another-state"'},
    ),
    Exchange(
        "PUT",
        "{event}",
        204,
        _event("davx5-1", "Changed on the phone"),
        {**_DAVX5, "Content-Type": "text/calendar; charset=utf-8", "If-Match": "{etag}"},
        lacks=["ETag"],
    ),
    # Without an ETag it takes the event for changed by others, and fetches it.
    Exchange(
        "REPORT",
        "{calendar}",
        207,
        _DAVX5_SYNC,
        {**_DAVX5, "Depth": "0"},
        has=["{event}"],
        keeps={"token": "sync-token", "newer": "D:getetag"},
    ),
    Exchange("DELETE", "{event}", 412, "", {"User-Agent": _DAVX5["User-Agent"], "If-Match": "{etag}"}),
    Exchange("DELETE", "{event}", 200, "", {"User-Agent": _DAVX5["User-Agent"], "If-Match": "{newer}"}),
    Exchange(
        "REPORT", "{calendar}", 207, _DAVX5_SYNC, {**_DAVX5, "Depth": "0"}, has=["{event}", "404 Not Found"]
    ),
    # It was off for longer than states are kept, or belongs to another server: it begins anew.
    Exchange(
        "REPORT",
        "{calendar}",
        403,
        _DAVX5_SYNC.replace("{token}", "urn:korobka:sync:0000"),
        {**_DAVX5, "Depth": "0"},
        has=["valid-sync-token"],
    ),
    Exchange(
        "REPORT",
        "{calendar}",
        207,
        _DAVX5_SYNC.replace("{token}", ""),
        {**_DAVX5, "Depth": "0"},
        lacks=["{event}"],
    ),
)


# Thunderbird (CalDavCalendar, CalDavRequest): D, C and CS.

_THUNDERBIRD = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.5.0",
    "Content-Type": "text/xml; charset=utf-8", "Accept": "text/xml", "Accept-Charset": "utf-8,*;q=0.1",
}  # fmt: skip
_D_C_CS = 'xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:CS="http://calendarserver.org/ns/"'


def _thunderbird(names: str) -> str:
    return _prop("D:propfind", f"<D:prop>{names}</D:prop>", _D_C_CS)


_THUNDERBIRD_SYNC = (
    f'<?xml version="1.0" encoding="UTF-8"?><sync-collection {_D_C_CS} xmlns="DAV:">'
    "<sync-token>{token}</sync-token><sync-level>1</sync-level><prop><getcontenttype/><getetag/></prop>"
    "</sync-collection>"
)
_THUNDERBIRD_MULTIGET = _prop(
    "C:calendar-multiget",
    "<D:prop><D:getetag/><C:calendar-data/></D:prop><D:href>{event}</D:href>",
    _D_C_CS,
)
FREE_BUSY = "\r\n".join(
    [
        "BEGIN:VCALENDAR", "PRODID:-//Mozilla.org/NONSGML Mozilla Calendar V1.1//EN", "VERSION:2.0",
        "METHOD:REQUEST", "BEGIN:VFREEBUSY", "DTSTAMP:20261101T000000Z", "ORGANIZER:mailto:anna@example.com",
        "ATTENDEE;PARTSTAT=NEEDS-ACTION;ROLE=REQ-PARTICIPANT;CUTYPE=INDIVIDUAL:mailto:boris@example.com",
        "ATTENDEE;PARTSTAT=NEEDS-ACTION;ROLE=REQ-PARTICIPANT;CUTYPE=INDIVIDUAL:mailto:nobody@elsewhere.test",
        "DTSTART:20261201T000000Z", "DTEND:20261208T000000Z", "UID:question-1", "END:VFREEBUSY",
        "END:VCALENDAR", "",
    ]
)  # fmt: skip

THUNDERBIRD = (
    Exchange(
        "PROPFIND",
        "{calendar}",
        207,
        _thunderbird(
            "<D:resourcetype/><D:owner/><D:current-user-principal/><D:current-user-privilege-set/>"
            "<D:supported-report-set/><C:supported-calendar-component-set/><CS:getctag/>"
        ),
        {**_THUNDERBIRD, "Depth": "0"},
        has=[
            "D:resourcetype/C:calendar",
            "D:owner/D:href={me}",
            "D:current-user-principal/D:href={me}",
            "CS:getctag",
        ],
    ),
    Exchange(
        "OPTIONS",
        "{calendar}",
        200,
        "",
        _THUNDERBIRD,
        has=["DAV: calendar-access", "DAV: calendar-auto-schedule"],
    ),
    Exchange(
        "PROPFIND",
        "{calendar}",
        207,
        _thunderbird("<D:owner/><D:principal-collection-set/>"),
        {**_THUNDERBIRD, "Depth": "0"},
        has=["D:principal-collection-set/D:href=/dav/"],
    ),
    Exchange(
        "PROPFIND",
        "{me}",
        207,
        _thunderbird(
            "<C:calendar-home-set/><C:calendar-user-address-set/><C:schedule-inbox-URL/><C:schedule-outbox-URL/>"
        ),
        {**_THUNDERBIRD, "Depth": "0"},
        has=[
            "C:calendar-user-address-set/D:href=mailto:anna@example.com",
            "C:schedule-inbox-URL/D:href={me}inbox/",
            "C:schedule-outbox-URL/D:href={me}outbox/",
        ],
    ),
    Exchange(
        "POST",
        "{me}outbox/",
        200,
        FREE_BUSY,
        {
            **_THUNDERBIRD,
            "Content-Type": "text/calendar; charset=utf-8",
            "Originator": "mailto:anna@example.com",
            "Recipient": "mailto:boris@example.com,mailto:nobody@elsewhere.test",
        },
        has=[
            "FREEBUSY;FBTYPE=BUSY;VALUE=PERIOD:20261201T070000Z/20261201T080000Z",
            "2.0;Success",
            "3.7;Invalid calendar user",
            "METHOD:REPLY",
        ],
        lacks=["Talk of salaries"],
    ),
    Exchange(
        "REPORT",
        "{calendar}",
        207,
        _THUNDERBIRD_SYNC.replace("{token}", ""),
        {**_THUNDERBIRD, "Depth": "1"},
        keeps={"token": "sync-token"},
    ),
    Exchange(
        "PUT",
        "{event}",
        201,
        _event("tb-1", "From the desktop", "X-MOZ-GENERATION:1", "X-MOZ-LASTACK:20261101T000000Z"),
        {**_THUNDERBIRD, "Content-Type": "text/calendar; charset=utf-8", "If-None-Match": "*"},
    ),
    # What it has written it reads again, for servers change it.
    Exchange(
        "REPORT",
        "{calendar}",
        207,
        _THUNDERBIRD_MULTIGET,
        {**_THUNDERBIRD, "Depth": "1"},
        has=["C:calendar-data=X-MOZ-GENERATION:1"],
        keeps={"etag": "D:getetag"},
    ),
    Exchange(
        "REPORT",
        "{calendar}",
        207,
        _THUNDERBIRD_SYNC,
        {**_THUNDERBIRD, "Depth": "1"},
        has=["{event}", "text/calendar"],
        keeps={"token": "sync-token"},
    ),
    Exchange(
        "PUT",
        "{event}",
        412,
        _event("tb-1", "In conflict"),
        {**_THUNDERBIRD, "Content-Type": "text/calendar; charset=utf-8", "If-Match": '"of-another-state"'},
    ),
    Exchange("DELETE", "{event}", 200, "", {**_THUNDERBIRD, "If-Match": "{etag}"}),
    Exchange(
        "REPORT",
        "{calendar}",
        207,
        _THUNDERBIRD_SYNC,
        {**_THUNDERBIRD, "Depth": "1"},
        has=["{event}", "404 Not Found"],
    ),
    Exchange(
        "REPORT",
        "{calendar}",
        403,
        _THUNDERBIRD_SYNC.replace("{token}", "urn:korobka:sync:0000"),
        {**_THUNDERBIRD, "Depth": "1"},
        has=["valid-sync-token"],
    ),
)


# iOS (dataaccessd) and macOS (CalendarAgent): A for DAV:, then B and onwards where a name is first used.

_APPLE = {"Content-Type": "text/xml", "Accept": "*/*", "Brief": "t", "Prefer": "return=minimal"}
_IOS = {**_APPLE, "User-Agent": "iOS/18.1 (22B83) dataaccessd/1.0"}
_MACOS = {**_APPLE, "User-Agent": "macOS/15.1 (24B83) CalendarAgent/1141"}
_B, _CS, _ICAL = (
    'xmlns:B="urn:ietf:params:xml:ns:caldav"', 'xmlns:C="http://calendarserver.org/ns/"',
    'xmlns:D="http://apple.com/ns/ical/"',
)  # fmt: skip


def _apple(names: str) -> str:
    return _prop("A:propfind", f"<A:prop>{names}</A:prop>", 'xmlns:A="DAV:"')


_APPLE_FIRST = _apple("<A:current-user-principal/><A:principal-URL/><A:resourcetype/>")
_APPLE_PRINCIPAL = _apple(
    f"<B:calendar-home-set {_B}/><B:calendar-user-address-set {_B}/><A:current-user-principal/>"
    f"<A:displayname/><C:dropbox-home-URL {_CS}/><C:email-address-set {_CS}/><C:notification-URL {_CS}/>"
    f"<A:principal-collection-set/><A:principal-URL/><A:resource-id/><B:schedule-inbox-URL {_B}/>"
    f"<B:schedule-outbox-URL {_B}/><A:supported-report-set/>"
)
_APPLE_LIST = _apple(
    f"<A:add-member/><C:allowed-sharing-modes {_CS}/><D:autoprovisioned {_ICAL}/><E:bulk-requests"
    f' xmlns:E="http://me.com/_namespace/"/><B:calendar-alarm {_B}/><D:calendar-color {_ICAL}/>'
    f"<B:calendar-description {_B}/><B:calendar-free-busy-set {_B}/><D:calendar-order {_ICAL}/>"
    f"<B:calendar-timezone {_B}/><A:current-user-privilege-set/><B:default-alarm-vevent-date {_B}/>"
    f"<B:default-alarm-vevent-datetime {_B}/><A:displayname/><C:getctag {_CS}/><C:invite {_CS}/>"
    f"<D:language-code {_ICAL}/><D:location-code {_ICAL}/><A:owner/><C:pre-publish-url {_CS}/>"
    f"<C:publish-url {_CS}/><C:push-transports {_CS}/><C:pushkey {_CS}/><A:quota-available-bytes/>"
    f"<A:quota-used-bytes/><D:refreshrate {_ICAL}/><A:resource-id/><A:resourcetype/>"
    f"<B:schedule-calendar-transp {_B}/><B:schedule-default-calendar-URL {_B}/><C:source {_CS}/>"
    f"<C:subscribed-strip-alarms {_CS}/><C:subscribed-strip-attachments {_CS}/>"
    f"<C:subscribed-strip-todos {_CS}/>"
    f"<B:supported-calendar-component-set {_B}/><B:supported-calendar-component-sets {_B}/>"
    "<A:supported-report-set/><A:sync-token/>"
)
_APPLE_SYNC = _prop(
    "A:sync-collection",
    "<A:sync-token>{token}</A:sync-token><A:sync-level>1</A:sync-level><A:prop><A:getcontenttype/><A:getetag/></A:prop>",
    'xmlns:A="DAV:"',
)
_APPLE_MULTIGET = _prop(
    "B:calendar-multiget",
    '<A:prop xmlns:A="DAV:"><B:calendar-data/><A:getcontenttype/><C:created-by xmlns:C="http://calendarserver.org/ns/"/>'
    '<A:getetag/><B:schedule-tag/></A:prop><A:href xmlns:A="DAV:">{event}</A:href>',
    _B,
)
_APPLE_BOX = _apple(f"<C:getctag {_CS}/><A:sync-token/><A:resourcetype/>")
_APPLE_COLOR = _prop(
    "A:propertyupdate",
    f'<A:set><A:prop><D:calendar-color {_ICAL} symbolic-color="custom">'
    "#CC73E1FF</D:calendar-color></A:prop></A:set>",
    'xmlns:A="DAV:"',
)


def _apples(headers: Mapping[str, str], uid: str) -> tuple[Exchange, ...]:
    text = {**headers, "Content-Type": "text/calendar"}
    return (
        Exchange("PROPFIND", "/.well-known/caldav", 301, _APPLE_FIRST, {**headers, "Depth": "0"}),
        Exchange(
            "PROPFIND",
            "/dav/",
            207,
            _APPLE_FIRST,
            {**headers, "Depth": "0"},
            has=["D:current-user-principal/D:href={me}", "D:resourcetype/D:collection"],
        ),
        Exchange(
            "OPTIONS", "{me}", 200, "", headers, has=["DAV: calendar-access", "DAV: calendar-auto-schedule"]
        ),
        Exchange(
            "PROPFIND",
            "{me}",
            207,
            _APPLE_PRINCIPAL,
            {**headers, "Depth": "0"},
            has=[
                "C:calendar-home-set/D:href={me}",
                "C:calendar-user-address-set/D:href=mailto:anna@example.com",
                "D:principal-URL/D:href={me}",
                "C:schedule-inbox-URL/D:href={me}inbox/",
                "C:schedule-outbox-URL/D:href={me}outbox/",
            ],
        ),
        Exchange(
            "PROPFIND",
            "{me}",
            207,
            _APPLE_LIST,
            {**headers, "Depth": "1"},
            has=["D:resourcetype/C:calendar", "I:calendar-color", "D:sync-token", "CS:getctag"],
        ),
        Exchange(
            "PROPFIND",
            "{me}inbox/",
            207,
            _APPLE_BOX,
            {**headers, "Depth": "0"},
            has=["D:resourcetype/C:schedule-inbox", "D:resourcetype/D:collection"],
        ),
        Exchange(
            "PROPFIND",
            "{me}inbox/",
            207,
            _apple("<A:getcontenttype/><A:getetag/>"),
            {**headers, "Depth": "1"},
            lacks=[".ics"],
        ),
        Exchange(
            "PROPFIND",
            "{me}outbox/",
            207,
            _APPLE_BOX,
            {**headers, "Depth": "0"},
            has=["D:resourcetype/C:schedule-outbox"],
        ),
        Exchange("POST", "{me}outbox/", 200, FREE_BUSY, text, has=["2.0;Success", "FBTYPE=BUSY"]),
        # The colour of the main calendar is the portal's: it is told so, and goes on.
        Exchange("PROPPATCH", "{calendar}", 403, _APPLE_COLOR, headers),
        Exchange(
            "REPORT",
            "{calendar}",
            207,
            _APPLE_SYNC.replace("{token}", ""),
            {**headers, "Depth": "1"},
            keeps={"token": "sync-token"},
        ),
        Exchange(
            "PUT", "{event}", 201, _event(uid, "From Apple", "SEQUENCE:0"), {**text, "If-None-Match": "*"}
        ),
        Exchange(
            "REPORT",
            "{calendar}",
            207,
            _APPLE_MULTIGET,
            {**headers, "Depth": "1"},
            has=["C:calendar-data=From Apple"],
            keeps={"etag": "D:getetag"},
        ),
        Exchange(
            "PUT", "{event}", 412, _event(uid, "In conflict"), {**text, "If-Match": '"of-another-state"'}
        ),
        Exchange(
            "PUT",
            "{event}",
            204,
            _event(uid, "Later", "SEQUENCE:1"),
            {**text, "If-Match": "{etag}"},
        ),
        Exchange(
            "REPORT",
            "{calendar}",
            207,
            _APPLE_SYNC,
            {**headers, "Depth": "1"},
            has=["{event}"],
            keeps={"etag": "D:getetag", "token": "sync-token"},
        ),
        Exchange("DELETE", "{event}", 200, "", {**headers, "If-Match": "{etag}"}),
        Exchange(
            "REPORT",
            "{calendar}",
            207,
            _APPLE_SYNC,
            {**headers, "Depth": "1"},
            has=["{event}", "404 Not Found"],
        ),
        Exchange(
            "REPORT",
            "{calendar}",
            403,
            _APPLE_SYNC.replace("{token}", "urn:korobka:sync:0000"),
            {**headers, "Depth": "1"},
            has=["valid-sync-token"],
        ),
    )


SESSIONS = {
    "DAVx5": DAVX5,
    "Thunderbird": THUNDERBIRD,
    "iOS": _apples(_IOS, "ios-1"),
    "macOS": _apples(_MACOS, "macos-1"),
}


def _meeting(begins: str, answer: str, *, title: str = "Together") -> str:
    return "\r\n".join(
        [
            "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Client//EN", "BEGIN:VEVENT", "UID:together-1",
            "DTSTAMP:20261101T000000Z", f"DTSTART;TZID=Europe/Moscow:20261202T{begins}00",
            "DTEND;TZID=Europe/Moscow:20261202T180000", f"SUMMARY:{title}",
            "ORGANIZER;CN=Anna:mailto:anna@example.com",
            "ATTENDEE;CN=Anna;PARTSTAT=ACCEPTED:mailto:anna@example.com",
            f"ATTENDEE;CN=Boris;PARTSTAT={answer}:mailto:boris@example.com", "END:VEVENT", "END:VCALENDAR",
            "",
        ]
    )  # fmt: skip


_TAGS = _apple(f"<A:getetag/><B:schedule-tag {_B}/>")
_AT_ONCE = {**_MACOS, "Depth": "0"}
_TEXT = {**_MACOS, "Content-Type": "text/calendar"}

# Section 3.2.10 of RFC 6638, told by two: who asks, and what they send.
MEETING: tuple[tuple[str, Exchange], ...] = (
    (
        "anna",
        Exchange(
            "PUT", "{event}", 201, _meeting("1000", "NEEDS-ACTION"), {**_TEXT, "If-None-Match": "*"},
            keeps={"tag": "Schedule-Tag"}, lacks=["ETag"],
        ),
    ),
    (
        "anna",
        Exchange(
            "PROPFIND", "{event}", 207, _TAGS, _AT_ONCE, has=["C:schedule-tag={tag}"],
            keeps={"etag": "D:getetag"},
        ),
    ),
    (
        "anna",
        Exchange(
            "REPORT", "{calendar}", 207, _APPLE_MULTIGET, {**_MACOS, "Depth": "1"},
            has=["C:schedule-tag={tag}", "C:calendar-data=Together"],
        ),
    ),
    ("anna", Exchange("GET", "{event}", 200, "", _MACOS, has=["Schedule-Tag: {tag}"])),
    ("boris", Exchange("GET", "{of_boris}", 200, "", _IOS, keeps={"own": "Schedule-Tag"})),
    (
        "boris",
        Exchange(
            "PUT", "{of_boris}", 204, _meeting("1000", "TENTATIVE"),
            {**_TEXT, "If-Schedule-Tag-Match": "{own}"}, keeps={"maybe": "Schedule-Tag"},
        ),
    ),
    # His own answer from another of his devices is a change; to who has asked it is none.
    (
        "boris",
        Exchange(
            "PUT", "{of_boris}", 412, _meeting("1000", "ACCEPTED"),
            {**_TEXT, "If-Schedule-Tag-Match": "{own}"},
        ),
    ),
    (
        "anna",
        Exchange(
            "PUT", "{event}", 412, _meeting("1100", "NEEDS-ACTION"), {**_TEXT, "If-Match": "{etag}"}
        ),
    ),
    ("anna", Exchange("HEAD", "{event}", 200, "", _MACOS, has=["Schedule-Tag: {tag}"])),
    # What she sends knows nothing of his answer, and takes nothing of it back.
    (
        "anna",
        Exchange(
            "PUT", "{event}", 204, _meeting("1000", "NEEDS-ACTION", title="All together"),
            {**_TEXT, "If-Schedule-Tag-Match": "{tag}"}, keeps={"retitled": "Schedule-Tag"},
        ),
    ),
    (
        "anna",
        Exchange("GET", "{event}", 200, "", _MACOS, has=["SUMMARY:All together", "PARTSTAT=TENTATIVE"]),
    ),
    (
        "anna",
        Exchange(
            "PUT", "{event}", 412, _meeting("1100", "TENTATIVE"), {**_TEXT, "If-Schedule-Tag-Match": "{tag}"}
        ),
    ),
    # What was changed by who has asked is to be looked at before one answers, or goes.
    (
        "boris",
        Exchange(
            "PUT", "{of_boris}", 412, _meeting("1000", "ACCEPTED"),
            {**_TEXT, "If-Schedule-Tag-Match": "{maybe}"},
        ),
    ),
    ("boris", Exchange("DELETE", "{of_boris}", 412, "", {**_IOS, "If-Schedule-Tag-Match": "{maybe}"})),
    ("boris", Exchange("GET", "{of_boris}", 200, "", _IOS, keeps={"own": "Schedule-Tag"})),
    ("boris", Exchange("DELETE", "{of_boris}", 200, "", {**_IOS, "If-Schedule-Tag-Match": "{own}"})),
    ("anna", Exchange("DELETE", "{event}", 412, "", {**_MACOS, "If-Schedule-Tag-Match": "{tag}"})),
    ("anna", Exchange("DELETE", "{event}", 200, "", {**_MACOS, "If-Schedule-Tag-Match": "{retitled}"})),
)  # fmt: skip
