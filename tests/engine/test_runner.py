"""Promises of runs in a process of their own: launch, attach, several clients, faults on either side."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import stat
from pathlib import Path

import psutil
import pytest

from engine import places, runner
from engine.errors import RunnerError
from engine.formats import sniff
from engine.remote import RemoteRun
from engine.run import Run
from engine.server import RunServer
from engine.settings import Settings
from engine.view import ImageState, Phase, Update, Window
from engine.wire import read_frame
from tests.engine.test_run import fill


async def over(view: RemoteRun) -> Update:
    async with asyncio.timeout(60):
        async for update in view.updates():
            last = update
    return last


async def end(view: RemoteRun) -> None:
    """End a detached run and its process, whatever state it is in."""
    process = psutil.Process(view.info.pid) if psutil.pid_exists(view.info.pid) else None
    await view.close()
    if process is not None:
        process.kill()
        psutil.wait_procs([process], timeout=5)


async def test_a_detached_run_does_the_work_for_two_clients_that_agree(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "photo.jpg", 30)
    first = await runner.launch([str(root)], Settings(batch_size=10))
    try:
        assert os.getsid(first.info.pid) == first.info.pid != os.getsid(0)
        second = await runner.attach(first.info.run_id[:3])
        assert second.info == first.info
        assert [live.info.run_id for live in await runner.running()] == [first.info.run_id]
        ends = await asyncio.gather(over(first), over(second))
        assert ends[0].totals == ends[1].totals
        assert (ends[0].phase, ends[0].totals.done) == (Phase.FINISHED, 30)
        assert await first.report() == await second.report()
        assert await first.rows(Window(count=100)) == await second.rows(Window(count=100))
        assert [row.count for row in await second.batches(0, 9)] == [10, 10, 10]
        assert (await second.log(0, 99))[-1].text.startswith("finished")
        page = await first.rows(Window(states=(ImageState.DONE,), sort="in", count=3))
        assert (page.total, len(page.rows)) == (30, 3)
        await second.close()
    finally:
        await end(first)


async def test_commands_go_through_the_socket(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "photo.jpg", 400)
    view = await runner.launch([str(root)], Settings(workers=1))
    try:
        await view.set_workers(2)
        await view.pause()
        seen = []
        async with asyncio.timeout(30):
            async for update in view.updates():
                seen.append(update.phase)
                if update.phase is Phase.PAUSED and not update.totals.running:
                    assert update.workers_wanted == 2
                    await view.resume()
                elif update.phase is Phase.RUNNING and Phase.PAUSED in seen:
                    await view.cancel()
        assert seen[-1] is Phase.STOPPED
        assert await view.retry_failed() == 0
    finally:
        await end(view)


async def test_a_relative_output_is_meant_from_where_the_run_was_launched(
    tmp_path: Path, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of pictures with an engine/ of its own is a working directory like any other."""
    fill(tmp_path / "in", samples / "small.jpg", 2)
    (tmp_path / "engine").mkdir()
    for name in ("__init__", "runner", "worker"):
        (tmp_path / "engine" / f"{name}.py").write_text("raise SystemExit('hijacked')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f".{os.pathsep}")
    view = await runner.launch(["in"], Settings(output="small"))
    try:
        assert (await over(view)).totals.done == 2
        assert len(list((tmp_path / "small").glob("*.jpg"))) == 2
    finally:
        await end(view)


async def test_a_relative_folder_for_backups_is_meant_from_where_the_run_was_launched(
    tmp_path: Path, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = fill(tmp_path / "in", samples / "photo.jpg", 2)
    monkeypatch.chdir(tmp_path)
    settings = Settings(in_place=True, backup_folder="kept", workers=1, allow_loss=("trailing",))
    view = await runner.launch(["in"], settings)
    async for _ in view.updates():
        pass
    await view.close()
    assert [path.name for path in sorted((tmp_path / "kept").rglob("*.jpg"))] == [
        "0000000-i0000.jpg",
        "0000001-i0001.jpg",
    ]
    assert (root / "i0000.jpg").is_file()


async def test_what_cannot_be_started_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "optimized").mkdir()
    (tmp_path / "optimized" / "mine.txt").touch()
    with pytest.raises(RunnerError, match="-o"):
        await runner.launch([str(tmp_path)], Settings())
    assert await runner.running() == []


async def test_no_run_is_a_sentence_and_stale_sockets_are_removed(samples: Path) -> None:
    with pytest.raises(RunnerError, match="no run is going on"):
        await runner.attach()
    path = places.socket_path("dead00")
    with socket.socket(socket.AF_UNIX) as plug:
        plug.bind(str(path))
    assert await runner.running() == []
    assert not path.exists()
    with pytest.raises(RunnerError, match="zzz"):
        await runner.attach("zzz")


async def test_socket_and_its_folder_are_private(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "small.jpg", 1)
    async with Run([str(root)], Settings()) as run, RunServer(run) as server:
        assert server.path is not None
        assert server.path.parent == places.state_folder() / "run"
        assert stat.S_IMODE(server.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(server.path.parent.stat().st_mode) == 0o700
        path = server.path
        await run.wait()
    assert not path.exists()


@pytest.mark.parametrize("state", ["long", "file"])
async def test_a_state_folder_that_can_hold_no_socket_falls_back_to_a_short_one(
    tmp_path: Path, samples: Path, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    home = tmp_path / ("x" * 120 if state == "long" else "file")
    if state == "file":
        home.write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(home))
    root = fill(tmp_path / "in", samples / "small.jpg", 2)
    view = await runner.launch([str(root)], Settings())
    try:
        again = await runner.attach(view.info.run_id)
        assert (await over(again)).totals.done == 2
        await again.close()
    finally:
        await end(view)
    assert await runner.running() == []


async def test_a_folder_for_sockets_that_is_not_ours_alone_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    (tmp_path / "imgopt-tui").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "imgopt-tui" / "run").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunnerError, match="remove it"):
        places.socket_path("abc")
    (tmp_path / "imgopt-tui" / "run").unlink()
    (tmp_path / "imgopt-tui" / "run").mkdir(mode=0o777)
    (tmp_path / "imgopt-tui" / "run").chmod(0o777)
    assert stat.S_IMODE(places.socket_path("abc").parent.stat().st_mode) == 0o700


JUNK = [
    b"",
    b"\0\0",
    b"GET / HTTP/1.1\r\n\r\n",
    b"\xff\xff\xff\xff",
    b"\0\0\0\x02[]",
    b"\0\0\0\x04nope",
    b"\0\0\0\x02{}",
    b'\0\0\0\x21{"id":1,"call":"rows","with":[1]}',
    b'\0\0\0\x1e{"id":[],"call":{"a":1},"b":0}',
    (b'\0\0\0\x2b{"id":1,"call":"updates","with":{"since":1}}') * 50,
]


async def test_clients_that_send_junk_or_vanish_hurt_nobody(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "photo.jpg", 60)
    async with asyncio.timeout(60), Run([str(root)], Settings(workers=2)) as run, RunServer(run) as server:
        assert server.path is not None
        good = await RemoteRun.connect(server.path)
        for junk in JUNK:
            reader, writer = await asyncio.open_unix_connection(server.path)
            await read_frame(reader)
            writer.write(junk)
            await writer.drain()
            writer.close()
            await writer.wait_closed()
        last = await over(good)
        assert last.totals.done == 60
        with pytest.raises(RunnerError, match="has no 'no such call'"):
            await good._call("no such call")
        await good.close()


async def test_who_follows_a_run_hears_of_its_end_before_nobody_answers_any_more(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "small.jpg", 5)
    async with asyncio.timeout(60), Run([str(root)], Settings(workers=1)) as run:
        server = await RunServer(run).__aenter__()
        view = await runner.attach(run.info.run_id)
        updates = aiter(view.updates())
        await anext(updates)
        await run.wait()
        closing = asyncio.create_task(server.__aexit__(None, None, None))
        last = [update async for update in updates][-1]
        await closing
        assert last.phase is Phase.FINISHED
        assert last.totals.done + last.totals.kept == 5
        await view.close()


@pytest.mark.alone
async def test_a_client_learns_that_the_runs_process_is_gone(tmp_path: Path, samples: Path) -> None:
    """kill -9 of the runner: its workers end, nothing half lies under a final name, sources are as they were."""
    root = fill(tmp_path / "in", samples / "photo.jpg", 300)
    before = (samples / "photo.jpg").read_bytes()
    view = await runner.launch([str(root)], Settings(workers=3))
    workers: list[psutil.Process] = []
    with pytest.raises(RunnerError, match="is gone"):  # noqa: PT012  # waits inside
        async with asyncio.timeout(30):
            async for update in view.updates():
                if update.totals.done >= 3 and not workers:
                    workers = psutil.Process(view.info.pid).children(recursive=True)
                    os.kill(view.info.pid, signal.SIGKILL)
    assert len(workers) == 3
    _, alive = psutil.wait_procs(workers, timeout=2)
    assert alive == []
    for path in (root / "optimized").glob("i*.jpg"):
        data = path.read_bytes()
        assert sniff(data[:64])
        assert data.endswith(b"\xff\xd9")
    assert all((root / f"i{number:04}.jpg").read_bytes() == before for number in range(300))
    with pytest.raises(RunnerError):
        await view.pause()
    await view.close()
    shutil.rmtree(root)


async def test_another_protocol_version_is_one_sentence(tmp_path: Path) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = b'{"hello": 99, "info": {}}'
        writer.write(len(body).to_bytes(4, "big") + body)
        await writer.drain()
        writer.close()

    path = places.socket_path("future")
    async with await asyncio.start_unix_server(greet, path):
        with pytest.raises(RunnerError, match="speaks protocol 99"):
            await RemoteRun.connect(path)
