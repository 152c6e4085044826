from napari_recon_robust.controls.time_left import TimeLeft


def test_time_left_is_said_after_five_seconds_and_follows_the_progress() -> None:
    clock = [100.0]
    left = TimeLeft(lambda: clock[0])
    left.begin()
    left.reach(0.1)
    clock[0] = 104.0
    assert left.words == ""
    clock[0] = 106.0
    assert left.words == "about 55 s left"
    left.reach(0.5)
    assert left.words == "about 6 s left"
    clock[0] = 400.0
    assert left.words == "about 5 min left"
    left.reach(0.999)
    assert left.words == "nearly done"
    left.begin()
    assert left.words == ""
    clock[0] = 412.5
    assert left.words == "for 13 s", "nothing is known of what is left"


def test_time_left_counts_from_where_it_was_looked_at() -> None:
    clock = [0.0]
    left = TimeLeft(lambda: clock[0])
    left.begin(0.5)
    clock[0] = 10.0
    assert left.words == "for 10 s"
    left.reach(0.75)
    assert left.words == "about 10 s left", "a quarter took 10 s, and a quarter is left"
