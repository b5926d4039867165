"""A site file as a whole: loaded, or everything wrong in it at once; never a secret repeated, never a crash."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r2s_audit.errors import FileProblems
from r2s_audit.files.profile import parse_profile
from r2s_audit.files.site import check_against_profile, load_site, parse_site
from r2s_audit.model.text import Message
from tests.files.mutations import mutated
from tests.files.samples import PROFILE, SITE, edited, site_problems

EXAMPLE = Path("docs/exemples/site.yaml")
UNWORDED = ("conforme au schéma", "que le modèle accepte", "de la forme ^")


def test_the_published_example_loads() -> None:
    loaded = load_site(EXAMPLE)
    assert loaded.site.building.id == "residence-des-tilleuls"
    assert loaded.data == EXAMPLE.read_bytes()
    assert loaded.digest == "sha256:" + hashlib.sha256(loaded.data).hexdigest()
    assert loaded.base == EXAMPLE.parent
    assert parse_site(loaded.data, "site.yaml") == loaded.site


def test_ten_different_mistakes_are_said_at_once(tmp_path: Path) -> None:
    text = edited(
        SITE,
        ("  name: Les Tilleuls\n", "  nom: Les Tilleuls\n"),  # an unknown key, and a missing one
        ('"fd20::/48"', '"fd20::1/48"'),  # host bits
        ("kind: logements", "kind: logement"),  # enumeration
        ("gateway: 10.20.30.1", "gateway: 10.20.31.1"),  # gateway elsewhere
        ("env:AUTH", "Tr0ub4dor"),  # a secret
        ("port: 443", "port: 70000"),  # out of range
        ("tls: true", "tls: true\n        tls: false"),  # a key written twice
        ("switch: sw-coeur", "switch: sw-couer"),  # a name that nobody declares
        ("    ports: [443]\n", ""),  # a flow without ports
        ("interface: eth0", "interface: eth0\n    vlan: *alias"),  # an alias
    )
    problems = site_problems(text, tmp_path)
    assert [(p.line, p.path) for p in problems] == [
        (2, "building.name"),
        (4, "building.nom"),
        (6, "scope.networks[1]"),
        (9, "zones[1] (log).kind"),
        (22, "vlans[1] (30).subnets[0].gateway"),
        (33, "devices[0] (sw-coeur).admin.snmp.auth_secret"),
        (41, "devices[1] (gw-101).services[0].port"),
        (43, "devices[1] (gw-101).services[0].tls"),
        (48, "sockets[0] (prise-101).switch"),
        (53, "flows[0].protocol"),
        (58, "points[0] (P-101).vlan"),
    ]


def test_two_mistakes_in_one_element_are_both_said(tmp_path: Path) -> None:
    text = edited(SITE, ("    role: gateway\n    zone: log\n", "    role: gateway\n    zone: lgo\n    couleur: bleu\n"))
    assert [p.path for p in site_problems(text, tmp_path)] == [
        "devices[1] (gw-101).zone",
        "devices[1] (gw-101).couleur",
    ]


def test_a_refused_element_still_counts_as_declared(tmp_path: Path) -> None:
    text = edited(
        SITE, ("    role: switch\n", "    role: swich\n"), ("- {id: log, kind: logements}", "- {id: log, kind: x}")
    )
    assert [p.path for p in site_problems(text, tmp_path)] == ["zones[1] (log).kind", "devices[0] (sw-coeur).role"]


def test_a_newer_file_is_told_the_version_and_nothing_else(tmp_path: Path) -> None:
    (problem,) = site_problems("r2s_site: 7\nwhatever: [1]\n", tmp_path)
    assert "le format 7 : ce fichier demande r2s-audit plus récent" in problem.found
    assert "qui lit le format 7" in problem.expected


def test_another_kind_of_file_is_not_repeated(tmp_path: Path) -> None:
    (problem,) = site_problems("alice: hunter2\nbob: hunter3\n", tmp_path)
    assert "aucune des clés attendues" in problem.found
    assert "alice" not in str(problem)
    assert "hunter2" not in str(problem)


SECRET_PLACES = [
    ("env:AUTH", "{}"),
    ("user: auditeur", "user: {{{}: 1}}"),
    ("user: auditeur", "user: [{}]"),
    ("    admin:\n", "    admin:\n      snmp_community: {}\n"),
    ("    admin:\n", "    admin:\n      snmp_communities: [{}]\n"),
    ("    admin:\n", "    admin:\n      ssh: {{password: {}}}\n"),
    ("    admin:\n      snmp:\n", "    admin:\n      snmp: {}\n    reste:\n      snmp:\n"),
    ("SHA-256", "{}"),
    ("name: Les Tilleuls", "name: Les Tilleuls\n  webPassword: {}"),
    ("name: Les Tilleuls", "name: Les Tilleuls\n  mot_de_passe: {{a: [{}]}}"),
    ("name: Les Tilleuls", "name: https://admin:{}@exemple/"),
    ("name: Les Tilleuls", 'name: "-----BEGIN PRIVATE KEY-----\\n{}"'),
    ("    mac: 02:20:10:00:00:02\n", "    mac: {{password: {}}}\n"),
    ("user: auditeur", "user: auditeur\n        {}: 1"),
    ("name: Les Tilleuls", "name: Les Tilleuls\n  password: {{{}: 1}}"),
    ("name: Les Tilleuls", "name: Les Tilleuls\n  password:\n    - {}: 1"),
    ("env:AUTH", "'{}"),
    ("env:AUTH", "{} : {}"),
    ("env:AUTH", "&{} x"),
    ("env:AUTH", "*{}"),
    ("env:AUTH", "!{} x"),
]


@pytest.mark.parametrize(("old", "new"), SECRET_PLACES)
def test_a_secret_is_never_repeated(old: str, new: str, tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(edited(SITE, (old, new.replace("{}", "Tr0ub4dor") if "{{" not in new else new.format("Tr0ub4dor"))))
    with pytest.raises(FileProblems) as refused:
        load_site(path)
    assert refused.value.problems
    told: BaseException | None = refused.value
    while told is not None:  # nor in what a traceback would print below it
        assert "Tr0ub4dor" not in str(told)
        told = None if told.__suppress_context__ else told.__cause__ or told.__context__


def test_sentences_pass_through_the_translation(tmp_path: Path) -> None:
    seen: list[str] = []

    def say(message: Message) -> str:
        seen.append(message.template)
        return f"<{message.template}>"

    path = tmp_path / "site.yaml"
    path.write_text(edited(SITE, ("kind: logements", "kind: logement")))
    with pytest.raises(FileProblems) as refused:
        load_site(path, say=say)
    (problem,) = refused.value.problems
    assert (problem.found, problem.expected, problem.near_miss) == (
        "<« {text} »>",
        "<une des valeurs : {choices}>",
        "<{written} : {meant} ?>",
    )
    assert len(seen) == 3


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda d: d / "sit.yaml", "un fichier absent"),
        (lambda d: d, "un répertoire"),
        (lambda d: d / "site.yaml" / "x", "illisible"),
        (lambda d: d / "\0", "illisible"),
    ],
)
def test_a_file_that_cannot_be_read(make: object, words: str, tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(SITE)
    path = make(tmp_path)  # type: ignore[operator]
    with pytest.raises(FileProblems) as refused:
        load_site(path)
    (problem,) = refused.value.problems
    assert words in problem.found
    assert problem.near_miss == ("sit.yaml : site.yaml ?" if path.name == "sit.yaml" else "")


TLS = """    kind: unauthenticated
    dot1x:
      method: eap-tls
      identity: poste
      server_name: radius.example
      trust: [ca.pem]
      certificate: poste.pem
      private_key: file:poste.key
"""
PASSWORD = """    kind: unauthenticated
    dot1x:
      method: peap
      identity: auditeur
      server_name: radius.example
      trust: [ca.pem]
      password: env:EAP
"""


@pytest.mark.parametrize(
    ("section", "changes", "path", "found"),
    [
        (TLS, [], "", ""),
        (PASSWORD, [], "", ""),
        (PASSWORD, [("method: peap", "method: ttls"), ("password:", "inner: pap\n      password:")], "", ""),
        (TLS, [("kind: unauthenticated", "kind: access")], "points[0] (P-101).kind", "d'un autre genre"),
        (TLS, [("      private_key: file:poste.key\n", "")], "points[0] (P-101).dot1x.method", "sans son certificat"),
        (TLS, [("certificate: poste.pem", "password: env:X")], "points[0] (P-101).dot1x.method", "sans son certificat"),
        (PASSWORD, [("      password: env:EAP\n", "")], "points[0] (P-101).dot1x.method", "sans mot de passe"),
        (PASSWORD, [("password:", "inner: pap\n      password:")], "points[0] (P-101).dot1x.inner", "pap"),
        (PASSWORD, [("[ca.pem]", "[]")], "points[0] (P-101).dot1x.trust", ""),
        (PASSWORD, [("      server_name: radius.example\n", "")], "points[0] (P-101).dot1x.server_name", ""),
        (PASSWORD, [("env:EAP", "Tr0ub4dor")], "points[0] (P-101).dot1x.password", "en clair"),
        (TLS, [("file:poste.key", "Tr0ub4dor")], "points[0] (P-101).dot1x.private_key", "en clair"),
        (TLS, [("ca.pem", "absent.pem")], "points[0] (P-101).dot1x.trust[0]", "absent.pem"),
        (TLS, [("poste.pem", "absent.pem")], "points[0] (P-101).dot1x.certificate", "absent.pem"),
    ],
)
def test_credentials_of_a_point(
    tmp_path: Path, section: str, changes: list[tuple[str, str]], path: str, found: str
) -> None:
    for name in ("ca.pem", "poste.pem"):
        (tmp_path / name).write_text("-----BEGIN CERTIFICATE-----\n")
    text = edited(SITE, ("    interface: eth0\n", "    interface: eth0\n" + edited(section, *changes)))
    problems = site_problems(text, tmp_path)
    assert [p.path for p in problems] == ([path] if path else [])
    assert all(found in p.found for p in problems)
    assert not any("Tr0ub4dor" in str(p) for p in problems)


def test_a_trust_file_that_exists_is_found_beside_the_site_file(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("-")
    assert site_problems(edited(SITE, ("tls: true", "tls: true\n        trust: [ca.pem]")), tmp_path) == []


def test_against_a_profile(tmp_path: Path) -> None:
    profile = parse_profile(PROFILE.encode(), "p.yaml").profile
    path = tmp_path / "site.yaml"
    path.write_text(
        edited(
            SITE,
            ("  name: Les Tilleuls\n", "  name: Les Tilleuls\n  target_level: basse\n"),
            ("points:", "not_applicable:\n  - {criterion: C1.z, reason: aucun objet ici, declared_by: A}\npoints:"),
            (
                "scope:",
                "mandate: {reference: M, signed_by: S, valid_from: 2026-01-01, valid_until: 2026-12-31, intrusive_checks: [vlan.leek]}\nscope:",
            ),
        )
    )
    loaded = load_site(path)
    with pytest.raises(FileProblems) as refused:
        check_against_profile(loaded, profile, {"vlan.leak"})
    assert [(p.line, p.path, p.near_miss) for p in refused.value.problems] == [
        (5, "building.target_level", "basse : base ?"),
        (6, "mandate.intrusive_checks[0]", "vlan.leek : vlan.leak ?"),
        (57, "not_applicable[0].criterion", "C1.z : C1.b ?"),
    ]


def test_what_the_profile_has_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(
        edited(
            SITE,
            ("  name: Les Tilleuls\n", "  name: Les Tilleuls\n  target_level: base\n"),
            ("points:", "not_applicable:\n  - {criterion: C1.b, reason: aucun objet ici, declared_by: A}\npoints:"),
        )
    )
    check_against_profile(load_site(path), parse_profile(PROFILE.encode(), "p.yaml").profile)


@settings(deadline=None)  # the first example makes a schema or loads a parser
@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda t: t.encode("utf-8", "surrogatepass"))))
def test_arbitrary_bytes_are_refused_with_problems(data: bytes) -> None:
    with pytest.raises(FileProblems) as refused:
        parse_site(data, "f.yaml")
    assert all(p.line >= 1 and p.found and p.expected for p in refused.value.problems)


@settings(deadline=None)  # the first example makes a schema or loads a parser
@given(mutated(SITE))
def test_a_changed_site_loads_or_is_refused_in_words(data: bytes) -> None:
    with TemporaryDirectory() as directory:
        problems = site_problems(data, Path(directory))
    lines = data.count(b"\n") + 1
    for problem in problems:
        assert 1 <= problem.line <= lines
        assert not any(words in problem.expected for words in UNWORDED), problem
        assert str(problem).isprintable()


@settings(deadline=None)  # the first example makes a schema or loads a parser
@given(st.text(st.characters(categories=["L", "N"]), min_size=6, max_size=20), st.data())
def test_a_secret_value_is_never_repeated_whatever_else_is_wrong(secret: str, data: st.DataObject) -> None:
    secret = f"zq{secret}"
    wrong = json.loads(data.draw(mutated(SITE)))
    wrong["password"] = secret
    wrong["admin"] = {"snmp": {"community": [secret], "auth_protocol": secret}}
    with TemporaryDirectory() as directory:
        problems = site_problems(json.dumps(wrong, indent=1), Path(directory))
    assert problems
    assert not any(secret in str(problem) for problem in problems)


def test_a_leap_day_is_a_date(tmp_path: Path) -> None:
    text = edited(
        SITE,
        ("scope:", "mandate: {reference: M, signed_by: S, valid_from: 2028-02-29, valid_until: 2028-02-29}\nscope:"),
    )
    assert site_problems(text, tmp_path) == []
    mandate = parse_site(text.encode(), "f").mandate
    assert mandate is not None
    assert mandate.valid_from == datetime(2028, 2, 29, tzinfo=UTC).date()


def test_loading_imports_no_protocol_library() -> None:
    code = (
        "import sys; import r2s_audit.files.site, r2s_audit.files.profile, r2s_audit.files.schema; "
        "print([m for m in ('scapy', 'pysnmp', 'typer', 'cryptography', 'paramiko', 'ruamel') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
