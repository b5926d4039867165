"""docs/record-format.md is enough to verify a record: its script does, with openssl, sha256sum and jq alone."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from r2s_audit.evidence.bundle import write_bundle
from r2s_audit.evidence.seal import Sealer, seal_record
from tests.evidence.people import KINDS, Person, authority, person
from tests.evidence.test_verify import TAMPERINGS

PAGE = Path(__file__).parents[2] / "docs/record-format.md"
TOOLS = (
    "bash", "base64", "cat", "cut", "grep", "head", "jq", "mktemp", "openssl", "rm", "seq", "sha256sum", "stat", "tar", "wc",
)  # fmt: skip
OURS_ALONE = {"a seal removed, its manifest left", "the seal renamed", "the manifest missing", "an empty ledger"}
"""What the short script does not look at, or ends on before it has a sentence for it."""


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with these tools and no other: no Python, nothing of ours."""
    directory = tmp_path_factory.mktemp("bin")
    for name in TOOLS:
        found = shutil.which(name)
        assert found, f"{name}: on the Debian list of the building"
        (directory / name).symlink_to(found)
    return directory


def verified(directory: Path, tools: Path, key: Path, **more: str) -> subprocess.CompletedProcess[str]:
    (script,) = re.findall(r"^```bash\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    environment = {"PATH": str(tools), "KEY": str(key), "LC_ALL": "C", **more}
    return subprocess.run(
        [tools / "bash", "-c", script], cwd=directory, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_bundle_is_verified_without_this_program(measured: Path, kind: str, tools: Path, tmp_path: Path) -> None:
    someone = person("s", kind)
    someone.write(tmp_path / "k")
    with authority(tmp_path / "tsa") as tsa:
        seal_record(measured, Sealer(someone.notary(tsa.url), "auditeur", ""))
    write_bundle(measured, tmp_path / "b.tar")
    (tmp_path / "x").mkdir()
    subprocess.run(["tar", "xf", tmp_path / "b.tar", "-C", tmp_path / "x"], check=True)
    done = verified(tmp_path / "x/dossier", tools, tmp_path / "k/s.pub", AUTHORITY=str(tsa.certificate))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("INTACT\n")
    assert "Time stamp:" in done.stdout
    other = person("autre", kind)
    other.write(tmp_path / "k")
    assert verified(measured, tools, tmp_path / "k/autre.pub").returncode != 0


@pytest.mark.parametrize("name", sorted(TAMPERINGS.keys() - OURS_ALONE))
def test_the_page_finds_what_was_done(sealed: Path, name: str, tools: Path, auditor: Person, tmp_path: Path) -> None:
    auditor.write(tmp_path / "k")
    TAMPERINGS[name][0](sealed)
    done = verified(sealed, tools, tmp_path / "k/auditrice.pub")
    assert done.returncode != 0
    assert "INTACT" not in done.stdout
