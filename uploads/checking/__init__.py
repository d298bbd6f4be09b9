"""Whether bytes are what they claim to be, and making them harmless."""

from uploads.checking.check import CheckedFile, announced_kind, check
from uploads.checking.kinds import ACCEPTED_MEDIA_TYPES

__all__ = ["ACCEPTED_MEDIA_TYPES", "CheckedFile", "announced_kind", "check"]
