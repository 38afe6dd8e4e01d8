"""A service under test, seen by a UE that shares no code with it. Its files are named in the environment: service.py.

Every scenario runs for every kind of subscriber that the CSV holds; then the network side is asked for the same keys.
"""

from __future__ import annotations

import unittest
from collections.abc import Callable

from credential_cases import CredentialApi
from malformed import CASES, Kit
from scenarios import SCENARIOS, Run
from service import Service, load
from subscribers import Subscriber
from ub import Ue

__all__ = ["CredentialApi", "Malformed", "Scenarios"]

ONCE = {"malformed", "quirks"}
"""Scenarios in which the kind of subscriber plays no part."""


class Scenarios(unittest.TestCase):
    """One test for each scenario and kind of subscriber, under the scenario's name."""

    service: Service

    @classmethod
    def setUpClass(cls) -> None:
        cls.service = load()

    def kinds(self) -> dict[tuple[object, ...], Subscriber]:
        """The first subscriber of each kind."""
        kinds: dict[tuple[object, ...], Subscriber] = {}
        for subscriber in self.service.subscribers:
            own_name = not subscriber.impi.startswith(subscriber.imsi)
            keys = (subscriber.algorithm_name, subscriber.res_bits, subscriber.from_operator_code)
            kinds.setdefault((keys, subscriber.gba_u, own_name), subscriber)
        return kinds

    def live(self, name: str) -> None:
        """A scenario for every kind of subscriber."""
        kinds = list(self.kinds().values())
        for subscriber in kinds[:1] if name in ONCE else kinds:
            with self.subTest(subscriber=str(subscriber)):
                ue = Ue(self.service.ub, subscriber.bsf, subscriber.usim())
                try:
                    done = SCENARIOS[name](Run(ue, self.service.challenge_lifetime))
                finally:
                    ue.close()
                self.assertIn(done.b_tid, self.service.associations())

    def test_the_csv_holds_both_algorithms_both_modes_and_both_codes(self) -> None:
        subscribers = self.service.subscribers
        self.assertEqual({subscriber.algorithm_name for subscriber in subscribers}, {"milenage", "tuak"})
        self.assertEqual({subscriber.gba_u for subscriber in subscribers}, {False, True})
        self.assertEqual({subscriber.from_operator_code for subscriber in subscribers}, {False, True})

    def test_only_a_success_makes_an_association_and_a_replay_makes_none(self) -> None:
        subscriber = self.service.subscribers[0]
        ue = Ue(self.service.ub, subscriber.bsf, subscriber.usim())
        self.addCleanup(ue.close)
        before = set(self.service.associations())
        challenge = ue.challenge()
        self.assertEqual(set(self.service.associations()), before)
        done = ue.finish(challenge, ue.usim.bootstrap(challenge.rand, challenge.autn))
        after = self.service.associations()
        self.assertEqual(set(after) - before, {done.b_tid})
        self.assertLessEqual(len(before - set(after)), 1, "a run may replace its own subscriber's association only")
        for _ in range(5):
            self.assertIn(ue.exchange(done.leg3).status, range(400, 500))
        self.assertEqual(sorted(self.service.associations()), sorted(after))

    def test_a_challenge_is_for_the_name_that_asked(self) -> None:
        one, other = self.service.subscribers[:2]
        ue = Ue(self.service.ub, one.bsf, one.usim())
        self.addCleanup(ue.close)
        before = sorted(self.service.associations())
        challenge = ue.challenge()
        res = ue.usim.bootstrap(challenge.rand, challenge.autn)
        request = ue.third_leg(ue.third_parameters(challenge, other.impi), res)
        self.assertIn(ue.exchange(request).status, range(400, 500))
        self.assertEqual(sorted(self.service.associations()), before)


def scenario_test(name: str) -> Callable[[Scenarios], None]:
    """A test method for a scenario."""
    return lambda self: self.live(name)


for scenario in sorted(set(SCENARIOS) - {"malformed"}):
    setattr(Scenarios, f"test_{scenario.replace('-', '_')}", scenario_test(scenario))


class Malformed(unittest.TestCase):
    """The table of :mod:`malformed`."""

    def test_every_case_is_refused_in_order_and_leaves_the_service_well(self) -> None:
        target = load()
        subscriber = target.subscribers[0]
        ue = Ue(target.ub, subscriber.bsf, subscriber.usim())
        self.addCleanup(ue.close)
        self.assertGreaterEqual(len(CASES), 60)
        self.assertEqual(len({case.name for case in CASES}), len(CASES))
        for case in CASES:
            with self.subTest(case=case.name):
                before = set(target.associations())
                outcome = case.try_on(Kit(ue))
                self.assertIsNone(outcome.error, f"status {outcome.status}")
                made = set(target.associations()) - before
                self.assertEqual(len(made), 1 if case.name.startswith("a used nonce") else 0, "associations made")
                self.assertIn(ue.bootstrap().b_tid, target.associations())


if __name__ == "__main__":
    unittest.main()
