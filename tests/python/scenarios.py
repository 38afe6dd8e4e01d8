"""What a UE lives through on Ub, each with what must come of it. Every scenario ends with a good bootstrap."""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import gba
import malformed
from aka import SyncFailure
from raw_http import Connection, ConnectionEnded, Response
from style import quirks
from ub import Bootstrapped, Challenge, Ue, Unexpected, accept, parse_challenge

AHEAD = 1000 << 5
"""How far a card is ahead of the network when a resynchronisation is wanted: SEQ 1000."""


@dataclass
class Run:
    """A scenario in progress: the UE and how long a challenge must be left alone to die of age, if that is known."""

    ue: Ue
    wait: float | None = None

    def expect(self, holds: bool, what: str) -> None:
        """Raises unless it holds."""
        if not holds:
            raise Unexpected(what)

    def refused(self, response: Response, what: str, *, among: tuple[int, ...] = ()) -> None:
        """A 4xx, or one of a few; a 401 has to carry a fresh challenge."""
        fine = response.status in among if among else 400 <= response.status < 500
        self.expect(fine, f"{what} answered {response.status}")
        if response.status == 401:
            parse_challenge(response)

    def send(self, request: bytes) -> Response:
        """A request on a connection of its own."""
        with Connection(self.ue.address) as connection:
            response = connection.exchange(request)
        self.ue.statuses.append(response.status)
        return response

    def get_ahead(self) -> None:
        """Puts the card ahead of the network."""
        challenge = self.ue.challenge()
        self.ue.usim.bootstrap(challenge.rand, challenge.autn)
        self.ue.usim.memory.highest += AHEAD

    def answerable(self) -> tuple[Challenge, dict[str, str], bytes]:
        """A challenge, the parameters that answer it, and the right RES."""
        challenge = self.ue.challenge()
        return challenge, self.ue.third_parameters(challenge), self.ue.usim.bootstrap(challenge.rand, challenge.autn)


def happy(run: Run) -> Bootstrapped:
    """Two runs in a row: RAND is fresh, SQN rises, each leaves its own B-TID."""
    first = run.ue.bootstrap()
    before = run.ue.usim.memory.highest
    second = run.ue.bootstrap()
    run.expect(first.rand != second.rand, "RAND came twice")
    run.expect(run.ue.usim.memory.highest > before, "SQN did not rise")
    return second


def resync(run: Run) -> Bootstrapped:
    """A card ahead of the network gets, for its AUTS, a vector that it takes."""
    run.get_ahead()
    done = run.ue.bootstrap()
    run.expect(run.ue.statuses[-3:] == [401, 401, 200], f"no resynchronisation took place: {run.ue.statuses}")
    return done


def bad_auts(run: Run) -> Bootstrapped:
    """An AUTS that the card did not make is refused and does not move the network's SQN."""
    run.get_ahead()
    challenge = run.ue.challenge()
    parameters = run.ue.third_parameters(challenge)
    try:
        run.ue.usim.bootstrap(challenge.rand, challenge.autn)
        raise Unexpected("the card is ahead and still took the vector")
    except SyncFailure as stale:
        forged = stale.auts[:13] + bytes([stale.auts[13] ^ 1])
    response = run.ue.exchange(run.ue.third_leg(parameters, b"", auts=base64.b64encode(forged).decode()))
    run.refused(response, "a forged AUTS", among=(403,))
    ahead = run.ue.usim.memory.highest
    run.ue.usim.memory.highest -= AHEAD
    done = run.ue.bootstrap()
    run.expect(run.ue.usim.memory.highest < ahead, "a forged AUTS moved the network's SQN")
    return done


def tmpi(run: Run) -> Bootstrapped:
    """Each run goes under the TMPI that the one before gave; keys, and the next TMPI, still come from the IMPI."""
    done, names = run.ue.bootstrap(), set()
    for _ in range(3):
        name = run.ue.usim.tmpi(done.bsf)
        done = run.ue.bootstrap(name)
        names.add(name)
    run.expect(len(names) == 3, "the TMPI did not change with Ks")
    return done


def unknown_tmpi(run: Run) -> Bootstrapped:
    """A TMPI that the BSF does not know is refused; the UE drops it and takes its IMPI."""
    name = gba.tmpi_of(secrets.token_bytes(32))
    run.refused(run.ue.exchange(run.ue.first_leg(name)), "an unknown TMPI")
    return run.ue.bootstrap()


def unknown_impi(run: Run) -> Bootstrapped:
    """An IMPI that nobody has is refused."""
    stranger = run.ue.first_leg("001019999999999@ims.mnc001.mcc001.3gppnetwork.org")
    run.refused(run.ue.exchange(stranger), "an unknown IMPI", among=(403, 404))
    return run.ue.bootstrap()


def replay(run: Run) -> Bootstrapped:
    """A third leg that succeeded is refused ever after, on its own connection, on another, and after the next run."""
    done = run.ue.bootstrap()
    run.refused(run.ue.exchange(done.leg3), "a replay on the same connection")
    run.refused(run.send(done.leg3), "a replay on another connection")
    again = run.ue.bootstrap()
    run.refused(run.send(done.leg3), "a replay after the next run")
    return again


def race(run: Run) -> Bootstrapped:
    """The same third leg on eight connections at once succeeds once."""
    _, parameters, res = run.answerable()
    request = run.ue.third_leg(parameters, res)
    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(response.status for response in pool.map(run.send, [request] * 8))
    run.expect(statuses.count(200) == 1, f"the same third leg eight times at once: {statuses}")
    run.expect(all(400 <= status < 500 for status in statuses[1:]), f"the losers of a race got {statuses}")
    return run.ue.bootstrap()


def wrong_res(run: Run) -> Bootstrapped:
    """A wrong RES brings a fresh challenge or 403, whatever is wrong with it."""
    challenge, parameters, res = run.answerable()
    forged = bytes([res[0] ^ 1]) + res[1:]
    response = run.ue.exchange(run.ue.third_leg(parameters, forged))
    run.refused(response, "a wrong RES", among=(401, 403))
    if response.status == 401:
        fresh = parse_challenge(response)
        run.expect(fresh.rand != challenge.rand, "after a wrong RES the old RAND came again")
    for other in (b"", res.hex().encode(), base64.b64encode(res), res[:4], res + b"\0"):
        challenge = run.ue.challenge()
        response = run.ue.exchange(run.ue.third_leg(run.ue.third_parameters(challenge), other))
        run.refused(response, "another wrong RES", among=(401, 403))
    return run.ue.bootstrap()


def mac_failure(run: Run) -> Bootstrapped:
    """A UE whose card reports a MAC failure answers with an empty response and no AUTS."""
    challenge = run.ue.challenge()
    parameters = {**run.ue.third_parameters(challenge), "response": ""}
    response = run.ue.exchange(run.ue.style.request(run.ue.bsf, run.ue.style.authorization(parameters)))
    run.refused(response, "a MAC failure report", among=(401, 403))
    return run.ue.bootstrap()


def downgrade(run: Run) -> Bootstrapped:
    """Whoever knows RES still cannot talk the BSF out of AKA or out of integrity."""
    changes: dict[str, dict[str, str | None]] = {
        "plain MD5": {"algorithm": "MD5"}, "MD5-sess": {"algorithm": "MD5-sess"}, "SHA-256": {"algorithm": "SHA-256"},
        "AKAv2": {"algorithm": "AKAv2-MD5"}, "qop auth": {"qop": "auth"},
        "no qop": {"qop": None, "nc": None, "cnonce": None},
    }
    for what, change in changes.items():
        _, parameters, res = run.answerable()
        changed = {**parameters, **change}
        left = {name: value for name, value in changed.items() if value is not None}
        run.refused(run.ue.exchange(run.ue.third_leg(left, res)), what)
    return run.ue.bootstrap()


def all_quirks(run: Run) -> Bootstrapped:
    """Every style of :func:`style.quirks` gets through."""
    faults = []
    for name, style in quirks(run.ue.bsf, run.ue.address).items():
        ue = replace(run.ue, style=style, _connection=None, statuses=[])
        try:
            ue.bootstrap()
        except (Unexpected, ConnectionEnded) as error:
            if not (style.may_be_refused and ue.statuses[-1:] == [400]):
                faults.append(f"{name}: {error or type(error).__name__}")
        finally:
            ue.close()
            run.ue.statuses.extend(ue.statuses)
    run.expect(not faults, "; ".join(faults))
    return run.ue.bootstrap()


def all_malformed(run: Run) -> Bootstrapped:
    """The whole table of :mod:`malformed`; the BSF keeps its countenance."""
    kit, faults = malformed.Kit(run.ue), []
    for case in malformed.CASES:
        outcome = case.try_on(kit)
        if outcome.status is not None:
            run.ue.statuses.append(outcome.status)
        if outcome.error is not None:
            faults.append(f"{case.name}: {outcome.error}")
        run.ue.bootstrap()
    run.expect(not faults, "; ".join(faults))
    return run.ue.bootstrap()


def lost_answer(run: Run) -> Bootstrapped:
    """The 200 is sent and does not arrive: the repeated request is refused, and a run from the start succeeds."""
    challenge, parameters, res = run.answerable()
    request = run.ue.third_leg(parameters, res)
    with Connection(run.ue.address) as connection:
        connection.send(request)
        connection.wait_for_answer()
    run.refused(run.send(request), "the repetition of a third leg whose answer was lost")
    with Connection(run.ue.address) as connection:
        connection.send(run.ue.first_leg())
    done = run.ue.bootstrap()
    run.expect(done.rand != challenge.rand, "RAND came twice")
    return done


def expired_nonce(run: Run) -> Bootstrapped:
    """A challenge that was never given, was changed, or is too old is no challenge; the BSF says so with a 4xx."""
    challenge, parameters, res = run.answerable()
    nonce = base64.b64decode(challenge.nonce)
    flipped = base64.b64encode(nonce[:-1] + bytes([nonce[-1] ^ 1])).decode()
    for what, change in {
        "a nonce that was never given": {"nonce": base64.b64encode(secrets.token_bytes(32)).decode()},
        "a nonce with a changed octet": {"nonce": flipped},
        "a foreign opaque": {"opaque": base64.b64encode(secrets.token_bytes(64)).decode()},
    }.items():
        run.refused(run.ue.exchange(run.ue.third_leg({**parameters, **change}, res)), what)
    other = run.ue.challenge()
    if challenge.opaque is not None and other.opaque is not None:
        mixed = {**parameters, "opaque": other.opaque}
        run.refused(run.ue.exchange(run.ue.third_leg(mixed, res)), "the opaque of another challenge")
    if run.wait is None:
        return run.ue.bootstrap()
    challenge, parameters, res = run.answerable()
    time.sleep(run.wait)
    response = run.ue.exchange(run.ue.third_leg(parameters, res))
    run.refused(response, "a challenge that is too old")
    if response.status != 401:
        return run.ue.bootstrap()
    fresh = parse_challenge(response)
    return run.ue.finish(fresh, run.ue.usim.bootstrap(fresh.rand, fresh.autn))


def methods(run: Run) -> Bootstrapped:
    """Only GET is served; the answer to another method names it."""
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "get"):
        authorization = run.ue.style.authorization(run.ue.first_parameters())
        response = run.send(run.ue.style.request(run.ue.bsf, authorization, method))
        run.refused(response, method, among=(405,))
        run.expect("GET" in (response.header("allow") or ""), f"{method}: Allow is {response.header('allow')}")
    return run.ue.bootstrap()


def keep_alive(run: Run) -> Bootstrapped:
    """Ten runs on one connection, and both requests of two UEs in one segment."""
    for _ in range(10):
        run.ue.bootstrap()
    connection = run.ue.connection()
    connection.send(run.ue.first_leg() * 2)
    first, second = parse_challenge(connection.read()), parse_challenge(connection.read())
    run.expect(first.rand != second.rand, "pipelined requests got one RAND")
    parameters = run.ue.third_parameters(second)
    res = run.ue.usim.bootstrap(second.rand, second.autn)
    accept(connection.exchange(run.ue.third_leg(parameters, res)), parameters, res)
    return run.ue.bootstrap()


SCENARIOS: dict[str, Callable[[Run], Bootstrapped]] = {
    "happy": happy, "resync": resync, "tmpi": tmpi, "unknown-tmpi": unknown_tmpi, "replay": replay, "race": race,
    "wrong-res": wrong_res, "mac-failure": mac_failure, "downgrade": downgrade, "quirks": all_quirks,
    "malformed": all_malformed, "lost-answer": lost_answer, "expired-nonce": expired_nonce,
    "bad-auts": bad_auts, "unknown-impi": unknown_impi, "methods": methods, "keep-alive": keep_alive,
}
