"""Runs that are over and never were, in the journal of this process's state folder."""

from __future__ import annotations

import json
import time

from engine.journal_file import JournalFile
from engine.journal_tables import ResultRow
from engine.places import journal_file, state_folder

__all__ = ["add_past_run"]


def add_past_run(run_id: str, images: int) -> None:
    """A finished run; one image in a thousand failed."""
    state_folder().mkdir(parents=True, exist_ok=True)
    file = JournalFile(journal_file())
    places = json.dumps(["/srv/media"])
    run = {"id": run_id, "pid": 1, "started": time.time() - 5000, "roots": places, "paths": places, "records": ""}
    number = file.add_run({**run, "output": "/srv/media/optimized", "in_place": 0, "settings": "{}", "resumes": ""})
    file.put([_row(number, image) for image in range(images)], [], [])
    file.end_run(number, "finished", json.dumps({"duration": 5000.0, "processed": images, "batchSeconds": {}}))
    file.close()


def _row(run: int, image: int) -> ResultRow:
    name = f"folder{image // 500:03}/DSC_{image:06}.jpg".encode()
    if image % 1000 == 999:
        return ResultRow(run, image, b"/srv/media/" + name, "failed", "the data ends early", "", 400_000, 0, 0.1)
    target = b"/srv/media/optimized/" + name
    return ResultRow(run, image, b"/srv/media/" + name, "done", "", "", 400_000, 210_000, 0.2, target, image % 4)
