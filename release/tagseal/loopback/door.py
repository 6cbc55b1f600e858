"""The door: a forward proxy on 127.0.0.1 behind which production names lead to stand-ins.

1. A client asks ``CONNECT name:443`` with the password of this run; otherwise 407 (RFC 9110 section 11.7).
2. A name that is not played gets 403, and so does everything that is not CONNECT. Nothing is ever passed on.
3. The door ends TLS with a certificate for that name, from an authority that lives in this process's memory.
4. The bytes are relayed to the server; :class:`Hosts` there knows which name the connection was opened for.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import secrets
import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from weakref import WeakSet

import trustme
from werkzeug.wrappers import Response

from tagseal.errors import UsageError
from tagseal.loopback.head import Head

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from tagseal.loopback.transcript import Transcript

USER = "tagseal"

_BLOCK = 1 << 17
_UNKNOWN = 407
"""Status for who does not know this run's password."""
_PATIENCE = 10.0
"""Seconds for a client to say what it wants, and for the TLS handshake."""


class Hosts:
    """Which application plays which name, and for which name each relayed connection was opened.

    A request counts only if it came through the door, and if its Host header is the name that the client
    checked the certificate of.
    """

    def __init__(self, applications: Mapping[str, WSGIApplication], *, direct: WSGIApplication | None = None) -> None:
        """Keep the table of names; ``direct`` answers, under its own address, who does not use the door."""
        self._applications = applications
        self._direct = direct
        self._leases: dict[tuple[str, int], str] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._applications

    @contextmanager
    def lease(self, source: tuple[str, int], name: str) -> Iterator[None]:
        """Let the connection that comes from this address and port ask for ``name`` only."""
        self._leases[source] = name
        try:
            yield
        finally:
            del self._leases[source]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Play one request."""
        name = self._leases.get((environ["REMOTE_ADDR"], int(environ["REMOTE_PORT"])))
        asked = environ.get("HTTP_HOST", "").removesuffix(":443")
        if name is None:
            environ["tagseal.stranger"] = True
            environ["tagseal.last"]()
        if self._direct and name is None and asked == f"127.0.0.1:{environ['SERVER_PORT']}":
            return self._direct(environ, start_response)
        if name is None or asked != name:
            refusal = Response(f"421: got Host {asked}, expected {name or 'to be asked through the door'}\n", 421)
            return refusal(environ, start_response)
        environ.update({"wsgi.url_scheme": "https", "SERVER_NAME": name, "SERVER_PORT": "443", "HTTP_HOST": name})
        return self._applications[name](environ, start_response)


class _Inner(asyncio.StreamReaderProtocol):
    """The stream inside TLS; a client may leave before this protocol learns that it is one."""

    def eof_received(self) -> bool:
        """Take the end; TLS has no half-open connection."""
        super().eof_received()
        return False


class Door:
    """Listen on 127.0.0.1 in a thread of its own, until closed."""

    def __init__(self, hosts: Hosts, server: tuple[str, int], transcript: Transcript, *, port: int = 0) -> None:
        """Bind the port, 0 for a free one, make the authority, and start.

        Raises:
            UsageError: The port is taken.
        """
        self._hosts = hosts
        self._server = server
        self._transcript = transcript
        self._authority = trustme.CA(organization_name="tagseal loopback, good for one run")
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._password = secrets.token_urlsafe(24)
        self._socket = _bind(port)
        self.port: int = self._socket.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._tasks: set[object] = set()
        self._transports: WeakSet[asyncio.WriteTransport] = WeakSet()
        self._thread = threading.Thread(target=self._run, name="loopback door", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """What HTTPS_PROXY is set to; it holds the password."""
        return f"http://{USER}:{self._password}@127.0.0.1:{self.port}"

    @property
    def authority(self) -> bytes:
        """The authority's certificate, PEM."""
        return self._authority.cert_pem.bytes()

    def close(self) -> None:
        """Cut every connection and wait for the thread."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connected, sock=self._socket)
        await self._stop.wait()
        server.close()
        # One that says goodbye to a client belongs to no task any more, and would outlive the loop.
        for transport in list(self._transports):
            with suppress(AttributeError):  # asyncio takes the loop away from a transport that is over
                transport.abort()
        await asyncio.sleep(0)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The loop refers to tasks weakly, and nothing refers to the first protocol once TLS has begun.
        # asyncio does this only where the protocol number is spelled out; without it an answer waits 40 ms.
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._transports.add(writer.transport)
        gone = suppress(OSError, EOFError, ValueError, asyncio.LimitOverrunError, asyncio.CancelledError)
        with self._keep_open(asyncio.current_task()), gone, _closing(writer):
            async with asyncio.timeout(_PATIENCE):
                request = Head.parse(await reader.readuntil(b"\r\n\r\n"))
            if refusal := self._refusal(request):
                writer.write(refusal)
                return
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            inner = await self._end_tls(request.name, writer)
            if inner is None:
                return
            with _closing(inner[1]):
                await self._relay(request.name, *inner)

    @contextmanager
    def _keep_open(self, task: object) -> Iterator[None]:
        self._tasks.add(task)
        try:
            yield
        finally:
            self._tasks.remove(task)

    def _refusal(self, request: Head) -> bytes | None:
        """Return the answer to a request that is not let in, and write it down."""
        expected = b"Basic " + base64.b64encode(f"{USER}:{self._password}".encode())
        if not hmac.compare_digest(request.authorization, expected):
            status, text, refused = _UNKNOWN, "the password of this run is missing", False
        elif not request.opens or request.name not in self._hosts:
            status, text, refused = 403, f"{request.name or 'an address without a name'} is not played here", True
        else:
            return None
        self._note(request.name, request.method, status=status, note=text, refused=refused)
        challenge = 'Proxy-Authenticate: Basic realm="tagseal"\r\n' if status == _UNKNOWN else ""
        body = f"tagseal loopback: {text}\n".encode()
        reason = {403: "Forbidden", _UNKNOWN: "Proxy Authentication Required"}[status]
        return (
            f"HTTP/1.1 {status} {reason}\r\n{challenge}Content-Type: text/plain\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        ).encode() + body

    async def _end_tls(
        self, name: str, writer: asyncio.StreamWriter
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """Shake hands as ``name``; a client that does not trust the authority breaks off here."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(_BLOCK)
        protocol = _Inner(reader)
        try:
            transport = await loop.start_tls(
                writer.transport,
                protocol,
                self._context(name),
                server_side=True,
                ssl_handshake_timeout=_PATIENCE,
                ssl_shutdown_timeout=1,
            )
        except OSError as error:
            reason = getattr(error, "reason", None) or type(error).__name__
            self._note(name, "CONNECT", status=0, note=f"TLS broken off: {reason}")
            return None
        if transport is None:  # the client left at that moment
            return None
        protocol.connection_made(transport)
        return reader, asyncio.StreamWriter(transport, protocol, reader, loop)

    def _context(self, name: str) -> ssl.SSLContext:
        if name not in self._contexts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.set_alpn_protocols(["http/1.1"])
            self._authority.issue_cert(name).configure_cert(context)
            self._contexts[name] = context
        return self._contexts[name]

    async def _relay(self, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass bytes both ways until either side ends."""
        inner_reader, inner_writer = await asyncio.open_connection(*self._server, limit=_BLOCK)
        self._transports.add(inner_writer.transport)
        source = inner_writer.get_extra_info("sockname")
        with _closing(inner_writer), self._hosts.lease(source, name):
            ways = [
                asyncio.create_task(_pump(reader, inner_writer)),
                asyncio.create_task(_pump(inner_reader, writer)),
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)

    def _note(self, host: str, method: str, *, status: int, note: str, refused: bool = False) -> None:
        self._transcript.record(
            at=self._transcript.clock(),
            host=host,
            method=method,
            path="",
            status=status,
            note=note,
            refused=refused,
            stranger=status == _UNKNOWN,
        )


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while block := await reader.read(_BLOCK):
        writer.write(block)
        await writer.drain()


@contextmanager
def _closing(writer: asyncio.StreamWriter) -> Iterator[None]:
    """Send what is written and close; cut the connection when this task is cancelled."""
    try:
        yield
    except asyncio.CancelledError:
        writer.transport.abort()
        raise
    finally:
        writer.close()


def _bind(port: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise UsageError(
            f"got port {port} of 127.0.0.1 for the loopback, expected a free one: {error.strerror}",
            hint="Leave the port out, or name another.",
            slug="port-taken",
        ) from error
