"""The box's configuration: `box.toml` and `secrets.toml`, checked and typed.

An empty `box.toml` is a valid box: every key has a default. A key is marked *console* (an administrator may
change it in the browser) or *root-only* (paths, programs, certificates, addresses: whatever root would
execute or trust). `apply` writes what each service needs into files of its own and says which services must
take notice.
"""

from appliance.config.boxtoml import (
    load,
    parse,
    parse_value,
    set_value,
    set_values,
    text_of,
    value_of,
    without_programs,
)
from appliance.config.errors import ConfigError, Problem, RootOnly
from appliance.config.keys import KEYS, Box, Key, NodeTable, Objects, Value
from appliance.config.secrets import Secrets, create_secrets, load_secrets, new_secrets

__all__ = [
    "KEYS", "Box", "ConfigError", "Key", "NodeTable", "Objects", "Problem", "RootOnly", "Secrets", "Value",
    "create_secrets", "load", "load_secrets", "new_secrets", "parse", "parse_value", "set_value",
    "set_values", "text_of", "value_of", "without_programs",
]  # fmt: skip
