"""Connections of a call: each goes through the policy, ends with the call's time, is closed when it is given up.

    with Network(call) as network:
        sock = network.connect("example.org", 25)

A host is looked up once, every address it has is checked (hosts.py), and the connection is made to a checked address:
what the name leads to a moment later does not matter. For HTTP see web.py. The tool's thread; `give_up`: any thread.
"""

from __future__ import annotations

import os
import socket
import ssl
from functools import lru_cache
from queue import Empty, SimpleQueue
from threading import Event, Thread
from time import monotonic, perf_counter
from typing import Any
from weakref import WeakSet

import certifi

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.sandbox.hosts import Address, canonical_host, check_address, check_name, literal

OVER = 0.001  # seconds: what `Call.seconds` says when there are none left


class Network:
    """``seconds``: how long all of it may take, if that is less than the call may; ``spent``: on what they went."""

    def __init__(self, call: Call, seconds: float | None = None) -> None:
        if seconds is not None and not seconds > 0:
            raise ToolError(f"a timeout is a number of seconds above 0, not {seconds:g}", code="invalid_parameters")
        self.policy = call.policy
        self.spent = {"dns": 0.0, "connect": 0.0, "tls": 0.0}
        self._call = call
        self._seconds = seconds
        self._end = None if seconds is None else monotonic() + seconds
        self._sockets: WeakSet[socket.socket] = WeakSet()
        self._lookups: set[SimpleQueue[Any]] = set()
        self._over = Event()
        call.on_cancel(self.give_up)

    def __enter__(self) -> Network:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def give_up(self) -> None:
        """Any thread: whoever waits for a connection of ours is woken, and it is of no use any more."""
        self._over.set()
        for answers in list(self._lookups):
            answers.put(None)
        for sock in list(self._sockets):
            try:
                socket.socket.shutdown(sock, socket.SHUT_RDWR)  # closing would wake nobody
            except OSError:
                pass  # it is closed, or was never connected

    def close(self) -> None:
        self._over.set()
        for sock in list(self._sockets):
            sock.close()

    # Time ---------------------------------------------------------------------------------------------

    def left(self, most: float | None = None) -> float:
        """Seconds that something may take from now on. Raises ToolError (``timeout``, ``cancelled``)."""
        self._call.check()
        if self._over.is_set():
            raise ToolError("the connection was closed", code="cancelled")
        seconds = self._call.seconds()
        if self._end is not None:
            seconds = min(seconds, self._end - monotonic())
        if seconds <= OVER:
            raise self.late("it")
        return seconds if most is None else min(seconds, most)

    def late(self, what: str) -> ToolError:
        if self._seconds is None or self._call.seconds() <= OVER:
            hint = "the call may take; tools.timeout_seconds or tools.timeouts in llmspell.toml allow more"
            return ToolError(f"{what} took longer than {hint}", code="timeout")
        return ToolError(
            f"{what} took longer than {self._seconds:g} s", code="timeout", details={"seconds": self._seconds}
        )

    def wait(self, seconds: float) -> None:
        """Let time pass, unless the call ends before. Raises ToolError then."""
        self._over.wait(min(seconds, self.left()))
        self.left()

    # Hosts and sockets --------------------------------------------------------------------------------

    def addresses(self, host: str, port: int) -> list[str]:
        """The addresses of a host that may be connected to. Raises ToolError: there are none, or none may."""
        name = canonical_host(host)
        if not 0 < port < 65536:
            raise ToolError(f"a port is a number from 1 to 65535, not {port}", code="invalid_parameters")
        check_name(self.policy, name, port)
        allowed: list[str] = []
        refusal: ToolError | None = None
        for address in self._look_up(name):
            try:
                check_address(self.policy, name, address, port)
                allowed.append(str(address))
            except ToolError as error:
                refusal = refusal or error
        if refusal is not None and not allowed:
            raise refusal
        return allowed

    def look_up(self, host: str) -> list[str]:
        """All addresses of a host; none is connected to. Raises ToolError."""
        name = canonical_host(host)
        check_name(self.policy, name, 0)
        return [str(address) for address in self._look_up(name)]

    def connect(self, host: str, port: int) -> socket.socket:
        """A connection that Nagle does not delay; its timeout is what is left of the call's time. Raises ToolError."""
        found = self.addresses(host, port)
        problem: OSError | None = None
        for n, address in enumerate(found):
            try:
                return self._connect(address, port, self.left() / (len(found) - n))
            except OSError as error:
                problem = error
        if isinstance(problem, TimeoutError):
            self.left()  # it says so, if it is the end of the call's time
        raise unreachable(host, port, problem) from problem

    def secure(self, sock: socket.socket, host: str, context: ssl.SSLContext | None = None) -> ssl.SSLSocket:
        """TLS over a connection of ours, with the certificate checked. Raises ToolError."""
        start = perf_counter()
        name = canonical_host(host)
        try:
            sock.settimeout(self.left())
            made = (context or tls_context()).wrap_socket(sock, server_hostname=name)
        except TimeoutError as error:
            raise self.late(f"TLS with {host}") from error
        except (OSError, ValueError) as error:
            self.left()
            raise ToolError(f"TLS with {host}: {_tls_reason(error)}", details={"kind": "tls"}) from error
        self._sockets.add(made)
        self.spent["tls"] += perf_counter() - start
        return made

    def _connect(self, address: str, port: int, seconds: float) -> socket.socket:
        start = perf_counter()
        flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV  # nothing is looked up again
        family, *_, place = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=flags)[0]
        sock = socket.socket(family, socket.SOCK_STREAM)
        self._sockets.add(sock)
        try:
            sock.settimeout(min(seconds, self.left()))  # given up just now? then not at all
            sock.connect(place)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(self.left())
        except BaseException:
            sock.close()
            raise
        self.spent["connect"] += perf_counter() - start
        return sock

    def _look_up(self, name: str) -> list[Address]:
        """On a thread of its own: the resolver of the system knows no limit of time."""
        address = literal(name)
        if address is not None:
            return [address]
        start, answers = perf_counter(), SimpleQueue[Any]()
        self._lookups.add(answers)
        Thread(target=_ask, args=(name, answers), name="llmspell-resolver", daemon=True).start()
        try:
            found = answers.get(timeout=self.left())
        except Empty:
            raise self.late(f"looking up {name}") from None
        finally:
            self._lookups.discard(answers)
        self.spent["dns"] += perf_counter() - start
        if isinstance(found, Exception):
            reason = getattr(found, "strerror", None) or str(found)
            lasting = getattr(found, "errno", None) != socket.EAI_AGAIN  # there is no host of this name
            raise ToolError(
                f"can't look up {name}: {reason.lower()}", details={"kind": "dns", "lasting": lasting}
            ) from found
        self.left()
        return list(dict.fromkeys(one for one in map(literal, found) if one is not None))


def connect(call: Call, host: str, port: int, seconds: float | None = None) -> socket.socket:
    """One connection, for as long as the call lasts."""
    return Network(call, seconds).connect(host, port)


def _ask(name: str, answers: SimpleQueue[Any]) -> None:
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        answers.put([str(place[0]) for *_, place in found])
    except (OSError, UnicodeError) as error:
        answers.put(error)


def unreachable(host: str, port: int, error: OSError | None) -> ToolError:
    reason = "no answer in time" if isinstance(error, TimeoutError) else getattr(error, "strerror", "") or str(error)
    return ToolError(
        f"can't connect to {host}:{port}: {reason.lower()}",
        details={"kind": "connection", "host": host, "port": port},
    )


# TLS --------------------------------------------------------------------------------------------------


def tls_context() -> ssl.SSLContext:
    """Trusts the authorities of the system and of certifi; SSL_CERT_FILE or SSL_CERT_DIR stand for both."""
    return _context(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@lru_cache(4)
def _context(file: str | None, folder: str | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context()
        if not file and not folder:
            context.load_verify_locations(certifi.where())
        elif file:
            context.load_verify_locations(file)
    except OSError as error:
        raise ToolError(f"can't read the certificates of {file or folder or certifi.where()}: {error}") from error
    return context


def _tls_reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not accepted: {error.verify_message}"
    return str(getattr(error, "reason", None) or getattr(error, "strerror", None) or error or "failed").lower()
