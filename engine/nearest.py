"""What was meant by a word that is not known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["did_you_mean"]


def did_you_mean(given: Sequence[str], known: Iterable[str]) -> str:
    """`` (did you mean …?)`` for words that come close to known ones; else empty."""
    import difflib

    names = list(known)
    close = [found[0] for word in given if (found := difflib.get_close_matches(word, names, 1))]
    return f" (did you mean {' '.join(close)}?)" if close else ""
