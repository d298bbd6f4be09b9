"""Why embedded servers do not start, in sentences for whoever typed the command."""

from __future__ import annotations


class EmbeddedServerError(Exception):
    """An embedded server that does not start. The message is a sentence for whoever typed the command."""


class DataInUseError(EmbeddedServerError):
    """Another process already runs its servers on this data folder."""
