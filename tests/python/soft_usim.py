"""A USIM in software, for both key hierarchies, with the two GBA commands of TS 31.102 clause 7.1.1.

In GBA_ME the ME runs the 3G context and holds Ks; in GBA_U the card holds it. One class plays card and ME together,
so that the procedure on Ub is the same for both, as TS 33.220 clause 5.3 wants.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import gba
from aka import Algorithm, SequenceNumbers, check_autn


@dataclass
class SoftUsim:
    """One subscriber's card. ``gba_u`` says who keeps Ks and hence whether the BSF sends AUTN or AUTN*."""

    algorithm: Algorithm
    impi: str
    gba_u: bool = False
    memory: SequenceNumbers = field(default_factory=SequenceNumbers)
    _rand: bytes = b""
    _ks: bytes = b""

    @property
    def mode(self) -> str:
        """``GBA_ME`` or ``GBA_U``."""
        return "GBA_U" if self.gba_u else "GBA_ME"

    def bootstrap(self, rand: bytes, autn: bytes) -> bytes:
        """RES; a new Ks replaces the one before. Raises ``MacFailure`` or ``SyncFailure``."""
        if self.gba_u:
            # IK depends on RAND alone, so that the card can take the mask off before it checks the MAC.
            autn = gba.mask_mac(autn, self.algorithm.f2345(rand).ik)
        outputs = check_autn(self.algorithm, rand, autn, self.memory)
        self._rand, self._ks = rand, outputs.ck + outputs.ik
        return outputs.res

    def ks_naf(self, naf_id: bytes) -> bytes:
        """Ks_NAF, or Ks_ext_NAF: what the ME gets."""
        return gba.ks_naf(self._ks, self._rand, self.impi, naf_id)

    def ks_int_naf(self, naf_id: bytes) -> bytes:
        """Ks_int_NAF. A card would not tell; a witness must."""
        return gba.ks_int_naf(self._ks, self._rand, self.impi, naf_id)

    def tmpi(self, bsf: str) -> str:
        """The TMPI that goes with the present Ks."""
        return gba.tmpi_of(self.ks_naf(gba.bsf_id(bsf)))
