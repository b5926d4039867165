"""From a real nginx to the four findings, as it should be and with one fault at a time."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from probes.tls.facts import TlsEndpoint
from tests.probes.tls.support import NAME, FakeAccess, Issued, Pki, issue, make_pki, observe, topology
from tests.probes.tls.test_checks import CERTIFICATE, CHAIN, SUITES, VERSIONS, judge_facts

NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
pytestmark = pytest.mark.skipif(not Path(NGINX).exists(), reason="nginx is not installed")

CONFIGURATION = """
daemon off; master_process off; pid nginx.pid; error_log stderr warn;
events {{ }}
http {{
  access_log off;
  client_body_temp_path t; proxy_temp_path t; fastcgi_temp_path t; uwsgi_temp_path t; scgi_temp_path t;
  server {{
    listen 127.0.0.1:{port} ssl; listen [::1]:{port} ssl;
    ssl_certificate chain.pem; ssl_certificate_key key.pem;
    {tls}
    return 204;
  }}
}}
"""
GOOD = "ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384;"
ALLOWED = SUITES | {
    "suites": {"recommended": ["0x1301", "0x1302", "0x1303", "0xC02B", "0xC02C"], "tolerated": ["0xC02F"]}
}


@contextmanager
def nginx(folder: Path, chain: list[Issued], tls: str) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    (folder / "chain.pem").write_bytes(b"".join(c.pem for c in chain))
    (folder / "key.pem").write_bytes(chain[0].key_pem)
    (folder / "nginx.conf").write_text(CONFIGURATION.format(port=port, tls=tls))
    command = [NGINX, "-p", str(folder), "-c", "nginx.conf", "-e", "stderr"]
    with (folder / "errors").open("wb") as errors:
        process = subprocess.Popen(command, cwd=folder, stderr=errors, stdout=errors)
    try:
        end = time.monotonic() + 10
        while time.monotonic() < end and process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    yield port
                    return
            time.sleep(0.01)
        raise AssertionError((folder / "errors").read_text())
    finally:
        process.terminate()
        process.wait()


def findings(pki: Pki, port: int, address: str = "127.0.0.1") -> tuple[TlsEndpoint, dict[str, str]]:
    access = FakeAccess(topology(port, trust=("ca.pem",), addresses=(address,)), files={"ca.pem": pki.root.pem})
    facts, _ = asyncio.run(observe(access, address))
    parameters = {"tls.versions": VERSIONS, "tls.suites": ALLOWED, "tls.certificate": CERTIFICATE, "tls.chain": CHAIN}
    return facts, {check: judge_facts(check, values, facts).value.value for check, values in parameters.items()}


def faults(pki: Pki) -> dict[str, tuple[list[Issued], str, dict[str, str]]]:
    def leaf(**words: Any) -> list[Issued]:
        return [issue("sup", pki.intermediate, ca=False, **({"dns": (NAME,)} | words)), pki.intermediate]

    good = [pki.leaf, pki.intermediate]
    security = GOOD.replace("GCM-SHA384;", "GCM-SHA384:@SECLEVEL=0;")
    return {
        "as it should be": (good, GOOD, {}),
        "1.2 alone": (good, GOOD.replace("TLSv1.3", ""), {"tls.versions": "P"}),
        "1.0 too": (
            good,
            security.replace("TLSv1.2", "TLSv1 TLSv1.1 TLSv1.2").replace(
                "ECDHE-ECDSA-AES128-GCM", "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES128-GCM"
            ),
            {"tls.versions": "N", "tls.suites": "N"},
        ),
        "cbc": (good, GOOD.replace(":", ":ECDHE-ECDSA-AES128-SHA256:"), {"tls.suites": "N"}),
        "group": (good, GOOD + "ssl_ecdh_curve secp224r1:secp521r1;", {"tls.suites": "N"}),
        "expired": (leaf(days=(-30, -1)), GOOD, {"tls.chain": "N"}),
        "wrong name": (leaf(dns=("autre.test",)), GOOD, {"tls.chain": "N"}),
        "too long": (leaf(days=(-1, 900)), GOOD, {"tls.certificate": "N"}),
        "no usage": (leaf(extended=None), GOOD, {"tls.certificate": "N"}),
        "missing intermediate": ([pki.leaf], GOOD, {"tls.chain": "N"}),
        "self-signed": ([issue("sup", dns=(NAME,))], GOOD, {"tls.chain": "N"}),
    }


CASES = list(faults(make_pki()))


@pytest.mark.parametrize("case", CASES)
def test_one_fault_moves_its_own_finding_only(case: str, tmp_path: Path) -> None:
    pki = make_pki()
    chain, tls, moved = faults(pki)[case]
    with nginx(tmp_path, chain, tls) as port:
        _, found = findings(pki, port)
    assert found == {"tls.versions": "C", "tls.suites": "C", "tls.certificate": "C", "tls.chain": "C"} | moved


def test_ipv6(tmp_path: Path) -> None:
    pki = make_pki()
    with nginx(tmp_path, [pki.leaf, pki.intermediate], GOOD) as port:
        facts, found = findings(pki, port, "::1")
    assert facts.controls.after
    assert facts.negotiated.completed
    assert [s.version for s in facts.suites] == ["TLSv1.3", "TLSv1.2"]
    assert len(found) == 4
