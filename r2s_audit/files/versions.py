"""The first thing asked of a file: which format, and whether this program reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from r2s_audit import __version__
from r2s_audit.errors import FileProblems
from r2s_audit.files.faults import Fault, Say, problems
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from pydantic import BaseModel

    from r2s_audit.files.faults import Document

MARKERS = {
    "r2s_site": msg("un fichier de site"),
    "r2s_profile": msg("un profil"),
    "r2s_overlay": msg("une surcouche de certificateur"),
    "r2s_services": msg("un catalogue de services"),
    "r2s_declarations": msg("un fichier de déclarations"),
    "r2s_findings": msg("des constats à noter"),
    "r2s_score": msg("un document de score"),
    "r2s_audit": msg("un document d'audit"),
}
"""The keys that say what a file is."""


def check_version(document: Document, model: type[BaseModel], readable: int, *, say: Say = str) -> None:
    """Raise FileProblems, and say nothing else, for a newer format or for another kind of file.

    The first field of the model is the one that carries the version. A file that shares no key with the model is not
    listed key by key: it may be anything, a password file included.

    A missing or malformed version is left to the model, which reports it among all other faults.
    """
    data = document.data if isinstance(document.data, dict) else {}
    marker = next(iter(model.model_fields))
    version = data.get(marker)
    other = next((key for key in MARKERS if key != marker and key in data), None)
    fault = None
    if isinstance(version, int) and not isinstance(version, bool) and version > readable:
        fault = Fault(
            path=(marker,),
            found=msg("le format {version} : ce fichier demande r2s-audit plus récent", version=version),
            expected=msg(
                "le format {readable}, celui que lit r2s-audit {program} ; ou une version de r2s-audit qui lit le format {version}",
                readable=readable,
                program=__version__,
                version=version,
            ),
        )
    elif version is None and other is not None:
        fault = Fault(path=(other,), found=MARKERS[other], expected=MARKERS[marker])
    elif not data.keys() & model.model_fields.keys():
        found = msg("aucune des clés attendues : un autre fichier a-t-il été donné ?")
        fault = Fault(path=(), found=found, expected=MARKERS[marker])
    if fault is not None:
        raise FileProblems(problems(document, [fault], say))
