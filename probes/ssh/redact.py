"""What looks like a secret is cut out of an answer before anybody reads it, facts included (promise 6). Pure.

A configuration is cut by line, from the word that announces a secret on; a table of VLANs and ports is not, where the
same word may be somebody's name for a VLAN, but for what is a secret by its form alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

CUT = "<retiré>"
PEM_LINES = 200
"""Of a block that does not say where it ends: what follows is no part of it."""
_WORDS = (
    r"pass(?:word|wd|phrase|code)?|pwd|secret|secret-data|community|communities|md5|sha\d*|hash|cipher|irreversible-cipher|"
    r"key|keys|key-string|key-data|pre-shared-key|psk|wpa-psk|ascii-key|hex-key|shared-secret|auth-key|encrypted|"
    r"authentication-key|mot de passe|token|pin|localized|priv|auth"
)
_CONFIGURED = re.compile(rf"(^|[\s,:=\"'])({_WORDS})(\s*[:=]\s*|\s+)(?=\S).*", re.IGNORECASE)
_ACCOUNT = re.compile(r"^(\s*(?:no\s+)?(?:local-)?(?:user(?:name)?|account)\b).+", re.IGNORECASE)
_HOST = re.compile(
    r"^(\s*snmp(?:-server|-agent|)\s+(?:host|user|target-host|v3|manager|trap\S*|group)\b).+", re.IGNORECASE
)
_CERTIFICATE = re.compile(r"^\s*(?:[0-9A-Fa-f]{8}\s+){2,}[0-9A-Fa-f]{2,8}\s*$")
_CRYPT = re.compile(r"\$(?:[0-9]{1,2}[a-z]?|sha\d*|md5|apr1|y|argon2\w*|pbkdf2\S{0,20}?)\$\S+", re.IGNORECASE)
_BLOB = re.compile(r"(?<![\w/+])(?:[0-9A-Fa-f]{32,}|[A-Za-z0-9+/]{40,}={0,2})(?![\w/+])")
_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}-----")
_PEM_END = re.compile(r"-----END [A-Z0-9 ]{0,40}-----")
_CONFIGURATION = re.compile(r"\b(?:run\S*|start\S*|conf\S*|current-configuration|saved-configuration)\b", re.IGNORECASE)


def redacted(command: str, output: str, secrets: Sequence[str]) -> tuple[str, int]:
    """An answer without what looks like a secret, and how many of its lines were cut.

    ``secrets`` are those that we hold ourselves: a device may echo what it was told.
    """
    configuration = _CONFIGURATION.search(command) is not None
    lines: list[str] = []
    cut = 0
    inside = 0
    for line in output.split("\n"):
        kept = line
        for secret in secrets:
            for part in secret.split("\n"):
                if len(part) >= 4:  # noqa: PLR2004 - a shorter one would cut every other word, and is no password
                    kept = kept.replace(part, CUT)
        if inside or (configuration and _PEM.search(kept)):
            inside = 0 if _PEM_END.search(kept) else (inside or PEM_LINES) - 1
            kept = CUT
        kept = _BLOB.sub(CUT, _CRYPT.sub(CUT, kept))
        if configuration or _ACCOUNT.match(kept) or _HOST.match(kept):
            kept = _of_configuration(kept)
        lines.append(kept)
        cut += kept != line
    return "\n".join(lines), cut


def _of_configuration(line: str) -> str:
    if _CERTIFICATE.match(line):
        return CUT
    line = _ACCOUNT.sub(rf"\1 {CUT}", line)
    line = _HOST.sub(rf"\1 {CUT}", line)
    return _CONFIGURED.sub(rf"\1\2\3{CUT}", line)
