"""`boxctl certificate`: show, request and replace the portal's certificate."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from appliance import certificates, config
from appliance.agent import operations_log
from appliance.agent.answers import CertificateState
from appliance.agent.codec import encode
from appliance.agent.operations_log import Asker
from appliance.agent.protocol import ApplyConfig, ReadCertificate
from appliance.commands.common import ask, box, fail, follow, plain_errors, say
from appliance.paths import Paths


def main() -> None:
    parser = argparse.ArgumentParser(prog="boxctl certificate", description="The portal's certificate.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    show = verbs.add_parser("show", help="names, issuer, end; exits with 1 when it ends within 30 days")
    show.add_argument("--json", action="store_true", help="for other programs")
    verbs.add_parser("csr", help="print a signing request for the company's authority")
    replace = verbs.add_parser("replace", help="check a certificate and put it in place without a pause")
    replace.add_argument("certificate", type=Path, help="PEM: the server's certificate, then its issuers")
    replace.add_argument("key", type=Path, nargs="?", help="PEM; without it, the key of `certificate csr`")
    arguments = parser.parse_args()
    with plain_errors():
        paths = box()
        match arguments.verb:
            case "show":
                show_certificate(ask(paths, ReadCertificate()), paths, as_json=arguments.json)
            case "csr":
                request = certificates.request(paths, config.load(paths).public_name)
                say(request.decode().strip())
            case "replace":
                replace_certificate(paths, arguments.certificate, arguments.key)


def show_certificate(state: CertificateState, paths: Paths, *, as_json: bool) -> None:
    days = (state.not_after - datetime.now(UTC)).days
    if as_json:
        say(json.dumps({**encode(state), "days_left": days}, indent=1, ensure_ascii=False))
    else:
        facts = {
            "For": ", ".join(state.names),
            "Issued by": state.issuer,
            "Valid": f"{state.not_before:%d %b %Y} to {state.not_after:%d %b %Y} ({days} days left)",
            "SHA-256": state.sha256,
        }
        if state.is_own:
            facts["Authority"] = f"{paths.tls / 'ca.crt'} (install it where browsers should trust the portal)"
        for name, fact in facts.items():
            say(f"{name + ':':<11} {fact}")
    # The own one is renewed by the box; another one needs somebody to ask for it.
    sys.exit(1 if days < certificates.RENEW_BEFORE.days and not state.is_own else 0)


def replace_certificate(paths: Paths, certificate: Path, key: Path | None) -> None:
    waiting = certificates.request_key(paths)
    if key is None and not waiting.exists():
        fail("Name the key's file too: no request was made on this machine.", code=2)
    bundle = certificates.Bundle.read(certificate, key or waiting)
    certificates.check(bundle, config.load(paths).public_name)
    operations_log.note(
        paths, Asker.here(), f"certificate replace {bundle.certificate.subject.rfc4514_string()}"
    )
    certificates.install(paths, bundle)
    if key is None:
        waiting.unlink()
    follow(paths, ask(paths, ApplyConfig()))


if __name__ == "__main__":
    main()
