"""A UE on the command line: bootstraps with a BSF, or lives through a scenario, and prints one JSON object.

Exit status: 0 if everything that the scenario expects held, 1 if not, 2 for usage, 5 if the BSF is not there.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

import gba
from aka import Algorithm, MacFailure, Milenage, SequenceNumbers, SyncFailure, Tuak
from raw_http import BadAnswer, ConnectionEnded
from scenarios import SCENARIOS, Run
from soft_usim import SoftUsim
from style import Style
from ub import Bootstrapped, Ue, Unexpected

SETTABLE = ("host", "user_agent", "uri")
"""Options that are fields of :class:`Style`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs it."""
    options = parse(arguments)
    ue = Ue(
        options.bsf.removeprefix("http://").rstrip("/"), options.realm or gba.bsf_of(options.imsi, options.mnc_digits),
        SoftUsim(
            algorithm(options), options.impi or gba.impi_of(options.imsi, options.mnc_digits), options.gba_u,
            SequenceNumbers(int(options.sqn, 16)),
        ),
        Style(**{name: value for name in SETTABLE if (value := getattr(options, name)) is not None}),
    )
    names = list(SCENARIOS) if options.scenario == "all" else [options.scenario]
    try:
        reports = {name: live(name, ue, options) for name in names}
    except ConnectionRefusedError:
        print(f"{options.bsf}: nobody listens", file=sys.stderr)
        return 5
    finally:
        ue.close()
    whole: dict[str, Any] = reports[names[0]]
    if options.scenario == "all":
        whole = {"scenario": "all", "scenarios": reports}
    whole["ok"] = all(report["ok"] for report in reports.values())
    print(json.dumps(whole, indent=None if options.json else 2))
    return 0 if whole["ok"] else 1


def live(name: str, ue: Ue, options: argparse.Namespace) -> dict[str, Any]:
    """One scenario and its report."""
    ue.statuses = []
    report: dict[str, Any] = {"scenario": name, "impi": ue.usim.impi, "gba_mode": ue.usim.mode}
    try:
        done = SCENARIOS[name](Run(ue, options.wait))
        report |= credential(ue, done, options) | {"rspauth_ok": True, "ok": True}
    except (Unexpected, MacFailure, SyncFailure, BadAnswer, ConnectionEnded, TimeoutError) as error:
        report |= {"ok": False, "error": str(error) or type(error).__name__}
        ue.close()
    report["statuses"] = ue.statuses
    report["sqn"] = f"{ue.usim.memory.highest:012x}"
    return report


def credential(ue: Ue, done: Bootstrapped, options: argparse.Namespace) -> dict[str, Any]:
    """What the last run of a scenario left in the UE."""
    lifetime = done.lifetime.isoformat().replace("+00:00", "Z")
    result = {"b_tid": done.b_tid, "lifetime": lifetime, "tmpi": ue.usim.tmpi(done.bsf)}
    if options.naf:
        naf = gba.naf_id(options.naf, bytes.fromhex(options.ua))
        result |= {"naf_fqdn": options.naf, "ua_sec_prot_id": options.ua, "ks_naf": ue.usim.ks_naf(naf).hex()}
        if ue.usim.gba_u:
            result["ks_int_naf"] = ue.usim.ks_int_naf(naf).hex()
    return result


def algorithm(options: argparse.Namespace) -> Algorithm:
    """The card's functions."""
    k = bytes.fromhex(options.k)
    if options.algorithm == "milenage":
        if options.opc:
            return Milenage(k, bytes.fromhex(options.opc))
        return Milenage.from_op(k, bytes.fromhex(options.op))
    lengths = {"res_bits": options.res_bits, "iterations": options.iterations}
    if options.topc:
        return Tuak(k, bytes.fromhex(options.topc), **lengths)
    return Tuak.from_top(k, bytes.fromhex(options.top), **lengths)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="ue_cli.py", description="A UE of the Generic Bootstrapping Architecture.")
    parser.add_argument("--bsf", required=True, metavar="http://HOST:PORT")
    parser.add_argument("--imsi", required=True)
    parser.add_argument("--impi", help="default: from the IMSI by TS 23.003")
    parser.add_argument("--mnc-digits", type=int, choices=(2, 3), default=2)
    parser.add_argument("--k", required=True, metavar="HEX")
    codes = parser.add_mutually_exclusive_group(required=True)
    for name in ("opc", "op", "topc", "top"):
        codes.add_argument(f"--{name}", metavar="HEX")
    parser.add_argument("--algorithm", choices=("milenage", "tuak"), default="milenage")
    parser.add_argument("--res-bits", type=int, choices=(32, 64, 128), default=64, help="TUAK only")
    parser.add_argument("--iterations", type=int, default=1, help="of Keccak, TUAK only")
    parser.add_argument("--sqn", default="000000000000", metavar="HEX", help="highest SQN that the card has accepted")
    parser.add_argument("--gba-u", action="store_true", help="Ks stays in the card")
    parser.add_argument("--naf", metavar="FQDN")
    parser.add_argument("--ua", default="0100000002", metavar="HEX10", help="Ua security protocol identifier")
    parser.add_argument("--realm", help="name of the BSF; default: from the IMSI by TS 23.003")
    parser.add_argument("--host", help="Host field, if not the name of the BSF")
    parser.add_argument("--user-agent")
    parser.add_argument("--uri", help="digest-uri and request target")
    parser.add_argument("--wait", type=float, metavar="SECONDS", help="for expired-nonce: a challenge's life")
    parser.add_argument("--scenario", choices=(*SCENARIOS, "all"), default="happy")
    parser.add_argument("--json", action="store_true", help="on one line")
    options = parser.parse_args(arguments)
    if (options.algorithm == "tuak") != bool(options.topc or options.top):
        parser.error("MILENAGE takes --opc or --op, TUAK takes --topc or --top")
    return options


if __name__ == "__main__":
    sys.exit(main())
