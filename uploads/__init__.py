"""Bytes: receiving, checking, storing and scanning them. Whose they are, and who may see them, is not known here."""
