"""What a YAML parser complains of, in the words of somebody who writes a site file.

The two parsers (libyaml and ruamel.yaml's own) word the same mistake differently; both wordings are listed. Nothing of
the file's text is repeated here: the line may hold what must not be shown.
"""

from __future__ import annotations

import re
from typing import Any

from r2s_audit.files.faults import Fault
from r2s_audit.model.text import Message, msg

_Row = tuple[re.Pattern[str], Message, Message]


def _row(pattern: str, found: Message, expected: Message) -> _Row:
    return re.compile(pattern), found, expected


_INDENT = msg("le même nombre d'espaces pour tous les éléments d'un même niveau")
_QUOTED = msg("le texte entre guillemets s'il contient « : », « # » ou commence par un signe")

# Matched in order against "context | problem".
_TABLE: tuple[_Row, ...] = (
    _row(
        r"quoted scalar.*(end of stream|document (indicator|separator))",
        msg("un guillemet ouvert et jamais fermé"),
        msg("un guillemet fermant"),
    ),
    _row(
        r"quoted scalar",
        msg("un échappement « \\ » inconnu entre guillemets doubles"),
        msg("« \\\\ » pour une barre oblique inverse, ou des guillemets simples"),
    ),
    _row(
        r"flow sequence",
        msg("une liste entre crochets qui ne se ferme pas ou dont une virgule manque"),
        msg("« , » entre les éléments et « ] » à la fin"),
    ),
    _row(
        r"flow mapping",
        msg("une table entre accolades qui ne se ferme pas ou dont une virgule manque"),
        msg("« , » entre les éléments et « } » à la fin"),
    ),
    _row(
        r"expected ':'",
        msg("une ligne qui n'est ni « clé : valeur » ni un élément de liste"),
        msg("« : » puis une espace après la clé"),
    ),
    _row(
        r"mapping values are not allowed",
        msg("un deuxième « : » dans la même valeur, ou une ligne trop en retrait"),
        _QUOTED,
    ),
    _row(
        r"block collection|expected '-' indicator|sequence entries",
        msg("un élément de liste qui n'est pas aligné sur les autres"),
        _INDENT,
    ),
    _row(
        r"block mapping|expected key|mapping keys are not allowed",
        msg("une ligne qui n'est pas alignée sur les clés de sa table"),
        _INDENT,
    ),
    _row(
        r"cannot start any token", msg("un signe par lequel aucune valeur ne commence (« @ », « ` » ou « % »)"), _QUOTED
    ),
    _row(r"anchor or alias|an? alias|an? anchor", msg("une ancre ou un alias (« & », « * ») mal formé"), _QUOTED),
    _row(r"tag", msg("une étiquette de type (« ! ») mal formée"), _QUOTED),
    _row(r"directive", msg("une directive YAML (« % »)"), msg("un document sans directive")),
    _row(
        r"block scalar", msg("un bloc de texte (« | » ou « > ») mal formé"), msg("« | » seul, puis le texte en retrait")
    ),
    _row(
        r"document start|document end",
        msg("du texte après la fin du document"),
        msg("un seul document, sans « --- » ni « ... » au milieu"),
    ),
    _row(r"node content", msg("une valeur absente ou un signe de trop"), msg("une valeur après la clé ou le tiret")),
    _row(r"plain scalar", msg("un texte sans guillemets qui ne peut pas s'écrire ainsi"), _QUOTED),
)

_OTHER = (msg("une faute de syntaxe YAML"), msg("du YAML 1.2"))


def syntax_fault(error: Any, lines: int) -> Fault:
    """The fault for a parser's exception (ruamel.yaml's MarkedYAMLError or ReaderError) in a text of so many lines."""
    words = f"{getattr(error, 'context', None) or ''} | {getattr(error, 'problem', None) or ''}"
    mark = getattr(error, "problem_mark", None)
    opening = getattr(error, "context_mark", None)
    found, expected = next(((f, e) for p, f, e in _TABLE if p.search(words)), _OTHER)
    if opening is not None and re.search(r"quoted scalar|flow", words):
        mark = opening  # where the bracket or the quote was opened tells more than where the file ended
    line = mark.line + 1 if mark is not None else 1
    return Fault(path=(), line=max(1, min(line, lines)), found=found, expected=expected)
