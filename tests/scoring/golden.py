"""Buildings worked by hand on the label's scale: what each has, and what must come of it.

Points are those of the packaged profile (both scopes together). The eight prerequisites bring 52:
C1.1 6, C1.2 6, C1.3 5, I1.1 8, I1.2 8, S1.1 6, S3.3 5, M1.2 8.
The others: C2.1 4, C2.2 4, C2.3 4, C3.1 4, C3.2 3, C3.3 4 (23); I2.1 6, I2.2 5, I3.1 7, I3.2 6 (24);
S1.2 5, S1.3 6, S1.4 5, S2.1 4, S2.2 4, S3.1 3, S3.2 2 (29); M1.1 6, M1.3 6, M1.4 4, M2.1 6, M2.2 6, M2.3 4 (32).
52 + 23 + 24 + 29 + 32 = 160. What is partially met brings half.
"""

from __future__ import annotations

from typing import NamedTuple

POINTS = {
    "C1.1": 6, "C1.2": 6, "C1.3": 5, "C2.1": 4, "C2.2": 4, "C2.3": 4, "C3.1": 4, "C3.2": 3, "C3.3": 4,
    "I1.1": 8, "I1.2": 8, "I2.1": 6, "I2.2": 5, "I3.1": 7, "I3.2": 6,
    "S1.1": 6, "S1.2": 5, "S1.3": 6, "S1.4": 5, "S2.1": 4, "S2.2": 4, "S3.1": 3, "S3.2": 2, "S3.3": 5,
    "M1.1": 6, "M1.2": 8, "M1.3": 6, "M1.4": 4, "M2.1": 6, "M2.2": 6, "M2.3": 4,
}  # fmt: skip
PREREQUISITES = ("C1.1", "C1.2", "C1.3", "I1.1", "I1.2", "S1.1", "S3.3", "M1.2")
NON, PARTIEL, ATTEINT = "non_atteint", "partiellement_atteint", "atteint"


class Building(NamedTuple):
    """What is atteint, partiel and open (the rest is non atteint); totals, prerequisites, levels, statement."""

    atteint: str
    partiel: str
    open: str
    worst: str
    best: str
    met: int
    possible: int
    guaranteed: str
    reachable: str
    statement: str


P8 = " ".join(PREREQUISITES)
AT_64 = f"{P8} M1.1 M1.3"  # 52 + 6 + 6
AT_96 = f"{AT_64} M1.4 M2.1 M2.2 M2.3 I2.1 I3.2"  # 64 + 4 + 6 + 6 + 4 + 6 + 6
AT_124 = f"{AT_96} I2.2 I3.1 S1.2 S1.3 S1.4"  # 96 + 5 + 7 + 5 + 6 + 5
ALL = " ".join(POINTS)
SOFT = "M1.1 M1.2 M1.3 M1.4 M2.1 M2.2 M2.3"

BUILDINGS: dict[str, Building] = {
    "nothing evaluated": Building("", "", ALL, "0", "160", 0, 8, "", "3-etoiles", "niveau non déterminable : 5 prérequis hors sonde"),
    "everything met": Building(ALL, "", "", "160", "160", 8, 8, "3-etoiles", "3-etoiles", "niveau établi : R2S 3*"),
    "nothing met": Building("", "", "", "0", "0", 0, 0, "", "", "aucun niveau possible (prérequis non atteints : 8)"),
    "everything partial": Building("", ALL, "", "80", "80", 0, 0, "", "", "aucun niveau possible (prérequis non atteints : 8)"),
    "prerequisites alone": Building(P8, "", "", "52", "52", 8, 8, "base", "base", "niveau établi : R2S Base"),
    # 52 + 7 (I3.1) + 3 (S3.1) + half of 3 (C3.2)
    "half a point below one star": Building(f"{P8} I3.1 S3.1", "C3.2", "", "63.5", "63.5", 8, 8, "base", "base", "niveau établi : R2S Base"),
    "one star, to the point": Building(AT_64, "", "", "64", "64", 8, 8, "1-etoile", "1-etoile", "niveau établi : R2S 1*"),
    # 96 - 6 (I3.2) + 3 (S3.1) + 2 (S3.2) + half of... 95: one below
    "one below two stars": Building(AT_96.replace(" I3.2", " S3.1 S3.2"), "", "", "95", "95", 8, 8, "1-etoile", "1-etoile", "niveau établi : R2S 1*"),
    "two stars, to the point": Building(AT_96, "", "", "96", "96", 8, 8, "2-etoiles", "2-etoiles", "niveau établi : R2S 2*"),
    # 124 + 2 (S3.2) + half of 3 (S3.1) = 127.5
    "half a point below three stars": Building(f"{AT_124} S3.2", "S3.1", "", "127.5", "127.5", 8, 8, "2-etoiles", "2-etoiles", "niveau établi : R2S 2*"),
    "three stars, to the point": Building(f"{AT_124} S2.1", "", "", "128", "128", 8, 8, "3-etoiles", "3-etoiles", "niveau établi : R2S 3*"),
    # 160 - 5: all but C1.3, a prerequisite
    "a prerequisite missing": Building(ALL.replace("C1.3 ", ""), "", "", "155", "155", 7, 7, "", "", "aucun niveau possible (prérequis non atteints : 1)"),
    # 64 certain, 4 (C2.1) open: no level can change
    "an open point that changes nothing": Building(AT_64, "", "C2.1", "64", "68", 8, 8, "1-etoile", "1-etoile", "niveau établi : R2S 1*"),
    # 96 certain, 24 + 8 open
    "between two and three stars": Building(AT_96, "", "I2.2 I3.1 S1.2 S1.3 S1.4 S2.1", "96", "128", 8, 8, "2-etoiles", "3-etoiles", "niveau établi : au moins R2S 2*, au mieux R2S 3*"),
    # the network is perfect and nothing else was looked at: M (40) is open
    "the network alone": Building(" ".join(n for n in POINTS if n[0] != "M"), "", SOFT, "120", "160", 7, 8, "", "3-etoiles", "niveau non déterminable : 1 prérequis hors sonde"),
}  # fmt: skip


def verdicts(building: Building) -> list[dict[str, str]]:
    """The building's verdicts as findings of another program."""
    settled = {
        **dict.fromkeys(POINTS, NON),
        **dict.fromkeys(building.atteint.split(), ATTEINT),
        **dict.fromkeys(building.partiel.split(), PARTIEL),
    }
    still_open = set(building.open.split())
    return [
        {
            "requirement": name,
            "worst": NON if name in still_open else value,
            "best": ATTEINT if name in still_open else value,
        }
        for name, value in settled.items()
    ]
