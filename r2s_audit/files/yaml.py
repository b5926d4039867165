"""Bytes to plain data and lines.

libyaml's parser (ruamel.yaml.clib) where it is installed, ruamel.yaml's own otherwise: both give the same events, and
everything above the events is here, without recursion and within bounds. Strings, numbers, booleans, null, lists and
tables with text keys come out; anchors, tags and several documents are refused, because a reader of the file could not
see what they stand for.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from r2s_audit.errors import FileProblems
from r2s_audit.files.decoding import decode
from r2s_audit.files.faults import Document, Fault, Path, Place, Plain, Say, printable, problems, stop
from r2s_audit.files.parsers import Events, events, shielded, unshielded
from r2s_audit.files.scalars import BadNumber, resolve
from r2s_audit.files.syntax import syntax_fault
from r2s_audit.model.text import Message, msg

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_DEPTH = 32
MAX_NODES = 200_000
MAX_FAULTS = 100
"""Faults of one reading that are kept; a file with more is told the first ones."""


def read(data: bytes, file: str, *, say: Say = str, source: Events = events) -> Document:
    """Plain data with its lines.

    Faults that leave the rest readable (a key written twice, a tag) are in ``Document.faults``; raises FileProblems
    for those that do not: encoding, syntax, bounds, several documents.
    """
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415 - see fast_events

    text = decode(data)
    if isinstance(text, list):
        raise FileProblems(problems(Document(file), text, say))
    lines = text.count("\n") + 1
    builder = _Builder(Document(file), lines)
    try:
        for event in source(shielded(text)):
            builder.feed(event)
    except _Stop as stopped:
        fault = stopped.fault
    except YAMLError as error:
        fault = syntax_fault(error, lines)
    else:
        if builder.document.data is not None:
            return builder.document
        fault = _at(1, msg("un fichier vide"), _TABLE_AT_ROOT)
    raise stop(file, fault, say)  # outside of the handler: the parser's own words hold a piece of the file


class _Stop(Exception):
    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault.found))
        self.fault = fault


class _Frame:
    """A list or a table that is being filled."""

    __slots__ = ("container", "key", "key_line", "keys", "path", "real")

    def __init__(self, container: list[Plain] | dict[str, Plain], path: Path, *, real: bool) -> None:
        self.container = container
        self.path = path
        self.real = real
        """False inside the value of a key written twice: read on, but not part of the data."""
        self.key: str | None = None
        self.key_line = 0
        self.keys: dict[str, int] = {}


class _Builder:
    """Events to data, with an explicit stack."""

    def __init__(self, document: Document, lines: int) -> None:
        self.document = document
        self.lines = lines
        self.stack: list[_Frame] = []
        self.nodes = 0
        self.documents = 0
        self.handlers: dict[str, Callable[[Any, int], None]] = {
            "ScalarEvent": self._scalar,
            "MappingStartEvent": self._mapping,
            "SequenceStartEvent": self._sequence,
            "MappingEndEvent": self._end,
            "SequenceEndEvent": self._end,
            "AliasEvent": self._alias,
            "DocumentStartEvent": self._document,
        }

    def feed(self, event: Any) -> None:
        handler = self.handlers.get(type(event).__name__)
        if handler is not None:  # the others open and close stream and document
            handler(event, min(event.start_mark.line + 1, self.lines))  # libyaml may name the line after the last

    def _document(self, event: Any, line: int) -> None:
        self.documents += 1
        if self.documents > 1:
            raise _Stop(_at(line, msg("un deuxième document (« --- »)"), msg("un seul document par fichier")))
        if event.version or event.tags:
            raise _Stop(_at(line, msg("une directive YAML (« % »)"), msg("un document sans directive")))

    def _scalar(self, event: Any, line: int) -> None:
        if self._wants_key():
            self._key(event, line)
            return
        text = unshielded(event.value)
        if not self.stack:
            raise _Stop(_at(line, msg("une valeur seule"), _TABLE_AT_ROOT))
        if text == "" and event.implicit[0]:
            line = self._key_line(line)  # an empty value has no place of its own: parsers differ
        path, line = self._place(line)
        self._refuse_marks(event, path, line)
        if _ESCAPED.search(text):
            self._fault(Fault(path=path, line=line, found=_CONTROL, expected=_PRINTS, hides=True))
            text = ""
        if not event.implicit[0]:
            self._put(text, path, Place(self._key_line(line), line))
            return
        try:
            value = resolve(text)
        except BadNumber as bad:
            self._fault(Fault(path=path, line=line, found=bad.found, expected=_FINITE, hides=True))
            value = None
        self._put(value, path, Place(self._key_line(line), line, "" if value is text else text))

    def _mapping(self, event: Any, line: int) -> None:
        self._open(event, line, {})

    def _sequence(self, event: Any, line: int) -> None:
        self._open(event, line, [])

    def _open(self, event: Any, line: int, container: list[Plain] | dict[str, Plain]) -> None:
        if not self.stack and isinstance(container, list):
            raise _Stop(_at(line, msg("une liste"), _TABLE_AT_ROOT))
        if self._wants_key():
            raise _Stop(_at(line, msg("une clé qui est une liste ou une table"), _TEXT_KEY))
        if len(self.stack) >= MAX_DEPTH:
            found = msg("plus de {depth} niveaux emboîtés", depth=MAX_DEPTH)
            raise _Stop(_at(line, found, msg("{depth} niveaux au plus", depth=MAX_DEPTH)))
        path, _ = self._place(line)
        self._refuse_marks(event, path, line)
        real = not self.stack or self.stack[-1].real
        if self.stack and isinstance(self.stack[-1].container, dict):
            real = real and self.stack[-1].key is not None
        self._put(container, path, Place(self._key_line(line), line))
        self.stack.append(_Frame(container, path, real=real))

    def _end(self, _event: Any, _line: int) -> None:
        self.stack.pop()

    def _alias(self, _event: Any, line: int) -> None:
        if self._wants_key():
            raise _Stop(_at(line, _ALIAS, _IN_FULL))
        path, line = self._place(line)
        self._fault(Fault(path=path, line=line, found=_ALIAS, expected=_IN_FULL, hides=True))
        self._put(None, path, Place(self._key_line(line), line))

    def _wants_key(self) -> bool:
        return bool(self.stack) and isinstance(self.stack[-1].container, dict) and not self.stack[-1].key_line

    def _key(self, event: Any, line: int) -> None:
        frame = self.stack[-1]
        frame.key_line = line
        name = unshielded(event.value)
        path = (*frame.path, name)
        self._count(line)
        self._refuse_marks(event, path, line)
        if _ESCAPED.search(name):
            self._fault(Fault(path=frame.path, line=line, found=_CONTROL, expected=_TEXT_KEY))
        elif event.implicit[0] and not _is_text(name):
            found = msg("« {key} » comme clé, qui n'est pas un texte", key=printable(name))
            self._fault(Fault(path=frame.path, line=line, found=found, expected=_TEXT_KEY))
        elif name in frame.keys:
            found = msg("la clé « {key} », déjà écrite ligne {line}", key=printable(name), line=frame.keys[name])
            self._fault(Fault(path=path, line=line, found=found, expected=msg("chaque clé une seule fois")))
        else:
            frame.keys[name] = line
            frame.key = name

    def _place(self, line: int) -> tuple[Path, int]:
        """The path of the value to come, and its line: an empty value stands on the line of its key."""
        self._count(line)
        if not self.stack:
            return (), line
        frame = self.stack[-1]
        if isinstance(frame.container, list):
            return (*frame.path, len(frame.container)), line
        return (frame.path if frame.key is None else (*frame.path, frame.key)), line

    def _key_line(self, line: int) -> int:
        return (self.stack[-1].key_line if self.stack else 0) or line

    def _put(self, value: Plain, path: Path, place: Place) -> None:
        if not self.stack:
            self.document.data = value
            self.document.places[path] = place
            return
        frame = self.stack[-1]
        if isinstance(frame.container, list):
            frame.container.append(value)
            stands = frame.real
        else:
            stands = frame.real and frame.key is not None
            if frame.key is not None:
                frame.container[frame.key] = value
            frame.key, frame.key_line = None, 0
        if stands:
            self.document.places[path] = place

    def _refuse_marks(self, event: Any, path: Path, line: int) -> None:
        if event.anchor is not None:
            self._fault(Fault(path=path, line=line, found=_ANCHOR, expected=_IN_FULL))
        if event.ctag is not None:
            self._fault(Fault(path=path, line=line, found=_TAG, expected=_NO_TAG))

    def _count(self, line: int) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            found = msg("plus de {nodes} valeurs", nodes=MAX_NODES)
            raise _Stop(_at(line, found, msg("{nodes} valeurs au plus", nodes=MAX_NODES)))

    def _fault(self, fault: Fault) -> None:
        if len(self.document.faults) < MAX_FAULTS:
            self.document.faults.append(fault)


def _is_text(word: str) -> bool:
    try:
        return resolve(word) is word
    except BadNumber:
        return False


def _at(line: int, found: Message, expected: Message) -> Fault:
    return Fault(path=(), line=line, found=found, expected=expected)


_ESCAPED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufeff\ufffe\uffff]"
)
"""What an escape between double quotes can write, and the file itself may not hold (see decoding)."""
_CONTROL = msg("un caractère invisible écrit par un échappement (« \\ »)")
_PRINTS = msg("du texte qui s'affiche ; seuls \\n et \\t sont admis")
_TABLE_AT_ROOT = msg("une table (« clé : valeur ») à la racine du fichier")
_ANCHOR = msg("une ancre (« & »)")
_ALIAS = msg("un alias (« * »)")
_TAG = msg("une étiquette de type (« ! »)")
_IN_FULL = msg("la valeur écrite en entier : ancres et alias sont refusés")
_NO_TAG = msg("la valeur sans étiquette de type")
_TEXT_KEY = msg("une clé qui est un texte, au besoin entre guillemets")
_FINITE = msg("un nombre fini de moins de 64 caractères, ou un texte entre guillemets")
