"""Serve a reader study: on this machine only, or through TLS."""

import ipaddress
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from ...ground.errors import InputError, ReconRobustError, to_install
from ...ground.guard import shown
from ..answers import Answers
from ..bundle import Bundle, beside

_PAGE = re.compile(r"https?://(\[[\da-f:.]+\]|[^\s/?#@:\[\]]+)(:\d{1,5})?/?", re.IGNORECASE)
_USUAL_PORT = {"http": ":80", "https": ":443"}  # which browsers leave out


def answers_of(folder: str | Path) -> Path:
    """Where the answers to a frozen study lie by default."""
    return beside(folder, ".answers.sqlite")


def open_answers(folder: str | Path, answers: str | Path | None = None) -> Answers:
    """Open a frozen study and the answers to it, by default beside it."""
    return Answers(answers_of(folder) if answers is None else answers, Bundle(folder))


def check_address(host: str, certificate: Path | None, key: Path | None, public: str) -> str:
    """The scheme of the page; InputError where readers' answers would go over a network without TLS."""
    if (certificate is None) != (key is None):
        raise InputError("a certificate and its key belong together; name both or neither.")
    if public and not public.startswith("https://"):
        raise InputError(f"{public} is no address of a proxy with TLS; it begins with https://.")
    if public:
        check_page(public)
    if certificate is None and not public and not _is_loopback(host):
        raise InputError(
            f"{host} can be reached from other machines; name a certificate and its key, or the https:// address of "
            "the proxy in front."
        )
    return "http" if certificate is None else "https"


def check_page(address: str) -> None:
    """Raise InputError for what is no address of a page: it is served at the root of a host, under no folder."""
    if not _PAGE.fullmatch(address):
        raise InputError(
            f"{address} is no address of the page, which lies in no folder of its host; name it like "
            "https://reading.example.org or http://127.0.0.1:8000."
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def origin_of(scheme: str, host: str, port: int, public: str = "") -> str:
    """The address of the page as browsers name it: in lower case, without the usual port and a slash at the end."""
    bracketed = f"[{host}]" if ":" in host else host
    address = (public or f"{scheme}://{bracketed}:{port}").rstrip("/").lower()
    return address.removesuffix(_USUAL_PORT[address.partition(":")[0]])


class Serving:
    """The server of a study at an address that it has taken; it answers when it runs. origin: of the page.

    public: the https:// address of a proxy in front, as readers see it. Raises InputError for an address that would not
    be safe, one that cannot be taken, or where the packages are missing.
    """

    def __init__(
        self,
        answers: Answers,
        host: str = "127.0.0.1",
        port: int = 8000,
        certificate: Path | None = None,
        key: Path | None = None,
        public: str = "",
    ) -> None:
        self.origin = origin_of(check_address(host, certificate, key, public), host, port, public)
        try:
            import uvicorn

            from .app import make_app
        except ImportError:
            raise InputError(f"the page needs Starlette and uvicorn; {to_install('review')}.") from None

        @asynccontextmanager
        async def told(_: object) -> AsyncIterator[None]:
            yield
            with suppress(ReconRobustError):  # such as of a full disk
                answers.access.end(self.origin)

        options = uvicorn.Config(
            make_app(answers, self.origin, told),
            log_level="error",
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=bool(public),
            ssl_certfile=None if certificate is None else str(certificate),
            ssl_keyfile=None if key is None else str(key),
        )
        try:
            options.load()  # the certificate too
        except OSError as error:
            assert certificate is not None, "nothing else is opened"
            raise InputError(
                f"{shown(certificate)} and its key cannot be used ({error.strerror or error}); give a certificate "
                "and the key that belongs to it, both in PEM format, the key without a passphrase."
            ) from None
        self._listening = _listening(host, port)
        self._server = uvicorn.Server(options)
        answers.access.serve(self.origin)

    def run(self) -> None:
        """Serve until interrupted."""
        with suppress(KeyboardInterrupt), self._listening:
            self._server.run(sockets=[self._listening])


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise InputError(
            f"{host} cannot be listened at with port {port} ({error.strerror}); choose another --port or --host."
        ) from None
