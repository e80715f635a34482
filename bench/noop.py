"""What everything is compared with: a FastAPI route that returns a ready Response, under uvicorn as Inlay runs it."""

from __future__ import annotations

import gc
import sys

import uvicorn
from fastapi import FastAPI, Response

from app.supervise.worker import UVICORN

app = FastAPI()
READY = Response(b"ok", media_type="text/plain")


@app.get("/noop")
async def noop() -> Response:
    return READY


if __name__ == "__main__":
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    uvicorn.run(app, port=int(sys.argv[1]), **UVICORN)
