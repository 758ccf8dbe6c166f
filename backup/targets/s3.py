"""A bucket in a store that speaks S3 over TLS."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from backup import object_lock, store_authorities
from backup.settings import BackupRefused, Settings, Target, free_name
from backup.targets.kind import Kind

if TYPE_CHECKING:
    import argparse

    from appliance.agent.protocol import AddBackupTarget
    from appliance.node import Node

SECRET = "KOROBKA_BACKUP_SECRET_KEY"  # noqa: S105 - the name of a variable


class S3(Kind):
    # In a bucket with versions `purge` removes older ones too, which a lock refuses; then all stays.
    removal: ClassVar = "delete"

    def asked(self, node: Node, chosen: Settings, asked: AddBackupTarget, number: int) -> Target:
        parts = urlsplit(asked.endpoint)
        if parts.scheme != "https" or not parts.hostname:
            raise BackupRefused("The store must speak TLS: give an address that begins with https://.")
        if not asked.bucket or not asked.access_key or not asked.secret_key:
            raise BackupRefused("A store needs its bucket, an access key and its secret.")
        return Target(
            number, free_name(parts.hostname, chosen), "s3", asked.path or "korobka",
            f"https://{parts.netloc}", asked.bucket, asked.region, asked.access_key, asked.secret_key,
            store_authorities.checked(asked.ca_pem),
        )  # fmt: skip

    def given(self, given: argparse.Namespace) -> Target:
        if not given.s3.startswith("https://"):
            raise BackupRefused("The store must speak TLS: give an address that begins with https://.")
        if not given.bucket or not given.access_key:
            raise BackupRefused("Give --bucket and --access-key too.")
        secret = os.environ.get(SECRET) or (getpass.getpass("Secret key: ") if sys.stdin.isatty() else "")
        if not secret:
            raise BackupRefused(f"The secret key is missing: put it into {SECRET}.")
        ca_pem = store_authorities.read(given.ca_file) if given.ca_file else ""
        return Target(
            0, given.name, "s3", given.prefix, given.s3.rstrip("/"), given.bucket, given.region,
            given.access_key, secret, ca_pem, given.bandwidth,
        )  # fmt: skip

    def is_at(self, one: Target, other: Target) -> bool:
        # Whoever brings a box back may name the bucket alone.
        return (one.endpoint, one.bucket) == (other.endpoint, other.bucket)

    def database_options(self, node: Node, target: Target) -> Mapping[str, object]:
        host, _, port = target.endpoint.removeprefix("https://").partition(":")
        authority = store_authorities.file_of(node, target)
        return {
            "type": "s3",
            "path": f"/{target.prefix}/database",
            "s3-bucket": target.bucket,
            "s3-endpoint": host,
            "s3-region": target.region,
            "s3-key": target.access_key,
            "s3-key-secret": target.secret_key,
            "s3-uri-style": "path",
            "storage-host": host,
            "storage-port": port or 443,
            **({"storage-ca-file": authority} if authority else {}),
        }

    def with_lock(self, node: Node, target: Target) -> Target:
        lock = object_lock.of(node, target)
        return replace(target, locked_days=lock.days, renews_locks=lock.is_renewable)

    def base(self, target: Target) -> str:
        return f"away:{target.bucket}/{target.prefix}"

    def remote(self, node: Node, target: Target) -> Mapping[str, str]:
        return remote(target.endpoint, target.region, path_style=True)


def remote(address: str, region: str, *, path_style: bool) -> Mapping[str, str]:
    """A store as rclone is told of it."""
    return {
        "TYPE": "s3",
        "PROVIDER": "Other",
        "ENV_AUTH": "false",
        "ENDPOINT": address,
        "REGION": region,
        "FORCE_PATH_STYLE": "true" if path_style else "false",
        "NO_CHECK_BUCKET": "true",
    }
