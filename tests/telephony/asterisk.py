# ruff: noqa: E501 - texts of configurations and of SIP
"""A real Asterisk on a loopback address of its own, with the configuration that `generator` writes.

Debian 13 has no package of it, so that each release runs from a root of another Debian, made once; each
server has folders of its own for configuration, state and logs, bound into a mount namespace. Root only.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import textwrap
import time
from collections.abc import Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path

from box.bridges.telephony.generator import generate
from box.bridges.telephony.plan import Phone, Plan, Queue, Release, Trunk
from tests.directory.server import Server
from tests.ports import hold
from tests.randomness import is_thorough

ROOTS = Path(os.environ.get("KOROBKA_ASTERISK_ROOTS", "/var/cache/korobka-tests"))
OLDEST, NEWEST = Release(16, 28), Release(22, 6)
SUITES = {OLDEST: "bullseye", NEWEST: "sid"}
"""The releases that a Debian has, and which; it may have a later one of the same number before the point."""


def releases() -> list[Release]:
    """Those of this run: the newest, each where it is thorough, or that of KOROBKA_ASTERISK=16."""
    if wanted := os.environ.get("KOROBKA_ASTERISK"):
        return [one for one in SUITES if str(one.major) == wanted]
    return sorted(SUITES) if is_thorough() else [NEWEST]


TOOLS = ("mmdebstrap", "sipp", "unshare")
INSTALL = "apt-get install mmdebstrap sip-tester util-linux"
SECRET = "a-secret-for-tests-only"
LONG = 300


def made_root(release: Release) -> Path:
    """The files of Debian's asterisk, 350 MB: 15 to 90 s, once a machine and release."""
    root = ROOTS / f"asterisk-{release.major}"
    if root.exists():
        return root
    making = root.with_name(f"{root.name}-{os.getpid()}")
    making.parent.mkdir(parents=True, exist_ok=True)
    # Unstable's Release file, and an old Debian's, may be older than it says; its signature is what counts.
    command = [
        "mmdebstrap", "--variant=minbase", "--aptopt=Acquire::Check-Valid-Until \"false\"",
        "--include=asterisk,iproute2,curl,ca-certificates", SUITES[release], str(making),
    ]  # fmt: skip
    subprocess.run(["unshare", "--mount", *command], check=True, capture_output=True, timeout=900)
    # No package brings it, every machine has it: curl of bullseye asks a name server for localhost.
    (making / "etc/hosts").write_text("127.0.0.1 localhost\n")
    try:
        making.rename(root)
    except OSError:
        # Another run was first.
        shutil.rmtree(making)
    return root


def translates_opus(release: Release) -> bool:
    """Of Debian's own only the later ones bring a codec_opus."""
    return any((made_root(release) / "usr/lib").glob("**/asterisk/modules/codec_opus*.so"))


PLAN = Plan(
    manager_secret=SECRET,
    asterisk=NEWEST,
    box_addresses=("127.0.0.0/8",),
    phones=(
        *(Phone(str(number), f"Phone {number}", f"phone-{number}-secret") for number in range(100, 109)),
        Phone("120", "Browser 120", "", is_browser=True),
    ),
    queues=(
        Queue("support", "700", members=("100", "101", "102"), rings_seconds=8, waits_seconds=15),
        Queue("sales", "701", members=("101", "102"), rings_seconds=2, waits_seconds=15),
    ),
    trunks=(Trunk("line", "", numbers=("4950000",), answers="700", caller_id="4950000"),),
    outgoing_prefixes=("79",),
)
# What each phone's number does: `phones.SCRIPTS`.
BEHAVIOUR = {
    "100": "speaks", "101": "rings", "102": "rings", "103": "busy", "104": "answers", "105": "answers",
    "106": "holds", "107": "leaves", "108": "forwards",
}  # fmt: skip

_DIALPLAN = """
[korobka-internal](+)
exten => 710,1,Dial(PJSIP/100&PJSIP/101&PJSIP/102,30,tT)
exten => 711,1,Dial(PJSIP/101,3)
 same => n,Dial(PJSIP/104,30,tT)
exten => 712,1,Dial(Local/104@korobka-internal,30,tT)
 same => n,Hangup()
exten => 713,1,Answer()
 same => n,ConfBridge(room)
exten => 720,1,Answer()
 same => n,Park(default,s)
exten => 730,1,Answer()
 same => n,Wait(30)
exten => 740,1,Answer()
 same => n,Wait(0.5)
 same => n,Hangup()

[load]
; A call of the load: somebody calls, a phone rings for a while, is answered or not, and they talk.
exten => answered,1,Dial(Local/phone@load/n,30)
 same => n,Hangup()
exten => phone,1,Ringing()
 same => n,Wait(0.5)
 same => n,Answer()
 same => n,Wait(${TALK})
 same => n,Hangup()
exten => missed,1,Dial(Local/silent@load/n,2)
 same => n,Hangup()
exten => silent,1,Ringing()
 same => n,Wait(30)
exten => busy,1,Dial(Local/engaged@load/n,30)
 same => n,Hangup(17)
exten => engaged,1,Busy(1)
exten => caller,1,Answer()
 same => n,Wait(300)
"""


class Asterisk(Server):
    """Started empty of calls. `plan` is what `generator` makes its configuration of, and says which release
    it is."""

    host = "pbx.corp.test"

    def __init__(self, folder: Path, plan: Plan = PLAN) -> None:
        super().__init__(folder)
        held = hold(2)
        self.address = f"127.78.{held // 250}.{held % 250 + 1}"
        self.phones_at = f"127.79.{held // 250}.{held % 250 + 1}"
        self.plan = self._placed(plan)
        self.root = made_root(plan.asterisk)
        for name in (
            "etc",
            "lib",
            "spool",
            "run",
            "log/cel-custom",
            "log/cdr-custom",
            "cache",
            "keys",
            "moh",
            "share/sounds",
        ):
            (self.data / name).mkdir(parents=True, exist_ok=True)
        self._link_shared()
        certificate, key = self.authority.issue(self.data / "keys", self.host, self.address)
        (self.data / "keys" / "pbx.pem").write_bytes(certificate.read_bytes() + key.read_bytes())
        # Ten seconds of silence: without a class nobody is played music, and no event tells of it.
        (self.data / "moh" / "silence.sln").write_bytes(bytes(160_000))
        self.configure()

    def start(self) -> None:
        super().start()
        # AMI answers before the dialplan is there.
        self.cli("core waitfullybooted")

    def _link_shared(self) -> None:
        """What the package brings, beside sounds of one's own."""
        brought = self.root / "usr/share/asterisk"
        for one in (*brought.iterdir(), brought / "sounds/en"):
            link = self.data / "share" / one.relative_to(brought)
            if not os.path.lexists(link):
                link.symlink_to("/" / one.relative_to(self.root))

    def _placed(self, plan: Plan) -> Plan:
        ports = {name: 6100 + place for place, name in enumerate(SCRIPT_NAMES)}
        phones = tuple(
            one
            if one.is_browser
            else replace(one, address=f"sip:{one.number}@{self.phones_at}:{ports[BEHAVIOUR[one.number]]}")
            for one in plan.phones
        )
        trunks = tuple(replace(one, host=f"{self.phones_at}:{ports['provider']}") for one in plan.trunks)
        return replace(
            plan, phones=phones, trunks=trunks, bind_address=self.address, certificate="/srv/keys/pbx.pem"
        )

    def configure(self, **more: str) -> None:
        """Writes every file of configuration; `more` are texts appended by a file's name without `.conf`."""
        files = generate(self.plan)
        own = _own_files(self.root, self.address, files)
        for name, text in own.items():
            (self.data / "etc" / name).write_text(
                text + more.get(name.removesuffix(".conf"), ""), encoding="utf-8"
            )
        for name, text in files.items():
            (self.data / "etc" / name).write_text(text, encoding="utf-8")
        user = _owner(self.root, "asterisk")
        for folder, _folders, names in os.walk(self.data):
            for one in (folder, *(os.path.join(folder, name) for name in names)):  # noqa: PTH118
                os.chown(one, *user, follow_symlinks=False)

    @property
    def cel_file(self) -> Path:
        return self.data / "log" / "cel-custom" / "korobka.csv"

    @property
    def cdr_file(self) -> Path:
        return self.data / "log" / "cdr-custom" / "korobka.csv"

    def cli(self, command: str) -> str:
        """What `asterisk -rx` says."""
        return self.run("asterisk", "-C", "/srv/etc/asterisk.conf", "-rx", command)

    def run(self, *command: str) -> str:
        """What a program of the PBX's machine says."""
        pid = self._process.pid if self._process else 0
        ran = subprocess.run(
            ["nsenter", "-t", str(pid), "-m", "chroot", str(self.root), *command],
            capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip
        return ran.stdout + ran.stderr

    def idle(self, seconds: float = 30) -> None:
        """Waits until no channel is left."""
        deadline = time.monotonic() + seconds
        while "\n0 active channels" not in f"\n{(said := self.cli('core show channels count'))}":
            if time.monotonic() > deadline:
                raise RuntimeError(f"Calls are left: {said}")
            time.sleep(0.2)

    def _command(self) -> list[str]:
        root = self.root
        places = {"/proc": "proc", "/dev": "dev", self.data: "srv", self.data / "etc": "etc/asterisk"}
        bind = " && ".join(f"mount --bind {here} {root}/{there}" for here, there in places.items())
        run = f"exec chroot {root} asterisk -f -U asterisk -G asterisk -C /srv/etc/asterisk.conf"
        return ["unshare", "--mount", "sh", "-c", f"{bind} && {run}"]

    def _ports(self) -> list[int]:
        return [self.plan.manager_port]


SCRIPT_NAMES = ("answers", "rings", "busy", "holds", "leaves", "forwards", "provider", "speaks")


def _owner(root: Path, user: str) -> tuple[int, int]:
    for line in (root / "etc/passwd").read_text().splitlines():
        login, _password, uid, gid, *_rest = line.split(":")
        if login == user:
            return int(uid), int(gid)
    raise LookupError(user)


def _own_files(root: Path, address: str, files: Mapping[str, str]) -> dict[str, str]:
    """What a PBX has of its own, each including what the generator wrote for it."""
    modules = chain.from_iterable(
        (root / "usr/lib").glob(where) for where in ("asterisk/modules", "*/asterisk/modules")
    )
    include = {name: f"#include {name}\n" for name in files if name.endswith(".conf")}
    written = {
        "asterisk.conf": f"""
            [directories]
            astcachedir => /srv/cache
            astetcdir => /srv/etc
            astmoddir => /{next(modules).relative_to(root)}
            astvarlibdir => /srv/lib
            astdbdir => /srv/lib
            astkeydir => /srv/lib
            astdatadir => /srv/share
            astagidir => /usr/share/asterisk/agi-bin
            astspooldir => /srv/spool
            astrundir => /srv/run
            astlogdir => /srv/log
            [options]
            verbose = 0
            systemname =
        """,
        "modules.conf": "[modules]\nautoload=yes\n" + "".join(f"noload => {one}\n" for one in _UNUSED),
        "logger.conf": "[general]\n[logfiles]\nconsole => warning,error\n",
        "manager.conf": include["manager_korobka.conf"],
        "cel.conf": include["cel_korobka.conf"],
        "cdr.conf": include["cdr_korobka.conf"],
        "queues.conf": "[general]\npersistentmembers = no\n" + include["queues_korobka.conf"],
        "pjsip.conf": f"""
            [udp]
            type = transport
            protocol = udp
            bind = {address}:5060
        """,
        "rtp.conf": "[general]\nrtpstart=20000\nrtpend=29999\n",
        "features.conf": "[general]\n[featuremap]\nblindxfer = #1\natxfer = *2\n",
        "res_parking.conf": "[general]\n[default]\nparkext => 750\nparkpos => 751-759\ncontext => korobka-internal\nparkingtime => 20\ncomebacktoorigin = no\n",
        "confbridge.conf": "[general]\n[default_user]\ntype=user\nannouncement=\nquiet=yes\n[default_bridge]\ntype=bridge\n",
        "musiconhold.conf": "[general]\n[default]\nmode=files\ndirectory=/srv/moh\n",
        "extensions.conf": "[general]\nstatic=yes\n" + include["extensions_korobka.conf"] + _DIALPLAN,
        "indications.conf": "[general]\ncountry=us\n[us]\ndescription = US\nringcadence = 2000,4000\ndial = 350+440\nbusy = 480+620/500,0/500\nring = 440+480/2000,0/4000\ncongestion = 480+620/250,0/250\n",
        "http.conf": include["http_korobka.conf"],
        "sorcery.conf": include["sorcery_korobka.conf"],
        "udptl.conf": "[general]\n",
        "acl.conf": "",
        "ccss.conf": "[general]\n",
    }
    for kind in ("cel", "cdr"):
        written[f"{kind}_custom.conf"] = include.get(f"{kind}_custom_korobka.conf", "")
    written = {name: textwrap.dedent(text).lstrip() for name, text in written.items()}
    written["pjsip.conf"] += include["pjsip_korobka.conf"]
    return written


_UNUSED = (
    "chan_iax2.so", "chan_motif.so", "chan_unistim.so", "chan_mobile.so", "chan_dahdi.so", "chan_ooh323.so",
    "res_xmpp.so", "res_snmp.so", "pbx_lua.so", "pbx_ael.so", "pbx_dundi.so", "res_phoneprov.so",
    "res_fax.so", "app_festival.so", "res_ari.so", "res_stasis.so", "res_hep.so", "chan_console.so",
    "app_jack.so", "res_calendar.so", "res_corosync.so", "app_voicemail.so", "app_minivm.so", "cdr_pgsql.so",
    "cel_pgsql.so", "cdr_csv.so", "res_prometheus.so", "res_statsd.so", "app_adsiprog.so", "res_adsi.so",
    "app_alarmreceiver.so", "app_sms.so", "res_smdi.so", "app_sla.so",
)  # fmt: skip


def ended(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=5)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
