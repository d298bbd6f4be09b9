"""How long a visitor waits for a spoken security code: `python -m benchmarks.captcha_audio [times]`.

From the moment it is asked for to the first byte of the MP3: out of the stock (createCaptcha has just answered READY),
and read aloud on demand (requestCaptchaAudio, captchaAudio over a WebSocket, then the address). All on this machine;
the visitor's program is connected, as a browser is that has just shown the picture.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import httpx

from tests.journeys.client import Client
from tests.stack import ROOT, Stack

TIMES = 20


async def measure(times: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder))
        try:
            await stack.start(ROOT / "municipalities" / "demonstration")
            stack.worker.stop()
            stack.worker.environment = {**stack.environment, "ESPACE_CAPTCHA_AUDIO_STOCK": str(times)}
            await stack.worker.start()
            async with httpx.AsyncClient(base_url=stack.api.url) as http:
                ready = [await from_stock(stack, http) for _ in range(times)]
            stack.worker.stop()
            stack.worker.environment = {**stack.environment, "ESPACE_CAPTCHA_AUDIO_STOCK": "0"}
            await stack.worker.start()
            async with httpx.AsyncClient(base_url=stack.api.url) as http:
                await on_demand(stack, http)
                asked = [await on_demand(stack, http) for _ in range(times)]
        finally:
            stack.stop()
    for name, seconds in (("out of the stock", ready), ("on demand", asked)):
        print(f"{name}: median {1000 * median(seconds):.0f} ms, longest {1000 * max(seconds):.0f} ms")


async def from_stock(stack: Stack, http: httpx.AsyncClient) -> float:
    visitor = Client(stack.api)
    while True:
        code = await visitor.run("CreateCaptcha", purpose="CREATE_ACCOUNT")
        await http.get(httpx.URL(code["image"]).path)
        if code["audio"]["state"] == "READY":
            return await first_byte(http, code["audio"]["url"], perf_counter())
        await asyncio.sleep(1)


async def on_demand(stack: Stack, http: httpx.AsyncClient) -> float:
    visitor = Client(stack.api)
    code = await visitor.run("CreateCaptchaOfWork", purpose="CREATE_ACCOUNT")
    async with visitor.follow("CaptchaAudio", captcha=code["id"]) as told:
        await told.next()
        asked_at = perf_counter()
        await visitor.change("RequestCaptchaAudio", captcha=code["id"])
        while (audio := await told.next(within=20))["state"] != "READY":
            pass
    return await first_byte(http, audio["url"], asked_at)


async def first_byte(http: httpx.AsyncClient, url: str, since: float) -> float:
    async with http.stream("GET", httpx.URL(url).path) as response:
        assert response.status_code == 200
        async for _ in response.aiter_bytes(1):
            break
        return perf_counter() - since


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else TIMES))
