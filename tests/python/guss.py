"""User security settings as an HSS sends them: XML of TS 29.109 annex A, written out by hand."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape, quoteattr

from subscribers import Subscriber

NAMESPACE = "urn:3gpp:gba:GBAGUSSSchema-R9:2010-02"


def guss(subscriber: Subscriber, settings: dict[str, Any], namespace: str) -> bytes:
    """``guss``, from ``life_time`` in seconds and the list ``uss``."""
    life_time = settings.get("life_time")
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f"<guss id={quoteattr(subscriber.impi)}" + (f' xmlns="{namespace}"' if namespace else "") + ">",
        "  <bsfInfo>",
        f"    <uiccType>{'GBA_U' if subscriber.gba_u else 'GBA'}</uiccType>",
        *([f"    <lifeTime>{life_time}</lifeTime>"] if life_time is not None else []),
        "  </bsfInfo>",
        "  <ussList>",
        *(line for uss in settings.get("uss", []) for line in uss_lines(uss)),
        "  </ussList>",
        "</guss>", "",
    ]
    return "\n".join(lines).encode()


def uss_lines(uss: dict[str, Any]) -> list[str]:
    """One USS: ``id``, ``type``, and optionally ``naf_group``, ``uids``, ``flags``, ``key_choice``."""
    group = f" nafGroup={quoteattr(uss['naf_group'])}" if "naf_group" in uss else ""
    flags = [f"        <flag>{flag}</flag>" for flag in uss.get("flags", [])]
    return [
        f'    <uss id="{uss["id"]}" type="{uss["type"]}"{group}>',
        "      <uids>", *(f"        <uid>{escape(uid)}</uid>" for uid in uss.get("uids", [])), "      </uids>",
        *(["      <flags>", *flags, "      </flags>"] if flags else []),
        *([f"      <keyChoice>{uss['key_choice']}</keyChoice>"] if "key_choice" in uss else []),
        "    </uss>",
    ]
