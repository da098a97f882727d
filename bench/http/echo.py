"""The floor in Python: an ASGI app that reads a body and answers it, under the same uvicorn settings as yunbox."""

from __future__ import annotations

import sys

import uvicorn

from yunbox.http import Receive, Request, Response, Scope, Send


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await Response(body).send(send)


if __name__ == "__main__":
    uvicorn.run(
        app,
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="error",
        lifespan="off",
    )
