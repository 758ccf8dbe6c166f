# ruff: noqa: E501 - texts of configurations and of SIP
"""Phones: one sipp a behaviour, each on a port of its own beside the PBX, for any number of calls at once."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.telephony.asterisk import SCRIPT_NAMES, Asterisk, ended

_INVITED = """
<recv request="INVITE" crlf="true" rrs="true">
  <action>
    <ereg regexp=".*" search_in="hdr" header="From:" assign_to="caller"/>
    <ereg regexp="sip:[^;>]*" search_in="hdr" header="Contact:" assign_to="contact"/>
  </action>
</recv>
<Reference variables="caller,contact"/>
"""


def _answer(code: str, *, tag: str = "", sdp: bool = False) -> str:
    body = (
        """
v=0
o=user1 53655765 2353687637 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8
a=rtpmap:8 PCMA/8000
"""
        if sdp
        else ""
    )
    kind = "Content-Type: application/sdp\n" if sdp else ""
    return (
        f"""<send retrans="500"><![CDATA[

SIP/2.0 {code}
[last_Via:]
[last_From:]
[last_To:];tag=[pid]SIPpTag01[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
{kind}Content-Length: [len]
{body}
]]></send>
"""
        if code.startswith(("2", "3", "4", "6"))
        else f"""<send><![CDATA[

SIP/2.0 {code}
[last_Via:]
[last_From:]
[last_To:];tag=[pid]SIPpTag01[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
Content-Length: 0

]]></send>
"""
    )


_PLAIN_OK = """<send><![CDATA[

SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
Content-Length: 0

]]></send>
"""
_UNTIL_BYE = f'<recv request="BYE"></recv>{_PLAIN_OK}'


def _in_dialog(method: str, cseq: int, *, direction: str = "") -> str:
    body = (
        f"""
v=0
o=user1 53655765 {2353687637 + cseq} IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8
a=rtpmap:8 PCMA/8000
a={direction}
"""
        if direction
        else ""
    )
    kind = "Content-Type: application/sdp\n" if direction else ""
    return f"""<send retrans="500"><![CDATA[

{method} [$contact] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:phone@[local_ip]>;tag=[pid]SIPpTag01[call_number]
To:[$caller]
[last_Call-ID:]
CSeq: {cseq} {method}
Max-Forwards: 70
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
{kind}Content-Length: [len]
{body}
]]></send>
"""


def _acked(cseq: int) -> str:
    return f"""<send><![CDATA[

ACK [$contact] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:phone@[local_ip]>;tag=[pid]SIPpTag01[call_number]
To:[$caller]
[last_Call-ID:]
CSeq: {cseq} ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
"""


def _reinvite(cseq: int, direction: str) -> str:
    return (
        _in_dialog("INVITE", cseq, direction=direction)
        + '<recv response="100" optional="true"></recv><recv response="200"></recv>'
        + _acked(cseq)
    )


_ANSWERED = f"""{_INVITED}{_answer("180 Ringing")}<pause milliseconds="400"/>{_answer("200 OK", sdp=True)}
<recv request="ACK"></recv>"""
SCRIPTS = {
    # Rings, answers, and talks until the other side hangs up.
    "answers": _ANSWERED + _UNTIL_BYE,
    # Rings until somebody gives up.
    "rings": f"""{_INVITED}{_answer("180 Ringing")}
<recv request="CANCEL"></recv>{_PLAIN_OK}{_answer("487 Request Terminated").replace("[last_CSeq:]", "CSeq: [cseq] INVITE")}
<recv request="ACK"></recv>""",
    "busy": f'{_INVITED}{_answer("486 Busy Here")}<recv request="ACK"></recv>',
    # Answers, holds for a second, talks on, and hangs up by itself.
    "holds": f"""{_ANSWERED}<pause milliseconds="700"/>{_reinvite(11, "sendonly")}<pause milliseconds="1200"/>
{_reinvite(12, "sendrecv")}<pause milliseconds="500"/>{_in_dialog("BYE", 13)}<recv response="200"></recv>""",
    # Answers and hangs up after a second.
    "leaves": f'{_ANSWERED}<pause milliseconds="1000"/>{_in_dialog("BYE", 11)}<recv response="200"></recv>',
    # Sends whoever calls on to 105.
    "forwards": f"""{_INVITED}{_answer("302 Moved Temporarily").replace("[local_ip]:[local_port];transport=[transport]", "105@[remote_ip]:[remote_port]")}
<recv request="ACK"></recv>""",
    "provider": _ANSWERED + _UNTIL_BYE,
    # As `answers`, and is heard all the time: Asterisk 16 takes keys that AMI presses between sounds only.
    "speaks": _ANSWERED + "[sound]" + _UNTIL_BYE,
}  # fmt: skip
_CALL = """
<send retrans="500"><![CDATA[

INVITE sip:{number}@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: {name} <sip:{caller}@[local_ip]:[local_port]>;tag=[pid]c[call_number]
To: <sip:{number}@[remote_ip]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: sip:{caller}@[local_ip]:[local_port]
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

v=0
o=user1 53655765 2353687637 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8
a=rtpmap:8 PCMA/8000

]]></send>
<recv response="100" optional="true"></recv>
<recv response="180" optional="true"></recv>
<recv response="183" optional="true"></recv>
<recv response="200" rrs="true"></recv>
<send><![CDATA[

ACK [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
[last_From:]
[last_To:]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
{sound}<pause milliseconds="{talks}"/>
<send retrans="500"><![CDATA[

BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
[last_From:]
[last_To:]
Call-ID: [call_id]
CSeq: 2 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
<recv response="200"></recv>
"""


def _script(folder: Path, name: str, steps: str) -> Path:
    file = folder / f"{name}.xml"
    file.write_text(f'<?xml version="1.0" encoding="UTF-8" ?><scenario name="{name}">{steps}</scenario>')
    return file


def _sipp(pbx: Asterisk, file: Path, port: int, *more: str) -> subprocess.Popen[bytes]:
    command = [
        "setpriv", "--pdeathsig", "TERM", "sipp", f"{pbx.address}:5060", "-sf", str(file), "-i", pbx.phones_at,
        "-p", str(port), "-nostdin", "-mi", pbx.phones_at, "-min_rtp_port", "30000", "-max_rtp_port", "39000", *more,
    ]  # fmt: skip
    with (file.with_suffix(".log")).open("wb") as log:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=file.parent
        )


@contextmanager
def phones(pbx: Asterisk) -> Iterator[None]:
    """Every phone of `asterisk.BEHAVIOUR`, and a provider."""
    folder = pbx.folder / "phones"
    folder.mkdir(exist_ok=True)
    sound = _plays(folder, "quiet", b"\xd5" * 8)
    running = [
        _sipp(pbx, _script(folder, name, SCRIPTS[name].replace("[sound]", sound)), 6100 + place, "-aa")
        for place, name in enumerate(SCRIPT_NAMES)
    ]
    try:
        yield
    finally:
        for one in running:
            ended(one)


def call_from_outside(
    pbx: Asterisk,
    number: str = "4950000",
    *,
    caller: str = "79161234567",
    name: str = '"Client"',
    seconds: float = 2,
    whistles: bool = False,
) -> subprocess.Popen[bytes]:
    """A client calls over the provider's line, and hangs up so many seconds after being answered. Nothing is
    heard of them, unless they whistle."""
    folder = pbx.folder / "phones"
    # A loud tone of 1,000 Hz, in A-law.
    sound = _plays(folder, "whistle", b"\xaa" * 4 + b"\x2a" * 4) if whistles else ""
    steps = _CALL.format(number=number, caller=caller, name=name, talks=int(seconds * 1000), sound=sound)
    port = 6100 + len(SCRIPT_NAMES)
    return _sipp(pbx, _script(folder, "client", steps), port, "-m", "1")


def _plays(folder: Path, name: str, wave: bytes) -> str:
    """A millisecond of A-law, again and again."""
    file = folder / f"{name}.alaw"
    file.write_bytes(wave * 1000)
    return f'<nop><action><exec rtp_stream="{file},-1,8"/></action></nop>'
