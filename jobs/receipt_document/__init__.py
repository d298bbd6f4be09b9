"""The receipt as a document: what it tells (facts, wording), and the PDF that Typst sets of it (typesetting)."""

from jobs.receipt_document.facts import ReceiptFacts, read_facts
from jobs.receipt_document.typesetting import TypesettingError, typeset
from jobs.receipt_document.wording import put_into_words

__all__ = ["ReceiptFacts", "TypesettingError", "put_into_words", "read_facts", "typeset"]
