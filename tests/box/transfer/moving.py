"""What tests of migrations share: a company in the cloud, and the way into the box."""

from __future__ import annotations

from base64 import b64encode
from typing import IO, TYPE_CHECKING, Any

from box.lib.egress import Answer, Fetched, Unreachable
from box.transfer import actions, runner
from box.transfer.cloud import Cloud, Form
from box.transfer.models import Migration
from box.transfer.pace import Pace
from tests.box.transfer.test_cloud import Wire
from tests.cloud.companies import small_company
from tests.cloud.company import Company
from tests.cloud.portal import Portal

if TYPE_CHECKING:
    from box.core.accounts.models import User


class Move:
    """One company that moves in. What is changed in `company` is what the portal has by then."""

    is_outbound = False

    def __init__(self, by: User, company: Company | None = None, **more: Any) -> None:
        self.by, self.company = by, company or small_company()
        self.portal: Portal = self.company.portal(lambda: 0.0, **more)
        self.wire = Wire(self.portal, longest=0.1)
        self.pace: Pace | None = None
        self.loaded: list[str] = []
        self.sent: list[str] = []
        self.migration = actions.connect(self.cloud(), by=by, is_outbound=self.is_outbound)

    def cloud(self, migration: Migration | None = None) -> Cloud:
        cloud = self.wire.cloud()
        cloud.loader, cloud.sender = self._load, self._send
        # Whoever has asked before has filled the portal's bucket: see `box.transfer.sources.cloud_of`.
        cloud.pace = self.pace = self.pace or cloud.pace
        return cloud

    def _load(self, address: str, into: IO[bytes]) -> Fetched:
        self.loaded.append(address)
        content = self.company.content(address)
        if content is None:
            raise Unreachable("HTTP 404")
        into.write(content)
        return Fetched(len(content), self.company.name_of(address))

    def _send(self, address: str, form: Form) -> Answer:
        method, given = self.company.expected.pop(address)
        content = b64encode(b"".join(form.chunks)).decode()
        self.sent.append(form.name)
        status, answer = self.portal.handle(method, {**given, "fileContent": [form.name, content]})
        return Answer(status, {}, answer)

    def look(self) -> Migration:
        actions.look(self.migration, self.cloud())
        return self.again()

    def again(self) -> Migration:
        self.migration = Migration.objects.select_related("by").get(pk=self.migration.pk)
        return self.migration

    def go(self) -> Migration:
        """From wherever it stands to its end, or to where it is paused."""
        runner.run(self.again(), connect=self.cloud)
        return self.again()

    def bring(self) -> Migration:
        if self.again().state == Migration.State.LOOKING:
            self.look()
        actions.begin(self.migration, by=self.by)
        return self.go()

    def share_of_rate(self) -> float:
        """Of the requests that the limits have allowed from the first one to the last, how many were made."""
        first, *_others, last = self.portal.moments
        return self.portal.requests / (self.portal.burst + (last - first) * self.portal.per_second)

    def ours(self, kind: str, theirs: Any) -> int:
        return self.migration.identities.get(kind=kind, theirs=str(theirs)).ours

    def said(self, kind: str) -> dict[str, str]:
        return dict(self.migration.remarks.filter(kind=kind).values_list("theirs", "text"))
