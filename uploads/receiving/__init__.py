"""Taking in bodies that somebody else sends, as slowly and as wrongly as they like, in constant memory."""

from uploads.receiving.multipart import MalformedBodyError, Part, PartEnd, PartEvent, keep_file, read_parts
from uploads.receiving.pace import BodyTooLargeError, BodyTooSlowError, paced
from uploads.receiving.seats import Seats

__all__ = [
    "BodyTooLargeError",
    "BodyTooSlowError",
    "MalformedBodyError",
    "Part",
    "PartEnd",
    "PartEvent",
    "Seats",
    "keep_file",
    "paced",
    "read_parts",
]
