"""Command lines that the help of each command ends with."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["EXAMPLES"]

EXAMPLES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "": (
        ("~/Pictures", "look at a folder, mark, tune, run"),
        ("--demo", "see it at work on images of its own"),
    ),
    "run": (
        ("~/Pictures --dry-run", "what would be written, and what that would save"),
        ("~/Pictures -q 78 --long-edge 1920", "into ~/Pictures/optimized"),
        ("~/Pictures -o ~/web --format webp --also avif", "two formats, into a folder of their own"),
        ("~/Pictures --in-place --target-quality 80", "each as small as it can be at one look; see undo"),
        ("- --format webp < a.jpg > a.webp", "one image through a pipe"),
    ),
    "watch": (("~/Uploads -o ~/web --format webp", "each image as it comes"),),
    "service": (
        ("watch ~/Uploads -o ~/web", "print the unit"),
        ("run ~/Pictures -Q", "print the unit and its timer"),
    ),
    "estimate": (("~/Pictures --format avif --sample 500", "narrower ranges from more images"),),
    "bench": (
        ("", "on photos of its own, by format and effort"),
        ("~/Pictures --format avif --json", "on yours, as these settings do them"),
    ),
    "attach": (("", "the newest run that is going on"), ("1a2b", "one by the beginning of its id")),
    "ps": (("--json", "for programs"),),
    "ctl": (("pause", "the newest run"), ("1a2b workers 8", "one by the beginning of its id")),
    "stop": (("1a2b --now", "without waiting for the images in work"),),
    "undo": (("last --dry-run", "what would be put back"), ("last ~/Pictures/a.jpg", "one image of the newest run")),
    "backups": (("", "what originals cost"), ("--older-than 30d --yes", "let those of old runs go")),
    "runs": (("--json", "for programs"), ("--prune --older-than 90d --keep 20", "take old ones off the list")),
    "status": (("1a2b", "one by the beginning of its id"),),
    "report": (("-o report.html", "a page about the newest run"), ("1a2b --against 3c4d", "two runs compared")),
    "resume": (("", "the newest run that did not end"),),
    "quarantine": (("--clear", "let the next run try them again"),),
    "doctor": (("--json", "for programs"),),
    "schema": (("> schema.json", "for a validator"),),
    "optimize": (('a.jpg a.webp \'{"outputFormat": "webp"}\'', "result as JSON on stdout"),),
    "optimize-batch": (("tasks.json -j 4", "results in the order of the tasks"),),
    "config": (("show ~/Pictures", "which values hold there, and why"), ("init", "write a file to start with")),
    "completions": (("bash > ~/.local/share/bash-completion/completions/imgopt-tui", "for the next shell"),),
    "man": (("| man -l -", "read it"),),
}
"""What stands behind ``imgopt-tui COMMAND``, and what it is for."""
