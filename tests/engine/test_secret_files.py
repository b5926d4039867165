"""Secrets and public files that a site file names: regular files, bounded, read without waiting."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from probes.api import CollectFailure
from r2s_audit.engine.access import MAX_FILE, Secrets
from r2s_audit.errors import UsageError


def pipe(path: Path) -> None:
    os.mkfifo(path, 0o600)


def endless(path: Path) -> None:
    path.touch(0o600)
    os.truncate(path, MAX_FILE + 1)


def directory(path: Path) -> None:
    path.mkdir(0o700)


def no_text(path: Path) -> None:
    path.touch(0o600)
    path.write_bytes(b"\xff\xfe")


@pytest.mark.parametrize("make", [pipe, endless, directory, no_text], ids=lambda make: make.__name__)
def test_what_is_no_secret_file_is_refused_at_once(tmp_path: Path, make: object) -> None:
    make(tmp_path / "mot")  # type: ignore[operator]
    with pytest.raises(UsageError, match="illisible"):
        Secrets(tmp_path, {}).read("file:mot")


@pytest.mark.parametrize("make", [pipe, endless, directory], ids=lambda make: make.__name__)
def test_what_is_no_public_file_is_refused_at_once(tmp_path: Path, make: object) -> None:
    make(tmp_path / "ca.pem")  # type: ignore[operator]
    with pytest.raises(CollectFailure):
        Secrets(tmp_path, {}).public_file("ca.pem")


def test_a_name_that_no_file_can_have(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="illisible"):
        Secrets(tmp_path, {}).read("file:a\0b")
