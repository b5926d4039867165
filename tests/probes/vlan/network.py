"""A small network of the tests' own: two VLANs as plain bridges, a filtering router, a target, two points.

Everything lives in network namespaces that end with the test. The points' interfaces are in the test's own namespace,
as an auditor's laptop has them.
"""

import ctypes
import os
import socket
import subprocess
from contextlib import ExitStack, contextmanager
from pathlib import Path

CLONE_NEWNET = 0x40000000
TARGET = {4: "10.0.20.10", 6: "fd00:20::10"}
POINT_MAC = "02:00:00:00:30:50"


def _call(name, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), name)


@contextmanager
def own_namespace():
    """Live in a new network namespace, and leave it."""
    before = os.open("/proc/self/ns/net", os.O_RDONLY)
    _call("unshare", CLONE_NEWNET)
    try:
        yield
    finally:
        _call("setns", before, CLONE_NEWNET)
        os.close(before)


class Namespace:
    """A namespace held by a process that ends with its standard input, hence with the test."""

    def __init__(self, stack):
        self.holder = subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        stack.callback(self.close)
        self.holder.stdin.write(b".")
        self.holder.stdin.flush()
        assert self.holder.stdout.read(1) == b"."  # cat runs, hence the namespace is there
        self.pid = self.holder.pid
        self.run(sysctl(["net/ipv6/conf/all/accept_dad", "net/ipv6/conf/default/accept_dad"], 0), "ip link set lo up")

    def close(self):
        self.holder.stdin.close()
        self.holder.wait()
        self.holder.stdout.close()

    def run(self, *lines, text=None):
        for line in lines:
            command = ["nsenter", "-t", str(self.pid), "-n", "sh", "-c", line]
            done = subprocess.run(command, check=False, input=text, text=True, capture_output=True)
            assert done.returncode == 0, f"{line}: {done.stderr}"

    def output(self, line):
        command = ["nsenter", "-t", str(self.pid), "-n", "sh", "-c", line]
        return subprocess.run(command, check=True, text=True, capture_output=True).stdout

    @contextmanager
    def inside(self):
        before = os.open("/proc/self/ns/net", os.O_RDONLY)
        there = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY)
        _call("setns", there, CLONE_NEWNET)
        try:
            yield
        finally:
            _call("setns", before, CLONE_NEWNET)
            os.close(before)
            os.close(there)


def sysctl(names, value):
    return "; ".join(f"echo {value} > /proc/sys/{name}" for name in names)


def here(*lines):
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines), text=True, check=True, capture_output=True)


class Network:
    """``policy``: the router's rule for what comes from VLAN 30 for VLAN 20, in nftables' words."""

    def __init__(self, stack, policy):
        self.switch, self.router, self.target = (Namespace(stack) for _ in range(3))
        switch = self.switch.pid
        for vlan in (20, 30):
            self.switch.run(f"ip link add br{vlan} type bridge; ip link set br{vlan} up")
            self._plug(self.router, f"r{vlan}", vlan, [f"10.0.{vlan}.1/24", f"fd00:{vlan}::1/64"])
        self._plug(self.target, "eth0", 20, [f"{TARGET[4]}/24", f"{TARGET[6]}/64"])
        self.target.run("ip route add default via 10.0.20.1; ip -6 route add default via fd00:20::1")
        self.router.run(sysctl(["net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"], 1))
        self.policy(policy)
        for name in ("all", "default"):
            Path(f"/proc/sys/net/ipv6/conf/{name}/accept_dad").write_text("0")
            Path(f"/proc/sys/net/ipv4/conf/{name}/arp_ignore").write_text("1")
            Path(f"/proc/sys/net/ipv4/conf/{name}/rp_filter").write_text("0")
        for vlan in (20, 30):
            here(
                f"link add p{vlan} address 02:00:00:00:{vlan}:50 type veth peer name s{vlan} netns {switch}",
                f"link set p{vlan} up",
                f"addr add 10.0.{vlan}.50/24 dev p{vlan}",
                f"addr add fd00:{vlan}::50/64 dev p{vlan}",
            )
            self.switch.run(f"ip link set s{vlan} master br{vlan} up")
        self.servers = [self._listen(version, 443) for version in (4, 6)]
        for server in self.servers:
            stack.callback(server.close)

    def _plug(self, namespace, name, vlan, addresses):
        peer = f"x{name}{vlan}"
        self.switch.run(
            f"ip link add {peer} type veth peer name {name} netns {namespace.pid}; ip link set {peer} master br{vlan} up"
        )
        namespace.run(
            f"ip link set {name} up",
            *(f"ip addr add {address} dev {name} nodad" for address in addresses if ":" in address),
        )
        namespace.run(*(f"ip addr add {address} dev {name}" for address in addresses if ":" not in address))

    def _listen(self, version, port):
        family = socket.AF_INET if version == 4 else socket.AF_INET6
        with self.target.inside():
            server = socket.socket(family)
        if version == 6:
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        server.bind((TARGET[version], port))
        server.listen(64)
        return server

    def policy(self, rule):
        """Replace what the router does with VLAN 30's traffic for VLAN 20."""
        text = f"""table inet t
delete table inet t
table inet t {{
  chain forward {{
    type filter hook forward priority 0;
    iifname "r30" oifname "r20" {rule}
  }}
}}
"""
        self.router.run("nft -f -", text=text)

    def target_off(self):
        self.target.run("ip link set eth0 down")

    def unplug_point(self):
        self.switch.run("ip link set s30 down")

    def plug_point(self):
        self.switch.run("ip link set s30 up")


@contextmanager
def network(policy):
    with own_namespace(), ExitStack() as stack:
        here("link set lo up")
        yield Network(stack, policy)
