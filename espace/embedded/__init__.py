"""The PostgreSQL and Valkey that `dev` and the tests start when no URL is configured.

Both listen on a unix socket in a private folder, never on a TCP port, and both end with the process that started them.
"""

from espace.embedded.errors import DataInUseError, EmbeddedServerError
from espace.embedded.folders import choose_socket_folder
from espace.embedded.postgres import EmbeddedPostgres
from espace.embedded.servers import EmbeddedServers, temporary_servers
from espace.embedded.valkey import EmbeddedValkey

__all__ = [
    "DataInUseError",
    "EmbeddedPostgres",
    "EmbeddedServerError",
    "EmbeddedServers",
    "EmbeddedValkey",
    "choose_socket_folder",
    "temporary_servers",
]
