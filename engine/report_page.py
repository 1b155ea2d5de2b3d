"""The report as one HTML file: no network, no script, light or dark as the reader's system is."""

from __future__ import annotations

import html
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from engine.comparison import Comparison
from engine.digest import Group, Reason
from engine.escape import escape
from engine.past_report import RunReport
from engine.plural import count
from engine.report import human_bytes
from engine.report_charts import batch_chart, cpu_chart, duration, memory_chart, savings_chart, score_chart
from engine.task import saved_percent

__all__ = ["page"]

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""What the page may load: nothing."""


def page(report: RunReport) -> str:
    """The whole page. Names are escaped twice over: for HTML, and their controls and overrides for the eye."""
    style = (Path(__file__).parent / "report.css").read_text(encoding="utf-8")
    parts = (
        _head(report),
        _totals(report),
        _against(report) if report.comparison is not None else "",
        _groups("Savings by folder", report.digest.folders),
        _groups("Savings by format", report.digest.formats),
        _biggest(report),
        _reasons(report.digest.reasons),
        _timeline(report),
        _machine(report),
        _points(report),
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<title>{_safe(f'Run {report.run.id}')}</title>\n<style>\n{style}</style></head>\n<body><main>\n"
        + "\n".join(filter(None, parts))
        + "\n</main></body></html>\n"
    )


def _safe(text: object) -> str:
    return html.escape(escape(str(text)))


def _code(text: str) -> str:
    return f"<code>{_safe(text)}</code>"


def _section(title: str, *parts: str) -> str:
    return f"<section><h2>{title}</h2>{''.join(parts)}</section>"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Heads that begin with ``#`` are those of figures; cells are HTML."""
    kinds = ["n" if head.startswith("#") else "share" if not head else "name" for head in heads]
    top = "".join(f'<th class="{kind}">{head.lstrip("#")}</th>' for kind, head in zip(kinds, heads, strict=True))
    body = "".join(
        "<tr>" + "".join(f'<td class="{kind}">{cell}</td>' for kind, cell in zip(kinds, row, strict=True)) + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def _head(report: RunReport) -> str:
    run = report.run
    started = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.started))
    return (
        f"<header><h1>Run {_safe(run.id)}</h1>"
        f'<p class="soft">{started}, {_safe(run.phase)} after {duration(report.seconds)}</p>'
        f"<p>{', '.join(map(_code, run.roots))} → {_code(run.output)}</p>"
        f'<p class="soft">{_safe(report.settings)}</p></header>'
    )


def _totals(report: RunReport) -> str:
    total, counts, more = report.digest.total, report.digest.counts, report.run.report
    if report.forgotten:
        note = '<p class="soft">Of runs this old the single images are not kept, only these sums.</p>'
        total = Group("", 0, int(more.get("bytesIn", 0)), int(more.get("bytesOut", 0)))
        counts = {name: int(more.get(name, 0)) for name in ("done", "kept", "skipped", "failed")}
    else:
        note = ""
    disk = total.disk_in - total.disk_out
    rate = sum(counts.values()) / report.seconds if report.seconds else 0.0
    others = ", ".join(f"{counts.get(name, 0):,} {name}" for name in ("kept", "skipped", "failed"))
    tiles = [
        ("Images done", f"{counts.get('done', 0):,}", others),
        ("Saved", human_bytes(total.saved), f"{total.percent:.1f} % of {human_bytes(total.bytes_in)}"),
        ("Saved on disk", human_bytes(disk), f"in whole blocks of {human_bytes(report.digest.block)}"),
        ("Time", duration(report.seconds), f"{rate:.1f} images a second"),
    ]
    tiles = [tile for tile in tiles if not (report.forgotten and tile[0] == "Saved on disk")]
    if peak := more.get("peakMemory"):
        workers = len(report.digest.workers)
        tiles.append(("Peak memory", human_bytes(peak), f"{workers} workers" if workers else ""))
    shown = "".join(f"<div><dt>{name}</dt><dd>{value}<small>{text}</small></dd></div>" for name, value, text in tiles)
    return _section("Totals", f'<dl class="tiles">{shown}</dl>', _before_and_after(total), note, _kept_room(report))


def _before_and_after(total: Group) -> str:
    most = max(total.bytes_in, total.bytes_out, 1)
    rows = (("before", total.bytes_in, "was"), ("after", total.bytes_out, "is"))
    bars = "".join(
        f'<span>{name}</span><i class="{kind}" style="width:{100 * size / most:.1f}%"></i>'
        f"<span>{human_bytes(size)}</span>"
        for name, size, kind in rows
    )
    return f'<div class="bars">{bars}</div>'


def _kept_room(report: RunReport) -> str:
    if undone := report.run.report.get("undone"):
        return f'<p class="soft">Undone since: {count(undone, "original")} put back.</p>'
    kept = report.run.report.get("backupBytes")
    if not kept:
        return ""
    command = _code(f"imgopt-tui backups --prune {report.run.id}")
    return f'<p class="soft">The originals are kept ({human_bytes(kept)}): room is free once {command} has run.</p>'


def _groups(title: str, groups: Sequence[Group]) -> str:
    if not groups:
        return ""
    most = max(1, *(group.saved for group in groups))
    rows = (
        (
            _safe(group.name),
            f"{group.images:,}",
            human_bytes(group.bytes_in),
            human_bytes(group.bytes_out),
            human_bytes(group.saved),
            f"{group.percent:.1f} %",
            human_bytes(group.disk_in - group.disk_out),
            f'<i style="width:{max(0.0, 100 * group.saved / most):.1f}%"></i>',
        )
        for group in groups
    )
    name = title.rpartition(" ")[2].capitalize()
    heads = (name, "#Images", "#Before", "#After", "#Saved", "#", "#On disk", "")
    return _section(title, _table(heads, rows))


def _biggest(report: RunReport) -> str:
    images = report.digest.biggest
    if not images:
        return ""
    rows = (
        (
            _code(image.path),
            human_bytes(image.original),
            human_bytes(image.optimized),
            human_bytes(image.original - image.optimized),
            f"{saved_percent(image.original, image.optimized):.1f} %",
        )
        for image in images
    )
    return _section("Biggest wins", _table(("Image", "#Before", "#After", "#Saved", "#"), rows))


def _reasons(reasons: Sequence[Reason]) -> str:
    if not reasons:
        return ""
    rows = []
    for reason in reasons:
        names = "".join(f"<li>{_code(path)}</li>" for path in reason.paths)
        more = f"<li>and {reason.images - len(reason.paths):,} more</li>" if reason.images > len(reason.paths) else ""
        which = f"<details><summary>which</summary><ul>{names}{more}</ul></details>"
        status = f'<span class="bad">{reason.status}</span>' if reason.status == "failed" else reason.status
        rows.append((f"{_safe(reason.text)}{which}", f"{reason.images:,}", status))
    return _section("Failed and skipped", _table(("Reason", "#Images", "#"), rows))


def _timeline(report: RunReport) -> str:
    batches = report.digest.batches
    if not batches:
        return ""
    words = '<p class="soft">One bar a batch, from its first start to its last end; red: the share that failed.</p>'
    return _section("Batches", words, f"<figure>{batch_chart(batches, report.seconds)}</figure>")


def _machine(report: RunReport) -> str:
    samples = report.samples
    if len(samples) < 2:
        return ""
    until = max(report.seconds, samples[-1].at)
    key = '<p class="key">Memory<b></b>this run<b class="second"></b>all there is on the machine or in its cgroup</p>'
    return _section(
        "CPU and memory",
        '<p class="key">CPUs busy, of those the run may use</p>',
        f"<figure>{cpu_chart(samples, until)}</figure>",
        key,
        f"<figure>{memory_chart(samples, until)}</figure>",
    )


def _points(report: RunReport) -> str:
    points = report.digest.points
    if not points:
        return ""
    figure = f"<figure>{savings_chart(points)}<figcaption>percent saved, by size before</figcaption></figure>"
    if any(point.score is not None for point in points):
        words = "score (SSIMULACRA 2), by size as a share of the original"
        figure = f"<figure>{score_chart(points)}<figcaption>{words}</figcaption></figure>" + figure
    return _section("Image by image", figure)


def _against(report: RunReport) -> str:
    found, other = report.comparison, report.against
    assert found is not None
    assert other is not None
    rows = [
        (_safe(name), _safe("default" if before is None else before), _safe("default" if after is None else after))
        for name, before, after in found.settings
    ]
    settings = _table(("Setting", "#There", "#Here"), rows) if rows else "<p>The settings are the same.</p>"
    changes = [
        (_code(one.path), human_bytes(one.before), human_bytes(one.after), f"{_growth(one.before, one.after)}")
        for one in found.changes
    ]
    table = _table(("Largest differences", "#There", "#Here", "#"), changes) if changes else ""
    return _section(
        f"Against run {_safe(other.id)}", f"<p>{_sentence(found)}</p>", settings, table, _only_failed(found)
    )


def _growth(before: int, after: int) -> str:
    return f"{-saved_percent(before, after):+.1f} %"


def _sentence(found: Comparison) -> str:
    return (
        f"{found.both:,} images have a result in both: {human_bytes(found.bytes_before)} there, "
        f"{human_bytes(found.bytes_after)} here ({_growth(found.bytes_before, found.bytes_after)}); "
        f"{found.smaller:,} smaller, {found.larger:,} larger. "
        f"{found.only_here:,} images only here, {found.only_there:,} only there."
    )


def _only_failed(found: Comparison) -> str:
    lists = (("Failed here, not there", found.newly_failed), ("Failed there, not here", found.no_longer_failed))
    return "".join(
        f"<p>{title}:</p><ul>{''.join(f'<li>{_code(path)}</li>' for path in paths)}</ul>"
        for title, paths in lists
        if paths
    )
