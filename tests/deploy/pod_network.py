"""A network for the pods of a test: a bridge, and for each pod a network namespace with an address of its own.

So every container listens where the chart says, on all addresses and on the chart's own ports, and reaches itself on
its own loopback; nothing of it is open to another machine. Needs root and iproute2.
"""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_BLOCK = 64 * 1024


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 0, f"ip {' '.join(words)} ended with {done.returncode}: {done.stderr}"


@dataclass
class PodNetwork:
    """Addresses of one test run; this machine itself is `gateway`."""

    third: int
    bridge: str
    used: list[str] = field(default_factory=list)

    @property
    def gateway(self) -> str:
        """Return this machine's address for the pods."""
        return f"10.213.{self.third}.1"

    @property
    def network(self) -> str:
        """Return the network of the pods."""
        return f"10.213.{self.third}.0/24"

    def address(self, number: int) -> str:
        """Return the address of the pod with this number, which starts at 2."""
        return f"10.213.{self.third}.{number}"

    def add(self, number: int) -> str:
        """Make the namespace of a pod; returns podman's name for it."""
        name = f"{self.bridge}-{number}"
        _ip("netns", "add", name)
        self.used.append(name)
        outer = f"{self.bridge}v{number}"
        _ip("link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("link", "set", outer, "master", self.bridge, "up")
        _ip("-n", name, "address", "add", f"{self.address(number)}/24", "dev", "eth0")
        _ip("-n", name, "link", "set", "eth0", "up")
        _ip("-n", name, "link", "set", "lo", "up")
        return f"ns:/run/netns/{name}"


@contextmanager
def pod_network() -> Iterator[PodNetwork]:
    """Make a bridge until the block ends."""
    third = os.getpid() % 200 + 20  # test runs beside each other do not meet
    network = PodNetwork(third, f"wv{third}")
    _ip("link", "add", network.bridge, "type", "bridge")
    try:
        _ip("address", "add", f"{network.gateway}/24", "dev", network.bridge)
        _ip("link", "set", network.bridge, "up")
        yield network
    finally:
        for name in network.used:
            subprocess.run(["ip", "netns", "del", name], check=False, timeout=20)
        subprocess.run(["ip", "link", "del", network.bridge], check=False, timeout=20)


@contextmanager
def relay(address: str, port: int, to_port: int) -> Iterator[None]:
    """Pass connections to ``address:port`` on to a server that listens on this machine's loopback alone."""
    listener = socket.create_server((address, port))

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while block := source.recv(_BLOCK):
                sink.sendall(block)
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def serve(client: socket.socket) -> None:
        with client, suppress(OSError), socket.create_connection(("127.0.0.1", to_port)) as server:
            back = threading.Thread(target=pump, args=(server, client), daemon=True)
            back.start()
            pump(client, server)
            back.join()

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=serve, args=(client,), daemon=True).start()

    thread = threading.Thread(target=accept, name="relay", daemon=True)
    thread.start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
