"""The audit document, or a score document, as JSON: what other programs read; every sentence also in the document's language."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from r2s_audit.model.text import Message

if TYPE_CHECKING:
    from pydantic import JsonValue

    from r2s_audit.i18n import Translator
    from r2s_audit.model.audit import Audit
    from r2s_audit.model.score import ScoreDocument


def to_json(audit: Audit | ScoreDocument, translator: Translator) -> str:
    """The document, indented, keys in the order of the model; the same input gives the same bytes."""
    data = _with_text(audit.model_dump(mode="json", by_alias=True), translator)
    return json.dumps(data, ensure_ascii=False, indent=2) + "\n"


def _with_text(value: JsonValue, translator: Translator) -> JsonValue:
    """Add ``text`` to every message (an object with ``template`` and ``args``)."""
    if isinstance(value, list):
        return [_with_text(item, translator) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"template", "args"}:
        return {**value, "text": translator.say(Message.model_validate(value))}
    return {key: _with_text(item, translator) for key, item in value.items()}
