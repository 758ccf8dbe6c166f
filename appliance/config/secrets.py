"""`secrets.toml`: made once, read by root alone."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, fields

from appliance.config.boxtoml import lines_of, literal, load_toml
from appliance.config.errors import ConfigError, Problem
from appliance.files import write_atomically
from appliance.paths import Paths
from appliance.peer_certificates import new_pair


@dataclass(frozen=True)
class Secrets:
    """All of `secrets.toml` (root, 0600). Made once; no later run of the installer changes a value."""

    secret_key: str
    database_owner_password: str
    database_replication_password: str
    database_rewind_password: str
    objects_access_key: str
    objects_secret_key: str
    objects_admin_access_key: str
    objects_admin_secret_key: str
    objects_signing_key: str
    objects_encryption_key: str
    # What the parts of the object store show each other. No authority's key is kept: all parts share one
    # pair.
    objects_grpc_ca: str
    objects_grpc_certificate: str
    objects_grpc_key: str

    def __repr__(self) -> str:
        return "Secrets(...)"  # so that no traceback and no log shows one


def load_secrets(paths: Paths) -> Secrets:
    """The secrets of the box at `paths`; readable by root (or the box's only user) alone."""
    file = str(paths.secrets_toml)
    try:
        text = paths.secrets_toml.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(
            file, (Problem("", None, "the file is missing: run the installer, which creates it."),)
        ) from None
    values = load_toml(text, file)
    names = [entry.name for entry in fields(Secrets)]
    problems = (
        [
            Problem(name, lines_of(text, name)[0], f"{name} is not a secret of the box.")
            for name in values
            if name not in names
        ]
        + [
            Problem(name, None, f"{name} is missing: run the installer, which adds it.")
            for name in names
            if name not in values
        ]
        + [
            Problem(name, lines_of(text, name)[0], f"{name} must be a text that is not empty.")
            for name in names
            if name in values and not (isinstance(values[name], str) and values[name])
        ]
    )
    if problems:
        raise ConfigError(file, tuple(problems))
    return Secrets(**values)


def create_secrets(paths: Paths, given: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Make each secret that does not exist yet and return their names. What exists is never touched.

    `given` are secrets that somebody else made, such as the keys of an external store; they replace what
    exists.
    """
    file = str(paths.secrets_toml)
    text = paths.secrets_toml.read_text(encoding="utf-8") if paths.secrets_toml.exists() else ""
    before = load_toml(text, file)
    existing = before | dict(given or {})
    missing = [entry.name for entry in fields(Secrets) if entry.name not in existing]
    if missing or existing != before:
        fresh = new_secrets()
        # The certificates belong together: one of them missing means new ones for all.
        pairs = [name for name in missing if name.startswith("objects_grpc_")]
        if pairs:
            missing = [name for name in missing if name not in pairs] + [
                entry.name for entry in fields(Secrets) if entry.name.startswith("objects_grpc_")
            ]
        values = existing | {name: getattr(fresh, name) for name in missing}
        lines = ["# Secrets of this box, made once by the installer. Keep a copy: a restored box needs them."]
        lines += [f"{name} = {literal(value)}" for name, value in values.items()]
        write_atomically(paths.secrets_toml, "\n".join(lines) + "\n", mode=0o600)
    return tuple(missing)


def new_secrets() -> Secrets:
    """A fresh value for every secret."""
    ca, certificate, key = new_pair("korobka-objects")
    return Secrets(
        secret_key=secrets.token_urlsafe(48),
        database_owner_password=secrets.token_urlsafe(24),
        database_replication_password=secrets.token_urlsafe(24),
        database_rewind_password=secrets.token_urlsafe(24),
        objects_access_key=secrets.token_hex(10),
        objects_secret_key=secrets.token_urlsafe(30),
        objects_admin_access_key=secrets.token_hex(10),
        objects_admin_secret_key=secrets.token_urlsafe(30),
        objects_signing_key=secrets.token_urlsafe(32),
        objects_encryption_key=secrets.token_urlsafe(32),
        objects_grpc_ca=ca,
        objects_grpc_certificate=certificate,
        objects_grpc_key=key,
    )
