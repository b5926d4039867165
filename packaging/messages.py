# ruff: noqa: INP001 - a script, and no module of a package
"""Bring the catalogues up to date with the code: extract, merge, compile (``make messages``).

French is what stands in the code and is the key of a sentence. Sentences come from the first argument of ``msg``, ``say``
and ``tell`` in r2s_audit, probes and reports, and from the ``awaits`` of the profiles. A sentence that is gone leaves the
catalogue; a new one gets an empty translation, for somebody to fill in (a test fails until then).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("r2s_audit", "probes", "reports")
KEYWORDS = {"msg": None, "say": None, "tell": None}
LOCALE = ROOT / "r2s_audit/i18n/locale"
DOMAIN = "r2s_audit"
LANGUAGES = ("en",)
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def sentences() -> Iterator[tuple[str, str]]:
    """Every sentence with the file where it stands."""
    for package in PACKAGES:
        found = extract_from_dir(ROOT / package, [("**.py", "python")], {}, keywords=KEYWORDS)
        for name, _, message, _, _ in found:
            if isinstance(message, str) and message:
                yield message, f"{package}/{name}"
    for path in sorted((ROOT / "profiles").glob("*.yaml")):
        profile = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
        for requirement in profile["requirements"]:
            for criterion in requirement.get("criteria", ()):
                if "awaits" in criterion:
                    yield criterion["awaits"], f"profiles/{path.name}"


def template() -> Catalog:
    """All sentences, in the order of the files: line numbers are left out, they would change with every edit."""
    places: dict[str, set[str]] = {}
    for sentence, place in sentences():
        places.setdefault(sentence, set()).add(place)
    catalog = Catalog(project="r2s-audit", charset="utf-8", fuzzy=False)
    for sentence, found in sorted(places.items(), key=lambda item: (min(item[1]), item[0])):
        # No format flag: the fields are {name}, filled by the program itself.
        catalog.add(sentence, locations=[(place, 0) for place in sorted(found)])
        catalog[sentence].flags.discard("python-format")
        catalog[sentence].flags.discard("python-brace-format")
    return catalog


def path_of(language: str, suffix: str) -> Path:
    """A language's catalogue: ``.po`` is the source, ``.mo`` what the program reads."""
    return LOCALE / language / "LC_MESSAGES" / f"{DOMAIN}{suffix}"


def merged(language: str) -> Catalog:
    """The sentences of the code with the translations that there are."""
    source = path_of(language, ".po")
    known = Catalog()
    if source.exists():
        with source.open("rb") as file:
            known = read_po(file, locale=language, abort_invalid=True)
    result = Catalog(locale=language, project="r2s-audit", charset="utf-8", fuzzy=False)
    for message in template():
        if message.id:
            old = known.get(message.id)
            result.add(message.id, old.string if old else "", locations=message.locations)
            result[message.id].flags.clear()
    return result


def as_po(catalog: Catalog) -> bytes:
    """The source, without anything that changes by itself (dates, versions)."""
    out = BytesIO()
    write_po(out, catalog, width=120, omit_header=True, include_lineno=False, sort_output=False)
    header = (
        f'# French is the key; see packaging/messages.py.\nmsgid ""\nmsgstr ""\n'
        f'"Language: {catalog.locale}\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n'
        f'"Content-Transfer-Encoding: 8bit\\n"\n\n'
    )
    return header.encode() + out.getvalue()


def as_mo(catalog: Catalog) -> bytes:
    """What the program reads: every sentence that has a translation."""
    out = BytesIO()
    # The header names dates: fixed ones, so that the same sentences give the same bytes.
    lean = Catalog(locale=catalog.locale, charset="utf-8", fuzzy=False, creation_date=EPOCH, revision_date=EPOCH)
    for message in catalog:
        if message.id and message.string:
            lean.add(message.id, message.string)
    write_mo(out, lean)
    return out.getvalue()


def main() -> int:
    """Write every catalogue; the exit code counts languages that lack translations."""
    lacking = 0
    for language in LANGUAGES:
        catalog = merged(language)
        path_of(language, ".po").parent.mkdir(parents=True, exist_ok=True)
        path_of(language, ".po").write_bytes(as_po(catalog))
        path_of(language, ".mo").write_bytes(as_mo(catalog))
        empty = [message.id for message in catalog if message.id and not message.string]
        sys.stdout.write(f"{language}: {len(catalog)} sentences, {len(empty)} without translation\n")
        sys.stdout.writelines(f"  {sentence!r}\n" for sentence in empty)
        lacking += bool(empty)
    return lacking


if __name__ == "__main__":
    sys.exit(main())
