"""How often things may be done: counted in Redis, in PostgreSQL while Redis is away, and never not at all.

`declared` is the list of the limits, `counting` counts. Only this package knows the library `limits`.
"""

from core.limits.addresses import network, site
from core.limits.counting import close, count, remember, use_database
from core.limits.declared import Limit, Rate

__all__ = ["Limit", "Rate", "close", "count", "network", "remember", "site", "use_database"]
