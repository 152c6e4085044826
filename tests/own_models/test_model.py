"""What own models share."""

from threading import Event, Thread

import torch

from napari_recon_robust.own_models.model import torch_as_before


def test_torch_is_as_before_when_the_last_of_several_overlapping_calls_has_ended() -> None:
    """As one that was cancelled ends beside the next."""
    begun, ended = Event(), Event()
    threads = torch.get_num_threads()

    def first() -> None:
        with torch_as_before():
            torch.set_default_dtype(torch.float64)
            torch.set_num_threads(threads + 1)
            begun.set()
            ended.wait(60)

    thread = Thread(target=first)
    thread.start()
    assert begun.wait(60)
    with torch_as_before():
        ended.set()
        thread.join()
    assert torch.get_default_dtype() == torch.float32
    assert torch.get_num_threads() == threads
