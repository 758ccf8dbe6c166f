"""What happened to webhooks. Their secrets are in no event."""

from dataclasses import dataclass


@dataclass(frozen=True)
class WebhookCreated:
    """A program may act as this person from now on, within these scopes."""

    webhook_id: int
    user_id: int
    name: str
    scopes: tuple[str, ...]
    by_id: int


@dataclass(frozen=True)
class WebhookRevoked:
    """Its address opens nothing any more: by somebody's decision, or because its person has left."""

    webhook_id: int
    user_id: int
    name: str
    by_id: int | None


@dataclass(frozen=True)
class ApplicationAdded:
    """People can authorise it from now on."""

    application_id: int
    name: str
    by_id: int


@dataclass(frozen=True)
class ApplicationAuthorized:
    """It may act as this person from now on."""

    application_id: int
    name: str
    user_id: int
    by_id: int


@dataclass(frozen=True)
class ApplicationRetired:
    """It can do nothing any more, in nobody's name."""

    application_id: int
    name: str
    by_id: int


@dataclass(frozen=True)
class PlacementBound:
    """A page of an application stands in the portal from now on."""

    application_id: int
    name: str
    place: str
    handler: str
    by_id: int


@dataclass(frozen=True)
class PlacementUnbound:
    """It is shown no more."""

    application_id: int
    name: str
    place: str
    handler: str
    by_id: int


@dataclass(frozen=True)
class ListenerAdded:
    """An address outside is told of these events from now on."""

    listener_id: int
    name: str
    address: str
    events: tuple[str, ...]
    by_id: int


@dataclass(frozen=True)
class ListenerRemoved:
    """It is told of nothing any more."""

    listener_id: int
    name: str
    address: str
    by_id: int
