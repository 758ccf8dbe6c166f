"""What stands in addresses beyond Django's own."""

from __future__ import annotations

from datetime import date

from django.urls import register_converter


class DateConverter:
    """`<date:on>`, as `2026-11-24`; what is no date is no address."""

    regex = r"\d{4}-\d{2}-\d{2}"

    def to_python(self, value: str) -> date:
        return date.fromisoformat(value)

    def to_url(self, value: date | str) -> str:
        return str(value)


register_converter(DateConverter, "date")
