"""Object lock: for how long a bucket keeps what is deleted in it, and whether the box's key is held to that.

Asked of the store itself, with a small copy of the box's own. It runs as the engines' user, as whatever
speaks to a target does: `python -m backup.object_lock`, the place and the key in its environment.
"""

from __future__ import annotations

import io
import json
import os
import ssl
import sys
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import urllib3
from minio import Minio
from minio.deleteobjects import DeleteObject
from minio.error import MinioException, S3Error
from minio.objectlockconfig import YEARS

from appliance import runner, users
from appliance.node import Node
from backup import store_authorities
from backup.settings import BackupRefused, Target

_PLACE, _SECRET = "KOROBKA_LOCK_PLACE", "KOROBKA_LOCK_SECRET"
_MODE, _UNTIL = "x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date"


@dataclass(frozen=True)
class Lock:
    """What a bucket does with a copy that was just written to it."""

    days: int = 0
    """For so long it cannot be removed; 0: deleting removes it."""
    is_held: bool = True
    """Whether this key is held to that too."""


def days_of(node: Node, target: Target) -> int:
    """For how many days what goes to this target is locked. Refused where the box's key could undo it."""
    place = {
        "address": target.endpoint.removeprefix("https://"),
        "bucket": target.bucket,
        "name": f"{target.prefix}/probe",
        "region": target.region,
        "access_key": target.access_key,
        "ca_file": str(store_authorities.file_of(node, target) or ""),
    }
    done = runner.run(
        [node.python, "-P", "-m", "backup.object_lock"],
        user=users.account(users.DATABASE),
        env={"PYTHONPATH": str(node.release), _PLACE: json.dumps(place)},
        secrets={_SECRET: target.secret_key},
        timeout=300,
        check=False,
    )
    if done.code != 0:
        raise BackupRefused(
            f"{target.name} ({target}): {(done.stderr.splitlines() or ['it says nothing'])[-1]}"
        )
    lock = Lock(**json.loads(done.stdout))
    if not lock.is_held:
        raise BackupRefused(
            f"The bucket {target.bucket} locks copies for {lock.days} days, but this key can remove them all "
            f"the same, and so could whoever takes over this machine. Give the box a key without "
            f"s3:BypassGovernanceRetention and s3:DeleteObjectVersion, or set the bucket's retention to "
            f"COMPLIANCE."
        )
    return lock.days


def look(client: Minio, bucket: str, name: str) -> Lock:
    """Write a small object, and try to be rid of it."""
    version = client.put_object(
        bucket_name=bucket, object_name=name, data=io.BytesIO(b"korobka"), length=7
    ).version_id
    try:
        days = _days(client, bucket, name, version) if version else 0
        if not version or not days:
            return Lock()
        for is_bypass in (False, True):
            _try_to_remove(client, bucket, DeleteObject(name, version), is_bypass=is_bypass)
        return Lock(days, is_held=_is_there(client, bucket, name, version))
    finally:
        client.remove_object(bucket_name=bucket, object_name=name)


def _days(client: Minio, bucket: str, name: str, version: str) -> int:
    """As the bucket says; where this key may not ask it, as the copy says of itself."""
    try:
        rule = client.get_object_lock_config(bucket_name=bucket)
    except (MinioException, ValueError):
        pass
    else:
        return (rule.duration or 0) * (365 if rule.duration_unit == YEARS else 1)
    headers = client.stat_object(bucket_name=bucket, object_name=name, version_id=version).metadata or {}
    told = {key.lower(): value for key, value in headers.items()}
    if not told.get(_MODE) or not told.get(_UNTIL):
        return 0
    left = datetime.fromisoformat(told[_UNTIL]) - datetime.now(UTC)
    return max(round(left.total_seconds() / 86400), 1)


def _try_to_remove(client: Minio, bucket: str, what: DeleteObject, *, is_bypass: bool) -> None:
    # Being refused is as it should be.
    with suppress(MinioException):
        # It says what went wrong one by one, and does nothing before it is asked.
        list(client.remove_objects(bucket, [what], bypass_governance_mode=is_bypass))


def _is_there(client: Minio, bucket: str, name: str, version: str) -> bool:
    try:
        client.stat_object(bucket_name=bucket, object_name=name, version_id=version)
    except S3Error as error:
        return error.code not in ("NoSuchKey", "NoSuchVersion")
    return True


def main() -> None:
    place = json.loads(os.environ[_PLACE])
    # As strict as the engines are: many a company's own authority says nothing of what its key is for.
    tls = ssl.create_default_context(cafile=place["ca_file"] or None)
    tls.verify_flags &= ~ssl.VERIFY_X509_STRICT
    client = Minio(
        place["address"],
        access_key=place["access_key"],
        secret_key=os.environ[_SECRET],
        region=place["region"],
        http_client=urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=5, read=30), retries=2, ssl_context=tls
        ),
    )
    try:
        found = look(client, place["bucket"], place["name"])
    except (MinioException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        sys.exit(f"The store does not say whether it locks what is written: {error}")
    json.dump({"days": found.days, "is_held": found.is_held}, sys.stdout)


if __name__ == "__main__":
    main()
