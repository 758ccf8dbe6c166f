"""A bare server of server-sent events: the least that one can be, for the push service to stand beside.

    python -m tests.bench.bare_sse SOCKET

It asks nobody who they are and sends everything to everybody: whatever is POSTed.
"""

import asyncio
import sys

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
listeners: set[asyncio.StreamWriter] = set()


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    if head.startswith(b"POST"):
        event = b"data: %b\n\n" % await reader.readline()
        for listener in listeners:
            listener.write(event)
    else:
        writer.write(HEAD + b"event: hello\n\n")
        listeners.add(writer)
        await reader.read()
        listeners.discard(writer)
    writer.close()


async def beat() -> None:
    while True:
        await asyncio.sleep(20)
        for listener in listeners:
            listener.write(b":\n\n")


async def main(path: str) -> None:
    async with await asyncio.start_unix_server(serve, path, backlog=2048) as server:
        await asyncio.gather(server.serve_forever(), beat())


asyncio.run(main(sys.argv[1]))
