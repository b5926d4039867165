"""The x509-limbo cases of the web profile: our chain, name, date and R26 items against their verdicts.

A building is not the web: where we accept what limbo refuses, the table says which rule of the web makes the difference
and which of our own findings says so instead.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from probes.tls.certificates import describe, load
from probes.tls.collect import read_chain
from tests.probes.tls.support import NOW
from tests.probes.tls.test_checks import CERTIFICATE, CHAIN, facts_with, judge_facts

CORPUS = Path(os.environ.get("R2S_CORPUS", "/nonexistent")) / "tls" / "x509-limbo-webpki.json.gz"

_CN = "the web wants the common name among the SAN entries; RFC 9525 does not look at it"
_AKI = "CA/Browser Forum, 7.1.2.1.3: what a root says of its own issuer; no part of RFC 5280, section 6.1"
_PSL = "needs the public suffix list, which changes every week and knows no building"
_RSA8 = "CA/Browser Forum, 6.1.5: modulus a multiple of 8; SDE-NT-35 R26 asks for 2048 bits only"
WEB_ONLY: dict[str, tuple[str, str]] = {
    "aki::root-with-aki-missing-keyidentifier": (_AKI, ""),
    "aki::root-with-aki-all-fields": (_AKI, ""),
    "aki::root-with-aki-ski-mismatch": (_AKI, ""),
    "cn::ipv4-hex-mismatch": (_CN, ""),
    "cn::ipv4-leading-zeros-mismatch": (_CN, ""),
    "cn::ipv6-uppercase-mismatch": (_CN, ""),
    "cn::ipv6-uncompressed-mismatch": (_CN, ""),
    "cn::ipv6-non-rfc5952-mismatch": (_CN, ""),
    "cn::punycode-not-in-san": (_CN, ""),
    "cn::utf8-vs-punycode-mismatch": (_CN, ""),
    "cn::not-in-san": (_CN, ""),
    "cn::case-mismatch": (_CN, ""),
    "eku::ee-anyeku": ("a rule of its own here", "R28"),
    "eku::ee-without-eku": ("a rule of its own here", "R28"),
    "eku::ee-critical-eku": ("RFC 5280, 4.2.1.12, allows a critical extendedKeyUsage", ""),
    "eku::root-has-eku": ("RFC 5280 gives no meaning to extendedKeyUsage in an anchor", ""),
    "san::public-suffix-multi-label-wildcard-san": (_PSL, ""),
    "san::public-suffix-private-namespace-wildcard-san": (_PSL, ""),
    "san::san-critical-with-nonempty-subject": ("RFC 5280, 4.2.1.6: SHOULD be non-critical", ""),
    "forbidden-rsa-not-divisible-by-8-in-root": (_RSA8, ""),
    "forbidden-rsa-key-not-divisible-by-8-in-leaf": (_RSA8, ""),
}
"""Cases that limbo refuses and that our chain, name, date and R26 items accept: why, and our rule that speaks instead."""


def cases() -> list[dict[str, Any]]:
    return list(json.loads(gzip.decompress(CORPUS.read_bytes()))["testcases"])


def ders(pem: str) -> list[bytes]:
    return [base64.b64decode(b) for b in re.findall("-----BEGIN CERTIFICATE-----(.*?)-----END", pem, re.DOTALL)]


def verdict(case: dict[str, Any], rules: list[str]) -> tuple[str, str]:
    """The finding over all chain items, and what it says; certificate items of ``rules`` as well."""
    anchors = [der for pem in case["trusted_certs"] for der in ders(pem)]
    sent = [der for pem in (case["peer_certificate"], *case["untrusted_intermediates"]) for der in ders(pem)]
    at = datetime.fromisoformat(case["validation_time"]) if case["validation_time"] else NOW
    parsed = [load(der) for der in anchors]
    chain = read_chain(tuple(sent), ("TLSv1.2",), parsed, at)
    facts = facts_with(
        chains=(chain,),
        anchors=[describe(c, d).model_dump() for c, d in zip(parsed, anchors, strict=True)],
        at=at,
        server_name=case["expected_peer_name"]["value"],
    )
    found = [
        judge_facts("tls.chain", CHAIN, facts),
        judge_facts("tls.certificate", CERTIFICATE | {"rules": rules}, facts),
    ]
    value = "C" if all(f.value == "C" for f in found) else "N"
    return value, " | ".join(str(f.measured) for f in found if f.value != "C")


@pytest.mark.skipif(not CORPUS.exists(), reason="x509-limbo cases: R2S_CORPUS is not set")
def test_limbo_verdicts() -> None:
    counts: Counter[str] = Counter()
    unexplained: list[str] = []
    for case in cases():
        value, said = verdict(case, ["R26"])
        expected = "C" if case["expected_result"] == "SUCCESS" else "N"
        name = case["id"].removeprefix("webpki::")
        if value == expected:
            counts[f"same {value}"] += 1
            assert value == "C" or said
            continue
        why, rule = WEB_ONLY.get(name, ("", ""))
        counts[f"ours {value}: {why or 'UNEXPLAINED'}"] += 1
        if not why or value != "C":
            unexplained.append(f"{name}: ours {value}, limbo {expected}: {said}")
        elif rule:
            assert verdict(case, [rule])[0] == "N", name
    print(f"x509-limbo: {sum(counts.values())} cases compared")
    for what, count in counts.most_common():
        print(f"  {count:3} {what}")
    assert sum(counts.values()) > 0
    assert not unexplained
