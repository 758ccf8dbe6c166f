"""Calls of the portal's telephony, with what was recorded of them.

Source: https://apidocs.bitrix24.com/api-reference/telephony/voximplant/statistic/voximplant-statistic-get.html.
What the CRM noted of a call comes with its activities.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import IO, Any, override

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.calls.actions.past_calls import KeptSound, PastCall, log_past_call
from box.apps.calls.models import LoggedCall
from box.apps.calls.waveform import heard
from box.core.accounts.models import User
from box.core.files import actions as files
from box.lib.egress import Fetched
from box.lib.numbers import whole_number
from box.transfer.cloud import CloudAway, Command, Shape
from box.transfer.downloads import fetch_each
from box.transfer.ledger import Extra, Row, digest_of
from box.transfer.stages.base import Page, Stage, Work, clean, file_name, line, optional_moment

SHAPE = Shape("FILTER", "ORDER", "SORT")
INCOMING = frozenset({"2", "3"})
LONGEST_NOTE = 20_000
# By the code of the call's end: https://apidocs.bitrix24.com/api-reference/telephony/codes-and-types.html
_RESULTS: Mapping[str, str] = {
    "200": LoggedCall.Result.ANSWERED,
    "304": LoggedCall.Result.NO_ANSWER,
    "480": LoggedCall.Result.NO_ANSWER,
    "603": LoggedCall.Result.NO_ANSWER,
    "603-S": LoggedCall.Result.NO_ANSWER,
    "486": LoggedCall.Result.BUSY,
}


class Calls(Stage):
    key = "calls"
    label = gettext_lazy("Calls")
    kind = "call"
    needs = ("people",)

    @override
    def pages(self, work: Work, cursor: Mapping[str, Any]) -> Iterator[Page]:
        after = int(cursor.get("after", 0))
        for rows in work.cloud.walk("voximplant.statistic.get", after=after, shape=SHAPE):
            yield Page(rows, {"after": int(rows[-1]["ID"])})

    @override
    def moment_of(self, row: Row) -> datetime:
        found = optional_moment(row.get("CALL_START_DATE"))
        return found or super().moment_of({})

    @override
    def fetch(self, work: Work, rows: Sequence[Row]) -> Extra:
        """What was recorded, by the ids of calls."""
        extra = Extra()
        known = work.known(self.kind, [self.id_of(row) for row in rows])
        new = [row for row in rows if self.id_of(row) not in known]
        addresses = self._addresses(work, new)
        for row in new:
            if row.get("RECORD_FILE_ID") and self.id_of(row) not in addresses:
                said = _("What was recorded is not given by the portal.")
                extra.refused.append((self.kind, self.id_of(row), said))

        def keep(theirs: str, content: IO[bytes], fetched: Fetched) -> KeptSound:
            sound, stored = heard(content), files.store_whole(content)
            return KeptSound(file_name(addresses[theirs][0] or fetched.name), stored.key, stored.size, sound)

        wanted = {theirs: address for theirs, (_name, address) in addresses.items()}
        for theirs, found in fetch_each(work.cloud, wanted, keep).items():
            if isinstance(found, CloudAway):
                said = _("What was recorded could not be fetched: %(why)s")
                extra.refused.append((self.kind, theirs, said % {"why": found}))
            else:
                extra.rows[theirs] = found
        return extra

    def _addresses(self, work: Work, rows: Sequence[Row]) -> dict[str, tuple[str, str]]:
        """By call the name and the address: of a file of the drive, or of wherever the portal keeps it."""
        on_drive = {self.id_of(row): str(row["RECORD_FILE_ID"]) for row in rows if row.get("RECORD_FILE_ID")}
        commands = [
            Command(f"f{theirs}", "disk.file.get", {"id": file})
            for theirs, file in on_drive.items()
            if whole_number(file)
        ]
        given = work.cloud.each(commands)
        found: dict[str, tuple[str, str]] = {}
        for row in rows:
            theirs = self.id_of(row)
            told = given[f"f{theirs}"].result if f"f{theirs}" in given else None
            if isinstance(told, dict) and told.get("DOWNLOAD_URL"):
                found[theirs] = (str(told.get("NAME") or ""), str(told["DOWNLOAD_URL"]))
            elif row.get("CALL_RECORD_URL"):
                found[theirs] = ("", str(row["CALL_RECORD_URL"]))
        return found

    @override
    def take(self, work: Work, row: Row, extra: Extra) -> int:
        theirs = self.id_of(row)
        started = optional_moment(row.get("CALL_START_DATE"))
        if started is None:
            raise ValidationError(_("It does not say when it begins."), code="refused")
        for said in extra.refusals(self.kind, theirs):
            work.remark(self.kind, theirs, said)
        code = str(row.get("CALL_FAILED_CODE") or "")
        user = User.objects.filter(pk=work.ours("person", row.get("PORTAL_USER_ID") or "0")).first()
        call = log_past_call(
            PastCall(
                key=line(row.get("CALL_ID"), 90) or f"{work.migration.portal}:{theirs}",
                number=line(row.get("PHONE_NUMBER"), 80),
                is_incoming=str(row.get("CALL_TYPE")) in INCOMING,
                result=_RESULTS.get(code, LoggedCall.Result.FAILED),
                started_at=started,
                talk_seconds=whole_number(str(row.get("CALL_DURATION")), digits=9) or 0,
                line=line(row.get("PORTAL_NUMBER"), 80),
                note=clean(row.get("COMMENT"), LONGEST_NOTE),
                user=user,
            ),
            extra.rows.get(theirs),
        )
        work.took(self.kind, theirs, call.pk, digest=digest_of(row))
        return call.pk
