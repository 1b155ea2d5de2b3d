from collections import Counter

from tui.actions import ACTIONS, MAIN, Action, Where, here, keys_table
from tui.canvas import Listing
from tui.commands import Commands
from tui.files_pane import FilesPane
from tui.form import SettingList
from tui.grid import BatchGrid
from tui.help import help_lines, offered
from tui.images_pane import ImagesPane
from tui.log_pane import LogPane
from tui.look import Look
from tui.parts import text_of
from tui.set_aside import SetAsideList
from tui.tune_pane import TunePane

OWNERS: dict[Where, type] = {
    Where.EVERYWHERE: Commands,
    Where.WORK: Commands,
    Where.LISTS: Listing,
    Where.FILES: FilesPane,
    Where.BATCHES: BatchGrid,
    Where.IMAGES: ImagesPane,
    Where.TUNING: TunePane,
    Where.LOG: LogPane,
    Where.FORM: SettingList,
    Where.ASIDE: SetAsideList,
}
BOXES = {Where.FORM, Where.ASIDE}
THERE = {"y", "t", "e"}
"""Keys that mean in Tune what they mean everywhere, of what is shown there: copy, tune, export."""


def test_every_action_does_something_where_it_is_declared() -> None:
    for entry in ACTIONS:
        assert callable(getattr(OWNERS[entry.where], f"do_{entry.id}", None)), entry.id


def test_no_key_means_two_things_in_one_place() -> None:
    for scope in set(Where) - {Where.LISTS, *MAIN}:
        reachable: list[Action] = here(Where.LISTS, scope)
        if scope not in BOXES:  # the main screen's keys do not reach them
            reachable += here(*MAIN)
        keys = Counter(key for entry in reachable for key in entry.keys)
        twice = {key for key, times in keys.items() if times > 1}
        assert twice <= (THERE if scope is Where.TUNING else set())
    assert len({entry.id for entry in ACTIONS}) == len(ACTIONS)


def test_every_action_has_a_key_that_its_owner_binds() -> None:
    from tui.main_screen import MainScreen

    for entry in ACTIONS:
        owner = MainScreen if entry.where in MAIN else OWNERS[entry.where]
        bound = {key for keys in getattr(owner, "_merged_bindings").key_to_bindings for key in keys.split(",")}  # noqa: B009
        assert set(entry.keys) <= bound, entry.id


def test_help_and_table_name_every_action() -> None:
    shown = "\n".join(text_of(line) for line in help_lines(Look(ascii_only=True, plain=True)))
    table = keys_table()
    for entry in ACTIONS:
        assert entry.name in shown
        assert entry.help in shown
        assert f"| {entry.name} | {entry.help} |" in table


def test_palette_offers_everything_but_keys_of_cursors_and_boxes() -> None:
    missing = {entry.where for entry in ACTIONS} - {entry.where for entry in offered()}
    assert missing == {Where.LISTS, *BOXES}


def test_help_fits_eighty_columns() -> None:
    for line in help_lines(Look(ascii_only=True, plain=True)):
        assert len(text_of(line)) <= 76, text_of(line)
