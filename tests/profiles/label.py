"""The label as its document prints it, line breaks and non-breaking spaces normalised: the golden list."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from ruamel.yaml import YAML

from r2s_audit.model.profile import Profile

PROFILES = Path(__file__).resolve().parents[2] / "profiles"
NAME = "r2s-residentiel-2019"

TITLES = {
    "C1.1": "Raccordement au haut débit",
    "C1.2": "Existence d'un Réseau Smart dédié",
    "C1.3": "Activation du Réseau Smart",
    "C2.1": "Réseau Smart desservant les parties communes",
    "C2.2": "Réseau Smart desservant les logements",
    "C2.3": "Passerelles de communication logement",
    "C3.1": "Protocole du Réseau Smart",
    "C3.2": "Administration du Réseau Smart",
    "C3.3": "Support du protocole IPv6",
    "I1.1": "Intégration des équipements au Réseau Smart du bâtiment",
    "I1.2": "Capacité des équipements à s'interfacer au Réseau Smart grâce à leurs API",
    "I2.1": "Documentation et licence d’utilisation des API",
    "I2.2": "Intégration dans le BIM",
    "I3.1": "Capacité à délivrer les services",
    "I3.2": "Résilience des fonctions des équipements communicants",
    "S1.1": "Mécanismes d'authentification d’accès au Réseau Smart",
    "S1.2": "Protection fonctionnelle & management du réseau IP du bâtiment",
    "S1.3": "Support des VLAN",
    "S1.4": "Chiffrement des communications",
    "S2.1": "Traitement des incidents, & chaîne d’alerte",
    "S2.2": "Mises à jour réseau, systèmes embarqués et API",
    "S3.1": "Sécurisation de l'accès aux applications",
    "S3.2": "Prévention & gestion des risques",
    "S3.3": "Conformité au Règlement Général sur la Protection des Données (RGPD )",
    "M1.1": "Informations Smart dans les pièces contractuelles",
    "M1.2": "Recette du Réseau Smart",
    "M1.3": "Contrats de services (SLA) avec les fournisseurs",
    "M1.4": "Management de Projet",
    "M2.1": "AMO en charge du volet Smart",
    "M2.2": "Intégrateur en charge du volet Smart",
    "M2.3": "Opérateur de Services en charge du volet Smart",
}

THEMES = {
    "C": ("connectivite", "Connectivité & Réseau", 9, 3),
    "I": ("equipements", "Équipements & Interfaces", 6, 2),
    "S": ("confiance", "Cadre de confiance numérique", 9, 2),
    "M": ("management", "Management Smart & Responsable", 7, 1),
}
"""First letter of the requirements: identifier, title, requirements, prerequisites."""

FUNCTIONS = {
    "Raccordement aux réseaux de télécommunication opérateur": ("C1.1", "C1.2", "C1.3"),
    "Distribution & Connexion au Réseau Smart": ("C2.1", "C2.2", "C2.3"),
    "Spécification du Réseau Smart": ("C3.1", "C3.2", "C3.3"),
    "Interfaces et communication": ("I1.1", "I1.2"),
    "Ouverture des systèmes": ("I2.1", "I2.2"),
    "Accès aux données et services": ("I3.1", "I3.2"),
    "Sécurité des réseaux du bâtiment": ("S1.1", "S1.2", "S1.3", "S1.4"),
    "Procédures de Sécurité": ("S2.1", "S2.2"),
    "Sécurité d’accès aux services": ("S3.1", "S3.2"),
    "Protection des données": ("S3.3",),
    "Gouvernance du projet Smart": ("M1.1", "M1.2", "M1.3", "M1.4"),
    "Expertise Smart attachée au projet": ("M2.1", "M2.2", "M2.3"),
}

PROBED = ("C1.1", "C1.2", "C1.3", "C2.1", "C2.2", "C2.3", "C3.1", "C3.2", "C3.3", "S1.1", "S1.2", "S1.3", "S1.4")
"""Requirements that the agent evidences, now or with probes that their criteria await."""

LEVELS = [("R2S Base", 32, 8), ("R2S 1*", 64, 8), ("R2S 2*", 96, 8), ("R2S 3*", 128, 8)]


@cache
def profile() -> Profile:
    return Profile.model_validate(YAML(typ="safe").load(PROFILES / f"{NAME}.yaml"))


def normalised(text: str) -> str:
    """One space for every run of white space, non-breaking ones included."""
    return re.sub(r"\s+", " ", text).strip()
