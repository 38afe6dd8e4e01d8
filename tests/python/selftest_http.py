"""The HTTP/1.1 of the self-test's servers: strict in what it takes, so that the tables have something to hit."""

from __future__ import annotations

import re
import socketserver
from dataclasses import dataclass, field
from http import HTTPStatus

MAX_HEAD = 65536
MAX_BODY = 262144
MAX_FIELDS = 100
TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
REQUEST_LINE = re.compile(rf"({TOKEN}) ([\x21-\x7e]+) (HTTP/1\.[01])")
FIELD_LINE = re.compile(rf"({TOKEN}):[ \t]*([\t \x21-\x7e\x80-\xff]*?)[ \t]*")
HOST = re.compile(r"([A-Za-z0-9.-]+)(?::[0-9]+)?")


class Refused(Exception):
    """The request is answered with this status and no more."""

    def __init__(self, status: int, *fields: tuple[str, str]) -> None:
        super().__init__(status)
        self.answer = Answer(status, list(fields))


@dataclass(frozen=True)
class Request:
    """A request whose HTTP is in order."""

    method: str
    target: str
    version: str
    headers: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        """The values of every field line of this name."""
        return [value for key, value in self.headers if key.lower() == name]

    @property
    def ends_connection(self) -> bool:
        """Whether nothing more comes on this connection."""
        return self.version == "HTTP/1.0" or "close" in ",".join(self.all("connection")).lower()


@dataclass
class Answer:
    """Status, fields and body."""

    status: int
    fields: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def octets(self, *, head_only: bool, closes: bool) -> bytes:
        """On the wire."""
        fields = [*self.fields, ("Content-Length", str(len(self.body)))]
        if closes:
            fields.append(("Connection", "close"))
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in fields]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + (b"" if head_only else self.body)


class Handler(socketserver.StreamRequestHandler):
    """Reads requests until one is broken or says that it is the last."""

    def answer(self, request: Request) -> Answer:
        """What a server makes of it."""
        raise NotImplementedError

    def handle(self) -> None:
        """One connection."""
        ends = False
        while not ends:
            request = None
            try:
                request = self._read()
                if request is None:
                    return
                answer, ends = self.answer(request), request.ends_connection
            except Refused as refused:
                answer, ends = refused.answer, request is None
            except ConnectionError:
                return
            head_only = request is not None and request.method == "HEAD"
            self.wfile.write(answer.octets(head_only=head_only, closes=ends))

    def _read(self) -> Request | None:
        line = self.rfile.readline(MAX_HEAD)
        if line == b"\r\n":
            line = self.rfile.readline(MAX_HEAD)
        if not line:
            return None
        first = REQUEST_LINE.fullmatch(self._text(line))
        if first is None:
            raise Refused(400)
        headers = self._read_headers()
        host = [value for name, value in headers if name.lower() == "host"]
        if len(host) != 1 or not HOST.fullmatch(host[0]):
            raise Refused(400)
        return Request(first[1], first[2], first[3], headers, self._read_body(headers))

    def _read_headers(self) -> list[tuple[str, str]]:
        headers: list[tuple[str, str]] = []
        size = 0
        while line := self._text(self.rfile.readline(MAX_HEAD)):
            match = FIELD_LINE.fullmatch(line)
            size += len(line)
            if size > MAX_HEAD or len(headers) == MAX_FIELDS:
                raise Refused(431)
            if match is None:
                raise Refused(400)
            headers.append((match[1], match[2]))
        return headers

    def _read_body(self, headers: list[tuple[str, str]]) -> bytes:
        lengths = {value for name, value in headers if name.lower() == "content-length"}
        if any(name.lower() == "transfer-encoding" for name, _ in headers) or len(lengths) > 1:
            raise Refused(400)
        length = lengths.pop() if lengths else "0"
        if not re.fullmatch("[0-9]{1,12}", length):
            raise Refused(400)
        if int(length) > MAX_BODY:
            raise Refused(413)
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise Refused(400)
        return body

    @staticmethod
    def _text(line: bytes) -> str:
        if len(line) == MAX_HEAD:
            raise Refused(431)
        if not line.endswith(b"\r\n"):
            raise Refused(400)
        return line[:-2].decode("latin-1")


class Server(socketserver.ThreadingTCPServer):
    """On a free port of loopback."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, handler: type[Handler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)

    @property
    def address(self) -> str:
        """``host:port``."""
        return f"127.0.0.1:{self.server_address[1]}"
