"""A socket of the tests' own: a real authenticator, a port that it opens and closes, a router behind it.

``wa`` is the auditor's interface, in the test's namespace; ``sw0`` is the switch's end. hostapd speaks EAPOL on it, and
a port controller puts it into a bridge or takes it out as hostapd's control socket says. Everything ends with the test.
"""

import contextlib
import socket
import subprocess
import threading
import time
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.probes.vlan.network import Namespace, here, own_namespace, sysctl

POINT_MAC = "02:00:00:00:10:01"
SERVER, PASSWORD, USER, TLS_USER = (
    "radius.batiment.example",
    "sésame-Ouvre7toi",
    "auditeur-interne",
    "poste.batiment.example",
)
OUTER = "anonyme"
DAY = timedelta(days=1)


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _issue(subject, issuer=None, usage=None):
    """A key and a certificate; self-signed as an authority without an issuer."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(issuer[1].subject if issuer else _name(subject))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if issuer is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(subject)]), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    return key, builder.sign(issuer[0] if issuer else key, hashes.SHA256())


def make_pki(directory):
    """ca, another authority, server and client, in PEM; the client's key readable by its owner alone."""
    authority, other = _issue("Autorité du bâtiment"), _issue("Autre autorité")
    server = _issue(SERVER, authority, ExtendedKeyUsageOID.SERVER_AUTH)
    client = _issue(TLS_USER, authority, ExtendedKeyUsageOID.CLIENT_AUTH)
    for name, (key, certificate) in {"ca": authority, "other": other, "server": server, "client": client}.items():
        (directory / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        private = directory / f"{name}.key"
        private.touch(mode=0o600)
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
    secret = directory / "password"
    secret.touch(mode=0o600)
    secret.write_text(PASSWORD + "\n", encoding="utf-8")


HOSTAPD = """interface=sw0
driver=wired
logger_stdout=-1
logger_stdout_level=2
ieee8021x=1
use_pae_group_addr=1
ctrl_interface={directory}/hostapd
"""
EAP_SERVER = """eap_server=1
eap_user_file={directory}/users
ca_cert={directory}/ca.pem
server_cert={directory}/server.pem
private_key={directory}/server.key
"""
DEAD_RADIUS = """own_ip_addr=127.0.0.1
auth_server_addr=127.0.0.1
auth_server_port=9
auth_server_shared_secret=essai
"""
USERS = """* {method}
"{user}" MSCHAPV2,TTLS-PAP "{password}" [2]
"""


class Building:
    """One socket. VLAN 30 is the socket's, 40 another, 50 the visitors'; each is a bridge with its own router."""

    def __init__(self, stack, directory, method):
        self.stack, self.directory, self.method, self.opens = stack, directory, method, 30
        self.switch = Namespace(stack)
        self.switch.run(sysctl([f"net/ipv6/conf/{scope}/disable_ipv6" for scope in ("all", "default")], 1))
        self.routers = {}
        here(
            f"link add wa address {POINT_MAC} type veth peer name sw0 netns {self.switch.pid}",
            "link set wa up",
        )
        self.switch.run("ip link set sw0 up")
        for vlan in (30, 40, 50):
            self._vlan(vlan)
        self.controllers = []

    def _vlan(self, vlan):
        router = self.routers[vlan] = Namespace(self.stack)
        self.switch.run(
            f"ip link add br{vlan} type bridge; ip link set br{vlan} up",
            f"ip link add r{vlan} type veth peer name eth0 netns {router.pid}",
            f"ip link set r{vlan} master br{vlan} up",
        )
        router.run("ip link set eth0 up", f"ip addr add 10.0.{vlan}.1/24 dev eth0")
        command = ["nsenter", "-t", str(router.pid), "-n", "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null"]
        command += ["--port=0", "--no-ping", "--bind-dynamic", "--interface=eth0", "--pid-file", "--user=root"]
        command += [f"--dhcp-range=10.0.{vlan}.100,10.0.{vlan}.120,255.255.255.0,2m"]
        command += [f"--dhcp-leasefile={self.directory}/leases{vlan}"]
        self.run_daemon(command)
        wait(lambda: ":67 " in router_sockets(router))

    def run_daemon(self, command):
        """In the foreground until the test ends."""
        log = (self.directory / f"{len(list(self.directory.iterdir()))}.log").open("w+")
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

        def end():
            process.terminate()
            process.wait()
            log.close()

        self.stack.callback(end)
        return process, log

    def authenticator(self, server=EAP_SERVER):
        """Start hostapd and what obeys it; returns its log."""
        methods = {"eap-tls": "TLS", "peap": "PEAP", "ttls": "TTLS"}
        (self.directory / "users").write_text(
            USERS.format(method=methods[self.method], user=USER, password=PASSWORD), encoding="utf-8"
        )
        (self.directory / "hostapd.conf").write_text((HOSTAPD + server).format(directory=self.directory))
        enter = ["nsenter", "-t", str(self.switch.pid), "-n"]
        process, log = self.run_daemon([*enter, "hostapd", str(self.directory / "hostapd.conf")])
        control = self.directory / "hostapd" / "sw0"
        wait(control.exists)
        self._control_port(control)
        return process, log

    def _control_port(self, path):
        """Open and close the port as hostapd says, within milliseconds."""
        events = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        events.bind(str(self.directory / "controller"))
        events.connect(str(path))
        events.send(b"ATTACH")
        assert events.recv(64) == b"OK\n"
        events.settimeout(0.1)
        over = threading.Event()

        def obey():
            while not over.is_set():
                with contextlib.suppress(TimeoutError, ConnectionError):
                    said = events.recv(4096)
                    if b"AP-STA-CONNECTED" in said:
                        self.open_port(self.opens)
                    elif b"AP-STA-DISCONNECTED" in said:
                        self.close_port()

        thread = threading.Thread(target=obey)
        thread.start()

        def end():
            over.set()
            thread.join()
            events.close()

        self.stack.callback(end)

    def open_port(self, vlan):
        self.switch.run(f"ip link set sw0 master br{vlan}")

    def close_port(self):
        self.switch.run("ip link set sw0 nomaster")

    def unplug(self):
        self.switch.run("ip link set sw0 down")


def router_sockets(namespace):
    done = subprocess.run(
        ["nsenter", "-t", str(namespace.pid), "-n", "ss", "-lun"], capture_output=True, text=True, check=True
    )
    return done.stdout


def wait(condition, seconds=5):
    """Until it holds; the daemons of the test take milliseconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "a daemon of the test did not come up"
        time.sleep(0.005)


@contextmanager
def building(directory, method="peap"):
    with own_namespace(), ExitStack() as stack:
        here("link set lo up")
        for scope in ("all", "default"):
            Path(f"/proc/sys/net/ipv6/conf/{scope}/disable_ipv6").write_text("1")
        make_pki(directory)
        yield Building(stack, directory, method)
