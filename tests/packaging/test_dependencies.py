"""Licences and lists: docs/dependencies.md, the hashed lists, the installed metadata and the imports agree."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = ("r2s_audit", "probes", "profiles", "reports")
DISTRIBUTIONS = {  # import name -> distribution, where they differ
    "netifaces": "netifaces2",
    "OpenSSL": "pyopenssl",
    "ruamel": "ruamel-yaml",
}
AFFERO = re.compile(r"\bAGPL|Affero", re.IGNORECASE)


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned(name: str) -> dict[str, str]:
    """Package to version, from a hashed list."""
    text = (ROOT / "requirements" / name).read_text()
    return {normal(m[1]): m[2] for m in re.finditer(r"^([A-Za-z0-9._-]+)==([^\s;]+)", text, re.MULTILINE)}


def debian(name: str) -> set[str]:
    lines = (ROOT / "packaging" / name).read_text().splitlines()
    return {stripped for line in lines if (stripped := line.partition("#")[0].strip())}


def documented() -> dict[str, str]:
    """Package to licence, from the tables of docs/dependencies.md."""
    rows = re.findall(
        r"^\| `([^`]+)` \| [^|]+ \| ([^|]+) \| [^|]+ \|$", (ROOT / "docs/dependencies.md").read_text(), re.MULTILINE
    )
    assert len(rows) == len({normal(name) for name, _ in rows}), "a package is listed twice"
    return {normal(name): licence.strip() for name, licence in rows}


LOCKED = pinned("lock.txt")
DEBIAN_LISTS = ("debian-agent.txt", "debian-building.txt", "debian-bench.txt", "debian-tests.txt")
DEBIAN = set().union(*map(debian, DEBIAN_LISTS))


def installed(name: str) -> metadata.Distribution | None:
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None


def licence_words(distribution: metadata.Distribution) -> str:
    """Everything that the metadata and the licence files say about the licence."""
    fields = distribution.metadata
    words = [
        fields.get("License-Expression") or "",
        fields.get("License") or "",
        *(c for c in fields.get_all("Classifier") or [] if c.startswith("License")),
    ]
    files = [
        Path(str(file.locate())).read_text(errors="replace")[:400]
        for file in distribution.files or []
        if re.search(r"\b(LICEN[CS]E|COPYING)", file.name) and ".dist-info" in str(file)
    ]
    return "\n".join([*words, *files]).strip()


def test_every_package_of_every_list_is_documented_and_no_other() -> None:
    lists = {*LOCKED, *pinned("agent.txt"), *pinned("uv.txt")}
    lists |= {normal(name) for name in DEBIAN}
    assert len(lists) > 60
    assert lists - documented().keys() == set(), "missing from docs/dependencies.md"
    assert documented().keys() - lists == set(), "in docs/dependencies.md and in no list"


@pytest.mark.parametrize("name", sorted(LOCKED))
def test_licence_is_known_documented_and_not_affero(name: str) -> None:
    distribution = installed(name)
    said = documented()[name]
    assert not AFFERO.search(said)
    if distribution is None:
        assert name == "colorama", "in the lock file and not installed: run make"  # its marker says win32
        return
    words = licence_words(distribution)
    assert words, "no licence in the metadata: find it and decide"
    assert not AFFERO.search(words), words[:200]
    expression = distribution.metadata.get("License-Expression")
    assert expression is None or expression == said


def test_affero_would_be_found() -> None:
    for words in ("AGPL-3.0-only", "GNU AFFERO GENERAL PUBLIC LICENSE", "License :: OSI Approved :: GNU Affero …"):
        assert AFFERO.search(words)


def test_agent_list_is_part_of_the_lock_file() -> None:
    agent = pinned("agent.txt")
    assert agent
    assert agent.items() <= LOCKED.items()
    assert not agent.keys() & {"pytest", "hypothesis", "mypy", "ruff"}


@pytest.mark.parametrize("name", ["lock.txt", "agent.txt", "uv.txt"])
def test_lists_are_hashed_and_name_no_index(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text()
    requirements = re.split(r"\n(?=\S)", text.strip())
    assert all("--hash=sha256:" in requirement for requirement in requirements)
    assert not re.search(r"://|--index|--extra-index|--find-links|@", text)


def test_lock_file_holds_what_pyproject_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {normal(re.split(r"[<>=!~;\[ ]", line)[0]) for line in asked}
    assert names - LOCKED.keys() == set(), "run make lock"


def test_our_code_imports_only_what_pyproject_declares() -> None:
    """Somebody else's dependency is not ours: it may leave with their next release."""
    declared = {
        normal(re.split(r"[<>=!~;\[ ]", line)[0])
        for line in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    }
    foreign: dict[str, str] = {}
    files = [file for package in OURS for file in (ROOT / package).rglob("*.py")]
    assert len(files) > 20
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names = [node.module]
            else:
                continue
            for name in names:
                top = name.partition(".")[0]
                if top not in sys.stdlib_module_names and top not in OURS:
                    foreign[normal(DISTRIBUTIONS.get(top, top))] = f"{file.relative_to(ROOT)}: {name}"
    assert {name: where for name, where in foreign.items() if name not in declared} == {}


def test_debian_lists_say_why() -> None:
    for name in DEBIAN_LISTS:
        lines = [line for line in (ROOT / "packaging" / name).read_text().splitlines() if not line.startswith("#")]
        assert all(re.fullmatch(r"[a-z0-9.+-]+ +# \S.{9,}", line) for line in lines), lines


def test_no_compiler_is_needed() -> None:
    assert not {p for p in DEBIAN if p.endswith("-dev") or p in {"gcc", "g++", "build-essential", "make", "cmake"}}
