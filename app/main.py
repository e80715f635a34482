"""The application: the hot path in front, FastAPI with the rest behind it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from app.errors import InlayError
from app.security.redaction import Redaction
from app.settings import Settings
from app.studio.demo import Demo, announced
from app.studio.routes import studio_routes
from app.telemetry import set_up_logs
from app.web.apidocs import ApiDocs
from app.web.asgi import Reply, with_length
from app.web.consents import ConsentRoutes
from app.web.decisions import Decisions
from app.web.errors import answer, body_of
from app.web.events import Events
from app.web.hot import Hot
from app.web.inference import Inference
from app.web.items import Items
from app.web.measured import measured
from app.web.messages import Messages
from app.web.operations import Operations
from app.web.pages import Pages
from app.web.profiles import Profiles
from app.web.protocol import Asked
from app.web.recipients import recipients
from app.web.recommending import Recommendations
from app.web.reports import Reports
from app.web.segments import Segments
from app.web.senders import Senders
from app.web.surfaces import Surfaces
from app.web.webhooks import Webhooks
from app.wiring import Worker, hashed_id

Handler = Callable[[Any, Any], Awaitable[Reply]]


class Application:
    """An ASGI application; `begin_stop()` flips readiness before the server closes."""

    def __init__(self, settings: Settings) -> None:
        set_up_logs(Redaction())
        self.worker = worker = Worker(settings)
        parts = worker.parts
        surfaces = Surfaces(parts.tokens, settings.recipients_url, parts.catalogue, parts.clock)
        pages = Pages(parts, worker.ingest)
        decisions, events = Decisions(parts, surfaces, worker.voiding), Events(parts, worker.ingest, pages)
        recommendations = Recommendations(parts)
        self._routes = [
            ("POST", "/v1/decisions", "decide", decisions.single),
            ("POST", "/v1/decisions/batch", "batch", decisions.batch),
            ("POST", "/v1/recommendations", "recommend", recommendations.answer),
            ("POST", "/v1/events", "events", events.take),
            ("GET", "/v1/pixel.gif", "pixel", pages.pixel),
            ("GET", "/v1/inlay.js", "script", pages.script),
        ]
        exact: dict[tuple[str, str], tuple[str, Handler]] = {(method, path): (surface, handler) for method, path, surface, handler in self._routes}
        exact |= {("HEAD", "/v1/pixel.gif"): ("pixel", pages.picture), ("OPTIONS", "/v1/events"): ("events", pages.preflight)}
        self.api = self._api(surfaces, decisions, Profiles(parts, worker.consents, worker.erasure), Items(parts), Operations(parts))
        self.hot = Hot(parts, surfaces, exact, recipients(parts, surfaces, worker.ingest, worker.consents, worker.pictures, settings.recipients_url), self.api)
        self.whole: dict[str, Asked] = {"/v1/recommendations": lambda scope, body: measured(parts, "recommend", recommendations.of(scope, body))}
        """What is answered out of a body that came with its head."""
        worker.content.prepare = surfaces.prepare

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.hot(scope, receive, send)

    def begin_stop(self) -> None:
        self.worker.parts.stopping = True

    def _api(self, surfaces: Surfaces, decisions: Decisions, profiles: Profiles, items: Items, operations: Operations) -> FastAPI:
        worker = self.worker

        @asynccontextmanager
        async def lifespan(_: FastAPI):  # noqa: ANN202
            await worker.start()
            yield
            await worker.stop()

        api = FastAPI(lifespan=lifespan, redirect_slashes=False, docs_url=None, redoc_url=None, openapi_url=None)
        senders = Senders(worker.parts, surfaces)
        lists = Segments(worker.parts, worker.watching.live)
        reports = Reports(worker.parts, worker.settings.content, worker.settings.data)
        inference = Inference(worker.parts)
        docs, agreed = ApiDocs(worker.parts), ConsentRoutes(worker.parts, profiles, worker.consents)
        rows: list[tuple[str, str, str, Handler]] = [
            *self._routes,
            ("POST", "/v1/webhooks/{source}", "webhooks", Webhooks(worker.parts, worker.ingest, worker.verifiers, worker.replays, hashed_id).take),
            ("GET", "/v1/decisions/{decision_id}", "explain", decisions.stored),
            ("DELETE", "/v1/decisions/{decision_id}", "void", decisions.void),
            ("POST", "/v1/messages/render", "messages", Messages(worker.parts, surfaces, worker.settings.recipients_url).render),
            ("POST", "/v1/senders/emarsys", "senders", senders.emarsys),
            ("POST", "/v1/senders/notifuse", "senders", senders.notifuse),
            ("GET", "/v1/senders/feed", "senders", senders.feed),
            ("GET", "/v1/segments", "segments", lists.show),
            ("GET", "/v1/segments/{id}/profiles", "segments", lists.members),
            ("GET", "/v1/reports/experiments/{name}", "reports", reports.experiment),
            ("GET", "/v1/reports/holdouts/{name}", "reports", reports.holdout),
            ("GET", "/v1/profiles/{id}", "profiles", profiles.show),
            ("PATCH", "/v1/profiles/{id}", "profiles", profiles.patch),
            ("DELETE", "/v1/profiles/{id}", "profiles", profiles.erase),
            ("GET", "/v1/profiles/{id}/consents", "profiles", agreed.show),
            ("PUT", "/v1/profiles/{id}/consents", "profiles", agreed.put),
            ("PUT", "/v1/profiles/{id}/restriction", "profiles", profiles.restrict),
            ("GET", "/v1/profiles/{id}/events", "profiles", profiles.events),
            ("GET", "/v1/profiles/{id}/export", "profiles", profiles.export),
            ("GET", "/v1/items/{id:path}", "items", items.show),
            ("PUT", "/v1/items/{id:path}", "items", items.put),
            ("PATCH", "/v1/items/{id:path}", "items", items.patch),
            ("DELETE", "/v1/items/{id:path}", "items", items.delete),
            ("GET", "/v2", "models", inference.server),
            ("GET", "/v2/health/live", "models", inference.live),
            ("GET", "/v2/health/ready", "models", inference.ready),
            ("GET", "/v2/models/{model}", "models", inference.metadata),
            ("GET", "/v2/models/{model}/ready", "models", inference.model_ready),
            ("POST", "/v2/models/{model}/infer", "models", inference.infer),
            ("GET", "/v2/models/{model}/versions/{version}", "models", inference.metadata),
            ("GET", "/v2/models/{model}/versions/{version}/ready", "models", inference.model_ready),
            ("POST", "/v2/models/{model}/versions/{version}/infer", "models", inference.infer),
            ("GET", "/healthz", "operations", operations.alive),
            ("GET", "/readyz", "operations", operations.ready),
            ("GET", "/metrics", "operations", operations.metrics),
            ("GET", "/openapi.json", "operations", docs.openapi),
            ("GET", "/docs", "operations", docs.page),
            ("GET", "/docs/{file}", "operations", docs.asset),
        ]
        for method, path, surface, handler in rows:
            api.add_api_route(path, self._endpoint(surface, handler), methods=[method], response_class=Response)
        api.router.routes.extend(studio_routes(worker.parts, surfaces, announced(worker.settings.data) if worker.settings.demo else Demo()))
        _install_errors(api)
        return api

    def _endpoint(self, surface: str, handler: Handler) -> Callable[..., Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            reply = await measured(self.worker.parts, surface, handler(request.scope, request.receive))
            response = Response(reply.body, reply.status)
            response.raw_headers = with_length(reply.headers, reply.status, reply.body)
            return response

        return endpoint


_REFUSALS = {
    404: ("not_found", "there is nothing at this address; /docs lists what there is"),
    405: ("method_not_allowed", "this address does not take this method; Allow names those that it takes"),
}


def _install_errors(api: FastAPI) -> None:
    @api.exception_handler(HTTPException)
    async def plain(request: Request, error: HTTPException) -> JSONResponse:
        code, said = _REFUSALS.get(error.status_code, ("error", str(error.detail)))
        return JSONResponse(body_of(code, said), error.status_code, {**(error.headers or {}), "cache-control": "no-store"})

    @api.exception_handler(InlayError)
    async def ours(request: Request, error: InlayError) -> Response:
        status, body, headers = answer(error)
        return Response(body, status, {name.decode(): value.decode() for name, value in headers})


def create_app(settings: Settings) -> Application:
    return Application(settings)
