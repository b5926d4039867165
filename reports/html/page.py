"""The page: template, style sheet, and the policy under which a browser shows them.

One file and no request: the policy allows the one style sheet that it names by digest, and nothing else: no script, no
image, no font, no frame, no form, no connection. Promise 8 rests on three locks: what is said is escaped
(:class:`~reports.html.voice.Voice`), the template engine escapes again what would come by another way, and the policy
would not run what came through both.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING

from markupsafe import Markup

from reports import words
from reports.html.bars import points_text, theme_bars, total_bar
from reports.html.engine import environment, source
from reports.html.findings import gather
from reports.html.gaps import gaps
from reports.html.label import label_view
from reports.html.matrix import matrices, pairs_of, places_of
from reports.html.network import SIGNS, STATES, network_view
from reports.html.proofs import proofs
from reports.html.requirements import by_theme
from reports.html.sources import sources
from reports.html.unevaluated import unevaluated
from reports.html.voice import Voice
from reports.html.zones import zone_map

if TYPE_CHECKING:
    from r2s_audit.i18n import Translator
    from r2s_audit.model.audit import Audit
    from reports.material import Material

MAX_PASSES = 200
_UNSAFE_IN_CSS = re.compile(r"[^\w .,:;'’·–-]")
"""Whatever could end a string of the style sheet, or the style sheet."""
_HEX = re.compile(r"(?:sha256:)?([0-9a-f]{16})[0-9a-f]{48}", re.ASCII)


def render(material: Material, translator: Translator) -> str:
    """The whole page; the same material and language give the same bytes."""
    voice = Voice(translator)
    audit = material.audit
    style = _style(audit, voice)
    themes = by_theme(material, gather(audit), voice.language)
    whole, single = matrices(audit.findings, material.site, audit.topology)
    return (
        environment()
        .get_template("report.html")
        .render(
            voice=voice,
            language=voice.language,
            material=material,
            audit=audit,
            style=Markup(style),  # noqa: S704 - our own file and a line of checked characters
            policy=policy(style),
            bars=theme_bars(audit, voice),
            total=total_bar(audit, material.profile, voice),
            total_points=points_text(audit.score.total, voice),
            verdict_counts=_verdict_counts(audit),
            themes=themes,
            label=label_view(audit, voice.language),
            declared_points=points_text(audit.label.declared_score.total, voice) if audit.label.declared_score else "",
            matrix=whole,
            matrices=single,
            zones=zone_map(pairs_of(audit.findings, material.site)[0], places_of(material.site, audit.topology)),
            network=network_view(audit.topology),
            network_signs=SIGNS,
            network_states=STATES,
            requirement_anchors={item.id: item.anchor for theme in themes for item in theme.requirements},
            gaps=gaps(material, voice.language),
            unevaluated=unevaluated(material, voice.language),
            sources=sources(material, voice.language),
            proofs=proofs(material, themes),
            passes=audit.passes[:MAX_PASSES],
            passes_cut=max(0, len(audit.passes) - MAX_PASSES),
            words=words,
        )
    )


def policy(style: str) -> str:
    """The Content-Security-Policy of a page with this style sheet (CSP 3: digest of the element's own text)."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; script-src 'none'; base-uri 'none'; form-action 'none'"


def _verdict_counts(audit: Audit) -> list[tuple[words.Mark, int]]:
    return [(mark, sum(v.verdict is value for v in audit.verdicts)) for value, mark in words.VERDICTS.items()]


def _style(audit: Audit, voice: Voice) -> str:
    """The style sheet, with what stands at the head and foot of each printed page."""
    head = _quoted(f"{voice.plain('report')} · {audit.building.id}")
    found = _HEX.fullmatch(audit.ledger_head)
    ledger = f"{voice.plain('digest_ledger')} {found[1]}" if found else ""
    pages = (
        f"@page{{@top-left{{content:{head}}}"
        f"@top-right{{content:{_quoted(voice.plain('simulation') if audit.simulation else '')}}}"
        f"@bottom-left{{content:{_quoted(ledger)}}}}}\n"
    )
    return source("report.css") + pages


def _quoted(text: str) -> str:
    """A string of the style sheet; characters that a style sheet could obey are left out."""
    return f'"{_UNSAFE_IN_CSS.sub("", text)}"'
