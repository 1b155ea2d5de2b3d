"""The Tune tab: a ladder of qualities for one image beside a piece of it, the target, and what follows from it.

title, target, rule │ ladder │ crop │ rule, A and B, whole folder, equal command
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from functools import partial
from typing import ClassVar

from textual.binding import BindingType

from engine.errors import ImgoptError
from engine.formats import Format
from engine.layers import laid_over
from engine.roots import inside
from engine.settings import Settings
from tui import text
from tui.actions import Where, here
from tui.canvas import bindings
from tui.crop import Place
from tui.crop_listing import CropListing
from tui.dialogs import TypeDialog, plain_lines
from tui.export import proposed, refused, write_new
from tui.look import Parts
from tui.parts import pad
from tui.run_line import run_line
from tui.tuned import in_words
from tui.tuning_estimate import FolderEstimate
from tui.tuning_export import make_page
from tui.tuning_lines import columns, head_line, ladder_head, ladder_line, shown_line, target_line
from tui.tuning_state import FORMATS, TARGETS, Tuning
from tui.tuning_work import TuningWork

__all__ = ["TunePane"]

_EMPTY = "No image is being tuned: choose one in Files, Batches or Images and press t."
_LOSSLESS = "{} stays lossless, so there is no quality to choose. F tries the image in a lossy format."
_NO_EFFECT = "{} stays lossless, a target does nothing for it (F: lossy); "


def _wrong_name(name: str) -> str:
    from engine.settings_file import NAME_RULE, is_preset_name

    return "" if is_preset_name(name) else NAME_RULE


class TunePane(CropListing):
    """One image, measured while you look."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(here(Where.TUNING))]
    head = 4
    own_cursor = True

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.tuning = Tuning()
        self.work = TuningWork(
            self.tuning, lambda: self.host.make_tuner(), changed=self._changed, start=self._begin_task
        )
        self.estimate = FolderEstimate(lambda: self.host.estimator(), self._changed)
        self.came_from = "files"
        self._settings: Settings | None = None
        """Of the next run, when the image was opened."""

    async def on_unmount(self) -> None:
        """Workers end with the screen."""
        await self.estimate.close()
        await self.work.close()

    def open(self, path: str) -> None:
        """Tune another image, or the same with other settings; what is open already goes on as it is."""
        self._settings = self.host.settings
        settings = self.host.settings_of(path)
        if path != self.tuning.path:
            self.place = Place()
        if path != self.tuning.path or settings != self.tuning.settings or self.tuning.problem:
            self.work.open(path, settings)
        else:
            self.work.wake()

    def _changed(self) -> None:
        if self.is_mounted:
            self.host.paint_soon()

    @property
    def total(self) -> int:
        """Rungs."""
        return len(self.tuning.rows) if self.tuning.tunable else 0

    @property
    def foot(self) -> int:
        """Rule, A and B, whole folder, equal command."""
        return 4 if self.drawn.height >= 12 else 2

    def redraw(self) -> None:
        """Paint what changed; the cursor stays on its rung where others came in between. Other settings of the next run
        make other encodes."""
        if self.is_on_screen and self.tuning.path and self._settings is not self.host.settings:
            self.open(self.tuning.path)
        self.cursor = self.tuning.cursor
        super().redraw()

    def draw(self, y: int, width: int) -> Parts:
        """The ladder's part of a line, then the crop's."""
        if y < self.head - 1 or y >= self.drawn.height - self.foot:
            return super().draw(y, width)
        room = columns(width)
        said = self._instead(room.ladder)
        row = y - self.head
        left = super().draw(y, room.ladder) if not said else (said[row] if 0 <= row < len(said) else [])
        if not room.crop:
            return left
        return [*pad(left, room.ladder), (self.look.glyphs.wall, "rule"), *self.crop_line(row, room.crop)]

    def _instead(self, width: int) -> list[Parts]:
        """What stands where the ladder would be; empty where there is one."""
        tuning = self.tuning
        if not tuning.path:
            return plain_lines([_EMPTY], self.look.safe, width - 2, "dim")
        if tuning.problem and not tuning.measured:
            return plain_lines([tuning.problem], self.look.safe, width - 2, "failed")
        if tuning.subject and not tuning.tunable and not tuning.comparing:
            return plain_lines([_LOSSLESS.format(tuning.format.upper())], self.look.safe, width - 2, "warn")
        return []

    def draw_head(self, y: int, width: int) -> Parts:
        """Title, target, rule, titles of the columns."""
        if y == 0:
            link = self.host.link
            right = "  ".join((link.host[:20], str(self.preview), link.colors))
            return head_line(self.tuning, self._title(), right, self.look, width)
        if y == 1:
            return target_line(self.tuning, width, busy=self.work.busy)
        return (
            [(self.look.glyphs.rule * width, "rule")] if y == 2 else ladder_head(self.tuning, columns(self.drawn.width))
        )

    def _title(self) -> str:
        return os.path.relpath(self.tuning.path, self.roots[0]) if self.tuning.path else ""

    def draw_row(self, row: int, width: int, *, chosen: bool) -> Parts:
        """One rung."""
        parts = ladder_line(self.tuning, self.tuning.rows[row], self.look, columns(self.drawn.width), chosen=chosen)
        if not chosen:
            return parts
        role = "cursor" if self.has_focus else "cursor idle"
        return [(words, role) for words, _ in pad(parts, width)]

    def draw_foot(self, y: int, width: int) -> Parts:
        """Rule, A and B, whole folder, equal command."""
        if y == 0:
            return [(self.look.glyphs.rule * width, "rule")]
        if self.tuning.subject is None:
            return []
        if y == 1:
            return shown_line(self.rung, self.place, self.price, width)
        if y == 2:
            return self.estimate.line(self.roots, self.tuned, self.look, width)
        line = text.cut_left(self.look.safe(self.command), width - 18, self.look.glyphs.dots)
        return [(" equal command: ", "dim"), (line, "strong")]

    @property
    def roots(self) -> tuple[str, ...]:
        """The folder that the dashboard was opened on and the image lies in; else the image's own."""
        path = self.tuning.path
        given = map(os.path.abspath, self.host.roots)
        return next(((root,) for root in given if inside(path, root)), (os.path.dirname(path),))

    @property
    def values(self) -> dict[str, object]:
        """The settings that were tuned, by field name, as a file holds them."""
        tuning, format = self.tuning, self._format
        same = tuning.subject is not None and format == tuning.subject.format
        return {"target_quality": tuning.target, "format": "original" if same else str(format)}

    @property
    def _format(self) -> Format:
        """What the image would become: that of the ladder, or of the chosen row of a comparison."""
        row = self.tuning.row
        return row.format if self.tuning.comparing and row else self.tuning.format

    @property
    def tuned(self) -> Settings:
        """The settings of the next run for this image, with what was tuned over them."""
        return laid_over(self.tuning.settings, self.values)

    @property
    def command(self) -> str:
        """What does the same from a shell, for the whole folder."""
        return run_line(self.roots, self.tuned)

    def move(self, row: int) -> None:
        """Another rung."""
        self.tuning.choose(row)
        self._turned()

    def _turned(self, *, at_once: bool = False) -> None:
        """Something else is wanted."""
        self.stop_flicker()
        self.work.wake(at_once=at_once)
        self.redraw()
        self.host.main.row_arrived()

    def do_left(self) -> None:
        """One quality lower."""
        self.tuning.step(-1)
        self._turned()

    def do_right(self) -> None:
        """One quality higher."""
        self.tuning.step(1)
        self._turned()

    def do_choose(self) -> None:
        """The chosen row is good enough: its score is the target; of the comparison, its format."""
        row = self.tuning.row
        if self.tuning.comparing and row:
            self.tuning.turn(row.format)
            self._turned(at_once=True)
        elif self.rung and self.rung.score is not None:
            self._aim(int(self.rung.score))

    def do_aim(self) -> None:
        """Type a target."""

        def check(value: str) -> str:
            right = value.isascii() and value.isdigit() and TARGETS[0] <= int(value) <= TARGETS[1]
            return "" if right else f"use a whole number from {TARGETS[0]} to {TARGETS[1]}"

        hint = "70 good, 80 no difference side by side, 90 none when flicked"
        dialog = TypeDialog("Score to reach", str(self.tuning.target), hint=hint, check=check)
        self.app.push_screen(dialog, lambda value: None if value is None else self._aim(int(value)))

    def do_aim_lower(self) -> None:
        """One point less."""
        self._aim(self.tuning.target - 1)

    def do_aim_higher(self) -> None:
        """One point more."""
        self._aim(self.tuning.target + 1)

    def _aim(self, target: int) -> None:
        self.tuning.aim_at(target)
        self._turned(at_once=True)

    def do_turn_format(self) -> None:
        """The next format's ladder."""
        at = FORMATS.index(self.tuning.format) + 1 if self.tuning.format in FORMATS else 0
        self.tuning.turn(FORMATS[at % len(FORMATS)])
        self._turned(at_once=True)

    def do_compare(self) -> None:
        """All formats at the same score, and back."""
        self.tuning.compare()
        self._turned(at_once=True)

    def do_estimate(self) -> None:
        """The whole folder at this target."""
        if self.host.mirror.working:
            self.host.main.say("a run is at work and needs the processors; estimate when it is over")
        elif self.tuning.subject:
            self.estimate.begin(self.roots, self.tuned)
            self.redraw()

    def do_apply_target(self) -> None:
        """Target and format for what is marked, or for the image's folder, in the next run."""
        if self.tuning.subject is None:
            self.host.main.say("nothing is tuned yet that could be applied")
            return
        paths = self.host.main.files.model.roots() or (os.path.dirname(self.tuning.path),)
        self.host.tuned.apply(paths, self.values)
        what = paths[0] if len(paths) == 1 else f"{len(paths)} marked files and folders"
        lossless = "" if self._format in FORMATS else _NO_EFFECT.format(self._format.upper())
        self.host.main.say(f"{lossless}{in_words(self.values)} for {what}: r runs it, u takes it back")

    def do_undo_target(self) -> None:
        """As before the last apply."""
        done = self.host.tuned.undo()
        self.host.main.say("the last Apply is taken back" if done else "nothing was applied that could be taken back")

    def do_save_target(self) -> None:
        """Target and format as a preset of the user's."""

        def save(name: str | None) -> None:
            if name is not None:
                self.host.start_task(self._save(name, self.tuned))

        hint = f"{in_words(self.values)}; a preset of that name is replaced"
        self.app.push_screen(TypeDialog("Name of the preset", "", hint=hint, check=_wrong_name), save)

    async def _save(self, name: str, settings: Settings) -> None:
        from engine import presets

        try:
            file = await asyncio.to_thread(presets.save, name, settings)
        except (ImgoptError, OSError) as error:
            self.host.failed(f"The preset {name} was not saved: {error}. What is tuned stays as it is.")
        else:
            self.host.main.say(f"preset {name} is in {file}: run --preset {name}")

    def do_export_page(self) -> None:
        """Ladder and crops as one HTML file."""
        tuning, rung = self.tuning, self.rung
        if tuning.subject is None or rung is None:
            self.host.main.say("there is nothing to export yet: a row must be measured first")
            return
        rungs = [row.rung for row in tuning.rows if row.rung]
        making = partial(
            make_page, self.work.fetch, tuning.subject, rungs, rung, tuning.best, tuning.target, self.place
        )

        def write(path: str | None) -> None:
            if path is not None:
                self.host.start_task(self._export(path, making))

        stem = os.path.splitext(os.path.basename(tuning.path))[0]
        hint = "one HTML file to copy home; a browser shows what a terminal cannot"
        dialog = TypeDialog("Export ladder and crops", proposed(f"{stem}-tuned"), hint=hint, check=refused)
        self.app.push_screen(dialog, write)

    async def _export(self, path: str, making: Callable[[], Awaitable[str]]) -> None:
        self.host.main.say("fetching the crops")
        try:
            written = await asyncio.to_thread(write_new, path, "page", await making())
        except (ImgoptError, OSError) as error:
            self.host.failed(f"{str(error) or type(error).__name__}. What is tuned stays as it is.")
        else:
            self.host.main.say(f"written to {written}")

    def do_copy_command(self) -> None:
        """The equal command, through the terminal and into a file."""
        self.host.main.say(self.host.copy(self.command))

    def do_back(self) -> None:
        """To the pane that this was opened from; nothing more is measured."""
        self.stop_flicker()
        self.work.rest()
        self.host.main.show_pane(self.came_from)

    def describe(self) -> tuple[str, str]:
        """The message line: what went wrong, or the chosen rung."""
        rung = self.rung
        if self.tuning.problem and self.tuning.measured:
            return self.tuning.problem, "failed"
        if rung is None or rung.worst is None:
            return "", ""
        place = f"{rung.left} {'x' if self.look.ascii_only else '×'} {rung.top} px"
        return f"worst place {rung.worst:.1f}, at {place}{'; ' + rung.note if rung.note else ''}", "dim"
