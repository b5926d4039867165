"""Bytes to text, strictly: UTF-8 without BOM, without tabs, without characters that an editor does not show.

What is refused here is what would make two readers see two different files: line ends that only YAML 1.1 knows,
characters that turn the direction of writing, indentation that looks deeper than it is.
"""

from __future__ import annotations

import codecs
import re
from itertools import islice

from r2s_audit.files.faults import Fault
from r2s_audit.model.text import Message, msg

MAX_BYTES = 4 * 1024 * 1024
MAX_REPORTED = 20
"""Characters refused that are reported one by one; a file in another encoding has thousands."""

_REFUSED = re.compile(
    "\t|\r(?!\n)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"  # C0 and C1, NEL included, except line ends
    "|[\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufdd0-\ufdef\ufffe\uffff]"  # line ends and directions that nobody sees, noncharacters
)

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def decode(data: bytes) -> str | list[Fault]:
    """The text of a file, or why it is none."""
    if len(data) > MAX_BYTES:
        found = msg("un fichier de plus de {size} Mio", size=MAX_BYTES // (1024 * 1024))
        return [_fault(1, found, msg("un fichier de {size} Mio au plus", size=MAX_BYTES // (1024 * 1024)))]
    if data.startswith(_UTF16):
        return [_fault(1, msg("un fichier en UTF-16"), _IN_UTF8)]
    if data.startswith(codecs.BOM_UTF8):
        return [_fault(1, msg("une marque d'ordre des octets (BOM) en tête de fichier"), msg("de l'UTF-8 sans BOM"))]
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return [
            _fault(line, msg("un octet 0x{byte} qui n'est pas de l'UTF-8", byte=f"{data[error.start]:02x}"), _IN_UTF8)
        ]
    return list(islice(_refused(text), MAX_REPORTED)) or text


_IN_UTF8 = msg("un fichier enregistré en UTF-8")


def _refused(text: str) -> list[Fault]:
    faults: list[Fault] = []
    line, counted, last = 1, 0, 0
    for match in _REFUSED.finditer(text):
        line += text.count("\n", counted, match.start())
        counted = match.start()
        if line != last:  # one per line says enough
            faults.append(_described(match[0], line))
        last = line
        if len(faults) >= MAX_REPORTED:
            break
    return faults


def _described(character: str, line: int) -> Fault:
    if character == "\t":
        return _fault(line, msg("une tabulation"), msg('des espaces (dans un texte : "\\t" entre guillemets)'))
    code = f"U+{ord(character):04X}"
    return _fault(line, msg("un caractère invisible ({code})", code=code), msg("du texte sans caractère de contrôle"))


def _fault(line: int, found: Message, expected: Message) -> Fault:
    return Fault(path=(), line=line, found=found, expected=expected)
