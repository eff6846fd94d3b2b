"""The signature of a function of the other side, in plain values."""

from __future__ import annotations

import inspect
from typing import Any

KINDS = {
    "po": inspect.Parameter.POSITIONAL_ONLY,
    "pk": inspect.Parameter.POSITIONAL_OR_KEYWORD,
    "va": inspect.Parameter.VAR_POSITIONAL,
    "ko": inspect.Parameter.KEYWORD_ONLY,
    "vk": inspect.Parameter.VAR_KEYWORD,
}


def signature(description: Any) -> inspect.Signature:
    """The signature described by ``[[name, kind, has_default, default], …]``; ValueError if the student's claim makes
    none.
    """
    try:
        return inspect.Signature([
            inspect.Parameter(str(name), KINDS[kind], default=default if has is True else inspect.Parameter.empty)
            for name, kind, has, default in description
        ])  # fmt: skip
    except (KeyError, TypeError) as error:
        raise ValueError(f"no signature: {error}") from None


def describe_signature(o: Any) -> list[list[Any]]:
    """The inverse of `signature`, in plain values."""
    short = {v: k for k, v in KINDS.items()}
    empty = inspect.Parameter.empty

    def plain(v: Any) -> Any:
        return v if v is None or type(v) in (bool, int, float, str) else repr(v)[:200]

    return [[p.name, short[p.kind], p.default is not empty, None if p.default is empty else plain(p.default)]
            for p in inspect.signature(o).parameters.values()]  # fmt: skip
