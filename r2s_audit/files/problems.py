"""What pydantic refuses, as faults that name path, found, expected and near miss; nothing secret is repeated."""

from __future__ import annotations

import json
import re
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from r2s_audit.files.faults import Fault, enumerated, near, printable, value_at
from r2s_audit.files.leaks import is_private
from r2s_audit.files.shape import shape_of
from r2s_audit.files.unions import NO_BRANCH, Refusal, settle
from r2s_audit.files.wording import KINDS, LIMITS, PATTERNS, number, rule_for
from r2s_audit.model.text import Message, msg

if TYPE_CHECKING:
    from collections.abc import Callable

    from r2s_audit.files.faults import Document, Path, Plain
    from r2s_audit.files.shape import Shape

M = TypeVar("M", bound=BaseModel)

_BOOLEANS = {"yes": "true", "oui": "true", "on": "true", "vrai": "true", "y": "true", "o": "true",
             "no": "false", "non": "false", "off": "false", "faux": "false", "n": "false"}  # fmt: skip


def validate(
    model: type[M], data: Plain, document: Document, locate: Callable[[Path], Path] | None = None
) -> M | list[Fault]:
    """The data as a model, read strictly (``"443"`` is no number, ``yes`` no boolean), or everything wrong with it.

    ``locate`` turns a path in ``data`` into a path in the document; by default they are the same.
    """
    try:
        return model.model_validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        refused = [
            Refusal(e["loc"], e["type"], e.get("ctx", {})) for e in error.errors(include_url=False, include_input=False)
        ]
    shape = shape_of(model)
    worded = _Worded(data, document, shape, locate or (lambda path: path))
    return [worded.fault(refusal) for refusal in settle(refused, data, shape)]


class _Worded:
    """Refusals in words, for one document."""

    def __init__(self, data: Plain, document: Document, shape: Shape, locate: Callable[[Path], Path]) -> None:
        self.data = data
        self.document = document
        self.shape = shape
        self.locate = locate

        self.whole: dict[str, Callable[[Path], Fault]] = {
            "extra_forbidden": self._unknown_key,
            "missing": self._missing,
        }
        self.near: dict[str, Callable[[Path], Message | None]] = {
            "literal_error": self._near_choice,
            "enum": self._near_choice,
            "string_type": self._quoted,
            "bool_type": self._boolean,
            NO_BRANCH: self._near_form,
        }

    def fault(self, refusal: Refusal) -> Fault:
        """The refusal in words."""
        path, kind = refusal.loc, refusal.kind
        if kind in self.whole:
            return self.whole[kind](path)
        if kind == "value_error":
            return self._rule(path, str(refusal.context.get("error", "")))
        near_miss = self.near[kind](path) if kind in self.near else None
        return self._plain(path, self._expected(refusal), near_miss)

    def _plain(self, path: Path, expected: Message, near_miss: Message | None = None) -> Fault:
        where = self.locate(path)
        return Fault(path=where, found=shown(self.document, where), expected=expected, near_miss=near_miss)

    def _expected(self, refusal: Refusal) -> Message:
        path, kind = refusal.loc, refusal.kind
        if kind in {"literal_error", "enum"}:
            return msg("une des valeurs : {choices}", choices=enumerated(self.shape.choices(path)))
        if kind in {"model_type", "model_attributes_type"}:
            return msg("une table avec les clés : {keys}", keys=enumerated(self.shape.keys(path)))
        if kind == NO_BRANCH:
            return msg("une de ces formes : {forms}", forms=enumerated(self.shape.forms(path)))
        if kind in {"int_type", "int_from_float"} or kind.startswith(("greater_than", "less_than")):
            return number(*self.shape.bounds(path))
        return _by_kind(kind, refusal.context)

    def _unknown_key(self, path: Path) -> Fault:
        key = str(path[-1])
        keys = self.shape.keys(path[:-1])
        where = self.locate(path)
        if where[-1] != key:  # a parameter stands in the document as {value: …}; its name is what is wrong
            where = where[:-1]
        if is_private(where[:-1]) and near(key, keys) is None:  # a secret in the place of a key
            return Fault(
                path=where[:-1],
                line=self.document.places[where].key,
                found=msg("une clé inconnue, que l'on n'affiche pas ici"),
                expected=msg("une des clés : {keys}", keys=enumerated(keys)),
            )
        return Fault(
            path=where,
            line=self.document.places[where].key if where in self.document.places else 0,
            found=msg("la clé inconnue « {key} »", key=printable(key)),
            expected=msg("une des clés : {keys}", keys=enumerated(keys)),
            near_miss=near(key, keys),
        )

    def _missing(self, path: Path) -> Fault:
        key = str(path[-1])
        choices = self.shape.choices(path)
        return Fault(
            path=self.locate(path),
            found=msg("la clé « {key} » manque", key=key),
            expected=msg("« {key} », une des valeurs : {choices}", key=key, choices=enumerated(choices))
            if choices
            else msg("« {key} », qui est obligatoire ici", key=key),
        )

    def _rule(self, path: Path, text: str) -> Fault:
        rule = rule_for(text)
        if rule is None:
            return self._plain(path, msg("une valeur que le modèle accepte ({reason})", reason=printable(text, 120)))
        where = self.locate(path)
        if rule.key and self.document.has((*where, rule.key)):
            where = (*where, rule.key)
        near_miss = self._network(path) if text.endswith("has host bits set") else None
        return Fault(
            path=where, found=rule.found or shown(self.document, where), expected=rule.expected, near_miss=near_miss
        )

    def _network(self, path: Path) -> Message | None:
        written = str(self._value(path))
        return msg("{written} : {meant} ?", written=printable(written), meant=str(ip_network(written, strict=False)))

    def _value(self, path: Path) -> Plain:
        return value_at(self.data, path)

    def _near_choice(self, path: Path) -> Message | None:
        value = self._value(path)
        return near(value, self.shape.choices(path)) if isinstance(value, str | int) else None

    def _near_form(self, path: Path) -> Message | None:
        value = self._value(path)
        return (
            next(filter(None, (near(key, self.shape.keys(path)) for key in value)), None)
            if isinstance(value, dict)
            else None
        )

    def _quoted(self, path: Path) -> Message | None:
        where = self.locate(path)
        source = self.document.source(where)
        if isinstance(self._value(path), dict | list) or not source or is_private(where):
            return None
        return msg('{written} : "{written}" ?', written=printable(source))

    def _boolean(self, path: Path) -> Message | None:
        value = self._value(path)
        meant = _BOOLEANS.get(value.casefold()) if isinstance(value, str) else None
        return msg("{written} : {meant} ?", written=str(value), meant=meant) if meant else None


def _by_kind(kind: str, context: dict[str, Any]) -> Message:
    if kind == "string_pattern_mismatch":
        pattern = str(context["pattern"])
        return PATTERNS.get(pattern) or msg("un texte de la forme {pattern}", pattern=pattern)
    if kind in LIMITS:
        name, sentence = LIMITS[kind]
        return sentence(int(context[name]))
    return KINDS.get(kind) or msg("une valeur conforme au schéma ({kind})", kind=kind)


def shown(document: Document, path: Path) -> Message:
    """What stands at a path, bounded and printable; hidden where it may be a secret."""
    value = document.at(path) if document.has(path) else None
    if value is None:
        return msg("aucune valeur")
    if isinstance(value, list | dict):
        return _container(value, private=is_private(path))
    if is_private(path):
        return msg("une valeur que l'on n'affiche pas ici")
    if isinstance(value, str):
        return msg("« {text} »", text=_without_userinfo(printable(value)))
    return msg("{text}", text=document.source(path) or json.dumps(value))


def _container(value: list[Plain] | dict[str, Plain], *, private: bool) -> Message:
    if isinstance(value, list):
        return msg("une liste, nombre d'éléments : {count}", count=len(value))
    if private or not value:
        return msg("une table")
    return msg("une table ({keys})", keys=enumerated(value, 8))


def _without_userinfo(text: str) -> str:
    """``https://…@host``: a password in a URL is a secret."""
    return re.sub(r"://[^/@\s]*@", "://…@", text)
