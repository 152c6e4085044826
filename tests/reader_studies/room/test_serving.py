from pathlib import Path

import pytest

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.reader_studies.room.serving import answers_of, check_address

PEM = Path("file.pem")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.3", "::", "example.org", "127.0.0.1.example.org"])
def test_other_machines_are_served_through_tls_only(host: str) -> None:
    with pytest.raises(InputError, match="can be reached from other machines"):
        check_address(host, None, None, "")
    assert check_address(host, PEM, PEM, "") == "https"
    assert check_address(host, None, None, "https://reading.example.org") == "http"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_this_machine_needs_none(host: str) -> None:
    assert check_address(host, None, None, "") == "http"


def test_half_of_a_certificate_and_a_proxy_without_tls_are_refused() -> None:
    with pytest.raises(InputError, match="belong together"):
        check_address("127.0.0.1", PEM, None, "")
    with pytest.raises(InputError, match="begins with https"):
        check_address("127.0.0.1", None, None, "http://reading.example.org")


def test_answers_lie_beside_the_study() -> None:
    assert answers_of("studies/one.two") == Path("studies/one.two.answers.sqlite")
