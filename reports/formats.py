"""The formats of a report, by name. A further one is a line here and a module beside this one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from r2s_audit.i18n import Translator
    from reports.material import Material


@dataclass(frozen=True, slots=True)
class Format:
    """One format: the suffix of its files, and what makes the text of one. Pure: no file, no network, no clock."""

    suffix: str
    render: Callable[[Material, Translator], str]


def _html(material: Material, translator: Translator) -> str:
    from reports.html import render  # noqa: PLC0415 - a template engine is loaded only where a page is made

    return render(material, translator)


FORMATS: dict[str, Format] = {
    "html": Format(".html", _html),
}
