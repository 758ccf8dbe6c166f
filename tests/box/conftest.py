"""What tests of the portal share."""

from __future__ import annotations
