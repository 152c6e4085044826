"""Serve a reader study: on this machine only, or through TLS."""

import ipaddress
from pathlib import Path

from ...ground.errors import InputError
from ..answers import Answers
from ..bundle import Bundle


def answers_of(folder: str | Path) -> Path:
    """Where the answers to a frozen study lie by default."""
    folder = Path(folder)
    return folder.with_name(f"{folder.name}.answers.sqlite")


def open_answers(folder: str | Path, answers: str | Path | None = None) -> Answers:
    """Open a frozen study and the answers to it, by default beside it."""
    return Answers(answers_of(folder) if answers is None else answers, Bundle(folder))


def check_address(host: str, certificate: Path | None, key: Path | None, public: str) -> str:
    """Return the scheme of the page; InputError where readers' answers would go over a network without TLS."""
    if (certificate is None) != (key is None):
        raise InputError("a certificate and its key belong together; name both or neither.")
    if public and not public.startswith("https://"):
        raise InputError(f"{public} is no address of a proxy with TLS; it begins with https://.")
    if certificate is None and not public and not _is_loopback(host):
        raise InputError(
            f"{host} can be reached from other machines; name a certificate and its key, or the https:// address of "
            "the proxy in front."
        )
    return "http" if certificate is None else "https"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def serve(
    answers: Answers,
    host: str = "127.0.0.1",
    port: int = 8000,
    certificate: Path | None = None,
    key: Path | None = None,
    public: str = "",
) -> None:
    """Serve until interrupted. public: the https:// address of a proxy in front, as readers see it.

    Raises InputError for an address that would not be safe, one that is taken, or where the packages are missing.
    """
    scheme = check_address(host, certificate, key, public)
    try:
        import uvicorn

        from .app import make_app
    except ImportError:
        raise InputError("the page needs Starlette and uvicorn; pip install 'napari-recon-robust[review]'.") from None
    origin = public or f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
    uvicorn.run(
        make_app(answers, origin),
        host=host,
        port=port,
        log_level="error",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=bool(public),
        ssl_certfile=None if certificate is None else str(certificate),
        ssl_keyfile=None if key is None else str(key),
    )
