"""Our engine and keys against pysnmp's own, value for value."""

from __future__ import annotations

import hashlib

import pytest
from pysnmp.entity.engine import SnmpEngine
from pysnmp.proto.secmod.rfc3414 import localkey
from pysnmp.smi.error import MibNotFoundError

from probes.snmp.engine import master_key, new_engine
from probes.snmp.usm import AUTH

DIGESTS = {
    "MD5": hashlib.md5,
    "SHA-1": hashlib.sha1,
    "SHA-224": hashlib.sha224,
    "SHA-256": hashlib.sha256,
    "SHA-384": hashlib.sha384,
    "SHA-512": hashlib.sha512,
}


@pytest.mark.parametrize("protocol", AUTH)
@pytest.mark.parametrize("passphrase", [b"maplesyrup", b"x" * 8, b"y" * 64, b"z" * 100])
def test_keys_are_those_of_pysnmp(protocol: str, passphrase: bytes) -> None:
    expected = bytes(localkey.hash_passphrase(passphrase, DIGESTS[protocol]))
    assert master_key(passphrase, protocol) == expected


def test_the_key_of_the_standard() -> None:
    """RFC 3414, A.3.1 and A.3.2."""
    assert master_key(b"maplesyrup", "MD5").hex() == "9faf3283884e92834ebc9847d8edd963"
    assert master_key(b"maplesyrup", "SHA-1").hex() == "9fb5cc0381497b3793528939ff788d5d79145211"


def test_an_engine_knows_the_same_objects_as_pysnmp_s() -> None:
    ours, theirs = new_engine(1472).get_mib_builder(), SnmpEngine().get_mib_builder()
    assert {name: set(found) for name, found in ours.mibSymbols.items()} == {
        name: set(found) for name, found in theirs.mibSymbols.items()
    }


def test_engines_share_no_objects() -> None:
    """Users and keys of one session are not another's."""
    one, other = new_engine(1472), new_engine(484)
    symbol = "__SNMP-FRAMEWORK-MIB", "snmpEngineMaxMessageSize"
    (size,), (other_size,) = (engine.get_mib_builder().import_symbols(*symbol) for engine in (one, other))
    assert (int(size.syntax), int(other_size.syntax)) == (1472, 484)


def test_a_file_that_pysnmp_has_not_is_told() -> None:
    with pytest.raises(MibNotFoundError, match="NO-SUCH-MIB"):
        new_engine(1472).get_mib_builder().load_modules("NO-SUCH-MIB")
