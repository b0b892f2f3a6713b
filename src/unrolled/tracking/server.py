"""MLflow's server in this process, on this machine only, behind a thin layer of our own.

The layer gives every experiment an address that stays (/unrolled/adding, /unrolled/adding/charts, /unrolled/adding/compare), and leaves
out MLflow's assistant, which would run commands on this machine and covers a quarter of the page when it is first opened.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from unrolled.tracking import views
from unrolled.tracking.mirroring import Experiment
from unrolled.tracking.store import ARTIFACTS, PREFIX, store_uri

HOST = "127.0.0.1"
ASSISTANT = "/ajax-api/3.0/mlflow/assistant"
USER = "/ajax-api/2.0/mlflow/users/current"  # MLflow's page asks; where there are no accounts, the 404 would be an error to the browser
FIRST_VISIT = (b'<style>[data-assistant-ui]{display:none!important}</style><script>try{for(const [name,value] of '
               b'[["mlflow.assistant.fab.autoOpenedOnFirstLoad_v1","true"],["mlflow.workflowType_v1","\\"machine_learning\\""]])'
               b'localStorage.getItem(name)??localStorage.setItem(name,value)}catch{}</script></head>')
Application = Callable[[Mapping[str, Any], Callable, Callable], Awaitable[None]]


def addresses(experiment: Experiment) -> dict[str, str]:
    """Return where each of an experiment's short addresses leads."""
    place = f"/{PREFIX}{experiment.task}"
    found = {place: views.table(experiment.identifier), f"{place}/charts": views.charts(experiment.identifier)}
    two = list(experiment.first.values())[:2]
    return found | ({f"{place}/compare": views.comparison(experiment.identifier, two)} if len(two) == 2 else {})


def application(experiments: list[Experiment]) -> Application:
    """Return MLflow's server with the layer around it, for any ASGI server; it serves the store of this folder."""
    # names of MLflow's own, which its command line sets just so before it starts the server
    os.environ |= {"_MLFLOW_SERVER_FILE_STORE": store_uri(), "_MLFLOW_SERVER_ARTIFACT_ROOT": str(ARTIFACTS), "_MLFLOW_SGI_NAME": "uvicorn",
                   "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true",
                   "MLFLOW_SERVER_ALLOWED_HOSTS": f"{HOST}:*,localhost:*"}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="starlette.middleware.wsgi is deprecated")  # for MLflow's ears, not for a student's
        from mlflow.server.fastapi_app import app  # reads these names as it is imported

    places = {key: where for experiment in experiments for key, where in addresses(experiment).items()}

    async def layered(scope: Mapping[str, Any], receive: Callable, send: Callable) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http" or not _is_local(scope):
            await app(scope, receive, send)  # which refuses other hosts
        elif path in places:
            await _answer(send, 302, b"", location=places[path])
        elif path.startswith(ASSISTANT) and scope["method"] != "GET":
            await _answer(send, 403, b"{}")
        elif path == USER or path.startswith(ASSISTANT):
            await _answer(send, 200, b"{}")
        elif path == "/":
            await app(scope, receive, _Inserting(send))
        else:
            await app(scope, receive, send)

    return layered


def _is_local(scope: Mapping[str, Any]) -> bool:
    host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
    return host.rpartition(":")[0] in (HOST, "localhost")


async def _answer(send: Callable, status: int, body: bytes, **headers: str) -> None:
    kind = {} if status == 302 else {"content-type": "application/json"}
    lines = [(key.encode(), value.encode()) for key, value in (headers | kind | {"content-length": str(len(body))}).items()]
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": body})


class _Inserting:
    """Passes a page on with `FIRST_VISIT` in its head; the page is small and is held back until it is whole."""

    def __init__(self, send: Callable) -> None:
        self.send, self.start, self.body = send, None, b""

    async def __call__(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.start = message
            return
        self.body += message.get("body", b"")
        if not message.get("more_body"):
            self.body = self.body.replace(b"</head>", FIRST_VISIT, 1)
            changed = (b"content-length", b"etag", b"last-modified")
            kept = [(key, value) for key, value in self.start["headers"] if key.lower() not in changed]
            await self.send({**self.start, "headers": [*kept, (b"content-length", str(len(self.body)).encode())]})
            await self.send({"type": "http.response.body", "body": self.body})
