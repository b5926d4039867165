"""The page in a real browser: nothing runs, nothing is fetched, nothing scrolls sideways on a telephone.

Chromium is not among the building's packages (half a gigabyte for these few tests); where it is installed, they run.
What must always hold is in test_html_hostile.py, by a parser.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from r2s_audit.i18n import Translator
from r2s_audit.model.audit import Audit
from reports.html import render
from reports.material import Material
from tests.reports.samples import audit, observation, profile, site
from tests.reports.test_html_hostile import HOSTILE, poisoned
from tests.reports.test_html_network import building as sixty_switches
from tests.reports.test_html_zones import building as forty_zones

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: the page is not looked at in a browser")
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--hide-scrollbars",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-extensions",
]
SECONDS = 90
FRENCH = Translator("fr")
ATTACKS = """<script>new Image().src='/ran';document.title='ran'</script><img src="/img" onerror="fetch('/error')">
</title></style></svg><script src="/script"></script><link rel=stylesheet href="/css"><iframe src="/frame"></iframe>
<form action="/form"><base href="/base"><meta http-equiv=refresh content="0;url=/refresh"><object data="/object">"""


@dataclass
class Server:
    """Serves pages on the loopback interface and keeps what was asked of it."""

    pages: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    address: str = ""


@pytest.fixture
def server() -> Iterator[Server]:
    kept = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kept.asked.append(self.path)
            body = kept.pages.get(self.path)
            self.send_response(200 if body is not None else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write((body or "").encode())

        def log_message(self, *args: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        kept.address = f"http://127.0.0.1:{listening.server_address[1]}"
        worker = threading.Thread(target=listening.serve_forever)
        worker.start()
        yield kept
        listening.shutdown()
        worker.join()


def browse(home: Path, *arguments: str) -> str:
    """One run of the browser with an empty profile; its standard output."""
    command = [str(CHROMIUM), *QUIET, f"--user-data-dir={home}", *arguments]
    done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=True)
    return done.stdout.decode()


def page() -> str:
    return render(Material(audit(), profile(), site(), {"3-abc": observation()}), FRENCH)


def hostile_page() -> str:
    return render(Material(Audit.model_validate(poisoned(ATTACKS + HOSTILE["css"]))), FRENCH)


def large_page() -> str:
    """Forty zones and sixty switches: the pictures at the size of a large building."""
    data = forty_zones(40)
    data["topology"] = {**data["topology"], **sixty_switches(60).model_dump(mode="json", include={"nodes", "links"})}
    return render(Material(Audit.model_validate(data)), FRENCH)


def test_the_browser_would_run_and_fetch_what_is_not_escaped(server: Server, tmp_path: Path) -> None:
    """Control: the same text without our page does ask the server, so that its silence below means something."""
    server.pages["/"] = f"<title>calme</title>{ATTACKS}"
    browse(tmp_path, "--virtual-time-budget=3000", "--dump-dom", f"{server.address}/")
    assert {"/ran", "/img"} <= set(server.asked)


def test_a_hostile_audit_runs_nothing_and_fetches_nothing(server: Server, tmp_path: Path) -> None:
    server.pages["/"] = hostile_page()
    dom = browse(tmp_path, "--virtual-time-budget=3000", "--dump-dom", f"{server.address}/")
    assert set(server.asked) - {"/favicon.ico"} == {"/"}
    assert "<title>ran" not in dom
    assert "</html>" in dom


def test_the_policy_holds_where_escaping_would_not(server: Server, tmp_path: Path) -> None:
    """The second lock by itself: raw markup put into our page behind its policy is neither run nor loaded."""
    attack = ATTACKS.replace("</title></style></svg>", "").replace(
        '<meta http-equiv=refresh content="0;url=/refresh">', ""
    )
    attack = attack.replace('<iframe src="/frame"></iframe>', "")
    server.pages["/"] = page().replace("<main>", f"<main>{attack}")
    browse(tmp_path, "--virtual-time-budget=3000", "--dump-dom", f"{server.address}/")
    assert set(server.asked) - {"/favicon.ico"} == {"/"}


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
@pytest.mark.parametrize("kind", ["sane", "hostile", "large"])
def test_nothing_scrolls_sideways(server: Server, tmp_path: Path, width: int, kind: str) -> None:
    server.pages["/report"] = {"sane": page, "hostile": hostile_page, "large": large_page}[kind]()
    server.pages["/"] = (
        f"<iframe id=f src=/report style='width:{width}px;height:900px;border:0'></iframe><p id=r></p>"
        "<script>onload=()=>{const e=document.getElementById('f').contentDocument.documentElement;"
        "for(const d of e.querySelectorAll('details'))d.open=true;"
        "document.getElementById('r').textContent=`${e.scrollWidth} of ${e.clientWidth}, ${getComputedStyle(e).color}`}</script>"
    )
    dom = browse(tmp_path, "--virtual-time-budget=3000", "--dump-dom", f"{server.address}/")
    found = re.search(r"(\d+) of (\d+), (rgb\([^)]*\))", dom)
    assert found, dom[-500:]
    assert int(found[1]) <= int(found[2]) == width
    assert found[3] == "rgb(27, 39, 51)", "the style sheet is in force: its digest is the one that the policy names"


def test_it_prints_on_a4(tmp_path: Path) -> None:
    source, target = tmp_path / "report.html", tmp_path / "report.pdf"
    source.write_text(page(), "utf-8")
    browse(tmp_path / "home", "--no-pdf-header-footer", f"--print-to-pdf={target}", source.as_uri())
    boxes = re.findall(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)", target.read_bytes())
    assert len(boxes) >= 4
    assert {(round(float(w)), round(float(h))) for w, h in boxes} == {(595, 842)}, "210 x 297 mm in points"
