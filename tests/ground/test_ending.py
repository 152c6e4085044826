import signal
import sys
import threading

import pytest

from napari_recon_robust.ground import ending
from napari_recon_robust.ground.ending import asked_to_end

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM")


def test_a_signal_is_noted_and_its_handler_restored() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with asked_to_end(signal.SIGTERM) as asked:
        assert not asked()
        for _ in range(2):  # as SLURM may send it, to the batch and to its step
            signal.raise_signal(signal.SIGTERM)
            assert asked()
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_second_ctrl_c_interrupts(in_front: None) -> None:
    with asked_to_end(signal.SIGINT, signal.SIGTERM) as asked:
        signal.raise_signal(signal.SIGINT)
        assert asked()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_sigterm_some_seconds_later_interrupts(monkeypatch: pytest.MonkeyPatch) -> None:
    with asked_to_end(signal.SIGTERM) as asked:
        signal.raise_signal(signal.SIGTERM)
        assert asked()
        monkeypatch.setattr(ending, "_TOGETHER", 0.0)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)


def test_a_sigterm_after_ctrl_c_is_the_first(in_front: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "_TOGETHER", 0.0)
    with asked_to_end(signal.SIGINT, signal.SIGTERM) as asked:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        assert asked()


def test_what_is_ignored_stays_ignored(in_front: None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with asked_to_end(signal.SIGINT) as asked:
        signal.raise_signal(signal.SIGINT)
        assert not asked()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_another_thread_is_never_asked() -> None:
    before, found = signal.getsignal(signal.SIGTERM), list[bool]()

    def work() -> None:
        with asked_to_end(signal.SIGTERM) as asked:
            found.extend((asked(), signal.getsignal(signal.SIGTERM) is before))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [False, True]
