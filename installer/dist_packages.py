"""Python packages that Debian builds, shown to the box's own environment.

They wrap C libraries and are on PyPI as sources only: building them would want a compiler and some 200 MB of
headers on every box. Debian's are built for the very interpreter that the environment is made of, signed, and
brought up to date with the libraries that they wrap. Works on a bare Python.
"""

from __future__ import annotations

from pathlib import Path

# What each of Debian's packages brings, beside the package itself its metadata.
BORROWED = {
    "python3-ldap": ("ldap", "_ldap.*.so", "ldapurl.py", "ldif.py", "python_ldap-*.egg-info"),
    "python3-gssapi": ("gssapi", "gssapi-*.egg-info"),
}
DEBIANS = Path("/usr/lib/python3/dist-packages")


def lend(environment: Path) -> None:
    """Links them into a virtual environment; what Debian doesn't have here is left out."""
    packages = next((environment / "lib").glob("python3*/site-packages"))
    for patterns in BORROWED.values():
        for pattern in patterns:
            # After an upgrade of Debian's package the metadata has another name.
            for old in packages.glob(pattern):
                if old.is_symlink():
                    old.unlink()
            for found in DEBIANS.glob(pattern):
                (packages / found.name).symlink_to(found)
