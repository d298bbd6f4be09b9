"""Exports of one's data: a ZIP of all that an account may see of itself, made and kept in pieces that fit in memory.

`selections` is what is asked, of the same reading that answers the API; `contents` puts it together, `archive` makes a
ZIP of it, `pages` puts it into words, and `making` is the job. docs/data-export.md says what is in it.
"""

from jobs.data_exports.making import EXPORT_SECONDS, make_export

__all__ = ["EXPORT_SECONDS", "make_export"]
