"""What a run is told by a key. The words for it, and what they mean, are those of ``imgopt-tui ctl``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from engine.errors import ImgoptError
from engine.view import ImageRow, ImageState, Phase, RunView
from tui import earlier, text
from tui.dialogs import Choice, ChoiceDialog, TypeDialog

if TYPE_CHECKING:
    from tui.app import ImgoptApp
    from tui.main_screen import MainScreen

__all__ = ["RunControls"]


def _wrong(name: str) -> Callable[[str], str]:
    """Says what is wrong with a value that was typed for a command; nothing when it is right."""

    def check(value: str) -> str:
        from tui.ctl_command import READS

        try:
            READS[name](value.strip())
        except ValueError as error:
            return str(error)
        return ""

    return check


class RunControls:
    """Mixin of ``Commands``."""

    main: MainScreen

    @property
    def host(self) -> ImgoptApp:
        """The application."""
        return self.main.host

    def _working(self) -> bool:
        """Whether there is a run to be told something; says it when there is none."""
        if not self.host.mirror.working:
            self.main.say("no run is at work")
        return self.host.mirror.working

    def _tell(self, name: str, *values: Any) -> None:
        """Send one of the commands of ``ctl`` and say what the run makes of it."""
        if not self._working():
            return

        async def tell(view: RunView) -> None:
            from tui.ctl_command import DOES

            self.main.say(f"the run {await DOES[name](view, values)}")

        self.host.start_task(self.host.session.tell(tell))

    def _ask(self, name: str, title: str, value: str, hint: str) -> None:
        """Let a value be typed, then send it."""

        def take(typed: str | None) -> None:
            if typed is not None:
                from tui.ctl_command import READS

                self._tell(name, READS[name](typed.strip()))

        if self._working():
            self.host.push_screen(TypeDialog(title, value, hint=hint, check=_wrong(name)), take)

    def do_pause(self) -> None:
        """Start no further image, or go on."""
        self._tell("resume" if self.host.mirror.phase is Phase.PAUSED else "pause")

    def do_more_workers(self) -> None:
        """One more."""
        self._workers(1)

    def do_fewer_workers(self) -> None:
        """One less, never none."""
        self._workers(-1)

    def _workers(self, step: int) -> None:
        update = self.host.mirror.update
        self._tell("workers", max(1, update.workers_wanted + step) if update else 1)

    def do_memory(self) -> None:
        """Another limit for the memory of all processes."""
        update = self.host.mirror.update
        limit = update.memory_limit if update else 0
        hint = "such as 512M or 2G; auto: what the machine allows"
        self._ask("memory", "Memory of the run", f"{limit >> 20}M" if limit else "auto", hint)

    def do_priority(self) -> None:
        """Another nice value of the workers."""
        update = self.host.mirror.update
        hint = "0: as other programs, up to 19: only what others leave"
        self._ask("nice", "Nice value of the workers", str(update.nice if update else 0), hint)

    def do_hangup(self) -> None:
        """What becomes of the run when its terminal closes."""

        def take(answer: str | None) -> None:
            if answer is not None:
                from tui.ctl_command import READS

                self._tell("on-hangup", READS["on-hangup"](answer))

        if not self._working():
            return
        choices = [
            Choice("finish", "go on", "attach returns to it"),
            Choice("pause", "pause", "until somebody lets it go on"),
            Choice("stop", "stop", "after the images in work"),
        ]
        now = self.host.mirror.update.on_hangup if self.host.mirror.update else "finish"
        words = [f"When the terminal closes, the run shall (now: {now})"]
        self.host.push_screen(ChoiceDialog("Closed terminal", words, choices), take)

    def do_cancel_image(self) -> None:
        """Leave out the image under the cursor."""
        row = self.main.chosen_row()
        if row is None:
            self.main.say("choose an image first: in Batches or Images")
        else:
            self.leave_out(row)

    def leave_out(self, row: ImageRow) -> None:
        """The run skips this image, whether it waits or is in work."""
        if ImageState(row.state).final:
            self.main.say("that image is through already")
        else:
            self._tell("cancel", row.source)

    def do_retry(self) -> None:
        """Failed images wait again; of a run that is over, a new run does just these."""
        info, phase = self.host.mirror.info, self.host.mirror.phase
        if info is None or phase is None or not phase.over:
            self._tell("retry-failed")
        elif self.host.mirror.totals.failed:
            self.main.say(f"starting a run on {text.count(self.host.mirror.totals.failed, 'failed image')}")
            self.host.start_task(self._again(info.run_id))
        else:
            self.main.say("no image failed")

    async def _again(self, run_id: str) -> None:
        try:
            view = await earlier.retry_failed(run_id)
        except (ImgoptError, OSError) as error:
            self.host.failed(str(error))
            return
        self.host.open_view(view)

    async def retry_set_aside(self, paths: Sequence[str]) -> int:
        """Have a run at work try these again that it left out; returns how many. Raises RunnerError."""
        view = self.host.session.view
        return await view.retry_quarantined(paths) if view and self.host.mirror.working else 0
