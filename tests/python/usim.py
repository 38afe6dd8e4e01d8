"""An independent tool for the card in a PC/SC reader; prints one JSON object.

It prints keys and moves the card's sequence number: for lab cards only. Exit status: 0 done; 1 the card refused the
command; 2 usage; 3 no reader or card; 4 authentication failed (MAC or synchronisation).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from uicc import CONTEXT_3G, CONTEXT_GBA, EF_ICCID, GBANL, MF, BadData, StatusWord, Uicc, bcd, lv, services, tlvs

EF_IMSI, EF_UST, EF_AD = 0x6F07, 0x6F38, 0x6FAD
EF_IMPI, EF_DOMAIN, EF_IMPU, EF_IST = 0x6F02, 0x6F03, 0x6F04, 0x6F07
GBA_SERVICE = {"usim": 68, "isim": 2}
MAC_FAILURE = 0x9862
T = TypeVar("T")


def main(arguments: Sequence[str] | None = None, connect: Callable[[str], Uicc] | None = None) -> int:
    """Runs it. ``connect`` opens the reader of that number or name."""
    options = parse(arguments)
    try:
        card = (connect or connect_pcsc)(options.reader)
    except LookupError as error:
        return say({"result": "no-card", "error": str(error)}, 3)
    try:
        return say(run(card, options), 0)
    except AuthenticationFailed as failed:
        return say(failed.report, 4)
    except StatusWord as no:
        return say({"result": "refused", "sw": f"{no.sw:04x}"}, 1)
    except BadData as error:
        return say({"result": "bad-data", "error": str(error)}, 1)


class AuthenticationFailed(Exception):
    """With what the card said."""

    def __init__(self, report: dict[str, Any]) -> None:
        super().__init__(report["result"])
        self.report = report


def run(card: Uicc, options: argparse.Namespace) -> dict[str, Any]:
    """One command, in the application that it is for."""
    if options.command == "info":
        return info(card, options)
    aid = select(card, options)
    report: dict[str, Any] = {"result": "ok", "application": options.app, "aid": aid.hex()}
    if options.command == "bp":
        card.write_bootstrapping_parameters(options.app, options.b_tid.encode(), options.lifetime.encode())
        return report
    if options.command == "naf":
        answer = authenticate(card, CONTEXT_GBA, b"\xde" + lv(options.naf_id, options.impi.encode()))
        return report | {"ks_ext_naf": answer[0].hex(), "values": len(answer)}
    challenge = lv(options.rand, options.autn)
    if options.command == "gba":
        answer = authenticate(card, CONTEXT_GBA, b"\xdd" + challenge)
        return report | {"res": answer[0].hex(), "values": len(answer)}
    answer = authenticate(card, CONTEXT_3G, challenge)
    return report | {name: value.hex() for name, value in zip(("res", "ck", "ik", "kc"), answer, strict=False)}


def authenticate(card: Uicc, context: int, data: bytes) -> list[bytes]:
    """The values of a success."""
    try:
        tag, values = card.authenticate(context, data)
    except StatusWord as no:
        if no.sw == MAC_FAILURE:
            raise AuthenticationFailed({"result": "mac-failure", "sw": f"{no.sw:04x}"}) from None
        raise
    if tag == 0xDC and len(values) == 1:
        raise AuthenticationFailed({"result": "sync-failure", "auts": values[0].hex()})
    if tag != 0xDB or not values:
        raise BadData(f"tag {tag:02x} with {len(values)} values")
    return values


def info(card: Uicc, options: argparse.Namespace) -> dict[str, Any]:
    """Identity, services and the GBA files."""
    aids = card.aids()
    card.select(MF)
    report: dict[str, Any] = {"result": "ok", "iccid": bcd(card.binary(EF_ICCID)), "aids": [aid.hex() for aid in aids]}
    report |= {"application": options.app, "aid": select(card, options).hex()}
    if options.app == "usim":
        imsi, ad = card.binary(EF_IMSI), card.binary(EF_AD)
        report |= {"imsi": bcd(imsi[1 : 1 + imsi[0]])[1:], "ad": ad.hex()}
        report["mnc_digits"] = ad[3] & 15 if len(ad) > 3 else None
    else:
        report |= {
            "impi": tlvs(card.binary(EF_IMPI)).get(0x80, b"").decode(),
            "domain": tlvs(card.binary(EF_DOMAIN)).get(0x80, b"").decode(),
            "impu": [value.decode() for record in card.records(EF_IMPU) if (value := tlvs(record).get(0x80))],
        }
    table = services(card.binary(EF_UST if options.app == "usim" else EF_IST))
    report |= {"services": table, "gba_service": GBA_SERVICE[options.app] in table}
    stored = optional(lambda: card.bootstrapping_parameters(options.app))
    report["gbabp"] = stored and {
        "rand": stored.get("rand", b"").hex(), "b_tid": stored.get("b_tid", b"").decode(),
        "lifetime": stored.get("lifetime", b"").decode(),
    }
    entries = [tlvs(record) for record in optional(lambda: card.records(GBANL[options.app])) or []]
    report["gbanl"] = [
        {"naf_id": entry.get(0x80, b"").hex(), "b_tid": entry.get(0x81, b"").decode()} for entry in entries if entry
    ]
    return report


def optional(read: Callable[[], T]) -> T | None:
    """None where the card lacks the file."""
    try:
        return read()
    except StatusWord as no:
        if no.sw == 0x6A82:
            return None
        raise


def select(card: Uicc, options: argparse.Namespace) -> bytes:
    """The application, and its PIN if one was given."""
    aid = card.select_application(options.app)
    if options.pin is not None:
        card.verify(options.pin_reference, options.pin)
    return aid


def connect_pcsc(reader: str) -> Uicc:
    """A reader by its number or a part of its name; the card keeps its power when this process ends."""
    # Only here, so that everything else works where no PC/SC is installed.
    from smartcard.CardConnection import CardConnection  # noqa: PLC0415
    from smartcard.Exceptions import CardConnectionException, NoCardException  # noqa: PLC0415
    from smartcard.pcsc.PCSCExceptions import EstablishContextException  # noqa: PLC0415
    from smartcard.scard import SCARD_LEAVE_CARD, SCARD_SHARE_EXCLUSIVE  # noqa: PLC0415
    from smartcard.System import readers  # noqa: PLC0415

    try:
        found = readers()
        chosen = found[int(reader) :] if reader.isdigit() else [each for each in found if reader in str(each)]
        if not chosen:
            raise LookupError(f"no reader {reader} among {[str(each) for each in found]}")
        connection = chosen[0].createConnection()
        connection.connect(mode=SCARD_SHARE_EXCLUSIVE, disposition=SCARD_LEAVE_CARD)
    except (CardConnectionException, NoCardException, EstablishContextException) as error:
        raise LookupError(f"{reader}: {error}") from error

    def transmit(apdu: bytes) -> bytes:
        try:
            data, sw1, sw2 = connection.transmit(list(apdu))
        except CardConnectionException as error:
            raise BadData(str(error)) from error
        return bytes([*data, sw1, sw2])

    return Uicc(transmit, le_with_data=connection.getProtocol() != CardConnection.T0_protocol)


def say(report: dict[str, Any], code: int) -> int:
    """Prints the report."""
    print(json.dumps(report, indent=2))
    return code


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="usim.py", description="Reads and runs the card in a PC/SC reader.")
    parser.add_argument("--reader", required=True, metavar="N|NAME", help="number or part of the name")
    parser.add_argument("--app", choices=("usim", "isim"), default="usim")
    parser.add_argument("--pin", help="verified before the command")
    parser.add_argument("--pin-reference", type=lambda text: int(text, 16), default=0x01, metavar="HEX")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("info", help="identity, services, GBA files")
    for name, context in (("auth", "3G context"), ("gba", "GBA context, bootstrapping mode")):
        command = commands.add_parser(name, help=f"AUTHENTICATE in the {context}")
        command.add_argument("rand", type=bytes.fromhex, metavar="RAND")
        command.add_argument("autn", type=bytes.fromhex, metavar="AUTN")
    naf = commands.add_parser("naf", help="AUTHENTICATE in the GBA context, NAF derivation mode")
    naf.add_argument("naf_id", type=bytes.fromhex, metavar="NAF_ID_HEX")
    naf.add_argument("impi", metavar="IMPI")
    parameters = commands.add_parser("bp", help="writes B-TID and lifetime to EF_GBABP, as an ME does after the 200")
    parameters.add_argument("b_tid", metavar="B-TID")
    parameters.add_argument("lifetime", metavar="LIFETIME")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
