"""What the server answers. A reader gets the images of the own presentations, and nothing that tells their arm.

Everything but the page itself asks for a session; unsafe requests have to come from the page (Origin and
Sec-Fetch-Site). Images of a case are of one size and never cached. Requests and secrets are written to no log.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Lifespan

from ...ground.errors import InputError, ReconRobustError
from ...ground.writing import WritingError
from ..access import NotAllowedError
from ..answers import Answers, ConflictError
from ..bundle import Shown
from ..questions import image_names
from .limits import Limit

SESSION_DAYS = 90
_MOST_BODY = 2**16  # bytes
_SCRIPTS = ("pictures.js", "view.js", "panel.js", "input.js")  # of the viewer that reports have
_ASSETS = {"room.css": "text/css"} | dict.fromkeys(("touch.js", "form.js", "room.js"), "text/javascript")
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_STATUS: dict[type[ReconRobustError], int] = {
    NotAllowedError: 403,
    ConflictError: 409,
    WritingError: 507,
    InputError: 400,
}

Endpoint = Callable[[Request], Awaitable[Response]]


def make_app(answers: Answers, origin: str, lifespan: Lifespan[Starlette] | None = None) -> Starlette:
    """The application.

    origin: of the page as readers see it, such as http://127.0.0.1:8000. lifespan: what is done as a server ends.
    """
    room = _Room(answers, origin)
    routes = [
        Route("/", room.page),
        Route("/assets/{name}", room.asset),
        Route("/enter", room.enter, methods=["POST"]),
        Route("/state", room.state),
        Route("/consent", room.consent, methods=["POST"]),
        Route("/display", room.display, methods=["POST"]),
        Route("/presentation/{id}", room.presentation),
        Route("/image/{id}/{slot}", room.image),
        Route("/answer", room.answer, methods=["POST"]),
        Route("/forget", room.forget, methods=["POST"]),
    ]
    guarded = [Route(one.path, room.guarded(one.endpoint), methods=one.methods) for one in routes]
    app = Starlette(routes=guarded, exception_handlers={HTTPException: room.unknown}, lifespan=lifespan)
    app.router.redirect_slashes = False  # which would be answered before the guard
    return app


class _Room:
    """The answers to requests."""

    def __init__(self, answers: Answers, origin: str) -> None:
        self.answers, self.bundle = answers, answers.bundle
        self.origin = origin.rstrip("/")
        self.host = self.origin.partition("://")[2]
        self.cookie = f"reading-{self.bundle.id[:16]}"  # cookies know no port: another study on this host keeps its own
        self.guesses = Limit(20, 60)  # tokens, and wrong sessions, for each address
        self.all_guesses = Limit(300, 60)
        self.writes = Limit(240, 60)  # for each reader

    def guarded(self, endpoint: Endpoint) -> Endpoint:
        """An endpoint behind what holds for all: host, origin, headers, and errors as one sentence."""

        async def answer(request: Request) -> Response:
            response = await self._answer(endpoint, request)
            response.headers.update(_HEADERS)
            return response

        return answer

    async def unknown(self, request: Request, error: Exception) -> Response:
        """The answer where there is no such page, or not for this kind of request."""
        assert isinstance(error, HTTPException), "no other is given to it"
        refusal = _sorry(error.status_code, "there is no such page; open your invitation again.")
        refusal.headers.update(error.headers or {})

        async def refused(_: Request) -> Response:
            return refusal

        return await self.guarded(refused)(request)

    async def _answer(self, endpoint: Endpoint, request: Request) -> Response:
        if request.headers.get("host", "") != self.host:
            words = "This page is served under another name. Open the link of your invitation."
            return Response(words, 400, media_type="text/plain")
        if request.method not in ("GET", "HEAD") and not self._from_page(request):
            return _sorry(403, "this did not come from the page itself; open your invitation again.")
        try:
            return await endpoint(request)
        except _TooManyError:
            return _sorry(429, "too many tries; wait a minute.")
        except ClientDisconnect:
            return Response(status_code=499)
        except ReconRobustError as error:
            status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 500)
            return _sorry(status, str(error))

    def _from_page(self, request: Request) -> bool:
        site = request.headers.get("sec-fetch-site", "same-origin")
        kind = request.headers.get("content-type", "").partition(";")[0].strip()
        return request.headers.get("origin") == self.origin and site == "same-origin" and kind == "application/json"

    # ---------------------------------------------------------------- the page

    async def page(self, request: Request) -> Response:
        """The page, which is the same for everybody."""
        return Response(_asset(__package__, "room.html"), media_type="text/html")

    async def asset(self, request: Request) -> Response:
        """A script or the style of the page."""
        name = request.path_params["name"]
        if name in _SCRIPTS:
            return Response(_asset("napari_recon_robust.reports", name), media_type="text/javascript")
        if name in _ASSETS:
            return Response(_asset(__package__, name), media_type=_ASSETS[name])
        return _sorry(404, "there is no such file.")

    # ---------------------------------------------------------------- who reads

    async def enter(self, request: Request) -> Response:
        """An invitation is exchanged for a session, once."""
        self._count_guess(request)
        body = await _body(request)
        token = body.get("token")
        if not isinstance(token, str) or len(token) > 200:
            raise NotAllowedError("this invitation is incomplete; copy the whole link.")
        secret = await run_in_threadpool(self.answers.access.enter, token, SESSION_DAYS)
        response = JSONResponse({})
        response.set_cookie(
            self.cookie,
            secret,
            max_age=SESSION_DAYS * 24 * 3600,
            httponly=True,
            samesite="strict",
            secure=self.origin.startswith("https:"),
        )
        return response

    def _count_guess(self, request: Request) -> None:
        """Before it is tried: past the limit not even the right token is looked up."""
        client = request.client.host if request.client else ""
        if not (self.guesses.allows(client) and self.all_guesses.allows("")):
            raise _TooManyError

    async def _reader(self, request: Request) -> str:
        secret = request.cookies.get(self.cookie, "")
        try:
            return await run_in_threadpool(self.answers.access.reader_of, secret)
        except NotAllowedError:
            if secret:
                self._count_guess(request)
            raise

    async def _written(self, request: Request) -> tuple[str, dict[str, Any]]:
        """The reader who asks for something to be stored or deleted, within the limit, and what was sent.

        The page says whose it is: the cookie may be of somebody who came to the same browser since.
        """
        reader = await self._reader(request)
        if not self.writes.allows(reader):
            raise _TooManyError
        body = await _body(request)
        if body.pop("reader", reader) != reader:
            raise NotAllowedError("another reader takes part in this browser by now; ask for a new link, and open it.")
        return reader, body

    async def consent(self, request: Request) -> Response:
        """The reader agrees to take part."""
        reader, _ = await self._written(request)
        await run_in_threadpool(self.answers.consent, reader)
        return JSONResponse({})

    async def forget(self, request: Request) -> Response:
        """The reader's data are deleted."""
        reader, _ = await self._written(request)
        await run_in_threadpool(self.answers.forget, reader)
        response = JSONResponse({})
        response.delete_cookie(self.cookie, httponly=True, samesite="strict")
        return response

    # ---------------------------------------------------------------- reading

    async def state(self, request: Request) -> Response:
        """What the study asks, where the reader is, and what comes next."""
        reader = await self._reader(request)
        return JSONResponse(await run_in_threadpool(self._state, reader))

    def _state(self, reader: str) -> dict[str, Any]:
        place, ahead = self.answers.place(reader), self.answers.ahead(reader)
        study = self.bundle.study.model_dump(mode="json")
        return {
            "study": {name: study[name] for name in ("title", "consent", "questions", "viewing", "back")}
            | {"slices": self.bundle.slices},
            "reader": reader,
            "consented": self.answers.consented(reader),
            "display": self.answers.display_checked(reader, place.sitting),
            "sitting": place.sitting + 1,
            "sittings": place.sittings,
            "done": place.done,
            "total": place.total,
            "wait": place.wait,
            "next": None if place.shown is None else self._described(reader, place.shown),
            "ahead": None if ahead is None else self._pictured(ahead),
        }

    def _pictured(self, shown: Shown) -> dict[str, Any]:
        """What the page has to know of the images of a presentation to load them."""
        return {
            "id": shown.id,
            "images": list(image_names(len(shown.images))),
            "reference": self.answers.may_see_reference(shown.id),
            "slices": shown.slices,
            "rows": shown.rows,
            "columns": shown.columns,
        }

    def _described(self, reader: str, shown: Shown) -> dict[str, Any]:
        """What the page has to know of a presentation: the same, whatever its arm."""
        revisions, given = self.answers.given(reader, shown.id)
        before = self.answers.previous(reader, shown.id)
        step, steps = self.answers.step(shown.id), self.bundle.study.steps
        return {
            **self._pictured(shown),
            "training": shown.training,
            "step": step,
            "steps": len(steps),
            "questions": [question.id for question in steps[step]],
            "voxel": shown.voxel,
            "turn": shown.turn.matrix.tolist(),
            "sides": shown.turn.letters(shown.directions),
            "window": {"low": shown.window[0], "high": shown.window[1]},
            "maximum": shown.maximum,
            "region": shown.region,
            "revision": revisions,
            "given": given,
            "before": None if before is None else before.id,
        }

    async def presentation(self, request: Request) -> Response:
        """One that the reader may see again: to revise it, or of training with its truth."""
        reader = await self._reader(request)
        return JSONResponse(await run_in_threadpool(self._seen_again, reader, request.path_params["id"]))

    def _seen_again(self, reader: str, id: str) -> dict[str, Any]:
        shown, following = self.answers.may_see(reader, id), self.answers.place(reader).shown
        told = {"truth": shown.truth} if shown.training and shown is not following else {}
        return self._described(reader, shown) | told

    async def image(self, request: Request) -> Response:
        """The pixels of one image, seen or loaded ahead: slot 0, 1, ... by its position, or "reference" once shown."""
        reader = await self._reader(request)
        shown = await run_in_threadpool(self.answers.ahead, reader)
        if shown is None or shown.id != request.path_params["id"]:
            shown = await run_in_threadpool(self.answers.may_see, reader, request.path_params["id"])
        slots = {str(at): name for at, name in enumerate(shown.images)}
        if await run_in_threadpool(self.answers.may_see_reference, shown.id):
            slots["reference"] = shown.reference
        name = slots.get(request.path_params["slot"], "")
        if not name:
            raise NotAllowedError("there is no such image.")
        image = await run_in_threadpool(self.bundle.image, name, shown)
        return Response(image.tobytes(), media_type="application/octet-stream")

    async def display(self, request: Request) -> Response:
        """What the check of the display found."""
        reader, body = await self._written(request)
        findings = {str(name)[:40]: str(value)[:200] for name, value in list(body.items())[:20]}
        place = await run_in_threadpool(self.answers.place, reader)
        await run_in_threadpool(self.answers.check_display, reader, place.sitting, findings)
        return JSONResponse({})

    async def answer(self, request: Request) -> Response:
        """The answers to one presentation; they are on the disk when this is confirmed."""
        reader, body = await self._written(request)
        id, revision, values = body.get("presentation"), body.get("revision"), body.get("answers")
        context = body.get("context", {})
        if (
            not isinstance(id, str)
            or not isinstance(revision, int)
            or isinstance(revision, bool)
            or not 0 <= revision < 1000
            or not isinstance(values, Mapping)
            or not isinstance(context, Mapping)
        ):
            raise InputError("an answer is not in the form that the study asks for; load the page again.")
        comment = body.get("comment", "")
        await run_in_threadpool(self.answers.record, reader, id, revision, values, comment, context)
        shown = self.bundle.by_id[id]
        last = {question.id for question in self.bundle.study.steps[-1]} == set(values)
        return JSONResponse({"truth": shown.truth if shown.training and last else None})


class _TooManyError(Exception):
    """Somebody asked too often."""


def _sorry(status: int, sentence: str) -> Response:
    return JSONResponse({"error": sentence}, status_code=status)


async def _body(request: Request) -> dict[str, Any]:
    """The JSON object of a request; InputError for one that is too large or none."""
    content = b""
    async for part in request.stream():
        content += part
        if len(content) > _MOST_BODY:
            raise InputError("this is more than an answer may hold; shorten the comment.")
    try:
        found = json.loads(content)
        json.dumps(found, ensure_ascii=False).encode()  # half of a pair of surrogates is no text
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InputError("an answer is not in the form that the study asks for; load the page again.")
    return found


@cache
def _asset(package: str, name: str) -> bytes:
    return files(package).joinpath("assets", name).read_bytes()
