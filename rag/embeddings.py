"""An `Encoder` in the form LangChain asks for.

A file of its own: LangChain's takes 0.6 s to import, and only Chroma needs it.
"""

from __future__ import annotations

from langchain_core.embeddings import Embeddings

from rag.types import Encoder


class LangChainEmbeddings(Embeddings):
    """An `Encoder` as LangChain and its vector stores want it."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return one vector a text, in order."""
        vectors: list[list[float]] = self.encoder.embed(texts).tolist()
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of one text; questions and passages share a space."""
        return self.embed_documents([text])[0]
