"""A named file behind a directory that may not be entered is a problem of the site file, and no crash."""

from __future__ import annotations

from pathlib import Path

import pytest

from r2s_audit.errors import FileProblems
from r2s_audit.files.site import load_site
from tests.files.samples import SITE


def test_a_directory_that_may_not_be_entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(self))

    text = SITE.replace("        tls: true\n", "        tls: true\n        trust: [secret/ca.pem]\n")
    assert text != SITE
    file = tmp_path / "site.yaml"
    file.write_text(text)
    monkeypatch.setattr(Path, "is_file", refused)
    with pytest.raises(FileProblems, match="pas le droit de lire"):
        load_site(file)
