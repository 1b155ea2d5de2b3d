"""What a run came to: one dict for programs, one text for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from engine.catalog import Catalog
from engine.image_record import image_record
from engine.plural import count
from engine.progress import RunState
from engine.task import saved_percent
from engine.view import ImageState, Phase, RunInfo

__all__ = ["benchmark_report", "human_bytes", "human_seconds", "image_result", "report_text"]


def human_bytes(size: float) -> str:
    """``1.42 GiB``, ``311 KiB``, ``12 B``; negative sizes keep their sign."""
    sign, size = ("-" if size < 0 else ""), abs(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            digits = 0 if unit == "B" or size >= 100 else 1 if size >= 10 else 2
            return f"{sign}{size:.{digits}f} {unit}"
        size /= 1024
    raise AssertionError


def human_seconds(seconds: float) -> str:
    """``04:12`` or ``1:04:12``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def image_result(catalog: Catalog, index: int) -> dict[str, Any]:
    """The record of an image of a run at work; ``status`` is empty while it is not through."""
    record = image_record(catalog.source(index), catalog.outcome(index))
    return record if catalog.status(index) else {**record, "status": "", "success": True, "error": None}


def benchmark_report(
    state: RunState, info: RunInfo, phase: Phase, elapsed: float, mem_peak: int, backups: int = 0
) -> dict[str, Any]:
    """The figures of a run, finished or not. Bytes, seconds, percent; ``meanRatio`` is the mean percent saved over
    done and kept images. ``backups``: bytes of the originals it keeps, which are not free before they go."""
    totals, metrics = state.totals(), state.metrics
    catalog = state.catalog
    ratios = [
        saved_percent(catalog.original(index), catalog.optimized(index))
        for index, one in enumerate(catalog.states)
        if ImageState(one).written
    ]
    written = state.catalog.all_siblings()
    seconds = max(elapsed, 1e-9)
    return {
        "run": info.run_id,
        "phase": phase.value,
        "roots": list(info.roots),
        "output": info.output,
        "duration": elapsed,
        "found": totals.found,
        "processed": totals.through,
        "done": totals.done,
        "kept": totals.kept,
        "skipped": totals.skipped,
        "already": state.already,
        "failed": totals.failed,
        "remaining": totals.found - totals.through,
        "retried": totals.retried,
        "bytesIn": totals.bytes_in,
        "bytesOut": totals.bytes_out,
        "savedBytes": totals.saved,
        "savedPercent": saved_percent(totals.bytes_in, totals.bytes_out),
        "backupBytes": backups,
        "siblings": sum(len(found) for found in written),
        "siblingBytes": sum(one.size for found in written for one in found),
        "meanRatio": sum(ratios) / len(ratios) if ratios else 0.0,
        "imagesPerSecond": totals.through / seconds,
        "megabytesPerSecond": state.bytes_through / seconds / 1e6,
        "batches": metrics.total_batches,
        "batchesComplete": metrics.completed_batches,
        "maxConcurrentBatches": metrics.max_concurrent_batches,
        "commonBatchSize": metrics.common_batch_size(),
        "batchSeconds": asdict(metrics.batch_times()),
        "tasksPerWorker": asdict(metrics.tasks_per_worker()),
        "perWorker": {str(slot + 1): count for slot, count in sorted(metrics.per_worker.items())},
        "peakMemory": mem_peak,
    }


def report_text(report: Mapping[str, Any]) -> str:
    """The report for people, a few short lines."""
    batch, worker = report["batchSeconds"], report["tasksPerWorker"]
    already = f" ({report['already']} done already)" if report.get("already") else ""
    lines = [
        f"{report['done']} done, {report['kept']} kept, {report['skipped']} skipped{already}, {report['failed']} failed"
        + (f", {report['remaining']} not begun" if report["remaining"] else ""),
        f"{human_bytes(report['bytesIn'])} -> {human_bytes(report['bytesOut'])}, "
        f"saved {human_bytes(report['savedBytes'])} ({report['savedPercent']:.1f}%; "
        f"mean {report['meanRatio']:.1f}% an image)",
        *_room(report),
        *(
            [f"{report['siblings']} siblings beside them, {human_bytes(report['siblingBytes'])}"]
            if report.get("siblings")
            else []
        ),
        f"{human_seconds(report['duration'])} ({report['duration']:.1f} s), {report['imagesPerSecond']:.1f} images/s, "
        f"{report['megabytesPerSecond']:.1f} MB/s, peak memory {human_bytes(report['peakMemory'])}",
        f"{report['batches']} batch{'es' * (report['batches'] != 1)}, mostly of {report['commonBatchSize']}, "
        f"{batch['median']:.1f} s median, {batch['p95']:.1f} s p95",
        f"images per worker {worker['minimum']:.0f} / {worker['mean']:.0f} / {worker['maximum']:.0f} (min/mean/max)",
        _place(report),
    ]
    return "\n".join(lines)


def _room(report: Mapping[str, Any]) -> list[str]:
    """What was saved is not free while the originals are kept."""
    if not report.get("backupBytes"):
        return []
    kept, run = human_bytes(report["backupBytes"]), report["run"]
    return [f"0 B freed until the backups ({kept}) are pruned: imgopt-tui backups --prune {run}"]


def _place(report: Mapping[str, Any]) -> str:
    if undone := report.get("undone"):
        return f"undone since: {count(undone, 'original')} put back"
    if report["output"] != "in place":
        return f"results in {report['output']}"
    back = f"; back again with: imgopt-tui undo {report['run']}" if report.get("backupBytes") else ""
    return f"results in place of the originals{back}"
