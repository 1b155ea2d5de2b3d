"""The panes of the main screen, each loaded and made when it is asked for first: a first picture needs one of them."""

from __future__ import annotations

from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

from tui.files_pane import FilesPane

if TYPE_CHECKING:
    from tui.canvas import Canvas, Listing
    from tui.details import DetailsPane
    from tui.grid import BatchGrid
    from tui.images_pane import ImagesPane
    from tui.log_pane import LogPane
    from tui.side import SidePane
    from tui.tune_pane import TunePane

__all__ = ["Panes", "load_all"]

_MODULES = ("commands", "grid", "images_pane", "log_pane", "preset_box", "set_aside", "side", "tune_pane")


def load_all() -> None:
    """Load what the panes and keys need that nobody asked for yet: the first key finds it, and so does one that is
    pressed after another version was installed over this one."""
    for name in _MODULES:
        import_module(f"tui.{name}")


class Panes:
    """Mixin of ``MainScreen``."""

    def __init__(self, roots: tuple[str, ...], *more: Any) -> None:
        super().__init__(*more)
        self.files = FilesPane(roots, id="files")

    @cached_property
    def grid(self) -> BatchGrid:
        """The batches."""
        from tui.grid import BatchGrid

        return BatchGrid(id="batches")

    @cached_property
    def images(self) -> ImagesPane:
        """The list of images."""
        from tui.images_pane import ImagesPane

        return ImagesPane(id="images")

    @cached_property
    def tune(self) -> TunePane:
        """The image that is tuned."""
        from tui.tune_pane import TunePane

        return TunePane(id="tune")

    @cached_property
    def log_pane(self) -> LogPane:
        """The log."""
        from tui.log_pane import LogPane

        return LogPane(id="log")

    @cached_property
    def details(self) -> DetailsPane:
        """The chosen image."""
        from tui.details import DetailsPane

        return DetailsPane()

    @cached_property
    def side(self) -> SidePane:
        """The gauges of a wide screen."""
        from tui.side import SidePane

        return SidePane()

    @property
    def of_the_run(self) -> list[BatchGrid | ImagesPane | LogPane]:
        """Those of the panes that show a run and were made already."""
        made = vars(self)
        return [made[name] for name in ("grid", "images", "log_pane") if name in made]

    def pane(self, name: str) -> Listing:
        """One of the panes by its name."""
        panes = {"batches": "grid", "log": "log_pane"}
        pane: Listing = getattr(self, panes.get(name, name))
        return pane

    def part(self, name: str) -> Canvas:
        """A pane, or what stands beside them where all are shown."""
        return self.side if name == "side" else self.details if name == "details" else self.pane(name)
