from napari_recon_robust.reader_studies.room.limits import Limit


def test_each_name_has_so_many_times_within_the_seconds() -> None:
    now = [0.0]
    limit = Limit(2, 10, lambda: now[0])
    assert [limit.allows("a") for _ in range(3)] == [True, True, False]
    assert limit.allows("b")
    now[0] = 9.9
    assert not limit.allows("a")
    now[0] = 10.0
    assert limit.allows("a")


def test_it_does_not_grow_without_end() -> None:
    limit = Limit(1, 10, lambda: 0.0)
    for number in range(20_000):
        limit.allows(str(number))
    assert len(limit._times) <= 10_000
