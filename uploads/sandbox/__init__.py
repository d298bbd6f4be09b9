"""Decoders of other people's files, each in a process of its own that can do nothing else.

`running` is the side of the API process; everything else here runs in the child, `python -m uploads.sandbox`.
"""
