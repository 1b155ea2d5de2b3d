from dataclasses import replace

from engine.view import ImageState, Phase, Totals
from tests.tui.fake_view import FakeView
from tui.mirror import Mirror


def opened(view: FakeView) -> Mirror:
    mirror = Mirror()
    mirror.open(view.info)
    mirror.apply(view.update(whole=True))
    return mirror


async def test_changes_are_applied_to_the_whole_picture() -> None:
    view = FakeView(200)
    mirror = opened(view)
    view.step(60)
    mirror.apply(view.update(whole=False))
    assert mirror.states == view.states
    assert mirror.totals.through == 60


async def test_images_found_later_appear_as_waiting() -> None:
    view = FakeView(10)
    mirror = opened(view)
    update = replace(view.update(whole=False), totals=Totals(found=25), changes=((14, int(ImageState.DONE)),))
    mirror.apply(update)
    assert len(mirror.states) == 25
    assert mirror.states[14] == ImageState.DONE
    assert mirror.states[24] == ImageState.WAITING


async def test_a_new_whole_picture_replaces_the_old_one() -> None:
    mirror = opened(FakeView(50))
    mirror.apply(replace(FakeView(3).update(whole=True), version=9))
    assert len(mirror.states) == 3


async def test_following_looks_at_the_images_in_work() -> None:
    view = FakeView(400)
    mirror = opened(view)
    view.step(100)
    mirror.apply(view.update(whole=False))
    assert mirror.frontier() == 103


async def test_a_run_counts_as_work_until_it_is_over() -> None:
    view = FakeView(5)
    mirror = opened(view)
    assert mirror.working
    view.step(5)
    mirror.apply(view.update(whole=False))
    assert (mirror.phase, mirror.working) == (Phase.FINISHED, False)


async def test_a_run_that_cannot_be_reached_is_not_at_work() -> None:
    mirror = opened(FakeView(5))
    mirror.lost = "gone"
    assert not mirror.working
