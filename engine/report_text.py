"""The report for a terminal: the figures of a run's end, then where the savings are and what failed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from engine.comparison import Comparison
from engine.digest import Digest, Group
from engine.escape import escape
from engine.past_report import RunReport
from engine.plural import count
from engine.report import human_bytes, human_seconds, report_text
from engine.task import saved_percent

__all__ = ["text"]

ROWS = 10
"""Of each list."""
NAMES = 3
"""Images named for a reason."""


def text(report: RunReport) -> str:
    """Some dozen lines."""
    return "\n".join(_lines(report))


def _lines(report: RunReport) -> Iterator[str]:
    run, found = report.run, report.digest
    started = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.started))
    yield f"run {run.id}  {started}  {run.phase}"
    yield f"{escape(', '.join(run.roots))} -> {escape(run.output)}"
    if settings := report.settings:
        yield settings
    yield ""
    yield from _totals(report).splitlines()
    if report.forgotten:
        yield "of runs this old the single images are not kept"
    if found.total.images:
        disk = human_bytes(found.total.disk_in - found.total.disk_out)
        yield f"on disk {disk} less, in whole blocks of {human_bytes(found.block)}"
    yield from _groups("by folder", found.folders)
    yield from _groups("by format", found.formats)
    yield from _biggest(found)
    yield from _reasons(found)
    if report.comparison is not None and report.against is not None:
        yield from _against(report.against.id, report.comparison)


def _totals(report: RunReport) -> str:
    if "batchSeconds" in report.run.report:
        return report_text(report.run.report)
    counts, total = report.digest.counts, report.digest.total
    images = ", ".join(f"{counts.get(name, 0)} {name}" for name in ("done", "kept", "skipped", "failed"))
    sizes = f"{human_bytes(total.bytes_in)} -> {human_bytes(total.bytes_out)}, saved {human_bytes(total.saved)}"
    return f"{images}\n{sizes} ({total.percent:.1f}%)\n{human_seconds(report.seconds)} ({report.seconds:.1f} s)"


def _groups(title: str, groups: Sequence[Group]) -> Iterator[str]:
    if not groups:
        return
    yield f"\n{title}"
    for group in groups[:ROWS]:
        sizes = f"{human_bytes(group.bytes_in):>9} -> {human_bytes(group.bytes_out):>9}"
        images = f"{group.images:>7} {'image' if group.images == 1 else 'images':<6}"
        yield f"  {sizes}  {group.percent:5.1f}%  {images}  {escape(group.name.replace('→', '->'))}"
    if len(groups) > ROWS:
        yield f"  and {len(groups) - ROWS} more"


def _biggest(found: Digest) -> Iterator[str]:
    if found.biggest:
        yield "\nbiggest wins"
    for image in found.biggest[:ROWS]:
        sizes = f"{human_bytes(image.original):>9} -> {human_bytes(image.optimized):>9}"
        yield f"  {sizes}  {saved_percent(image.original, image.optimized):5.1f}%  {escape(image.path)}"


def _reasons(found: Digest) -> Iterator[str]:
    if found.reasons:
        yield "\nfailed and skipped"
    for reason in found.reasons[:ROWS]:
        yield f"  {reason.images:>7} {reason.status}: {escape(reason.text)}"
        for path in reason.paths[:NAMES]:
            yield f"            {escape(path)}"
        if reason.images > NAMES:
            yield f"            and {reason.images - min(NAMES, len(reason.paths))} more"
    if len(found.reasons) > ROWS:
        yield f"  and {len(found.reasons) - ROWS} more reasons; --json has all"


def _against(other: str, found: Comparison) -> Iterator[str]:
    yield f"\nagainst run {other}"
    for name, before, after in found.settings:
        yield f"  {name}: {_value(before)} there, {_value(after)} here"
    change = -saved_percent(found.bytes_before, found.bytes_after)
    sizes = f"{human_bytes(found.bytes_before)} there, {human_bytes(found.bytes_after)} here ({change:+.1f}%)"
    both = count(found.both, "image")
    yield f"  {both} with a result in both: {sizes}; {found.smaller} smaller, {found.larger} larger"
    yield f"  {count(found.only_here, 'image')} only here, {found.only_there} only there"
    for one in found.changes[:ROWS]:
        yield f"  {human_bytes(one.before):>9} -> {human_bytes(one.after):>9}  {escape(one.path)}"
    for title, paths in (("failed here only", found.newly_failed), ("failed there only", found.no_longer_failed)):
        for path in paths[:ROWS]:
            yield f"  {title}: {escape(path)}"


def _value(value: object) -> str:
    return "default" if value is None else escape(str(value))
