from threading import Event, Thread

import torch

from napari_recon_robust.networks.first_weights import first_weights


def test_two_threads_that_draw_at_once_draw_what_they_would_by_themselves() -> None:
    """As a deep image prior that begins while a trained network is loaded."""
    torch.manual_seed(7)
    expected = torch.rand(4)
    with first_weights(0):
        alone = torch.rand(6)
    torch.manual_seed(7)
    within, ended = Event(), Event()

    def other() -> None:
        within.wait(60)
        with first_weights():
            torch.rand(5)
        ended.set()

    thread = Thread(target=other)
    thread.start()
    with first_weights(0):
        drawn = [torch.rand(3)]
        within.set()
        ended.wait(0.3)  # in vain, where the other one waits
        drawn.append(torch.rand(3))
    thread.join()
    assert torch.equal(torch.cat(drawn), alone)
    assert torch.equal(torch.rand(4), expected)
