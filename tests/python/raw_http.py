"""HTTP/1.1 over a plain socket: requests leave exactly as given, answers are read strictly (RFC 9112).

A library would repair what a test wants broken, and overlook in an answer what a witness must see.
"""

from __future__ import annotations

import re
import select
import socket
from dataclasses import dataclass
from types import TracebackType

STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2}) [\t \x21-\x7e\x80-\xff]*")
FIELD_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t \x21-\x7e\x80-\xff]*)")
MAX_HEAD = 64 * 1024


class ConnectionEnded(Exception):
    """The peer closed or reset before an answer began."""


class BadAnswer(Exception):
    """What came is not an answer of HTTP/1.1."""


@dataclass(frozen=True)
class Response:
    """An answer as it came."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def all(self, name: str) -> list[str]:
        """The values of every field line of this name."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name: str) -> str | None:
        """The value of the only field line of this name."""
        values = self.all(name)
        if len(values) > 1:
            raise BadAnswer(f"{name} stands {len(values)} times in the answer")
        return values[0] if values else None

    @property
    def ends_connection(self) -> bool:
        """Whether the peer said that it closes."""
        return "close" in ",".join(self.all("connection")).lower()


class Connection:
    """One TCP connection to ``host:port``; ``timeout`` seconds for every single wait."""

    def __init__(self, address: str, timeout: float = 10.0) -> None:
        host, _, port = address.rpartition(":")
        self._socket = socket.create_connection((host.strip("[]"), int(port)), timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends it."""
        self._socket.close()

    def is_closed_by_peer(self) -> bool:
        """Whether an end waits to be read where no answer is due."""
        readable, _, _ = select.select([self._socket], [], [], 0)
        try:
            return bool(readable) and self._socket.recv(1, socket.MSG_PEEK) == b""
        except OSError:
            return True

    def wait_for_answer(self) -> None:
        """Returns when the first octets of an answer are there, and leaves them."""
        try:
            if not self._socket.recv(1, socket.MSG_PEEK):
                raise ConnectionEnded
        except ConnectionError as error:
            raise ConnectionEnded from error

    def send(self, octets: bytes, *, half_close: bool = False) -> None:
        """Sends; with ``half_close`` says that no more follows. A peer that stops listening is not an error yet."""
        try:
            self._socket.sendall(octets)
            if half_close:
                self._socket.shutdown(socket.SHUT_WR)
        except TimeoutError:
            raise
        except OSError:
            return  # what it answered before may still be read

    def exchange(self, octets: bytes, *, half_close: bool = False) -> Response:
        """One request, one answer."""
        self.send(octets, half_close=half_close)
        return self.read(head_only=octets.startswith(b"HEAD "))

    def read(self, *, head_only: bool = False) -> Response:
        """The next answer that is not an interim one."""
        while True:
            response = self._read_one(head_only)
            if response.status >= 200:
                return response

    def _read_one(self, head_only: bool) -> Response:
        while b"\r\n\r\n" not in self._buffer:
            if len(self._buffer) > MAX_HEAD:
                raise BadAnswer("the head has no end")
            self._fill()
        head, self._buffer = self._buffer.split(b"\r\n\r\n", 1)
        lines = head.split(b"\r\n")
        status = STATUS_LINE.fullmatch(lines[0])
        if status is None:
            raise BadAnswer(f"status line {lines[0]!r}")
        fields = []
        for line in lines[1:]:
            match = FIELD_LINE.fullmatch(line)
            if match is None:
                raise BadAnswer(f"field line {line!r}")
            fields.append((match[1].decode("latin-1"), match[2].decode("latin-1").rstrip(" \t")))
        response = Response(int(status[1]), tuple(fields), b"")
        if head_only or response.status < 200 or response.status in (204, 304):
            return response
        return Response(response.status, response.headers, self._read_body(response))

    def _read_body(self, response: Response) -> bytes:
        coding, length = response.header("transfer-encoding"), response.header("content-length")
        if coding is not None:
            if coding.lower() != "chunked" or length is not None:
                raise BadAnswer(f"Transfer-Encoding {coding}, Content-Length {length}")
            return self._read_chunks()
        if length is not None:
            if not re.fullmatch("[0-9]+", length):
                raise BadAnswer(f"Content-Length {length}")
            return self._take(int(length))
        try:
            while True:
                self._fill()
        except ConnectionEnded:
            body, self._buffer = self._buffer, b""
            return body

    def _read_chunks(self) -> bytes:
        body = b""
        while size := int(self._line().split(b";")[0], 16):
            body += self._take(size)
            if self._take(2) != b"\r\n":
                raise BadAnswer("a chunk is longer than it says")
        while self._line():
            pass
        return body

    def _line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            self._fill()
        line, self._buffer = self._buffer.split(b"\r\n", 1)
        return line

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            try:
                self._fill()
            except ConnectionEnded as error:
                raise BadAnswer("the body is shorter than its length says") from error
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def _fill(self) -> None:
        try:
            octets = self._socket.recv(65536)
        except ConnectionError as error:
            raise ConnectionEnded("reset") from error
        if not octets:
            raise ConnectionEnded("closed")
        self._buffer += octets
