"""Readers, one module a family of formats: the bytes of a file to `rag.markup.Markup`.

A reader is a function from bytes to Markup that raises `rag.formats.limits.Refused`. It imports
its parser itself, and runs in the process of `rag.formats.worker`, never in the caller's.
"""
