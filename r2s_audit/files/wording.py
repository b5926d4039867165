"""Sentences for what pydantic refuses: one row per error type, per pattern and per rule of a model.

A test walks the models and fails where a pattern or a rule has no sentence here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from r2s_audit.model.text import Message, msg

PATTERNS: dict[str, Message] = {
    r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$": msg(
        "un identifiant : 64 lettres sans accent, chiffres, « . », « _ » ou « - » au plus, sans espace"
    ),
    r"^[0-9a-f]{2}(:[0-9a-f]{2}){5}$": msg("une adresse MAC en minuscules, par exemple 00:1b:21:0a:0b:0c"),
    r"^[0-9a-f]{2}(:[0-9a-f]{2}){2,129}$": msg(
        "un DUID en hexadécimal, en minuscules, par exemple 00:03:00:01:00:1b:21:0a:0b:0c"
    ),
    r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$": msg(
        "une référence : env:NOM (variable d'environnement) ou file:CHEMIN (fichier à côté du fichier de site)"
    ),
    r"^(SHA256:[A-Za-z0-9+/]{43}=?|(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/]{40,2000}={0,2}( [^\r\n]{0,200})?)$": msg(
        "la clé publique du serveur, d'une ligne (ssh-ed25519 AAAA…), ou son empreinte (SHA256: et 43 caractères)"
    ),
    r"^[^\s:@]{1,64}$": msg("un nom de compte : 64 caractères au plus, sans espace ni « : » ni « @ »"),
    r"^[^\s/]{1,15}$": msg("un nom d'interface réseau : 15 caractères au plus, sans espace ni « / »"),
    r"^\d{1,9}(/0*[1-9]\d{0,8}|\.\d{1,9})?$": msg(
        'un nombre exact entre guillemets, par exemple "3", "2.5" ou "4/3" (9 chiffres au plus de chaque côté)'
    ),
    r"^sha256:[0-9a-f]{64}$": msg("une empreinte : sha256: et 64 chiffres hexadécimaux en minuscules"),
    r"^\d+(/0*[1-9]\d*|\.\d+)?$": msg('un nombre exact entre guillemets, par exemple "1", "4/5" ou "0.95"'),
}
"""What a pattern of the models means."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a validator of the models says, in words; ``key`` is where to look inside the refused table."""

    expected: Message
    found: Message | None = None
    key: str = ""


_ADDRESS = Rule(msg("une adresse IPv4 ou IPv6, par exemple 10.0.20.4 ou fd00:20::4"))
_PREFIX = Rule(msg("un préfixe IPv4 ou IPv6, par exemple 10.0.20.0/24 ou fd00:20::/64"))

RULES: dict[str, Rule] = {
    "an IPv4 or IPv6 address": _ADDRESS,
    "does not appear to be an IPv4 or IPv6 address": _ADDRESS,
    "an IPv4 or IPv6 prefix": _PREFIX,
    "does not appear to be an IPv4 or IPv6 network": _PREFIX,
    "has host bits set": Rule(msg("un préfixe dont les bits d'hôte sont à zéro")),
    "valid_until is before valid_from": Rule(
        msg("une fin de mandat qui n'est pas avant son début"),
        msg("valid_until est avant valid_from"),
        "valid_until",
    ),
    "auth_protocol and auth_secret go together": Rule(
        msg("auth_protocol et auth_secret ensemble, ou ni l'un ni l'autre"),
        msg("l'un de auth_protocol et auth_secret sans l'autre"),
    ),
    "priv_protocol and priv_secret go together": Rule(
        msg("priv_protocol et priv_secret ensemble, ou ni l'un ni l'autre"),
        msg("l'un de priv_protocol et priv_secret sans l'autre"),
    ),
    "priv_protocol needs auth_protocol (RFC 3414, section 2.2)": Rule(
        msg("auth_protocol et auth_secret aussi : pas de chiffrement sans authentification (RFC 3414, § 2.2)"),
        msg("priv_protocol sans auth_protocol"),
        "priv_protocol",
    ),
    "ssh needs either password or private_key": Rule(
        msg("soit password, soit private_key"),
        msg("ni password ni private_key, ou les deux"),
    ),
    "host_key is not what its type says": Rule(
        msg("la clé publique entière, telle que l'équipement la donne lui-même"),
        msg("une clé dont le contenu n'est pas du type annoncé"),
        "host_key",
    ),
    "ports are needed for tcp and udp, and refused for icmp": Rule(
        msg("ports : [numéros] avec tcp et udp, pas de ports avec icmp"),
        msg("un protocole et des ports qui ne vont pas ensemble"),
        "protocol",
    ),
    "shared_with goes with kind: shared": Rule(
        msg("shared_with : [zones] avec kind: shared, et seulement avec lui"),
        msg("shared_with et kind qui ne vont pas ensemble"),
        "kind",
    ),
    "eap-tls needs certificate and private_key, and no password": Rule(
        msg("avec eap-tls : certificate et private_key, et pas de password"),
        msg("eap-tls sans son certificat ou sa clé, ou avec un mot de passe"),
        "method",
    ),
    "peap and ttls need password, and no certificate or private_key": Rule(
        msg("avec peap ou ttls : password, et ni certificate ni private_key"),
        msg("peap ou ttls sans mot de passe, ou avec un certificat"),
        "method",
    ),
    "inner pap goes with ttls only": Rule(
        msg("inner : mschapv2, ou pap avec method : ttls"),
        msg("inner : pap avec une autre méthode que ttls"),
        "inner",
    ),
    "dot1x goes with kind: unauthenticated": Rule(
        msg("kind : unauthenticated pour un point qui a une section dot1x"),
        msg("une section dot1x sur un point d'un autre genre"),
        "kind",
    ),
    "vlan goes with a port that is no link": Rule(
        msg("soit vlan, soit link : true"),
        msg("un VLAN sur une liaison"),
        "vlan",
    ),
    "source: standard needs a reference": Rule(
        msg("reference : le document et l'article, puisque source vaut standard"),
        msg("source : standard, sans reference"),
        "source",
    ),
    "source: certifier needs a reference": Rule(
        msg("reference : le document du certificateur, puisque source vaut certifier"),
        msg("source : certifier, sans reference"),
        "source",
    ),
    "effort: partiel is above atteint": Rule(
        msg("un effort partiel au plus égal à l'effort atteint"),
        msg("un effort partiel au-dessus de l'effort atteint"),
        "partiel",
    ),
    "a corroboration names criteria, checks or facts": Rule(
        msg("criteria, checks ou facts : ce qui corrobore"), msg("un lien qui ne nomme aucun constat")
    ),
    "a declaration is of one requirement or of one service": Rule(
        msg("soit requirement, soit service"), msg("ni requirement ni service, ou les deux")
    ),
    "state: valide goes with a service, atteint with a requirement": Rule(
        msg("valide ou non_valide pour un service ; atteint, partiellement_atteint ou non_atteint pour une exigence"),
        msg("un état qui n'est pas de ce genre de déclaration"),
        "state",
    ),
    "expires is before dated": Rule(
        msg("une échéance qui n'est pas avant la date (dated)"), msg("une échéance avant la date"), "expires"
    ),
    "a share lies between 0 and 1": Rule(msg('une part entre 0 et 1, par exemple "4/5"')),
    "partiel is above atteint: thresholds out of order": Rule(
        msg("un seuil partiel au plus égal au seuil atteint"),
        msg("un seuil partiel au-dessus du seuil atteint"),
        "partiel",
    ),
    "a criterion has either a check or an 'awaits' reason": Rule(
        msg("soit check, soit awaits (ce qui manque pour vérifier ce critère)"),
        msg("ni check ni awaits, ou les deux"),
    ),
}
"""What a ``ValueError`` of the models means, by its text or by how it ends."""


def rule_for(text: str) -> Rule | None:
    """The row for the text of a ValueError."""
    return RULES.get(text) or next((rule for end, rule in RULES.items() if text.endswith(end)), None)


KINDS: dict[str, Message] = {
    "string_type": msg("un texte"),
    "bool_type": msg("true ou false, sans guillemets"),
    "float_type": msg("un nombre, sans guillemets"),
    "list_type": msg("une liste : un élément par ligne après « - », ou [a, b]"),
    "tuple_type": msg("une liste : un élément par ligne après « - », ou [a, b]"),
    "dict_type": msg("une table : « clé : valeur »"),
    "date_type": msg("une date AAAA-MM-JJ"),
    "date_parsing": msg("une date AAAA-MM-JJ"),
    "date_from_datetime_parsing": msg("une date AAAA-MM-JJ"),
    "date_from_datetime_inexact": msg("une date AAAA-MM-JJ"),
}
"""Error types that need no argument."""

LIMITS: dict[str, tuple[str, Callable[[int], Message]]] = {
    "string_too_short": ("min_length", lambda n: msg("un texte d'au moins {length} caractères", length=n)),
    "string_too_long": ("max_length", lambda n: msg("un texte de {length} caractères au plus", length=n)),
    "too_short": ("min_length", lambda n: msg("nombre d'éléments : au moins {length}", length=n)),
    "too_long": ("max_length", lambda n: msg("nombre d'éléments : au plus {length}", length=n)),
}
"""Error types of a length, with the name under which pydantic gives the limit."""


def number(least: int | None, greatest: int | None) -> Message:
    """What a whole number may be."""
    if least is not None and greatest is not None:
        return msg("un nombre entier de {least} à {greatest}, sans guillemets", least=least, greatest=greatest)
    if least is not None:
        return msg("un nombre entier d'au moins {least}, sans guillemets", least=least)
    return msg("un nombre entier, sans guillemets")
