from collections.abc import Callable
from pathlib import Path

import pytest

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.reader_studies.access import NotAllowedError
from napari_recon_robust.reader_studies.answers import Answers


@pytest.mark.slow
def test_an_invitation_lets_one_browser_in_once(study: Callable[..., Answers]) -> None:
    access = study().access
    token = access.invite("R2")
    assert access.reader_of(access.enter(token)) == "R2"
    for wrong in (token, "", token[:-1]):
        with pytest.raises(NotAllowedError, match="this link is not valid"):
            access.enter(wrong)


@pytest.mark.slow
def test_an_invitation_ends_by_its_time_by_a_newer_one_and_by_being_revoked(study: Callable[..., Answers]) -> None:
    access = study().access
    tokens = [access.invite("R1", days=1e-9), access.invite("R1"), access.invite("R1")]
    session = access.enter(tokens[2])
    for token in tokens[:2]:
        with pytest.raises(NotAllowedError):
            access.enter(token)
    access.revoke("R1")
    for secret in (session, "", "x"):
        with pytest.raises(NotAllowedError, match="you are not signed in"):
            access.reader_of(secret)


@pytest.mark.slow
def test_who_was_let_in_needs_no_invitation(study: Callable[..., Answers]) -> None:
    access = study().access
    assert access.uninvited() == ["R1", "R2"]
    access.invite("R1", days=1e-9)
    assert access.uninvited() == ["R1", "R2"]
    access.enter(access.invite("R1"))
    assert access.uninvited() == ["R2"]
    with pytest.raises(
        InputError, match="there is no reader 'R3'; the study has R1 to R2, fixed by the freeze.*freeze the plan"
    ):
        access.invite("R3")
    with pytest.raises(InputError, match="the study has R1 alone"):
        study("single", design={"readers": 1}).access.invite("R2")


@pytest.mark.slow
def test_the_address_is_that_of_a_server_that_did_not_end(study: Callable[..., Answers]) -> None:
    access = study().access
    with pytest.raises(InputError, match="not served yet"):
        _ = access.address
    access.serve("http://a")
    access.serve("http://b")
    assert access.address == "http://b"
    access.end("http://b")
    assert access.address == "http://a"
    access.end("http://a")
    assert access.address == "http://b"
    access.serve("http://a")
    assert access.address == "http://a"


@pytest.mark.slow
def test_no_secret_lies_in_the_file(study: Callable[..., Answers], tmp_path: Path) -> None:
    answers = study()
    token = answers.access.invite("R1")
    secret = answers.access.enter(token)
    answers.close()
    content = b"".join(path.read_bytes() for path in tmp_path.glob("study.answers.sqlite*"))
    assert b"R1" in content
    assert token.encode() not in content
    assert secret.encode() not in content
