"""What a kind of place says of itself. Its defaults are those of a place that needs nothing of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from appliance.agent.protocol import AddBackupTarget
    from appliance.node import Node
    from backup.settings import Settings, Target


class Kind:
    """One of `backup.targets.KINDS`, by the name that `Target.kind` has."""

    is_network: ClassVar = True
    """Whether the database's sandbox must let it out."""
    removal: ClassVar = "purge"
    """rclone's word for taking a folder away."""

    # --- as somebody names it

    def asked(self, node: Node, chosen: Settings, asked: AddBackupTarget, number: int) -> Target:
        """As the console asks for it."""
        raise NotImplementedError

    def given(self, given: argparse.Namespace) -> Target:
        """As the command line names it, without a number yet. It may ask for what no argument can say."""
        raise NotImplementedError

    def introduced(self, node: Node, target: Target, host_key: str, *, option: str) -> Target:
        """With what both sides have to know of each other. Raises with what is to be done first."""
        return target

    def is_at(self, one: Target, other: Target) -> bool:
        """Whether a target of the box is the place that it was found at on another machine."""
        return (one.endpoint, one.bucket, one.path) == (other.endpoint, other.bucket, other.path)

    # --- as the engines reach it

    def database_options(self, node: Node, target: Target) -> Mapping[str, object]:
        """For pgBackRest: where its part of the repository is."""
        raise NotImplementedError

    def base(self, target: Target) -> str:
        """For rclone: where the repository is."""
        return f"away:{target.path.rstrip('/')}/{target.repository}"

    def remote(self, node: Node, target: Target) -> Mapping[str, str]:
        """For rclone: its remote `away`, by names without what they begin with."""
        return {}

    def synced(self, target: Target) -> Sequence[Any]:
        """The command after which what was copied survives a power cut; none where others see to it."""
        return ()

    def with_lock(self, node: Node, target: Target) -> Target:
        """With what the place says of how long it keeps what is deleted: see `backup.object_lock`."""
        return target

    def disk(self, target: Target) -> Path | None:
        """Where it can be seen from here how much room there is."""
        return None

    # --- what is prepared, and taken away again

    def prepare(self, node: Node, target: Target) -> None:
        """Before it is tried. Refuses what may not be a target."""

    def prepare_next(self, node: Node, target: Target) -> None:
        """The same for a further repository at a place that is one already."""

    def inherit(self, node: Node, new: Target, old: Target) -> None:
        """What the next repository at a place is reached with."""

    def abandon(self, target: Target) -> None:
        """What `prepare_next` has made, once it is empty."""

    def repair(self, node: Node, target: Target) -> None:
        """Files of the box by which it is reached, as the engines need them."""

    def forget(self, node: Node, target: Target) -> None:
        """Those files are not needed any more."""

    # --- on an empty machine

    def take_over(self, target: Target) -> None:
        """What belongs to the engines' user of the old machine."""

    def secret(self, node: Node, target: Target) -> str:
        """By what it was reached here before the configuration of the set came, which may hold another."""
        return ""

    def keep_secret(self, node: Node, target: Target, secret: str) -> None:
        """And is from now on."""
