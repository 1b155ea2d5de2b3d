"""The lines around the panes: rule, tabs, message, keys, and the one line of a tiny terminal."""

from __future__ import annotations

from dataclasses import replace

from textual import events

from engine.states import Phase
from tui import text
from tui.actions import Action, Where, action, here
from tui.canvas import Canvas
from tui.header import phase_parts
from tui.look import Parts
from tui.mirror import Mirror
from tui.parts import clip, pad, spread, width

__all__ = ["TABS", "KeyLine", "MessageLine", "Rule", "Tabs", "TinyLine"]

TABS = ("files", "batches", "images", "tune", "log")
"""Ids of the panes in order; each is also the id of the action that goes there."""
_SCOPES = {
    "files": Where.FILES,
    "batches": Where.BATCHES,
    "images": Where.IMAGES,
    "tune": Where.TUNING,
    "log": Where.LOG,
}
_TUNING = (
    *(
        "apply_target",
        "undo_target",
        "copy_command",
        "save_target",
        "aim",
        "turn_format",
        "back",
        "export_page",
        "compare",
    ),
    *("help", "quit"),
)
"""In Tune; the keys of its crop stand beside that."""


class Rule(Canvas):
    """A thin line."""

    def draw(self, y: int, width: int) -> Parts:
        """The line."""
        return [(self.look.glyphs.rule * width, "rule")]


class Tabs(Canvas):
    """The names of the panes, and where in the active one the cursor is."""

    def _labels(self) -> list[tuple[str, str]]:
        active = self.host.main.active
        return [
            (name, f"[{entry.first} {entry.name}]" if name == active else f" {entry.first} {entry.name} ")
            for name, entry in ((name, action(name)) for name in TABS)
        ]

    def draw(self, y: int, width: int) -> Parts:
        """The active one in brackets."""
        active = self.host.main.active
        parts: Parts = []
        for name, label in self._labels():
            parts.append((label, "tab on" if name == active else "tab"))
            parts.append((" ", ""))
        return spread(parts, [(self.host.main.place() + " ", "dim")], width)

    def on_click(self, event: events.Click) -> None:
        """Go to the pane clicked on."""
        at = 0
        for name, label in self._labels():
            if at <= event.x < at + len(label):
                self.host.main.show_pane(name)
            at += len(label) + 1


class MessageLine(Canvas):
    """What just happened, or what the cursor is on."""

    def draw(self, y: int, width: int) -> Parts:
        """One line, escaped."""
        words, role = self.host.main.message()
        return [(" " + text.cut(self.look.safe(words), width - 2, self.look.glyphs.dots), role)]


class KeyLine(Canvas):
    """The keys that matter here."""

    def draw(self, y: int, width: int) -> Parts:
        """As many as fit; the way out is always among them."""
        active = self.host.main.active
        scope = _SCOPES.get(active)
        own = [entry for entry in here(scope) if entry.short] if scope else []
        if active == "tune":
            return key_line(list(map(action, _TUNING)), width)
        mirror = self.host.mirror
        first, last = useful(mirror)
        entries = [*map(action, first), *own, *map(action, last)]
        if mirror.phase is Phase.PAUSED:
            entries = [replace(entry, short="Continue") if entry.id == "pause" else entry for entry in entries]
        return key_line(entries, width)


def useful(mirror: Mirror) -> tuple[list[str], list[str]]:
    """Ids of what can be done now wherever the cursor is: what comes before the keys of the pane, and after them."""
    failed = ["retry"] if mirror.totals.failed else []
    if mirror.working:
        return ["help", "commands", "filter", "pause", "more_workers", *failed, "choose"], ["export", "quit"]
    if mirror.info:
        return ["help", "commands", "filter", "run", *failed, "export", "choose"], ["settings", "earlier", "quit"]
    return ["help", "commands", "filter", "run", "settings", "choose"], ["earlier", "quit"]


def key_line(entries: list[Action], cells: int) -> Parts:
    """Keys and short names; the last entry is kept whatever the room."""
    last = _key(entries[-1])
    parts: Parts = []
    for entry in entries[:-1]:
        one = _key(entry)
        if width(parts) + width(one) + width(last) > cells:
            break
        parts += one
    return [*parts, *last]


def _key(entry: Action) -> Parts:
    gap = "" if len(entry.first) == 1 and not entry.first.isalpha() else " "
    return [(" " + entry.first, "key"), (f"{gap}{entry.short} ", "dim")]


def tiny_line(mirror: Mirror, cells: int) -> Parts:
    """Percent, counts and how to leave; where there is less room the time left goes first, the way out never."""
    totals = mirror.totals
    share = int(text.percent(totals.through, totals.found))
    counts: Parts = [(f"{share}% {totals.through}/{totals.found}", "strong")]
    if totals.failed:
        counts.append((f" fail {totals.failed}", "failed"))
    out: Parts = [(" q", "key"), (" quit", "dim")]
    room, phase = cells - width(out), phase_parts(mirror)
    while phase and width(counts) + 1 + width(phase) > room:
        phase = phase[:-1]
    return [*pad(clip([*counts, (" ", ""), *phase], max(0, room)), max(0, room)), *out]


class TinyLine(Canvas):
    """All there is below 60×16: percent, counts, how to leave."""

    def draw(self, y: int, width: int) -> Parts:
        """One line, whatever the height."""
        return [] if y else tiny_line(self.host.mirror, width)
