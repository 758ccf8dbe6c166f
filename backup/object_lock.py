"""Object lock: for how long a bucket keeps what is deleted in it, and whether the box's key is held to that.

Asked of the store itself, with a small copy of the box's own. And what lies there and is needed is locked
anew before its lock ends. It runs as the engines' user, as whatever speaks to a target does: `python -m
backup.object_lock look`, or `renew`, the place and the key in its environment.
"""

from __future__ import annotations

import io
import json
import os
import ssl
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import batched

import urllib3
from minio import Minio
from minio.commonconfig import GOVERNANCE
from minio.deleteobjects import DeleteObject
from minio.error import MinioException, S3Error
from minio.objectlockconfig import YEARS
from minio.retention import Retention

from appliance import runner, users
from appliance.node import Node
from backup import store_authorities
from backup.ledger import Ledger
from backup.settings import BackupRefused, Target

_AT_ONCE, _PAGE, _MOST_SECONDS = 16, 1000, 6 * 3600
_PLACE, _SECRET = "KOROBKA_LOCK_PLACE", "KOROBKA_LOCK_SECRET"
_MODE, _UNTIL = "x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date"


@dataclass(frozen=True)
class Lock:
    """What a bucket does with a copy that was just written to it."""

    days: int = 0
    """For so long it cannot be removed; 0: deleting removes it."""
    is_held: bool = True
    """Whether this key is held to that too."""
    is_renewable: bool = False
    """Whether this key may lock something for longer."""


def of(node: Node, target: Target) -> Lock:
    """What the bucket of this target does with what goes there. Refused where the box's key could undo it."""
    lock = Lock(**json.loads(_asked(node, target, "look", timeout=300)))
    if not lock.is_held:
        raise BackupRefused(
            f"The bucket {target.bucket} locks copies for {lock.days} days, but this key can remove them all "
            f"the same, and so could whoever takes over this machine. Give the box a key without "
            f"s3:BypassGovernanceRetention and s3:DeleteObjectVersion, or set the bucket's retention to "
            f"COMPLIANCE."
        )
    return lock


def renew_in_time(node: Node, target: Target, ledger: Ledger, say: Callable[[str], None]) -> None:
    """Lock all that lies there now as what is written now is, before its lock ends.

    Killed meanwhile it is done again. Raises `BackupRefused` with the reason: what was locked stays so.
    """
    now = datetime.now(UTC)
    if not is_due(target, last=ledger.moment("locks_renewed_at"), now=now):
        return
    say(f"Renewing the locks of what lies at {target.name}.")
    until = now + timedelta(days=target.locked_days)
    _asked(node, target, "renew", timeout=_MOST_SECONDS, until=until.isoformat())
    ledger.write(locks_renewed_at=now.isoformat())


def is_due(target: Target, *, last: datetime | None, now: datetime) -> bool:
    """Whether it is time to renew: three times within a lock, so that two may fail."""
    if not target.locked_days or not target.renews_locks:
        return False
    return last is None or now >= last + timedelta(days=target.locked_days) / 3


def _asked(node: Node, target: Target, what: str, *, timeout: float, until: str = "") -> str:
    place = {
        "address": target.endpoint.removeprefix("https://"),
        "bucket": target.bucket,
        "prefix": target.prefix,
        "region": target.region,
        "access_key": target.access_key,
        "ca_file": str(store_authorities.file_of(node, target) or ""),
        "until": until,
    }
    done = runner.run(
        [node.python, "-P", "-m", "backup.object_lock", what],
        user=users.account(users.DATABASE),
        env={"PYTHONPATH": str(node.release), _PLACE: json.dumps(place)},
        secrets={_SECRET: target.secret_key},
        timeout=timeout,
        check=False,
    )
    if done.code != 0:
        raise BackupRefused(
            f"{target.name} ({target}): {(done.stderr.splitlines() or ['it says nothing'])[-1]}"
        )
    return done.stdout


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
        is_held = _is_there(client, bucket, name, version)
        return Lock(days, is_held, is_held and _is_renewable(client, bucket, name, days))
    finally:
        client.remove_object(bucket_name=bucket, object_name=name)


def _is_renewable(client: Minio, bucket: str, name: str, days: int) -> bool:
    try:
        until = datetime.now(UTC) + timedelta(days=days, minutes=1)
        client.set_object_retention(bucket, name, Retention(_mode(client, bucket, name), until))
    except (MinioException, ValueError):
        return False
    return True


def renew_all(client: Minio, bucket: str, prefix: str, until: datetime) -> int:
    """Lock the newest version of everything under a prefix until then; how many there are.

    What was deleted is not among them: its lock may end.
    """
    names = (str(one.object_name) for one in client.list_objects(bucket, prefix=f"{prefix}/", recursive=True))
    count = 0
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        # Some at a time: a list of a million names is not held, nor are as many requests.
        for some in batched(names, _PAGE, strict=False):
            mode = _mode(client, bucket, some[0])
            kept = Retention(mode, until)
            for _ in threads.map(partial(client.set_object_retention, bucket, config=kept), some):
                count += 1
    return count


def _mode(client: Minio, bucket: str, name: str) -> str:
    """As the bucket says; where this key may not ask it, as something in it says of itself."""
    with suppress(MinioException, ValueError):
        if mode := client.get_object_lock_config(bucket_name=bucket).mode:
            return mode
    headers = client.stat_object(bucket_name=bucket, object_name=name).metadata or {}
    told = {key.lower(): value for key, value in headers.items()}
    return told.get(_MODE, GOVERNANCE)


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
    trouble = (MinioException, urllib3.exceptions.HTTPError, OSError, ValueError)
    if sys.argv[1:] == ["renew"]:
        try:
            found = renew_all(
                client, place["bucket"], place["prefix"], datetime.fromisoformat(place["until"])
            )
        except trouble as error:
            sys.exit(
                f"The locks of what lies there could not be renewed, for which the key needs "
                f"s3:PutObjectRetention: {error}"
            )
        json.dump(found, sys.stdout)
        return
    try:
        lock = look(client, place["bucket"], f"{place['prefix']}/probe")
    except trouble as error:
        sys.exit(f"The store does not say whether it locks what is written: {error}")
    json.dump(asdict(lock), sys.stdout)


if __name__ == "__main__":
    main()
