"""Every action once. Bindings, command palette, help screen, key line and the README's table come from ``ACTIONS``.

The widget or screen that owns an action implements it as ``do_<id>``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["ACTIONS", "Action", "Where", "action", "here", "keys_table"]


class Where(StrEnum):
    """Where an action's keys work."""

    EVERYWHERE = "everywhere"
    WORK = "work"
    LISTS = "lists"
    FILES = "files"
    BATCHES = "batches"
    IMAGES = "images"
    TUNING = "tuning"
    LOG = "log"
    FORM = "settings"
    ASIDE = "set aside"


MAIN = (Where.EVERYWHERE, Where.WORK)
"""What the main screen itself implements."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a user can do."""

    id: str
    keys: tuple[str, ...]
    """As Textual names them; the first is shown."""
    name: str
    help: str
    where: Where
    short: str = ""
    """For the key line; empty: not shown there."""

    @property
    def shown(self) -> str:
        """The keys for people."""
        return " ".join(dict.fromkeys(_KEY_NAMES.get(key, key) for key in self.keys if key not in _UNSHOWN))

    @property
    def first(self) -> str:
        """The key the key line shows."""
        return _KEY_NAMES.get(self.keys[0], self.keys[0])


_KEY_NAMES = {
    "question_mark": "?",
    "colon": ":",
    "slash": "/",
    "full_stop": ".",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "asterisk": "*",
    "plus": "+",
    "minus": "-",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "f1": "F1",
    "f2": "F2",
    "space": "Space",
    "enter": "Enter",
    "tab": "Tab",
    "shift+tab": "Shift+Tab",
    "ctrl+l": "Ctrl+L",
    "ctrl+z": "Ctrl+Z",
    "ctrl+q": "Ctrl+Q",
    "up": "Up",
    "down": "Down",
    "left": "Left",
    "right": "Right",
    "home": "Home",
    "end": "End",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "backspace": "Backspace",
    "escape": "Esc",
}
_UNSHOWN = {"ctrl+c", "equals_sign", "underscore", "shift+left", "shift+down", "shift+up", "shift+right"}
"""Keys that work without being advertised: neighbours of a key that needs Shift, the habit of Ctrl+C, and arrows with
Shift, which some terminals keep for themselves."""

ACTIONS: tuple[Action, ...] = (
    Action("help", ("question_mark", "f1"), "Help", "all keys, and what the marks mean", Where.EVERYWHERE, "Help"),
    Action("commands", ("colon", "f2"), "Commands", "find a command, or go to a path", Where.EVERYWHERE, "Cmd"),
    Action("files", ("1",), "Files", "choose folders and files", Where.EVERYWHERE),
    Action("batches", ("2",), "Batches", "one line a batch, one cell an image", Where.EVERYWHERE),
    Action("images", ("3",), "Images", "list of images", Where.EVERYWHERE),
    Action("tune", ("4",), "Tune", "one image: its quality by number and by eye", Where.EVERYWHERE),
    Action("log", ("5",), "Log", "what happened", Where.EVERYWHERE),
    Action("next_pane", ("tab",), "Next pane", "to the next pane", Where.EVERYWHERE),
    Action("previous_pane", ("shift+tab",), "Previous pane", "to the pane before", Where.EVERYWHERE),
    Action("alone", ("Z",), "One pane alone", "all the room for one pane, and back", Where.EVERYWHERE),
    Action("filter", ("slash",), "Filter", "only images, files or log lines with a text", Where.EVERYWHERE, "Filter"),
    Action("copy", ("y",), "Copy path", "the chosen path to your clipboard", Where.EVERYWHERE),
    Action("tune_image", ("t",), "Tune image", "find the quality of the chosen image", Where.EVERYWHERE, "Tune"),
    Action("settings", ("o",), "Settings", "settings of the next run; save them", Where.EVERYWHERE, "Settings"),
    Action("slower", ("less_than_sign",), "Redraw less", "fewer redraws a second", Where.EVERYWHERE),
    Action("faster", ("greater_than_sign",), "Redraw more", "more redraws a second", Where.EVERYWHERE),
    Action("mouse", ("M",), "Mouse", "mouse on or off", Where.EVERYWHERE),
    Action("repaint", ("ctrl+l",), "Repaint", "paint the whole screen again", Where.EVERYWHERE),
    Action("suspend", ("ctrl+z",), "Suspend", "back to the shell; fg returns", Where.EVERYWHERE),
    Action("quit", ("q", "ctrl+q", "ctrl+c"), "Quit", "leave; asks what becomes of the run", Where.EVERYWHERE, "Quit"),
    Action("run", ("r",), "Run", "optimize what is marked, or the given folders", Where.WORK, "Run"),
    Action("pause", ("p",), "Pause", "start no further image, or go on", Where.WORK, "Pause"),
    Action("retry", ("R",), "Retry failed", "failed images again; at the end in a new run", Where.WORK, "Retry"),
    Action("set_aside", ("Q",), "Set aside", "images that crashed workers: why, and try again", Where.WORK),
    Action("cancel_image", ("X",), "Leave out image", "the run skips the chosen image", Where.WORK),
    Action("more_workers", ("plus", "equals_sign"), "More workers", "one worker process more", Where.WORK, "Worker"),
    Action("fewer_workers", ("minus", "underscore"), "Fewer workers", "one worker process less", Where.WORK),
    Action("memory", ("m",), "Memory limit", "of all processes of the run", Where.WORK),
    Action("priority", ("N",), "Priority", "nice value of the workers", Where.WORK),
    Action("hangup", ("D",), "Hang-up", "what the run does when the terminal closes", Where.WORK),
    Action("summary", ("i",), "Summary", "totals and report of the run", Where.WORK),
    Action("export", ("e",), "Export", "write the report of the run to a file", Where.WORK, "Export"),
    Action("machine", ("I",), "Machine", "memory, CPU, disk, speed and workers", Where.WORK),
    Action("earlier", ("P",), "Past runs", "list them, and open one", Where.WORK, "Past"),
    Action("up", ("up", "k"), "Up", "one line up", Where.LISTS),
    Action("down", ("down", "j"), "Down", "one line down", Where.LISTS),
    Action("left", ("left", "h"), "Left", "one cell left; in files: close the folder", Where.LISTS),
    Action("right", ("right", "l"), "Right", "one cell right; in files: open the folder", Where.LISTS),
    Action("top", ("g", "home"), "First", "to the first line", Where.LISTS),
    Action("bottom", ("G", "end"), "Last", "to the last line", Where.LISTS),
    Action("page_up", ("pageup",), "Page up", "one page up", Where.LISTS),
    Action("page_down", ("pagedown",), "Page down", "one page down", Where.LISTS),
    Action("choose", ("enter",), "Details", "details of the image; open a folder", Where.LISTS, "Info"),
    Action("mark", ("space",), "Mark", "take this folder or file into the next run", Where.FILES, "Mark"),
    Action("unmark", ("c",), "Unmark all", "no marks: the next run takes the given folders", Where.FILES, "Unmark"),
    Action("mark_matching", ("asterisk",), "Mark pattern", "such as *.png, of the lines here", Where.FILES),
    Action("go_to", ("L",), "Go to path", "type a folder to look at", Where.FILES),
    Action("hidden", ("full_stop",), "Hidden files", "show or hide names that start with a dot", Where.FILES, "Hidden"),
    Action("parent", ("backspace",), "Parent folder", "the folder above becomes the root of the tree", Where.FILES),
    Action("follow", ("F",), "Follow", "keep the images in work in view", Where.BATCHES, "Follow"),
    Action("states", ("f",), "States", "the failed alone, then the other states, all", Where.IMAGES, "States"),
    Action("sort", ("s",), "Sort", "by the next column", Where.IMAGES, "Sort"),
    Action("reverse", ("S",), "Reverse", "sort the other way round", Where.IMAGES),
    Action("follow_list", ("F",), "Follow images", "keep the images in work in view", Where.IMAGES, "Follow"),
    Action("aim", ("t",), "Target", "type the score to reach", Where.TUNING, "Target"),
    Action("aim_lower", ("left_square_bracket",), "Lower target", "one point less", Where.TUNING),
    Action("aim_higher", ("right_square_bracket",), "Higher target", "one point more", Where.TUNING),
    Action("turn_format", ("F",), "Format", "the ladder of the next format", Where.TUNING, "Format"),
    Action("compare", ("c",), "Compare", "all formats at the same score, and back", Where.TUNING, "Compare"),
    Action("flip", ("b",), "Flip", "show the original or the result", Where.TUNING, "flip"),
    Action("flicker", ("f",), "Flicker", "flip by itself for a few seconds", Where.TUNING, "flicker"),
    Action("difference", ("x",), "Difference", "what the result changed, 8 times as strong", Where.TUNING, "diff"),
    Action("worst", ("n",), "Worst place", "move the crop to the worst place", Where.TUNING, "worst"),
    Action("zoom", ("z",), "Zoom", "the crop's next scale", Where.TUNING, "zoom"),
    Action("preview", ("v",), "Preview", "how the crop is shown: text, Kitty, Sixel", Where.TUNING, "preview"),
    Action("crop_left", ("H", "shift+left"), "Crop left", "move the crop to the left", Where.TUNING),
    Action("crop_down", ("J", "shift+down"), "Crop down", "move the crop down", Where.TUNING),
    Action("crop_up", ("K", "shift+up"), "Crop up", "move the crop up", Where.TUNING),
    Action("crop_right", ("L", "shift+right"), "Crop right", "move the crop to the right", Where.TUNING),
    Action("estimate", ("E",), "Estimate", "the whole folder at this target, from a sample", Where.TUNING),
    Action("apply_target", ("A",), "Apply", "to what is marked, else to the image's folder", Where.TUNING, "Apply"),
    Action("save_target", ("S",), "Save preset", "keep target and format under a name", Where.TUNING, "Preset"),
    Action("undo_target", ("u",), "Undo", "take the last Apply back", Where.TUNING, "Undo"),
    Action("export_page", ("e",), "Export page", "ladder and crops as one HTML file", Where.TUNING, "Export"),
    Action("copy_command", ("y",), "Copy command", "the equal command to your clipboard", Where.TUNING, "Copy"),
    Action("back", ("escape",), "Back", "to the pane before; measuring ends", Where.TUNING, "Back"),
    Action("levels", ("f",), "Warnings", "only warnings and failures, or all lines", Where.LOG, "Warnings"),
    Action("change", ("space",), "Change", "the next value of a choice", Where.FORM, "Change"),
    Action("preset", ("p",), "Preset", "start from one; what it changes is shown", Where.FORM, "Preset"),
    Action("unset", ("d",), "Default", "back to the default", Where.FORM, "Default"),
    Action("apply", ("a",), "Apply", "use these settings for the next run", Where.FORM, "Apply"),
    Action("save", ("w",), "Save", "use them, and write them to your settings file", Where.FORM, "Save"),
    Action("again_all", ("A",), "Try all again", "in the next run; Enter: just the chosen one", Where.ASIDE),
)
_BY_ID = {entry.id: entry for entry in ACTIONS}


def action(id: str) -> Action:
    """The action of that id."""
    return _BY_ID[id]


def here(*where: Where) -> list[Action]:
    """The actions of some places, in their order."""
    return [entry for entry in ACTIONS if entry.where in where]


def keys_table() -> str:
    """All keys as a Markdown table."""
    lines = ["| where | key | name | what it does |", "|---|---|---|---|"]
    for entry in ACTIONS:
        keys = " ".join(f"`{key}`" for key in entry.shown.split(" "))
        lines.append(f"| {entry.where} | {keys} | {entry.name} | {entry.help} |")
    return "\n".join(lines) + "\n"
