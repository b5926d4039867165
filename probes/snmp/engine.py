"""pysnmp's engine without what makes it slow: MIB files compiled once per process, passphrases hashed in one go.

pysnmp compiles some twenty MIB files twice for every engine, a third of a second of processor time, and hashes a
passphrase in sixteen thousand steps of Python. Every session has an engine of its own, so an audit paid that often.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import hashes
from pysnmp.entity.engine import SnmpEngine
from pysnmp.proto.rfc3412 import MsgAndPduDispatcher
from pysnmp.smi import builder, error, instrum

if TYPE_CHECKING:
    from types import CodeType

EXPANDED = 1 << 20
"""Octets to which a passphrase is repeated before it is hashed (RFC 3414, A.2)."""
_SUFFIX = ".py"
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "MD5": hashes.MD5(),  # noqa: S303 - what the site declares; judged by the checks
    "SHA-1": hashes.SHA1(),  # noqa: S303 - likewise
    "SHA-224": hashes.SHA224(),
    "SHA-256": hashes.SHA256(),
    "SHA-384": hashes.SHA384(),
    "SHA-512": hashes.SHA512(),
}


class _Builder(builder.MibBuilder):  # type: ignore[misc]  # pysnmp is not typed
    """Loads pysnmp's own MIB files, each compiled once per process; there is no compiler of foreign MIBs to fall back on."""

    def __init__(self) -> None:
        """As pysnmp's, with nothing loaded."""
        self._loaded: set[str] = set()
        super().__init__()

    def load_module(self, modName: str, **userCtx: object) -> _Builder:  # noqa: N803 - pysnmp's signature
        """Run a MIB file once in this builder.

        Raises:
            MibNotFoundError: pysnmp has no such file.
        """
        if modName not in self._loaded:
            code = _compiled(modName, tuple(source.full_path(modName, _SUFFIX) for source in self.get_mib_sources()))
            self._loaded.add(modName)
            exec(code, {"mibBuilder": self, "userCtx": userCtx})  # noqa: S102 - pysnmp's own files, as pysnmp runs them
        return self


@cache
def _compiled(name: str, paths: tuple[str, ...]) -> CodeType:
    for path in map(Path, paths):
        if path.is_file():
            return compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
    raise error.MibNotFoundError(f"MIB file {name} not found")


def new_engine(max_message: int) -> Any:
    """A fresh SnmpEngine that shares nothing with another but compiled code; ``max_message`` in octets."""
    instrumentation = instrum.MibInstrumController(_Builder())
    return SnmpEngine(maxMessageSize=max_message, msgAndPduDsp=MsgAndPduDispatcher(instrumentation))


def master_key(passphrase: bytes, protocol: str) -> bytes:
    """The digest of a passphrase that is repeated to :data:`EXPANDED` octets: Ku of RFC 3414, A.2.

    Args:
        passphrase: not empty.
        protocol: the user's authentication protocol, as the site file names it.
    """
    digest = hashes.Hash(_HASHES[protocol])
    digest.update((passphrase * (EXPANDED // len(passphrase) + 1))[:EXPANDED])
    return digest.finalize()
