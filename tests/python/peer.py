"""A Diameter node on the PyPI library ``python-diameter``: what HSS and NAF have in common.

The library brings transport, capabilities, watchdog and disconnect. Messages are put together here AVP by AVP: its
classes for Multimedia-Auth carry the grammar of Cx, and it has none for the commands of TS 29.109.
"""

from __future__ import annotations

import datetime
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from diameter.message import Avp, Message, MessageHeader
from diameter.message.avp import AvpGrouped, AvpTime, AvpUtf8String
from diameter.message.commands import all_commands
from diameter.node import Node
from diameter.node.application import ApplicationError, ThreadingApplication
from diameter.node.peer import PEER_READY_STATES

import codes

# Its Multimedia-Auth would put the AVPs of a message in Cx's order, and miss what Zh has not.
all_commands.pop(codes.MULTIMEDIA_AUTH, None)

Handler = Callable[[Message], Message | None]


class Unreachable(Exception):
    """No peer has become ready."""


class Application(ThreadingApplication):  # type: ignore[misc]
    """Every request in a thread of its own, so that one may be answered late."""

    def __init__(self, application_id: int, handler: Handler | None = None) -> None:
        super().__init__(application_id, is_auth_application=True)
        self._handler = handler

    def handle_request(self, message: Message) -> Message | None:
        """An answer, or none at all."""
        return self._handler(message) if self._handler else None


class LeavingNode(Node):  # type: ignore[misc]
    """Tells who has asked to be disconnected."""

    left: Callable[[str], None] = staticmethod(lambda name: None)

    def receive_dpr(self, conn: Any, message: Message) -> None:
        """Before the answer."""
        self.left(conn.node_name)
        super().receive_dpr(conn, message)


class Endpoint:
    """One node with one application."""

    def __init__(self, host: str, realm: str, application: Application) -> None:
        self.host, self.realm, self.application = host, realm, application
        self.node = LeavingNode(host, realm, vendor_ids=[codes.TGPP])
        self.node.wakeup_interval = 1
        # It would hold Zh to the grammar of Cx.
        self.node.validate_received_request_avps = False
        self._peers: list[Any] = []

    def listen(self, address: str) -> str:
        """Takes connections there; the address with the port that it came to."""
        host, _, port = address.rpartition(":")
        listener = socket.create_server((host, int(port)), backlog=128)
        listener.setblocking(False)
        self.node.ip_addresses = [host]
        # The library itself takes port 0 for none.
        self.node.tcp_sockets.append(listener)
        return f"{host}:{listener.getsockname()[1]}"

    def expect(self, names: Iterable[str]) -> None:
        """Peers that may connect; the library refuses all others."""
        self._peers += [self.node.add_peer(f"aaa://{name.lower()}", self.realm) for name in names]

    def connect(self, name: str, realm: str, address: str) -> None:
        """A peer to connect to."""
        host, _, port = address.rpartition(":")
        peer = self.node.add_peer(f"aaa://{name.lower()}:{port}", realm, ip_addresses=[host], is_persistent=True)
        peer.reconnect_wait = 1
        self._peers.append(peer)

    def start(self, *, idle: int | None = None) -> None:
        """Begins. ``idle`` are the seconds of silence after which a watchdog request goes out."""
        for peer in self._peers:
            peer.idle_timeout = idle
        self.node.add_application(self.application, self._peers, [self.realm])
        self.node.start()

    def wait(self, timeout: float = 10) -> None:
        """Until a peer has answered the capabilities, or :class:`Unreachable`."""
        try:
            self.application.wait_for_ready(timeout)
        except ApplicationError as error:
            raise Unreachable(str(error)) from None

    def is_ready(self, timeout: float) -> bool:
        """Whether a peer is, within that time."""
        ready: bool = self.application.is_ready.wait(timeout)
        return ready

    def ask(self, request: Message, timeout: float = 20) -> Message:
        """Sends a request to the peer of its realm."""
        answer: Message = self.application.send_request(request, timeout)
        return answer

    def leave(self, timeout: float = 5) -> None:
        """Takes leave of every peer. The library's threads take their time to end: exit without waiting for them."""
        for connection in list(self.node.connections.values()):
            if connection.state in PEER_READY_STATES:
                self.node.send_dpr(connection)
        until = time.monotonic() + timeout
        while self.node.connections and time.monotonic() < until:
            time.sleep(0.01)


def avp(code: int, value: Any) -> Avp:
    """One of the base protocol, of the type that the library's dictionary has for it."""
    return Avp.new(code, value=value, is_mandatory=True)


def tgpp(code: int, value: Any, *, mandatory: bool = True) -> Avp:
    """One of 3GPP's. Text in an OctetString is UTF-8."""
    made = Avp.new(code, codes.TGPP, is_mandatory=mandatory)
    if isinstance(value, str) and not isinstance(made, AvpUtf8String):
        value = value.encode()
    made.value = value
    return made


def unheard_of(code: int, payload: bytes, vendor: int, *, mandatory: bool = False) -> Avp:
    """One that no dictionary has."""
    made = Avp(code, vendor, payload)
    made.is_mandatory = mandatory
    return made


def vendor_specific(application: int) -> Avp:
    """Vendor-Specific-Application-Id."""
    inside = [avp(codes.VENDOR_ID, codes.TGPP), avp(codes.AUTH_APPLICATION_ID, application)]
    return avp(codes.VENDOR_SPECIFIC_APPLICATION_ID, inside)


def request(endpoint: Endpoint, command: int, avps: Sequence[Avp], *, realm: str, host: str | None = None) -> Message:
    """A request with the AVPs that every one begins with; ``avps`` follow."""
    application = endpoint.application.application_id
    header = MessageHeader(command_code=command, application_id=application)
    header.is_request = header.is_proxyable = True
    head = [
        avp(codes.SESSION_ID, endpoint.node.session_generator.next_id()), vendor_specific(application),
        avp(codes.AUTH_SESSION_STATE, 1), avp(codes.ORIGIN_HOST, endpoint.host.encode()),
        avp(codes.ORIGIN_REALM, endpoint.realm.encode()), avp(codes.DESTINATION_REALM, realm.encode()),
    ]
    if command == codes.BOOTSTRAPPING_INFO:
        # BIR alone has no Auth-Session-State.
        del head[2]
    if host is not None:
        head.append(avp(codes.DESTINATION_HOST, host.encode()))
    message = Message(header, [*head, *avps])
    # Where the library routes it.
    message.destination_realm = realm.encode()
    return message


def answer(asked: Message, avps: Sequence[Avp]) -> Message:
    """An answer with the identifiers, Session-Id and Proxy-Info of its request; ``avps`` are the rest."""
    header = MessageHeader(
        command_code=asked.header.command_code, application_id=asked.header.application_id,
        hop_by_hop_identifier=asked.header.hop_by_hop_identifier,
        end_to_end_identifier=asked.header.end_to_end_identifier,
    )
    header.is_proxyable = asked.header.is_proxyable
    results = [value.value for value in avps if value.code == codes.RESULT_CODE and not value.vendor_id]
    header.is_error = any(3000 <= result < 4000 for result in results)
    proxies = [value for value in asked.avps if value.code == codes.PROXY_INFO and not value.vendor_id]
    return Message(header, [*find(asked.avps, codes.SESSION_ID), *avps, *proxies])


def find(avps: Iterable[Avp], code: int, vendor: int = 0) -> list[Avp]:
    """All of one code, in their order."""
    return [value for value in avps if value.code == code and value.vendor_id == vendor]


def one(avps: Iterable[Avp], code: int, vendor: int = 0) -> Any:
    """The value of the only one of a code; ``None`` if there is none. Raises ``ValueError`` for several."""
    found = find(avps, code, vendor)
    if len(found) > 1:
        raise ValueError(f"AVP {code} came {len(found)} times")
    return found[0].value if found else None


def inside(grouped: Avp) -> list[Avp]:
    """The AVPs of a grouped one."""
    if not isinstance(grouped, AvpGrouped):
        raise ValueError(f"AVP {grouped.code} is not grouped")
    return list(grouped.value)


def moment(value: datetime.datetime | None) -> str | None:
    """A Time in UTC, as text. The library gives local time."""
    return None if value is None else value.astimezone(datetime.UTC).isoformat().replace("+00:00", "Z")


def at(moment: datetime.datetime, code: int, *, mandatory: bool = True) -> Avp:
    """A Time of TS 29.109."""
    made = tgpp(code, moment, mandatory=mandatory)
    if not isinstance(made, AvpTime):
        raise ValueError(f"AVP {code} is not a time")
    return made


def outcome(message: Message) -> tuple[int, int]:
    """Vendor and code: 0 and Result-Code, or those of Experimental-Result."""
    result = one(message.avps, codes.RESULT_CODE)
    experimental = find(message.avps, codes.EXPERIMENTAL_RESULT)
    if (result is None) == (not experimental):
        raise ValueError("an answer has one of Result-Code and Experimental-Result")
    if result is not None:
        return 0, result
    grouped = inside(experimental[0])
    return one(grouped, codes.VENDOR_ID), one(grouped, codes.EXPERIMENTAL_RESULT_CODE)


def experimental_result(code: int) -> Avp:
    """Experimental-Result of 3GPP."""
    return avp(codes.EXPERIMENTAL_RESULT, [avp(codes.VENDOR_ID, codes.TGPP), avp(codes.EXPERIMENTAL_RESULT_CODE, code)])
