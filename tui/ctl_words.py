"""The commands of ``imgopt-tui ctl`` as they are written; what they do is in ``ctl_command``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.nearest import did_you_mean

__all__ = ["WORDS", "Word", "table", "understand"]


@dataclass(frozen=True, slots=True)
class Word:
    """One command."""

    name: str
    help: str
    value: str = ""
    """What follows it; empty for nothing."""
    several: bool = False
    """Whether more than one may follow."""
    optional: bool = False
    """Whether none need follow."""

    @property
    def usage(self) -> str:
        """As it is written."""
        value = self.value + " ..." * self.several
        return " ".join(filter(None, (self.name, f"[{value}]" if self.optional else value)))


WORDS = {
    word.name: word
    for word in (
        Word("status", "how it stands; with --json for programs"),
        Word("pause", "finish the images in work, begin no other"),
        Word("resume", "go on after a pause"),
        Word("workers", "number of worker processes", "N"),
        Word("memory", "memory of all its processes; auto: what the machine allows", "SIZE"),
        Word("nice", "priority of its workers, 0 to 19 (only what others leave)", "N"),
        Word("cancel", "leave out these images, also those in work, and folders", "PATH", several=True),
        Word("retry-failed", "try the failed images again"),
        Word("retry-quarantined", "try those again that were set aside", "PATH", several=True, optional=True),
        Word("on-hangup", "what its terminal does when it closes: finish, pause, stop", "WHAT"),
        Word("stop", "end it after the images in work; with --now at once"),
    )
}


def table() -> str:
    """All of them, one a line."""
    return "\n".join(f"  {word.usage:<28} {word.help}" for word in WORDS.values())


def understand(words: Sequence[str]) -> tuple[str | None, Word, tuple[str, ...]]:
    """``[RUN] COMMAND [VALUE ...]`` as the run (None: the newest), the command and its values; raises ValueError with
    what it should be."""
    run = None if words[0] in WORDS else words[0]
    name, *values = words[run is not None :] or [""]
    word = WORDS.get(name)
    if word is None:
        given = name or words[0]
        meant = did_you_mean([given], WORDS)
        raise ValueError(f"a command is needed, {given!r} is none{meant}; there are {', '.join(WORDS)}")
    if (bool(values) != bool(word.value) and not word.optional) or (len(values) > 1 and not word.several):
        raise ValueError(f"it is: imgopt-tui ctl [RUN] {word.usage}")
    return run, word, tuple(values)
