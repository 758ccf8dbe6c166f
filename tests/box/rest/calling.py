"""Calling as a program does: without a browser, its cookies and its forms."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from django.test import Client
from django.utils import timezone

from box.core.accounts.models import User
from box.rest.actions import NewWebhook, create_webhook
from box.rest.models import Webhook
from box.rest.tokens import Secret

EVERYTHING = (
    *("user", "department", "log", "vote", "sonet_group", "disk", "crm", "task", "telephony", "calendar"),
    "booking",
    "userfieldconfig",
    "placement",
)


@dataclass
class Program:
    """A program that has the address of a webhook."""

    webhook: Webhook
    secret: str
    client: Client = field(default_factory=lambda: Client(headers={"X-Forwarded-Proto": "https"}))

    @property
    def address(self) -> str:
        return f"/rest/{self.webhook.user_id}/{self.secret}"

    def call(self, method: str, **given: Any) -> Any:
        """What a method answers; fails on an error."""
        answer = self.ask(method, **given)
        assert answer.status_code == 200, answer.content.decode()
        return answer.json()["result"]

    def ask(self, method: str, *, key: str = "", **given: Any) -> Any:
        headers = {"Idempotency-Key": key} if key else {}
        body = json.dumps(given)
        return self.client.post(f"{self.address}/{method}", body, "application/json", headers=headers)

    def error(self, method: str, **given: Any) -> tuple[int, str]:
        answer = self.ask(method, **given)
        return answer.status_code, answer.json()["error"]


def program_of(person: User, *scopes: str, **more: Any) -> Program:
    secret = Secret.new()
    new = NewWebhook("A program", scopes or EVERYTHING, **more)
    return Program(create_webhook(new, secret, by=person), secret.text)


def today() -> Any:
    return timezone.localdate()
