"""The SDK's multipart calls, private in minio 7.2, under public names: nothing else knows the private ones.

For this `minio` is pinned in requirements/portal.in; tests/box/bridges/storage/ runs each of them for real.
"""

from __future__ import annotations

from collections.abc import Sequence

from minio import Minio
from minio.datatypes import Part


class MultipartMinio(Minio):
    """A Minio client that also uploads in parts which somebody else sends."""

    def use_virtual_style(self) -> None:
        """The bucket's name goes into the host instead of the path."""
        self.enable_virtual_style_endpoint()  # type: ignore[no-untyped-call]

    def create_multipart_upload(self, bucket: str, key: str) -> str:
        return self._create_multipart_upload(bucket, key, {"Content-Type": "application/octet-stream"})

    def complete_multipart_upload(self, bucket: str, key: str, upload_id: str, etags: Sequence[str]) -> None:
        parts = [Part(number, etag) for number, etag in enumerate(etags, start=1)]
        self._complete_multipart_upload(bucket, key, upload_id, parts)

    def abort_multipart_upload(self, bucket: str, key: str, upload_id: str) -> None:
        self._abort_multipart_upload(bucket, key, upload_id)

    def list_multipart_uploads(self, bucket: str, key: str) -> list[str]:
        """The ids of the uploads open under exactly this key. MinIO lists uploads of one whole key only."""
        found = self._list_multipart_uploads(bucket, prefix=key).uploads
        return [upload.upload_id for upload in found if upload.object_name == key and upload.upload_id]
