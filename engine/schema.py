"""What a setting is: its type, range and unit, how it is read from a file, an option or a form, and how it is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from engine.floor import Floor
from engine.policy import Savings, SizeLimit, parse_size
from engine.since import Since

__all__ = ["Kind", "Setting", "declare"]


MOST_SUFFIX_BYTES = 64


class Kind(StrEnum):
    """What values a setting takes."""

    WHOLE = "whole number"
    SECONDS = "seconds"
    FLAG = "true or false"
    CHOICE = "choice"
    CHOICES = "choices"
    NUMBERS = "whole numbers"
    SIZE = "size"
    SAVINGS = "savings"
    SIZE_LIMIT = "size limit"
    FLOOR = "floor"
    PATH = "path"
    PATTERNS = "patterns"
    SUFFIX = "suffix"
    SINCE = "since"


@dataclass(frozen=True, slots=True)
class Setting:
    """One declared setting."""

    name: str
    """The field of ``Settings``, and the key inside its section."""
    section: str
    kind: Kind
    default: Any
    help: str
    """One line for people; also the comment in the example file."""
    low: float = 0
    high: float = 0
    """Allowed range of numbers, both ends included; bytes for sizes."""
    unit: str = ""
    choices: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    """Options on the command line."""
    optional: bool = False
    """Whether None (not set) is a value."""
    in_files: bool = True
    """False for what must be asked for each time."""

    @property
    def key(self) -> str:
        """``section.name``, as files and messages say it."""
        return f"{self.section}.{self.name}"

    @property
    def allowed(self) -> str:
        """The allowed values, in words."""
        match self.kind:
            case Kind.WHOLE:
                return f"a whole number from {self.low:.0f} to {self.high:.0f}"
            case Kind.SECONDS:
                return f"a number of seconds from {self.low:g} to {self.high:g}"
            case Kind.CHOICE:
                return "one of " + ", ".join(self.choices)
            case Kind.CHOICES:
                return "any of " + ", ".join(self.choices)
            case Kind.NUMBERS:
                return f"whole numbers from {self.low:.0f} to {self.high:.0f} with commas between"
            case Kind.SIZE:
                return f"a size from {_size_text(self.low)} to {_size_text(self.high)}, such as 512M or 1.5G"
            case _:
                return _WORDS[self.kind]

    def parse(self, value: object) -> Any:
        """The value as given by a file, an option or a form, checked; ValueError says what is allowed."""
        try:
            return self._parse(value)
        except (ValueError, TypeError, OverflowError):
            raise ValueError(f"{_shown(value)} is not allowed: use {self.allowed}") from None

    def _parse(self, value: object) -> Any:
        match self.kind:
            case Kind.FLAG:
                return _flag(value)
            case Kind.CHOICE:
                if (value := self._named(value)) not in self.choices:
                    raise ValueError
                return value
            case Kind.CHOICES:
                return self._chosen(value)
            case Kind.NUMBERS:
                return tuple(sorted({self._number(item, whole=True) for item in _items(value)}))
            case Kind.PATH:
                if not isinstance(value, str) or not value or "\0" in value:
                    raise ValueError
                return value
            case Kind.PATTERNS | Kind.SUFFIX:
                return _patterns(value) if self.kind is Kind.PATTERNS else _suffix(value)
            case Kind.SAVINGS | Kind.SIZE_LIMIT | Kind.FLOOR | Kind.SINCE:
                text = value if isinstance(value, str) else str(self._number(value, whole=True))
                return _AMOUNTS[self.kind](text)
            case Kind.SIZE:
                return self._number(parse_size(value) if isinstance(value, str) else value, whole=True)
            case Kind.WHOLE | Kind.SECONDS:
                return self._number(value, whole=self.kind is Kind.WHOLE)

    def _chosen(self, value: object) -> tuple[str, ...]:
        """From a list whose items, or a text that, names choices with commas between; each once, in their order."""
        named = {self._named(item) for item in _items(value)}
        if not named <= set(self.choices):
            raise ValueError
        return tuple(choice for choice in self.choices if choice in named)

    def _named(self, value: object) -> Any:
        """The choice that is meant by another name of it; any other value as it is."""
        meant = _OTHER_NAMES.get(value) if isinstance(value, str) else None
        return meant if meant in self.choices else value

    def _number(self, value: object, *, whole: bool) -> Any:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError
        number = float(value)
        if number != number or (whole and number != int(number)):
            raise ValueError
        if self.high and not self.low <= number <= self.high:
            raise ValueError
        return int(number) if whole else number

    def to_file(self, value: Any) -> Any:
        """The value as a TOML file holds it."""
        if self.kind in (Kind.SAVINGS, Kind.SIZE_LIMIT, Kind.FLOOR, Kind.SINCE):
            return str(value)
        if self.kind in (Kind.CHOICES, Kind.NUMBERS, Kind.PATTERNS):
            return list(value)
        return _size_text(value) if self.kind is Kind.SIZE else value

    def show(self, value: Any) -> str:
        """The value for people and for a form's field; empty when not set."""
        if value is None:
            return ""
        if self.kind in (Kind.CHOICES, Kind.NUMBERS, Kind.PATTERNS):
            return ", ".join(map(str, value))
        return str(value).lower() if self.kind is Kind.FLAG else str(self.to_file(value))


_OTHER_NAMES = {"jpg": "jpeg", "tif": "tiff"}
"""What files are called that hold a format."""
_WORDS = {
    Kind.FLAG: "true or false",
    Kind.SAVINGS: "a share such as 1% or a size such as 10K",
    Kind.FLOOR: "a size such as 500M or a share of the file system such as 5%",
    Kind.SIZE_LIMIT: "a size such as 500K or a share of the original such as 60%",
    Kind.PATH: "a path",
    Kind.SUFFIX: "text for a file name such as -small, of at most 64 bytes",
    Kind.PATTERNS: "patterns such as *.gif, thumbs/ or /raw/**",
    Kind.SINCE: "an age such as 12h, 30d or 4w, a date such as 2026-11-01, or a file that is there",
}
_AMOUNTS: dict[Kind, Callable[[str], object]] = {
    Kind.SAVINGS: Savings.parse,
    Kind.SIZE_LIMIT: SizeLimit.parse,
    Kind.FLOOR: Floor.parse,
    Kind.SINCE: Since.parse,
}


def _items(value: object) -> list[object]:
    """The items of a list, or of a text with commas between; texts inside a list may hold several too."""
    given = value if isinstance(value, list | tuple) else [value]
    found: list[object] = []
    for item in given:
        found += [part.strip() for part in item.split(",") if part.strip()] if isinstance(item, str) else [item]
    return found


def _patterns(value: object) -> tuple[str, ...]:
    """From a list, each item a pattern; or from a text, as a form has it, with commas between. Raises ValueError."""
    given = list(value) if isinstance(value, list | tuple) else _items(value)
    found = [item for item in given if isinstance(item, str) and item and not set(item) & {"\0", "\n"}]
    if len(found) < len(given):
        raise ValueError
    return tuple(found)


def _suffix(value: object) -> str:
    """Text that can stand in a file name, on its own line of a log; raises ValueError."""
    if not isinstance(value, str) or not value or "/" in value or not value.isprintable():
        raise ValueError
    if len(value.encode()) > MOST_SUFFIX_BYTES:
        raise ValueError
    return value


def _flag(value: object) -> bool:
    if isinstance(value, str):
        value = {"true": True, "false": False}.get(value.lower())
    if not isinstance(value, bool):
        raise ValueError
    return value


def _shown(value: object) -> str:
    """A wrong value for a message, cut to fit on a line; a number may be too long to print at all."""
    try:
        return f"{value!r:.60}"
    except ValueError:
        return "a number of thousands of digits"


def _size_text(size: float) -> str:
    for letter, power in (("T", 4), ("G", 3), ("M", 2), ("K", 1)):
        if size and size % 1024**power == 0:
            return f"{size / 1024**power:.0f}{letter}"
    return f"{size:.0f}"


def declare(default: Any, section: str, kind: Kind, help: str, **more: Any) -> Any:
    """A dataclass field that declares a setting; ``more`` are further fields of ``Setting``."""
    if default is None:
        more.setdefault("optional", True)
    return field(default=default, metadata={"section": section, "kind": kind, "help": help, **more})
