"""`python -m espace dev`: everything that a newcomer needs, in one command, and nothing left when it ends.

Children end with this process however it ends (espace/processes.py). One that ends by itself is started again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

from core.linux import die_with_parent
from core.settings import Settings
from espace import demonstration, example_partner
from espace.embedded import EmbeddedServers
from espace.example_partner import ExamplePartner, make_example_partner
from espace.mail_catcher import catch_mail
from espace.processes import start_child, stop_child
from espace.servers import addresses_of, publish_addresses, servers_folder, use_defaults
from espace.serving import StartError, open_listener
from espace.sites import is_built
from resolvers.demonstration import DemonstrationFacts

logger = logging.getLogger("espace.dev")

ROOT = Path(__file__).parent.parent
LOOK_SECONDS = 0.2
SECURITY_CODE = "DEM347"
READY_SECONDS = 60.0
FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 10.0
STEADY_SECONDS = 30.0
"""A child that ran for this long is no longer taken for one that cannot start."""


class Runnable(Protocol):
    """What can be started, and started again. `process` is what runs now."""

    process: subprocess.Popen[bytes] | None

    def start(self) -> None: ...


class Program:
    """`python -m espace ...` as a child, or another module, of another folder."""

    def __init__(
        self,
        arguments: Sequence[str],
        inherited: Sequence[int] = (),
        *,
        module: str = "espace",
        folder: Path = ROOT,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.arguments = arguments
        self.inherited = inherited
        self.module = module
        self.folder = folder
        self.environment = environment
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = start_child(
            [sys.executable, "-m", self.module, *self.arguments],
            environment=self.environment,
            folder=self.folder,
            inherited=self.inherited,
        )


class Keeper:
    """Keeps one child running: started again after a growing delay when it ended by itself."""

    def __init__(self, name: str, child: Runnable) -> None:
        self.name = name
        self.child = child
        self._delay = FIRST_DELAY_SECONDS
        self._started_at = time.monotonic()
        self._due_at: float | None = None

    def look(self) -> None:
        process = self.child.process
        now = time.monotonic()
        if self._due_at is None:
            if process is None or process.poll() is None:
                return
            if now - self._started_at > STEADY_SECONDS:
                self._delay = FIRST_DELAY_SECONDS
            logger.warning(
                "%s ended with status %s: started again in %.1f s", self.name, process.returncode, self._delay
            )
            self._due_at = now + self._delay
            self._delay = min(self._delay * 2, LONGEST_DELAY_SECONDS)
        elif now >= self._due_at:
            self._due_at = None
            self._started_at = now
            try:
                self.child.start()
            except Exception:
                logger.exception("%s cannot be started", self.name)


def run_development(settings: Settings) -> None:
    """Start everything, say where it is, and wait for Ctrl-C or SIGTERM.

    Raises StartError and EmbeddedServerError.
    """
    if "MAKELEVEL" in os.environ:
        die_with_parent(signal.SIGTERM)  # `make run` was killed: nobody is left to stop us.
    with contextlib.suppress(KeyboardInterrupt), _terminate_as_interrupt(), ExitStack() as stack:
        started_at = time.monotonic()
        listener = stack.enter_context(open_listener(settings))
        keepers: list[Keeper] = []
        settings = stack.enter_context(_embedded(settings, keepers))
        asyncio.run(_run(settings, listener, keepers, started_at))


@contextmanager
def _embedded(settings: Settings, keepers: list[Keeper]) -> Iterator[Settings]:
    missing = [name for name in ("database_url", "redis_url") if getattr(settings, name) is None]
    if not missing:
        yield settings
        return
    servers = EmbeddedServers(
        servers_folder(settings), postgres="database_url" in missing, valkey="redis_url" in missing
    )
    with servers:
        keepers += [Keeper("PostgreSQL", servers.postgres), Keeper("Valkey", servers.valkey)]
        yield use_defaults(settings, addresses_of(servers, missing))


async def _run(settings: Settings, listener: socket.socket, keepers: list[Keeper], started_at: float) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    async with AsyncExitStack() as stack:
        catches_mail = settings.smtp_url is None
        if catches_mail:
            server, url = await catch_mail(settings.data / "inbox")
            stack.callback(server.close)
            settings = use_defaults(settings, {"smtp_url": url})
        # Scripts cannot read pictures: the demonstration's code is told to whoever started it.
        settings = use_defaults(settings, {"captcha_fixed_code": SECURITY_CODE})
        stack.enter_context(publish_addresses(settings))
        preparation = asyncio.create_task(demonstration.prepare(settings))
        if not await _finish_unless(preparation, stopping):
            return
        partner = make_example_partner(settings)
        if partner is not None:
            stack.callback(partner.close)
            partner.tell_environment()
        programs = {
            "API": Program(["serve", "--descriptor", str(listener.fileno())], [listener.fileno()]),
            "worker": Program(["worker"]),
        }
        children = list(programs.values())
        stack.push_async_callback(_stop, children, settings.shutdown_timeout_seconds + 2.0)
        for name, program in programs.items():
            program.start()
            keepers.append(Keeper(name, program))
        watch = asyncio.create_task(_watch(keepers))
        stack.callback(watch.cancel)
        ready = asyncio.create_task(_wait_until_ready(settings))
        if await _finish_unless(ready, stopping):
            if partner is not None:
                # Not before: whoever waits for the API is not to wait for it, and its socket listens already.
                example = _program_of(partner)
                children.append(example)
                example.start()
                keepers.append(Keeper("partner", example))
            seconds = time.monotonic() - started_at
            site = partner.site if partner else None
            print(
                describe(settings, preparation.result(), seconds, inbox=catches_mail, partner=site),
                flush=True,
            )
            await stopping.wait()
            print("\nStopping.", flush=True)


def _program_of(partner: ExamplePartner) -> Program:
    descriptor = partner.listener.fileno()
    return Program(
        ["--descriptor", str(descriptor)],
        [descriptor],
        module=example_partner.MODULE,
        folder=example_partner.FOLDER,
        environment=partner.environment,
    )


async def _finish_unless(task: asyncio.Task[object], stopping: asyncio.Event) -> bool:
    """Whether the task finished before it was asked to stop. Raises what the task raises."""
    stop = asyncio.create_task(stopping.wait())
    await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if not task.done():
        task.cancel()
        await asyncio.wait({task})
        return False
    task.result()
    return True


async def _watch(keepers: list[Keeper]) -> None:
    while True:
        for keeper in keepers:
            keeper.look()
        await asyncio.sleep(LOOK_SECONDS)


async def _stop(programs: list[Program], patience_seconds: float) -> None:
    running = [program.process for program in programs if program.process is not None]
    await asyncio.gather(
        *(asyncio.to_thread(stop_child, process, signal.SIGTERM, patience_seconds) for process in running)
    )


async def _wait_until_ready(settings: Settings) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not await _is_ready(settings):
        if time.monotonic() > deadline:
            raise StartError(f"The API is not ready after {READY_SECONDS:.0f} s: see the messages above.")
        await asyncio.sleep(0.05)


async def _is_ready(settings: Settings) -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - to reach oneself
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_connection(host, settings.port)
            try:
                writer.write(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                return b" 200 " in await reader.readline()
            finally:
                writer.close()
    return False


@contextmanager
def _terminate_as_interrupt() -> Iterator[None]:
    """Until the loop takes over, SIGTERM ends the start the way Ctrl-C does."""
    handler: Callable[..., object] = signal.default_int_handler
    before = signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def describe(
    settings: Settings,
    facts: DemonstrationFacts,
    seconds: float,
    *,
    inbox: bool,
    partner: str | None = None,
) -> str:
    """Where everything is, for the terminal. `inbox`: whether mails land there instead of being sent. `partner`: where
    the example of a partner system is."""
    lines = [
        *(
            (name, f"{settings.public_url}{base}")
            for name, base in (("Citizens' site", "/"), ("Mairie's site", "/mairie/"))
            if is_built(settings, base)
        ),
        ("API", f"{settings.public_url}/graphql"),
        ("GraphiQL", f"{settings.public_url}/graphql in a browser"),
        *([("Inbox", f"{settings.public_url}/dev/inbox")] if inbox else []),
        ("Ready", f"{settings.public_url}/readyz"),
        ("Data", str(settings.data)),
        *demonstration.describe(facts),
        ("Captcha", f"{settings.captcha_fixed_code} (every security code)"),
        *(
            [("Partner", f"{partner}, code {example_partner.CODE}, password {example_partner.PASSWORD}")]
            if partner
            else []
        ),
    ]
    width = max(len(name) for name, _ in lines)
    body = "\n".join(f"  {name:<{width}}  {value}" for name, value in lines)
    return f"\nEspace Citoyens is ready ({seconds:.1f} s). Ctrl-C stops everything.\n\n{body}\n"
