"""The object store: SeaweedFS by default, MinIO where it is given, or somebody else's S3 (no service)."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from appliance import ports, quoting, users
from appliance.files import ensure_folder
from appliance.node import Node
from appliance.services import probe
from appliance.services.base import GeneratedFile, Listener, Sandbox, Service
from appliance.services.database import names
from appliance.templates import render

LOOPBACK = "127.0.0.1"
THREE_COPIES, TWO_COPIES, ONE_COPY = "020", "010", "000"
"""As SeaweedFS writes it: so many more than the first in other racks, and each node is a rack."""
_RECOVERY = "recovery.py"
_REPAIR_MINUTES = 5
"""Between two looks for files with too few copies. A node that restarts is not copied for nothing."""


class ProgramMissing(Exception):
    """The store's program is not on this machine."""


@dataclass(frozen=True)
class Ports:
    """SeaweedFS's four servers in one process, each with HTTP and gRPC: eight ports in a row."""

    s3: int

    @property
    def master(self) -> int:
        return self.s3 + 1

    @property
    def volume(self) -> int:
        return self.s3 + 2

    @property
    def filer(self) -> int:
        return self.s3 + 3

    @property
    def s3_grpc(self) -> int:
        return self.s3 + 4

    @property
    def master_grpc(self) -> int:
        return self.s3 + 5

    @property
    def volume_grpc(self) -> int:
        return self.s3 + 6

    @property
    def filer_grpc(self) -> int:
        return self.s3 + 7

    @property
    def all(self) -> tuple[int, ...]:
        return tuple(range(self.s3, self.s3 + 8))


STORE_PORTS = len(Ports(0).all)


def reserve_ports(holder: Path, *, more: int = 0, is_more: bool = False) -> int:
    """The first of the ports of a store, and of `more` behind them: see `appliance.ports`.

    SeaweedFS names sockets in /tmp by its ports, and leaves them when it is killed: another user's server on
    the same port could neither replace nor use them.
    """
    first = ports.reserve(STORE_PORTS + more, holder=holder, is_more=is_more)
    for port in Ports(first).all:
        for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):  # noqa: S108
            with suppress(OSError):
                left.unlink()
    return first


NAMES = "filer.db"
"""Where a single box has the names of objects, in the folder of the store."""


def names_folder(node: Node) -> Path:
    """Of the socket by which the stores of a cluster reach the names of objects."""
    return node.run("names")


def program(node: Node) -> Path:
    """The store's program: the one configured, the release's own, or the one on PATH."""
    if node.box.objects.program:
        return Path(node.box.objects.program)
    name = "weed" if node.box.objects.engine == "seaweedfs" else "minio"
    own = node.python.parent / name
    found = str(own) if own.exists() else shutil.which(name, path="/usr/local/bin:/usr/bin:/bin")
    if found is None:
        raise ProgramMissing(
            f"There is no program `{name}` on this machine: put it into /usr/local/bin, or name it with "
            f"`boxctl config set objects.program`."
        )
    return Path(found)


def endpoint(node: Node) -> str:
    """Where this machine's programs speak to the store."""
    if node.box.objects.engine == "external":
        return node.box.objects.endpoint
    return f"http://{LOOPBACK}:{node.box.objects.port}"


def address(node: Node) -> str:
    """Where the store of this machine listens."""
    return node.membership.me.loopback if is_shared(node) and node.membership else LOOPBACK


def is_shared(node: Node) -> bool:
    """Whether the files are divided between the nodes of a cluster."""
    return node.membership is not None and node.box.objects.engine == "seaweedfs"


def is_store(node: Node) -> bool:
    """Whether objects lie on this machine."""
    if node.box.objects.engine == "external":
        return False
    if not is_shared(node):
        return node.is_home
    return node.cluster.me in node.cluster.topology.stores


def is_master(node: Node) -> bool:
    """Whether this node has a vote about where objects lie."""
    return is_shared(node) and node.cluster.me in node.cluster.masters


def masters(node: Node) -> str:
    """All of them, as SeaweedFS's programs take them."""
    known = Ports(node.box.objects.port)
    hosts = [one.loopback for one in node.cluster.masters] if is_shared(node) else [LOOPBACK]
    return ",".join(f"{host}:{known.master}.{known.master_grpc}" for host in hosts)


def copies(node: Node) -> str:
    """How many SeaweedFS makes of its own notes, of which it is told nothing. Of files: `cluster.copies`."""
    return TWO_COPIES if is_shared(node) and len(node.cluster.topology.places) > 1 else ONE_COPY


def masters_folder(node: Node) -> Path:
    """What the masters have agreed on. Others agree anew: what matters they learn from the volumes."""
    return node.data("masters") / node.cluster.agreement


def prepare(node: Node) -> None:
    """Make what the store does not make itself. Needed whenever its command is another one."""
    if not is_master(node):
        return
    owner = users.account(users.OBJECTS)
    ensure_folder(masters_folder(node).parent, mode=0o755)
    ensure_folder(masters_folder(node), mode=0o700, owner=owner, group=owner.gid)


def _master(node: Node) -> tuple[str, ...]:
    """A vote about where files are, on a node without files."""
    ports, at = Ports(node.box.objects.port), address(node)
    return (
        *(str(program(node)), "-logtostderr", "master", f"-ip={at}", f"-ip.bind={at}", "-disableHttp"),
        *(f"-port={ports.master}", f"-port.grpc={ports.master_grpc}", f"-mdir={masters_folder(node)}"),
        *(f"-peers={masters(node)}", "-raftHashicorp", "-telemetry=false", "-volumeSizeLimitMB=4096"),
        f"-defaultReplication={copies(node)}",
    )


def _of_cluster(node: Node) -> tuple[str, ...]:
    return (
        f"-master={str(is_master(node)).lower()}",
        *((f"-master.dir={masters_folder(node)}",) if is_master(node) else ()),
        *(f"-master.peers={masters(node)}", f"-master.defaultReplication={copies(node)}"),
        *("-dataCenter=box", f"-rack={node.name}"),
        # Of each other they know addresses of loopback, from which copies could not be made without this.
        "-volume.allowUntrustedRemoteEndpoints",
    )


def _seaweedfs(node: Node) -> tuple[str, ...]:
    if not is_store(node):
        return _master(node)
    ports, sockets, data = Ports(node.box.objects.port), node.run("objects"), node.data("objects")
    at = address(node)
    return (
        str(program(node)),
        # Its log goes to the supervisor; of itself it would write into files in /tmp as well.
        "-logtostderr",
        "server",
        *(f"-dir={data}", f"-ip={at}", f"-ip.bind={at}", "-disableHttp"),
        *(_of_cluster(node) if is_shared(node) else ()),
        *(f"-master.port={ports.master}", f"-master.port.grpc={ports.master_grpc}"),
        # The other consensus library takes up to 15 s to elect its only member after a kill; this one never
        # 2.
        *("-master.raftHashicorp", "-master.telemetry=false", "-master.volumeSizeLimitMB=4096"),
        *(f"-volume.port={ports.volume}", f"-volume.port.grpc={ports.volume_grpc}"),
        # Volumes take the room of what is in them, so their number is no matter. Counted from the disk's size
        # (0), a disk of 20 GB would have as many as the store makes for itself, and none for people's files.
        "-volume.max=16384",
        # Room is watched by the agent, which stops writes to the whole box in time.
        *("-volume.minFreeSpace=1", "-volume.preStopSeconds=1", "-volume.index=leveldb"),
        *(
            "-filer",
            f"-filer.port={ports.filer}",
            f"-filer.port.grpc={ports.filer_grpc}",
            "-filer.disableHttp",
        ),
        *("-filer.disableDirListing", "-filer.exposeDirectoryData=false", "-filer.ui.deleteDir=false"),
        f"-filer.localSocket={sockets / 'filer.sock'}",
        *("-s3", f"-s3.port={ports.s3}", f"-s3.port.grpc={ports.s3_grpc}"),
        *(
            f"-s3.localSocket={sockets / 's3.sock'}",
            f"-s3.config={node.generated('objects') / 'identities.json'}",
        ),
        *("-s3.iam=false", "-s3.port.iceberg=0", "-s3.port.lance=0"),
        *("-s3.autoCreateBucket=false", "-s3.allowDeleteBucketNotEmpty=false", "-s3.allowedOrigins=null"),
    )


def _before(node: Node) -> tuple[str, ...]:
    if node.box.objects.engine != "seaweedfs" or not is_store(node):
        return ()
    return (str(node.generated("objects") / _RECOVERY), str(node.data("objects")))


def _minio(node: Node) -> tuple[str, ...]:
    return (
        str(program(node)),
        *("server", "--quiet", "--address", f"{LOOPBACK}:{node.box.objects.port}", str(node.data("objects"))),
    )


def _environment(node: Node) -> Mapping[str, str]:
    # The limit is soft: the collector works harder when it is reached, nothing is refused.
    shared = {"GOMEMLIMIT": f"{node.box.objects.memory_mb}MiB", "HOME": str(node.data("objects"))}
    if node.box.objects.engine == "seaweedfs":
        return shared
    return shared | {
        "MINIO_CONFIG_ENV_FILE": str(node.generated("objects") / "minio.env"),
        "MINIO_BROWSER": "off",
        "MINIO_UPDATE": "off",
        "MINIO_SITE_REGION": node.box.objects.region,
        "MINIO_API_CORS_ALLOW_ORIGIN": "null",
    }


def _files(node: Node) -> tuple[GeneratedFile, ...]:
    secrets, folder, bucket = node.secrets, node.generated("objects"), node.box.objects.bucket
    if node.box.objects.engine == "minio":
        lines = (
            f"MINIO_ROOT_USER={quoting.trimmed(secrets.objects_admin_access_key)}",
            f"MINIO_ROOT_PASSWORD={quoting.trimmed(secrets.objects_admin_secret_key)}",
        )
        return (GeneratedFile("minio.env", "\n".join(lines) + "\n"),)

    def identity(name: str, access_key: str, secret_key: str, *actions: str) -> dict[str, object]:
        credentials = [{"accessKey": access_key, "secretKey": secret_key}]
        return {"name": name, "credentials": credentials, "actions": actions}

    identities = [
        identity("setup", secrets.objects_admin_access_key, secrets.objects_admin_secret_key, "Admin"),
        identity(
            "portal",
            secrets.objects_access_key,
            secrets.objects_secret_key,
            *(f"{action}:{bucket}" for action in ("Read", "Write", "List", "Tagging")),
        ),
    ]
    where = (
        render(
            "services/objects/names.toml.j2",
            sockets=names_folder(node),
            port=node.box.database.port,
            objects=names.OBJECTS,
        )
        if is_shared(node)
        else f"[sqlite]\nenabled = true\ndbFile = {quoting.toml(node.data('objects') / NAMES)}\n"
    )
    repair = render("services/objects/master.toml.j2", minutes=_REPAIR_MINUTES)
    return (
        *((GeneratedFile("master.toml", repair),) if is_shared(node) else ()),
        GeneratedFile(_RECOVERY, Path(__file__).with_name(_RECOVERY).read_text(encoding="utf-8")),
        GeneratedFile("identities.json", json.dumps({"identities": identities}, indent=1) + "\n"),
        GeneratedFile(
            "security.toml", render("services/objects/security.toml.j2", folder=folder, secrets=secrets)
        ),
        # Where the names of objects are kept. LevelDB, the default, never syncs them: a power cut could take
        # the names of acknowledged objects. SQLite syncs before it answers, and needs 150 MiB less.
        # In a cluster PostgreSQL has them, which every node reaches, and which is as safe.
        GeneratedFile("filer.toml", where),
        GeneratedFile("grpc-ca.crt", secrets.objects_grpc_ca),
        GeneratedFile("grpc.crt", secrets.objects_grpc_certificate),
        GeneratedFile("grpc.key", secrets.objects_grpc_key),
    )


def _health(node: Node, _: int) -> str | None:
    if not is_store(node):
        return probe.listens(address(node), Ports(node.box.objects.port).master_grpc)
    path = "/healthz" if node.box.objects.engine == "seaweedfs" else "/minio/health/live"
    return probe.http_status((address(node), node.box.objects.port), path)


def _listeners(node: Node, _: int) -> tuple[Listener, ...]:
    port = node.box.objects.port
    ports = Ports(port).all if node.box.objects.engine == "seaweedfs" else (port,)
    if not is_store(node):
        ports = (Ports(port).master, Ports(port).master_grpc)
    return tuple(Listener(address(node), number) for number in ports)


SERVICE = Service(
    name="objects",
    title="Object store",
    # Behind the router, through which it reaches the names of its objects in a cluster.
    order=15,
    user=users.OBJECTS,
    command=lambda node, _: _seaweedfs(node) if node.box.objects.engine == "seaweedfs" else _minio(node),
    before=_before,
    environment=_environment,
    # weed looks for security.toml and filer.toml in the folder that it stands in.
    directory=lambda node: node.generated("objects"),
    listeners=_listeners,
    health=_health,
    memory_mb=lambda node: node.box.objects.memory_mb * 3,
    backup=(
        "every object of the bucket",
        "secrets.toml, which holds the key that encrypts the store's own keys",
    ),
    files=_files,
    is_enabled=lambda node: is_store(node) or is_master(node),
    # Asked to stop, SeaweedFS waits 15 s for streams that its own parts keep open for ever, and has no option
    # against that. What it has acknowledged is on the disk, names as well, so nothing is gained by the wait.
    stop_signal=signal.SIGKILL,
    sandbox=lambda node: Sandbox(
        writable=(
            *(node.data("objects"), node.run("objects")),
            *((masters_folder(node),) if is_master(node) else ()),
        )
    ),
)
