"""The dictionaries of the portal's CRM: stages, sources, and whatever else a company chooses from.

Source: https://apidocs.bitrix24.com/api-reference/crm/status/crm-status-list.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from box.transfer.stages.base import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from box.transfer.ledger import CloudLedger, Row


def statuses(work: CloudLedger) -> Mapping[str, Sequence[Row]]:
    """By the name of a dictionary its entries in order, each once. Asks the portal."""
    found: dict[str, list[Row]] = {}
    for _start, rows in counted(work, "crm.status.list", order={"SORT": "ASC"}):
        for row in rows:
            known = found.setdefault(str(row.get("ENTITY_ID")), [])
            if row["STATUS_ID"] not in {one["STATUS_ID"] for one in known}:
                known.append(row)
    return found
