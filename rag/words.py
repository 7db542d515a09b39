"""Text to words: the one tokenisation that search, coverage, history and evals share.

Words are lower-cased, stripped of diacritics and stemmed by Porter's English stemmer, so that
"exported" meets "export"; "U.S." and "U.S" are one word, and so is "3.5".
"""

from __future__ import annotations

import functools
import re
import unicodedata

import Stemmer

_WORD = re.compile(
    r"(?:[^\W\d_]\.){2,}[^\W\d_]?"  # U.S.  U.S  e.g.
    r"|\d+(?:[.,:]\d+)*"  # 3.5  1,000  10:30
    r"|[^\W_]+(?:['’][^\W\d_]+)?"  # Japan  Japan's  don’t
)
_POSSESSIVE = re.compile(r"['’]s?$")
_STEMMER = Stemmer.Stemmer("english")

STOPWORDS = frozenset(
    """
    a about above after again against all also am an and any are as at be because been before being
    below between both but by can could did do does doing down during each either else ever few for
    from further get got had has have having he her here hers herself him himself his how i if in
    into is it its itself just let many may me might more most much must my myself neither no nor
    not now of off on once one only or other our ours out over own per quite rather same shall she
    should since so some such than that the their theirs them themselves then there these they this
    those though through thus to too under until up upon us very was we were what whatever when
    where whether which while who whom whose why will with within without would yes yet you your
    yours please tell say said says article text document story according mention mentioned
    """.split()
)
"""English function words and the words people use to talk to an assistant about an article."""


def words(text: str) -> list[str]:
    """Return the words of a text as they stand, without possessive endings, in order.

    >>> words("Japan’s U.S. deal, worth 3.5 billion.")
    ['Japan', 'U.S.', 'deal', 'worth', '3.5', 'billion']
    """
    found: list[str] = _WORD.findall(text)
    # Looked for first: few words have one, and a book has many words.
    return [_POSSESSIVE.sub("", word) if "'" in word or "’" in word else word for word in found]


@functools.lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """Return the form under which a word is indexed and compared.

    >>> [stem(word) for word in ("Exported", "exports", "U.S.", "Pokémon")]
    ['export', 'export', 'us.', 'pokemon']
    """
    folded = unicodedata.normalize("NFKD", word.lower())
    folded = "".join(letter for letter in folded if not unicodedata.combining(letter))
    if "." in folded and not folded[0].isdigit():
        return folded.replace(".", "") + "."  # An acronym must not meet the pronoun "us".
    return str(_STEMMER.stemWord(folded))


def stems(text: str) -> list[str]:
    """Return the stem of every word, in order."""
    return [stem(word) for word in words(text)]


def content_stems(text: str) -> list[str]:
    """Return the stems of the words that carry meaning, in order.

    >>> content_stems("What does the article say about the missiles?")
    ['missil']
    """
    return [stem(word) for word in words(text) if word.lower() not in STOPWORDS]
