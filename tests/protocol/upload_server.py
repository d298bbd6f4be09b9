"""The sample schema as a server process of its own, so that its memory can be measured:

python -m tests.protocol.upload_server FOLDER
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import uvicorn

from espace.graphql import graphql_app
from tests.protocol.conftest import make_settings, mount
from tests.protocol.sample import authenticate, sample_schema


def main(folder: Path) -> None:
    """Listen on a free port, which is the one line that is printed."""
    app = mount(graphql_app(sample_schema(), make_settings(folder), authenticate=authenticate))
    config = uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
    listener = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    uvicorn.Server(config).run([listener])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
