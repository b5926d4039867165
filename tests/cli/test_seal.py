"""seal and verify on the command line: options, words, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from r2s_audit.evidence.seal import seal_files
from tests.cli.support import CommandLine, Ended
from tests.evidence.people import Person, authority, certified, person


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Keys of an auditor (bare) and an integrator (certified), and who issued that certificate."""
    root = certified("racine", authority=True)
    root.write(tmp_path / "cles")
    person("auditrice").write(tmp_path / "cles")
    certified("integrateur", root, kind="ecdsa-p256").write(tmp_path / "cles")
    return tmp_path / "cles"


def seal(cli: CommandLine, record: Path, keys: Path, *more: str) -> Ended:
    return cli(
        "seal", str(record), "--key", str(keys / "auditrice.key"), "--role", "auditeur", "--name", "A. A.", *more
    )


def test_sealed_bundled_and_verified_elsewhere(cli: CommandLine, record: Path, keys: Path, tmp_path: Path) -> None:
    ended = seal(cli, record, keys, "--bundle", str(tmp_path / "d.tar"))
    assert ended.code == 0, ended.err
    assert "état sha256:" in ended.err
    trust = ("--trust", str(keys / "auditrice.pub"))
    for source in (record, tmp_path / "d.tar"):
        ended = cli("verify", str(source), *trust)
        assert (ended.code, ended.err) == (0, "")
        assert ended.out.startswith("INTÈGRE, scellé")
        assert "date non prouvée" in ended.out
        ended = cli("verify", str(source))
        assert ended.code == 3
        assert ended.out.startswith("INTÈGRE, AUTEUR INCONNU")


def test_two_roles_a_certificate_and_a_time(cli: CommandLine, record: Path, keys: Path, tmp_path: Path) -> None:
    assert seal(cli, record, keys).code == 0
    with authority(tmp_path / "tsa") as tsa:
        ended = cli(
            "seal", str(record), "--key", str(keys / "integrateur.key"), "--cert", str(keys / "integrateur.pem"),
            "--role", "integrateur", "--tsa", tsa.url,
        )  # fmt: skip
    assert ended.code == 0, ended.err
    anchors = ("--trust", f"integrateur={keys / 'racine.pem'}", "--trust", f"auditeur={keys / 'auditrice.pub'}")
    both = ("--role", "auditeur", "--role", "integrateur", "--trust-time", str(tsa.certificate))
    ended = cli("verify", str(record), *anchors, *both, "--json")
    found = json.loads(ended.out)
    assert (ended.code, found["state"]) == (0, "sealed")
    assert [(s["role"], s["trusted"], bool(s["since"])) for s in found["seals"]] == [
        ("auditeur", True, False),
        ("integrateur", True, True),
    ]
    assert cli("verify", str(record), *anchors[:2], *both).code == 3, "the auditor is required and unknown"


def test_altered_is_said_in_words(cli: CommandLine, record: Path, keys: Path) -> None:
    seal(cli, record, keys)
    path = record / "ledger.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"record_format":3', b'"record_format":2'))
    ended = cli("verify", str(record), "--trust", str(keys / "auditrice.pub"))
    assert ended.code == 1
    assert ended.out.startswith("ALTÉRÉ")
    assert "entrées modifiées : 0" in ended.out
    english = cli("--lang", "en", "verify", str(record))
    assert english.out.startswith("ALTERED")
    assert "entries altered: 0" in english.out


def test_a_head_or_seal_kept_elsewhere(cli: CommandLine, record: Path, keys: Path) -> None:
    seal(cli, record, keys)
    (kept,) = seal_files(record)
    trust = ("--trust", str(keys / "auditrice.pub"))
    head = json.loads(cli("verify", str(record), "--json").out)["head"]
    assert cli("verify", str(record), *trust, "--head", head, "--seal", str(kept)).code == 0
    ended = cli("verify", str(record), *trust, "--head", f"sha256:{'0' * 64}")
    assert ended.code == 1
    assert "retour à un état ancien" in ended.out


def test_a_passphrase_is_never_on_the_command_line(
    cli: CommandLine, record: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = str(person("p").write(tmp_path, b"ouvre-toi"))
    words = ("seal", str(record), "--key", key, "--role", "auditeur")
    assert "--passphrase" in cli(*words).err
    ended = cli(*words, "--passphrase", "ouvre-toi")
    assert ended.code == 2
    assert "ouvre-toi" not in ended.err
    monkeypatch.setenv("MOT", "ouvre-toi")
    assert cli(*words, "--passphrase", "env:MOT").code == 0
    (tmp_path / "mot").write_text("ouvre-toi\n")
    assert cli(*words, "--passphrase", f"file:{tmp_path / 'mot'}").code == 0


WRONG: dict[str, tuple[str, ...]] = {
    "nothing to do": (),
    "no role": ("--key", "cles/auditrice.key"),
    "an unknown role": ("--key", "cles/auditrice.key", "--role", "chef"),
    "no such key": ("--key", "cles/absente.key", "--role", "auditeur"),
    "a public key": ("--key", "cles/auditrice.pub", "--role", "auditeur"),
    "another's certificate": (
        "--key", "cles/auditrice.key", "--cert", "cles/integrateur.pem", "--role", "auditeur",
    ),
    "no certificate": ("--key", "cles/auditrice.key", "--cert", "cles/auditrice.pub", "--role", "auditeur"),
    "no authority there": ("--key", "cles/auditrice.key", "--role", "auditeur", "--tsa", "http://127.0.0.1:1/"),
}  # fmt: skip


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_seals_nothing(cli: CommandLine, record: Path, name: str) -> None:
    ended = cli("seal", str(record), *WRONG[name])
    assert ended.code == 2
    assert "erreur : " in ended.err
    assert not (record / "seals").exists()


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize(
    "words",
    [("absent",), ("cles",), ("cles/auditrice.key",), ("dossier", "--trust", "absent"), ("dossier", "--role", "chef"),
     ("dossier", "--seal", "absent")],
    ids=" ".join,
)  # fmt: skip
def test_what_cannot_be_verified(cli: CommandLine, record: Path, words: tuple[str, ...]) -> None:
    ended = cli("verify", *words)
    assert (ended.code, ended.out) == (2, "")
    assert "erreur : " in ended.err


def test_run_signs_the_plan(cli: CommandLine, site: Path, quiet: list[str], keys: Path) -> None:
    words = ("run", str(site), "--record", "dossier")
    assert cli(*words, "--tsa", "http://127.0.0.1:1/").code == 2
    assert not Path("dossier").exists()
    assert cli(*words, "--sign-key", str(keys / "auditrice.key")).code in {1, 3}
    found = json.loads(cli("verify", "dossier", "--trust", str(keys / "auditrice.pub"), "--json").out)
    assert [(p["pass"], p["trusted"]) for p in found["plans"]] == [("P01", True)]


def test_a_plan_that_cannot_be_stamped_is_not_measured(
    cli: CommandLine, site: Path, quiet: list[str], keys: Path
) -> None:
    words = ("run", str(site), "--record", "dossier", "--sign-key", str(keys / "auditrice.key"))
    ended = cli(*words, "--tsa", "http://127.0.0.1:1/")
    assert ended.code == 2
    kinds = [json.loads(line)["body"]["kind"] for line in Path("dossier/ledger.jsonl").read_text().splitlines()]
    assert kinds == ["campaign", "pass_opened"]
    assert cli(*words, "--resume").code in {1, 3}


def test_names_in_a_seal_reach_the_terminal_escaped(cli: CommandLine, record: Path, tmp_path: Path) -> None:
    someone = Person("x\x1b[2Jy", person().key)
    key = Person("k", someone.key).write(tmp_path)
    assert cli("seal", str(record), "--key", str(key), "--role", "auditeur", "--name", someone.name).code == 0
    out = cli("verify", str(record)).out
    assert "\x1b" not in out
    assert "\\x1b[2J" in out
