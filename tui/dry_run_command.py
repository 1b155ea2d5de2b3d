"""``imgopt-tui run --dry-run``: what a run would read and write, and what that would come to."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence

from engine.catalog import Folder
from engine.estimate import QUICK
from engine.estimate_report import estimate_record, estimate_sentences
from engine.folder_settings import FolderSettings
from engine.known import Verdict
from engine.plan import Found, make_plan
from engine.settings import Settings
from tui.estimate_command import predict
from tui.run_output import Output, put, put_json, tell
from tui.text import escape

__all__ = ["dry_run"]

EXIT_NOTHING = 3


def dry_run(
    paths: Sequence[str], settings: Settings, output: Output, own: FolderSettings, only: Collection[str] = ()
) -> int:
    """List what a run would read and write, and predict from a quick sample what it would save; touches nothing."""
    results: list[dict[str, object]] = []

    def listed(folder: Folder, found: Found, what: Verdict) -> None:
        results.append(_record(folder, found, what))
        if not output.as_json:
            _print(results[-1], output)

    quiet = bool(output.quiet) or output.data
    found = predict(paths, settings, own, QUICK, listed, quiet=quiet, only=only)
    skipped = sum(one["status"] == "skipped" for one in results)
    counts = {"found": len(results), "skipped": skipped, "bytesFound": found.bytes_in}
    output_folder = make_plan(paths, settings, own).output
    summary = {"dryRun": True, **counts, "output": output_folder, "estimate": estimate_record(found)}
    if output.as_json:
        put_json({"summary": summary, "results": results})
    elif output.as_ndjson:
        put_json({"summary": summary})
    else:
        for sentence in estimate_sentences(found):
            tell(sentence)
        tell("nothing was written")
    if not results:
        return EXIT_NOTHING
    return 0


def _record(folder: Folder, found: Found, what: Verdict) -> dict[str, object]:
    source, target = os.path.join(folder.source, found.name), os.path.join(folder.target, found.target_name)
    record = {"original_path": source, "optimized_path": "" if what.skip else target}
    return {**record, "original_size": found.size, "status": "skipped" if what.skip else "planned", "reason": what.skip}


def _print(result: dict[str, object], output: Output) -> None:
    if output.as_ndjson:
        put_json(result)
    else:
        source, target = escape(str(result["original_path"])), escape(str(result["optimized_path"]))
        put(f"{source} -> {target or result['reason']}")
