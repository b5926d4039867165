"""Keys: what signs, what is refused, and an ssh-agent that signs with a key that it does not give away."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, PublicFormat

from r2s_audit.errors import UsageError
from r2s_audit.evidence.agent import agent_signer
from r2s_audit.evidence.keys import is_signature, load_signer, read_public_key
from r2s_audit.evidence.notary import Notary
from tests.evidence.people import KINDS, Person, certified, person


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.OpenSSH, PrivateFormat.TraditionalOpenSSL])
@pytest.mark.parametrize("passphrase", [None, b"un secret assez long"])
def test_every_key_file_signs(kind: str, form: PrivateFormat, passphrase: bytes | None, tmp_path: Path) -> None:
    if kind == "ed25519" and form is PrivateFormat.TraditionalOpenSSL:
        form = PrivateFormat.PKCS8  # there is no older form of it
    signer = load_signer(person("p", kind).write(tmp_path, passphrase, form), passphrase)
    signature = signer.sign(b"message")
    assert is_signature(signer.public_key, signature, b"message")
    assert not is_signature(signer.public_key, signature, b"massage")
    assert not is_signature(signer.public_key, signature[:-1], b"message")
    assert not is_signature(person("q", kind).key.public_key(), signature, b"message")


@pytest.mark.parametrize(
    "key",
    [ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 1024), ed448.Ed448PrivateKey.generate()],
    ids=["P-384", "RSA 1024", "Ed448"],
)
def test_other_kinds_are_refused(key: object, tmp_path: Path) -> None:
    someone = Person("p", key)
    with pytest.raises(UsageError, match="sorte de clé refusée"):
        load_signer(someone.write(tmp_path))
    with pytest.raises(ValueError, match="not Ed25519"):
        read_public_key((tmp_path / "p.pub").read_bytes())


def test_a_wrong_passphrase_is_told(tmp_path: Path) -> None:
    path = person("p").write(tmp_path, b"juste")
    for given in (None, b"fausse"):
        with pytest.raises(UsageError, match=r"phrase de passe"):
            load_signer(path, given)
    with pytest.raises(UsageError, match="illisible"):
        load_signer(tmp_path / "absent")


def test_a_certificate_of_another_key_is_refused() -> None:
    someone = certified("a")
    with pytest.raises(UsageError, match="n'est pas celui de la clé"):
        Person("b", KINDS["ed25519"](), someone.certificate).notary()


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A real ssh-agent with an Ed25519, an ECDSA and an RSA key."""
    if shutil.which("ssh-agent") is None:
        pytest.fail("ssh-agent is missing: openssh-client is on the Debian list of the building")
    path = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
    try:
        for kind in KINDS:
            key = person(kind, kind).write(tmp_path / "k", form=PrivateFormat.OpenSSH)
            key.chmod(0o600)
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline:
                if (
                    subprocess.run(["ssh-add", str(key)], check=False, capture_output=True, env=os.environ).returncode
                    == 0
                ):
                    break
                time.sleep(0.05)
        yield tmp_path / "k"
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa-p256"])
def test_an_agent_signs(agent: Path, kind: str) -> None:
    signer = agent_signer(_fingerprint(agent / f"{kind}.pub"))
    envelope_key = read_public_key((agent / f"{kind}.pub").read_bytes())
    assert is_signature(envelope_key, signer.sign(b"message"), b"message")
    assert Notary(signer).signer.public_key == envelope_key


@pytest.mark.parametrize("wanted", ["", "personne"])
def test_an_agent_that_holds_several_or_none_is_told(agent: Path, wanted: str) -> None:
    with pytest.raises(UsageError, match="clés de l'agent SSH"):
        agent_signer(wanted)


def test_an_agent_signs_no_rsa(agent: Path) -> None:
    with pytest.raises(UsageError):
        agent_signer(_fingerprint(agent / "rsa-pss.pub"))


MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")


def test_a_token_signs_through_the_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PKCS#11: the key of a card stays in it; the library of our signatures knows no card, the agent does."""
    if not MODULE.exists():
        pytest.fail(f"{MODULE} is missing: softhsm2 is on the Debian list of the tests")
    (tmp_path / "tokens").mkdir()
    settings = tmp_path / "softhsm2.conf"
    settings.write_text(f"directories.tokendir = {tmp_path / 'tokens'}\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(settings))
    someone = person("carte", "ecdsa-p256")
    key = someone.write(tmp_path, form=PrivateFormat.PKCS8)

    def run(*words: str) -> None:
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=20)
        assert done.returncode == 0, done.stderr

    run("softhsm2-util", "--init-token", "--free", "--label", "carte", "--pin", "1234", "--so-pin", "12345678")
    run("softhsm2-util", "--import", str(key), "--token", "carte", "--label", "sceau", "--id", "01", "--pin", "1234")
    pin = tmp_path / "pin"
    pin.write_text("#!/bin/sh\necho 1234\n")
    pin.chmod(0o700)
    monkeypatch.setenv("SSH_ASKPASS", str(pin))
    monkeypatch.setenv("SSH_ASKPASS_REQUIRE", "force")
    path = tmp_path / "agent"
    with subprocess.Popen(
        ["ssh-agent", "-D", "-a", str(path), "-P", str(MODULE.resolve())], stdout=subprocess.DEVNULL
    ) as process:
        try:
            deadline = time.monotonic() + 20
            while not path.exists():
                assert time.monotonic() < deadline
                time.sleep(0.02)
            monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
            run("ssh-add", "-s", str(MODULE.resolve()))
            assert is_signature(someone.key.public_key(), agent_signer("").sign(b"message"), b"message")
        finally:
            process.terminate()


def _fingerprint(public: Path) -> str:
    key = read_public_key(public.read_bytes())
    line = public.with_suffix(".ssh")
    line.write_bytes(key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH))
    told = subprocess.run(["ssh-keygen", "-l", "-f", str(line)], capture_output=True, text=True, check=True)
    return told.stdout.split()[1]
