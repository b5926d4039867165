"""A VLAN of the tests' own: a bridge, a router, a device, somebody who does not belong there, and the point."""

import socket
import subprocess
import threading
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.probes.ipv6.frames import POINT_MAC, ROUGE_MAC, ROUTER_MAC
from tests.probes.vlan.network import Namespace, here, own_namespace, sysctl

DEVICE_MAC = "02:00:00:00:30:65"
ETH_P_ALL = 3


class Link:
    """``six``: whether the router and the device have IPv6 addresses; the point only gets what it forms itself."""

    def __init__(self, stack, *, six=True, dad=False):
        self.stack = stack
        self.switch, self.router, self.device, self.stranger = (Namespace(stack) for _ in range(4))
        self.switch.run("ip link add br0 type bridge mcast_snooping 0; ip link set br0 up")
        self._plug(self.router, "r30", ROUTER_MAC, ["10.0.30.1/24", *(["fe80::1/64", "fd00:30::1/64"] if six else [])])
        self._plug(self.device, "eth0", DEVICE_MAC, ["10.0.30.101/24", *(["fd00:30::101/64"] if six else [])])
        self._plug(self.stranger, "eth0", ROUGE_MAC, [])
        for scope in ("all", "default"):
            Path(f"/proc/sys/net/ipv6/conf/{scope}/accept_dad").write_text("1" if dad else "0")
            Path(f"/proc/sys/net/ipv6/conf/{scope}/router_solicitations").write_text("0")
        here(
            f"link add p30 address {POINT_MAC} type veth peer name s30 netns {self.switch.pid}",
            "link set p30 up",
            "addr add 10.0.30.50/24 dev p30",
        )
        self.switch.run("ip link set s30 master br0 up")

    def _plug(self, namespace, name, mac, addresses):
        peer = f"x{namespace.pid}"
        self.switch.run(
            f"ip link add {peer} type veth peer name {name} address {mac} netns {namespace.pid};"
            f" ip link set {peer} master br0 up"
        )
        if not any(":" in a for a in addresses):
            namespace.run(sysctl([f"net/ipv6/conf/{name}/disable_ipv6"], 1))
        namespace.run(f"ip link set {name} up")
        for address in addresses:
            namespace.run(f"ip addr add {address} dev {name}" + (" nodad" if ":" in address else ""))

    def radvd(self, directory, options="prefix fd00:30::/64 { AdvValidLifetime 86400; };"):
        """The real daemon on the router, once it answers."""
        configuration = directory / "radvd.conf"
        configuration.write_text(
            f"interface r30 {{ AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; {options} }};"
        )
        configuration.chmod(0o644)
        self.router.run(sysctl(["net/ipv6/conf/all/forwarding"], 1))
        enter = ["nsenter", "-t", str(self.router.pid), "-n", "radvd", "-n", "-m", "stderr"]
        daemon = subprocess.Popen(
            [*enter, "-C", str(configuration), "-p", str(directory / "radvd.pid")], stderr=subprocess.PIPE
        )

        def end():
            daemon.terminate()
            daemon.wait()
            daemon.stderr.close()

        self.stack.callback(end)

    def speaker(self, namespace, name):
        """A raw socket on somebody's interface."""
        with namespace.inside():
            raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        raw.bind((name, ETH_P_ALL))
        raw.settimeout(0.05)
        self.stack.callback(raw.close)
        return raw

    def unplug_point(self):
        self.switch.run("ip link set s30 down")

    def plug_point(self):
        self.switch.run("ip link set s30 up")


class Script:
    """Sends frames ``delay`` seconds after each router solicitation that it hears; ends with the context."""

    def __init__(self, raw, frames, delay=0.0):
        self.raw, self.frames, self.delay = raw, frames, delay
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def _run(self):
        while not self.over.is_set():
            try:
                data, address = self.raw.recvfrom(2048)
            except TimeoutError:
                continue
            if address[2] != socket.PACKET_OUTGOING and data[12:14] == b"\x86\xdd" and data[54] == 133:
                time.sleep(self.delay)
                for frame in self.frames:
                    self.raw.send(frame)


@contextmanager
def link(**how):
    with own_namespace(), ExitStack() as stack:
        here("link set lo up")
        yield Link(stack, **how)
