"""What happened to devices."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DeviceAdded:
    device_id: int
    user_id: int
    by_id: int
    name: str


@dataclass(frozen=True)
class DeviceRemoved:
    """`by_id` is None where a program has suspended the person."""

    device_id: int
    user_id: int
    by_id: int | None
    name: str
