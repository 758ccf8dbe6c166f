"""Makes the bucket and what guards it. Safe to run again at any time."""

from __future__ import annotations

import json

import urllib3
from minio import Minio, MinioAdmin
from minio.credentials.providers import StaticProvider
from minio.error import MinioException, S3Error
from minio.versioningconfig import OFF, SUSPENDED

from appliance import runner, users
from appliance.node import Node
from appliance.services.objects import authority
from appliance.services.objects.service import endpoint, masters, program


class StoreRefused(Exception):
    """The store does not do what the box needs of it; the message says what to change."""


def client(node: Node, *, as_admin: bool = False) -> Minio:
    """The SDK's client with the portal's key, or with the one that may create buckets."""
    secrets, box = node.secrets, node.box.objects
    address = endpoint(node)
    is_admin = as_admin and box.engine != "external"
    found = Minio(
        address.partition("://")[2].rstrip("/"),
        access_key=secrets.objects_admin_access_key if is_admin else secrets.objects_access_key,
        secret_key=secrets.objects_admin_secret_key if is_admin else secrets.objects_secret_key,
        secure=address.startswith("https:"),
        region=box.region,
        http_client=urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=5, read=30),
            retries=urllib3.Retry(total=5, backoff_factor=0.3, status_forcelist=[500, 502, 503, 504]),
            ca_certs=str(authority.file_of(node) or "") or None,
        ),
    )
    if box.engine == "external" and not box.path_style:
        found.enable_virtual_style_endpoint()  # type: ignore[no-untyped-call]
    return found


def is_set_up(node: Node) -> bool:
    """Whether the portal's key finds its bucket, with versioning off. The service must run."""
    try:
        return _is_usable(client(node), node.box.objects.bucket) and (
            node.box.objects.engine != "seaweedfs" or _is_durable(node)
        )
    except (StoreRefused, MinioException, urllib3.exceptions.HTTPError):
        return False


def set_up(node: Node) -> None:
    """Create the bucket, the portal's access to it, and durable writes. The service must run."""
    bucket, engine = node.box.objects.bucket, node.box.objects.engine
    try:
        if engine != "external":
            admin = client(node, as_admin=True)
            if not admin.bucket_exists(bucket_name=bucket):
                admin.make_bucket(bucket_name=bucket)
        if engine == "seaweedfs":
            _make_durable(node)
        if engine == "minio":
            _admit_portal(node)
        if not _is_usable(client(node), bucket):
            raise StoreRefused(
                f"Versioning is on for the bucket {bucket}: objects are written once, so that versions would "
                f"only keep what was deleted. Give the box a bucket without versioning."
            )
    except S3Error as error:
        raise StoreRefused(
            f"The object store at {endpoint(node)} refuses the bucket {bucket}: {error.message} "
            f"({error.code})."
        ) from error
    except (MinioException, urllib3.exceptions.HTTPError) as error:
        if isinstance(getattr(error, "reason", None), urllib3.exceptions.SSLError):
            raise StoreRefused(
                f"The certificate of the object store at {endpoint(node)} is not vouched for: name the file "
                f"of its authority with `boxctl config set objects.ca_file FILE`."
            ) from error
        raise StoreRefused(f"The object store at {endpoint(node)} does not answer: {error}") from error


def _is_usable(portal: Minio, bucket: str) -> bool:
    try:
        if not portal.bucket_exists(bucket_name=bucket):
            raise StoreRefused(
                f"There is no bucket {bucket} in the store: create it, or name another in box.toml."
            )
        return portal.get_bucket_versioning(bucket_name=bucket).status in (OFF, SUSPENDED, None)
    except S3Error as error:
        # Rights on objects only: asking for the bucket's own settings is refused, which is right for us.
        if error.code == "AccessDenied":
            next(iter(portal.list_objects(bucket_name=bucket)), None)
            return True
        raise


def shell(node: Node, *commands: str, timeout: float = 60) -> str:
    """Run commands in SeaweedFS's own shell, which reaches its gRPC with the certificates.

    It ends well whatever becomes of them: look at what was to be done.
    """
    return runner.run(
        [program(node), "-logtostderr", "shell", f"-master={masters(node)}"],
        stdin="\n".join((*commands, "exit")) + "\n",
        cwd=node.generated("objects"),
        user=users.account(users.OBJECTS),
        env={"HOME": str(node.data("objects"))},
        timeout=timeout,
    ).stdout


def set_replication(node: Node, replication: str) -> None:
    """How many copies of what the portal uploads from now on are written before it is acknowledged, on each
    node of a cluster; as SeaweedFS writes it (`service.TWO_COPIES`)."""
    if _rule(node).get("replication") == replication:
        return
    shell(node, f"fs.configure -locationPrefix={_prefix(node)} -fsync -replication={replication} -apply")
    if _rule(node).get("replication") != replication:
        raise StoreRefused(f"The store was not told to make copies as {replication}: it is asked again.")


def _prefix(node: Node) -> str:
    return f"/buckets/{node.box.objects.bucket}/"


def _rule(node: Node) -> dict[str, object]:
    """What holds for the portal's bucket, of whatever the store was told."""
    answer = shell(node, "fs.configure")
    text = answer[answer.find("{") : answer.rfind("}") + 1]
    rules: list[dict[str, object]] = json.loads(text).get("locations", []) if text else []
    return next((rule for rule in rules if rule["locationPrefix"] == _prefix(node)), {})


def _is_durable(node: Node) -> bool:
    return bool(_rule(node).get("fsync"))


def _make_durable(node: Node) -> None:
    """A write is acknowledged when it is on the disk: the database will have committed to it."""
    if not _is_durable(node):
        shell(node, f"fs.configure -locationPrefix={_prefix(node)} -fsync -apply")


def _admit_portal(node: Node) -> None:
    """MinIO keeps users itself: one for the portal, with the rights on its bucket's objects."""
    secrets, bucket = node.secrets, node.box.objects.bucket
    admin = MinioAdmin(
        endpoint=endpoint(node).partition("://")[2],
        credentials=StaticProvider(secrets.objects_admin_access_key, secrets.objects_admin_secret_key),
        secure=False,
        region=node.box.objects.region,
    )
    arn = f"arn:aws:s3:::{bucket}"
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:GetBucketVersioning"],
                "Resource": [arn],
            },
            {
                "Effect": "Allow",
                "Action": [
                    *("s3:GetObject", "s3:PutObject", "s3:DeleteObject"),
                    *("s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"),
                ],
                "Resource": [f"{arn}/*"],
            },
        ],
    }
    admin.policy_add("korobka-portal", policy=policy)
    admin.user_add(secrets.objects_access_key, secrets.objects_secret_key)
    admin.policy_set("korobka-portal", user=secrets.objects_access_key)
