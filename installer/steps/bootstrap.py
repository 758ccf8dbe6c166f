"""What comes before there is an environment: Debian's packages and the release. Runs on a bare Python."""

from __future__ import annotations

from installer import packages, release
from installer.steps.base import Host, Step


def _are_packages_installed(_: Host) -> bool:
    return packages.are_ready()


def _install_packages(host: Host) -> None:
    host.outcome.doing(", ".join(packages.missing()))
    packages.install(host.source.tree / release.BUNDLE)


def _is_release_built(host: Host) -> bool:
    return release.is_built(host.source, host.paths)


def _build_release(host: Host) -> None:
    release.build(host.source, host.paths, host.outcome.doing)
    host.outcome.text = f"built {host.source.name}"


STEPS = (
    Step("Debian packages", _are_packages_installed, _install_packages),
    Step("Release", _is_release_built, _build_release),
)
