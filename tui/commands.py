"""What the main screen's keys do: one method for each action of the registry that works everywhere."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

from engine.errors import ImgoptError
from engine.roots import within
from engine.settings import Settings
from engine.view import RunView
from tui import text
from tui.dialogs import Choice, ChoiceDialog, ReadDialog, TypeDialog
from tui.form import Changed, FormDialog
from tui.frame import TABS
from tui.help import GO_TO, CommandsDialog, help_lines
from tui.run_boxes import RunBoxes
from tui.run_controls import RunControls

if TYPE_CHECKING:
    from tui.main_screen import MainScreen

__all__ = ["RATES", "Commands"]

RATES = (1, 2, 5, 10)
"""Redraws a second to choose from."""
_LEAVING = (
    Choice("left", "leave it running", "imgopt-tui attach returns to it"),
    Choice("stopping", "stop after current images", "nothing is lost, the rest stays as it is"),
    Choice("stopped", "stop now", "images in work keep their originals"),
)


class Narrowed(Protocol):
    """A pane that can be filtered."""

    @property
    def words(self) -> str:
        """What lines must contain now."""

    def narrow(self, words: str) -> None:
        """Only lines that contain this; empty: all."""


class Commands(RunBoxes, RunControls):
    """What the main screen can do; ``do_<id>`` for each action."""

    def __init__(self, main: MainScreen) -> None:
        self.main = main

    def do_help(self) -> None:
        """All keys."""
        self.host.push_screen(ReadDialog("Help", help_lines(self.host.look)))

    def do_commands(self) -> None:
        """Find a command, or go to a path."""

        def run(answer: str | None) -> None:
            if answer is None:
                return
            if answer.startswith(GO_TO):
                self.main.show_pane("files")
                wrong = self.main.files.show_path(answer.removeprefix(GO_TO))
                if wrong:
                    self.main.say(wrong)
            else:
                self.main.perform(answer)

        self.host.push_screen(CommandsDialog(), run)

    def do_files(self) -> None:
        """To the file tree."""
        self.main.show_pane("files")

    def do_batches(self) -> None:
        """To the grid."""
        self.main.show_pane("batches")

    def do_images(self) -> None:
        """To the list."""
        self.main.show_pane("images")

    def do_tune(self) -> None:
        """To the image that is tuned; to the chosen one where there is none yet."""
        if self.main.tune.tuning.path or not self._chosen_file():
            self.tune(None)
        else:
            self.do_tune_image()

    def do_tune_image(self) -> None:
        """Find the quality of the chosen image."""
        path = self._chosen_file()
        if path:
            self.tune(path)
        else:
            self.main.say("choose one image first: t tunes the one under the cursor")

    def _chosen_file(self) -> str:
        """The image under the cursor; empty where that is a folder or nothing."""
        if self.main.active == "files":
            node = self.main.files.chosen
            return node.path if node and not node.is_folder else ""
        row = self.main.chosen_row()
        return row.source if row else ""

    def tune(self, path: str | None) -> None:
        """To the Tune tab; None: with the image that is there, if any."""
        tune = self.main.tune
        if self.main.active != "tune":
            tune.came_from = self.main.active
        self.main.show_pane("tune")
        if path or tune.tuning.path:
            tune.open(path or tune.tuning.path)

    def do_log(self) -> None:
        """To the log."""
        self.main.show_pane("log")

    def do_next_pane(self) -> None:
        """To the next pane."""
        self.main.show_pane(TABS[(TABS.index(self.main.active) + 1) % len(TABS)])

    def do_previous_pane(self) -> None:
        """To the pane before."""
        self.main.show_pane(TABS[TABS.index(self.main.active) - 1])

    def do_alone(self) -> None:
        """One pane alone, or all."""
        self.main.is_alone = not self.main.is_alone
        self.main.place_panes()

    def do_filter(self) -> None:
        """Only what contains a text: lines of the log, files of open folders, or images."""
        name = self.main.active if self.main.active in ("files", "log") else "images"
        panes: dict[str, Narrowed] = {"files": self.main.files, "log": self.main.log_pane, "images": self.main.images}
        pane = panes[name]

        def narrow(words: str | None) -> None:
            if words is not None:
                self.main.show_pane(name)
                pane.narrow(words)

        hint = "part of a name, capitals or not; empty: all"
        self.host.push_screen(TypeDialog(f"Filter {name}", pane.words, hint=hint), narrow)

    def do_copy(self) -> None:
        """The chosen path, through the terminal and into a file."""
        node, row = self.main.files.chosen, self.main.chosen_row()
        path = (node.path if node else "") if self.main.active == "files" else (row.source or row.path if row else "")
        if path:
            self.main.say(self.host.copy(path))
        else:
            self.main.say("nothing is chosen that could be copied")

    def do_settings(self) -> None:
        """The settings form."""

        def take(answer: Changed | None) -> None:
            if answer is not None:
                self.host.take_settings(answer.settings, answer.said)
                self.main.say("the next run uses these settings")
                if answer.save:
                    self.host.start_task(self._save(answer.settings))

        self.host.push_screen(FormDialog(self.host.settings), take)

    async def _save(self, settings: Settings) -> None:
        try:
            self.main.say(f"saved to {await self.host.saved.save(settings)}")
        except (ImgoptError, OSError) as error:
            reason = getattr(error, "strerror", None) or error
            self.host.failed(f"The settings could not be saved: {reason}. They hold until you leave.")

    def do_slower(self) -> None:
        """Fewer redraws."""
        self._rate(-1)

    def do_faster(self) -> None:
        """More redraws."""
        self._rate(1)

    def _rate(self, step: int) -> None:
        at = RATES.index(self.host.limit) + step
        self.host.limit = RATES[max(0, min(len(RATES) - 1, at))]
        slow = f"; this link carries {self.host.rate}" if self.host.rate < self.host.limit else ""
        self.main.say(f"at most {text.count(self.host.limit, 'redraw')} a second{slow}")
        self.main.repaint()

    def do_mouse(self) -> None:
        """Mouse on or off."""
        self.main.say("mouse on" if self.host.toggle_mouse() else "mouse off: the terminal selects text itself")

    def do_repaint(self) -> None:
        """Everything, also what did not change."""
        self.host.repaint_all()

    def do_suspend(self) -> None:
        """Back to the shell."""
        self.host.action_suspend_process()

    def do_quit(self) -> None:
        """Leave; with a run in work, ask what becomes of it."""
        if not self.host.mirror.working:
            mirror = self.host.mirror
            self.host.leave("nothing" if mirror.info is None else "lost" if mirror.lost else "over")
            return

        def end(answer: str | None) -> None:
            if answer is not None:
                self.host.start_task(self._leave(answer))

        words = ["The run goes on by itself if you leave."]
        self.host.push_screen(ChoiceDialog("A run is at work", words, _LEAVING), end)

    async def _leave(self, choice: str) -> None:
        if choice != "left":

            async def cancel(view: RunView) -> None:
                await view.cancel(now=choice == "stopped")

            if not await self.host.session.tell(cancel):
                return
        self.host.leave(choice)

    def _given_and_tuned(self) -> tuple[str, ...]:
        """The folders that the dashboard was opened on, and what was given settings outside of them."""
        given = [os.path.abspath(root) for root in self.host.roots]
        outside = (path for path in self.host.tuned.by_path if not any(within(path, root) for root in given))
        return (*self.host.roots, *outside)

    def do_run(self) -> None:
        """Optimize what is marked; replacing originals asks first."""
        roots = self.main.files.model.roots() or self._given_and_tuned()
        if self.host.mirror.working:
            self.main.say("a run is at work already")
        elif not roots:
            self.main.say("mark a folder or a file first: Space in Files")
        elif self.host.settings.in_place:
            places = "  ".join(map(self.host.look.safe, roots))
            words = [f"The originals in {places} are replaced by their results."]
            kept = self.host.settings.backup
            words.append("Each is kept for imgopt-tui undo." if kept else "None is kept: there is no undo.")
            choices = [Choice("no", "do not run", "set in_place to false in the settings"), Choice("yes", "replace")]
            dialog = ChoiceDialog("Replace originals?", words, choices, role="warn")
            self.host.push_screen(dialog, lambda answer: self.host.run_on(roots) if answer == "yes" else None)
        else:
            self.host.run_on(roots)
