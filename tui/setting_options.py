"""The options of settings, made from their schema, and what was given of them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from engine.layers import Options
from engine.settings import SCHEMA, Kind, Setting
from engine.stock_presets import STOCK

__all__ = ["add_settings", "given_settings", "presets_table", "settings_table"]


def add_settings(parser: argparse.ArgumentParser, sections: Sequence[str]) -> None:
    """Those of some sections of the schema, and where else settings come from."""
    stock = ", ".join(preset.name for preset in STOCK)
    groups = {section: parser.add_argument_group(f"{section} settings") for section in sections}
    for entry in SCHEMA:
        if entry.section in groups and entry.flags:
            _add_setting(groups[entry.section], entry)
    if "encode" in groups:
        parser.add_argument("--preset", metavar="NAME", help=f"start from {stock}, or a preset of your own")
        parser.add_argument("--no-project-files", action="store_true", help="read no imgopt-tui.toml of a folder")
    parser.add_argument("--config", type=Path, metavar="FILE", help="read settings from FILE alone")


def _add_setting(group: argparse._ArgumentGroup, entry: Setting) -> None:
    dest = f"set_{entry.name}"
    text = entry.help.replace("%", "%%")
    if entry.kind is Kind.FLAG:
        on = [flag for flag in entry.flags if not flag.startswith("--no-")]
        off = [flag for flag in entry.flags if flag.startswith("--no-")]
        for flags, value, said in ((on, True, text), (off, False, f"turns {on[-1]} off")):
            if flags:
                shown = said + (" (default)" if value is entry.default is True else "")
                group.add_argument(
                    *flags, dest=dest, action="store_const", const=value, default=argparse.SUPPRESS, help=shown
                )
        return
    default = entry.show(entry.default).replace("%", "%%")
    shown = f" (default {default})" if default else ""
    several = entry.kind in (Kind.CHOICES, Kind.NUMBERS, Kind.PATTERNS)
    if several:
        shown += "; several: the option again" + ("" if entry.kind is Kind.PATTERNS else ", or with commas between")
    metavar = {Kind.WHOLE: "N", Kind.SIZE: "SIZE", Kind.SECONDS: "S", Kind.PATH: "DIR", Kind.SAVINGS: "AMOUNT"}
    metavar |= {Kind.SIZE_LIMIT: "AMOUNT", Kind.FLOOR: "AMOUNT", Kind.NUMBERS: "N,N", Kind.PATTERNS: "GLOB"}
    metavar |= {Kind.SINCE: "SINCE", Kind.SUFFIX: "TEXT"}
    group.add_argument(
        *entry.flags,
        dest=dest,
        action="append" if several else "store",
        default=argparse.SUPPRESS,
        metavar=metavar.get(entry.kind) or "{" + ",".join(entry.choices) + "}",
        help=text + shown,
    )


def given_settings(arguments: argparse.Namespace) -> Options:
    """What a command line says of settings, not yet checked."""
    values = {key.removeprefix("set_"): value for key, value in vars(arguments).items() if key.startswith("set_")}
    flags = {entry.name: entry.flags[-1] for entry in SCHEMA if entry.flags}
    preset, config = getattr(arguments, "preset", None), getattr(arguments, "config", None)
    return Options(values, flags, preset, config, not getattr(arguments, "no_project_files", False))


def settings_table() -> str:
    """Every setting as a Markdown table, for the README."""
    lines = ["| option | key | values | default | what |", "|---|---|---|---|---|"]
    for entry in SCHEMA:
        flags = " ".join(f"`{flag}`" for flag in entry.flags)
        key = f"`{entry.key}`" if entry.in_files else "(not in files)"
        default = entry.show(entry.default) or "not set"
        lines.append(f"| {flags} | {key} | {entry.allowed} | {default} | {entry.help} |")
    return "\n".join(lines)


def presets_table() -> str:
    """The presets that come with the program as a Markdown table, for the README."""
    known = {entry.name: entry for entry in SCHEMA}
    lines = ["| `--preset` | what for | settings | why |", "|---|---|---|---|"]
    for preset in STOCK:
        shown = (f"`{name}` {known[name].show(known[name].parse(value))}" for name, value in preset.values.items())
        lines.append(f"| `{preset.name}` | {preset.help} | {', '.join(shown)} | {preset.why} |")
    return "\n".join(lines)
