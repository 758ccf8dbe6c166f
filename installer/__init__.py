"""Preflight, steps, releases, upgrade and removal. Knows neither the portal nor Django."""
