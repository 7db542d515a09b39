"""A sentence -> its first clause, cut into subject, verb and rest, where that can be seen.

No grammar is parsed: a sentence is used only where its words leave no doubt about where the subject
ends, and passed over otherwise. A corpus has more sentences than a set of questions needs.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass

from evals.people import is_country
from evals.verbs import AUXILIARIES, PAST, PRESENT, SPEAKING
from rag.types import Sentence

MOST_SUBJECT_WORDS = 8
"""A longer subject makes a question nobody would type."""

_WORD = re.compile(r"(?:[^\W\d_]\.){2,}|(?:Mr|Mrs|Ms|Dr|St|Prof)\.|[^\W_][\w’'-]*|\S")
_OPENER = re.compile(
    r"(?:However|Meanwhile|Still|But|And|Yet|So|Today|Also|Then), |(?:But|And|Yet) "
    r"|According to [^,.;“”\"]{3,40}, "
)
_LEAD = re.compile(r"(?P<lead>(?:In|On|Since|During|At) [^,.;:“”\"]{2,40}), (?=[A-Za-z])")
_CUT = re.compile(
    r"\s*(?:,(?!\d)|:(?!\d)|[;()“”\"«»—]|\s[–-]\s|[‘’](?=\s|$)(?<!s’)|\s‘"
    r"|\s(?:which|who|whom|whose|that|while|when|because|although|though|but|where|whereas|as|so|if"
    r"|unless|even|rather|or|after|before|until|once|including|due|in order|according|despite"
    r"|amid)\b"
    rf"|\sand\s(?=(?:then|now|later|also|(?:it|he|she|they|we|there|is|are|was|were|will|has|have"
    rf"|had|can|must|should|may|did|does|do|not)\b|(?:{'|'.join(sorted(PAST | PRESENT))})\b)))"
)
_VERBS = "|".join(sorted(AUXILIARIES | PAST.keys() | (PRESENT.keys() - SPEAKING)))
_APART = re.compile(rf"^([^,;:“”\"]{{3,60}}), [^,;:“”\"]{{2,90}},(?= (?:{_VERBS})\b)")
"""What stands between commas after a subject is left out: "Ada Lind, 29, was elected"."""
_COUNT = re.compile(
    r"(?:(?:About|Some|Nearly|Roughly|Around|Almost|More|Fewer|At|Up|Over) )?(?:\d"
    r"|[A-Z][a-z]*(?:een|ty|ne|wo|ree|our|ive|ix|even|ight|en|elve)\b)"
)
_GAP = re.compile(
    r" and (?:[A-Z][\w’.]+ ){1,3}(?:an?\b|the\b|\w{0,2}[$€£¥]?\d)"
    r"| and (?:a|the) (?:second|third|fourth|further|others?) (?:for|in|on|at|to|by|with|from)\b"
)
"""A second clause that leaves out the verb of the first."""
_PREPOSITIONS = frozenset(
    "of for in on at from with to about between by against near under".split()
)
_STATING = frozenset(
    """say tell believe think note argue warn explain insist claim hope fear suggest expect know
    show mean want find see hear write report""".split()
)
"""Verbs of somebody's statement, as after a plural: "officials believe the weapon was"."""
_NOT_IN_SUBJECT = frozenset(
    """after before since until once unless despite during amid among within beyond behind
    nevertheless therefore thus instead
    it its he him his she her they them their we us our you your i my me this that these those
    there here least further who whom whose which what when where why how while if because
    although though as than then not no nor but so or either neither both one ones some any each
    every all most many much few other others another same such latter former first second third
    last next rest everyone everybody nobody nothing something anyone said says asked
    told""".split()
)
_BETWEEN = frozenset("also already still now later then soon finally first once eventually".split())
_PARTICIPLES = frozenset(
    """become been built bought brought caught come cut done found given gone held kept known led
    left lost made met paid put run seen sent set shown sold spent struck taken told won born laid
    cast shut hit drawn grown shot""".split()
)
_ODD = frozenset("them those these others which who that of years".split())
_NO_HEAD = frozenset(
    """reason question problem answer idea point thing things case result difference move step
    decision issue change matter effect sum figure number figures amount total way day week month
    year years time moment morning afternoon evening night end start rest majority half following
    people man woman men women letter place author writer text article document""".split()
)
_DETERMINERS = frozenset(("the", "a", "an"))


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause, as "the firm | had employed | 40 people in 2019": what a question moves around.

    `auxiliary` goes before the subject, `verb` after it; `verb` is empty after a form of "be" that
    stands alone. `said` is the verb as the text has it. `subject` can stand in mid-sentence.
    """

    sentence: Sentence
    subject: str
    auxiliary: str
    verb: str
    said: str
    rest: str
    lead: str = ""

    @property
    def is_counted(self) -> bool:
        """Whether the subject says how many there are: nothing else about it is worth asking."""
        return _COUNT.match(self.subject) is not None

    @property
    def has_be(self) -> bool:
        """Whether the auxiliary is a form of "be"."""
        return self.auxiliary in ("was", "were", "is", "are")


def names_in(sentences: Iterable[Sentence]) -> frozenset[str]:
    """Return the words with a capital that no sentence begins with: they are names there too."""
    found: set[str] = set()
    lower: set[str] = set()
    for sentence in sentences:
        if sentence.text[-1] not in '.!?”"’':
            continue  # Headings Are Often Written So.
        tokens = _WORD.findall(sentence.text)
        lower.update(token for token in tokens if token.islower())
        found.update(
            token
            for before, token in itertools.pairwise(tokens)
            if token[0].isupper() and before not in '“"‘:.!?' and len(token) > 1
        )
    return frozenset(word for word in found if word.lower() not in lower)


def clause_of(sentence: Sentence, names: frozenset[str]) -> Clause | None:
    """Return the clause a sentence begins with, None where its shape is in any doubt.

    Args:
        sentence: One of a document's.
        names: Words known to be names, see `names_in`.
    """
    text = " ".join(sentence.text.split())
    if not re.search(r"[.!]$", text) or text[0] in "“\"‘'«([" or len(text) < 25:
        return None
    text = text[:-1]
    if opener := _OPENER.match(text):
        text = text[opener.end() :]
    lead = ""
    if found := _LEAD.match(text):
        lead, text = found["lead"], text[found.end() :]
    text = _APART.sub(r"\1", text, count=1)
    tokens = [(m[0], m.start(), m.end()) for m in _WORD.finditer(text)]
    first = 2 if tokens[0][0].lower() in _DETERMINERS else 1  # "The repairs" is no verb.
    within = range(first, min(len(tokens), MOST_SUBJECT_WORDS + 1))
    verb_at = next((i for i in within if _is_verb(tokens[i][0])), None)
    if verb_at is None:
        return None
    last = verb_at
    while last > 1 and tokens[last - 1][0] in _BETWEEN:
        last -= 1
    subject = _subject([word for word, _, _ in tokens[:last]], text[: tokens[last - 1][2]], names)
    if subject is None:
        return None
    said, _, end = tokens[verb_at]
    after = text[end:]
    cut = _CUT.search(after)
    rest = (after[: cut.start()] if cut else after).strip()
    rest = re.sub(r"\s+(?:and|or|but)$", "", rest)
    follows = after[cut.start() :].strip() if cut else ""
    if _GAP.search(rest):
        return None  # "Argentina sent 80 men and Spain a team."
    if said in SPEAKING or _has_finite(rest) or follows.startswith("that "):
        return None
    if re.match(r"(?:(?:still|yet|also) )?(?:not|never|no)\b", rest):
        return None
    if said in AUXILIARIES and not (said in ("has", "have", "had") and not is_participle(rest)):
        return _with_auxiliary(sentence, subject, said, rest, lead)
    base = PAST.get(said) or PRESENT.get(said)
    if base is None:
        return None
    if said in PRESENT and " " not in subject and not is_country(subject):
        return None  # "Label requests count" has another verb.
    auxiliary = "did" if said in PAST else "does"
    return Clause(sentence, subject, auxiliary, base, said, rest, lead)


def _with_auxiliary(
    sentence: Sentence, subject: str, auxiliary: str, rest: str, lead: str
) -> Clause | None:
    words = rest.split()
    if not words or words[0] in ("not", "n’t", "no", "never", "being"):
        return None
    taken = 0
    while taken < len(words) - 1 and (
        words[taken] in ("be", "been", "also", "already", "still", "now", "later", "often", "only")
        or (words[taken].endswith("ly") and len(words[taken]) > 4)
    ):
        taken += 1
    if is_participle(" ".join(words[taken:])) or auxiliary in ("will", "would", "can", "could"):
        taken += 1
    elif taken == 0 or words[taken - 1] not in ("be", "been"):
        taken = 0
    kept = [w for w in words[:taken] if w not in ("also", "already", "still", "now", "only")]
    verb = " ".join(kept)
    return Clause(
        sentence,
        subject,
        auxiliary,
        verb,
        f"{auxiliary} {verb}".strip(),
        " ".join(words[taken:]),
        lead,
    )


def _is_verb(word: str) -> bool:
    return word in AUXILIARIES or word in PAST or word in PRESENT or word in SPEAKING


def is_participle(rest: str) -> bool:
    """Return whether a phrase begins with a participle of the past."""
    first = rest.split(" ", 1)[0]
    return (first.endswith(("ed", "en")) and len(first) > 4) or first in _PARTICIPLES


def _has_finite(rest: str) -> bool:
    """Return whether a second verb follows: then the first may belong to the subject."""
    return re.search(r"\b(?:is|are|was|were|will|would|has|had|said|says|can)\b", rest) is not None


def _subject(words: list[str], text: str, names: frozenset[str]) -> str | None:
    """Return a subject as it stands in mid-sentence, None where it is none or points elsewhere."""
    lowered = [word.lower() for word in words]
    if len(words) > 1 and _COUNT.match(text) and " of the" not in text:
        return None if _ODD.intersection(lowered) else text
    if not words or _NOT_IN_SUBJECT.intersection(lowered) or not all(_is_plain(w) for w in words):
        return None
    if any(word.endswith(("ing", "ed")) and word.islower() for word in words[1:]):
        return None
    if any(word.endswith("ly") and len(word) > 5 for word in lowered):
        return None
    if any(
        (word in _STATING and lowered[i].endswith("s"))
        or (
            word in _DETERMINERS
            and lowered[i] not in (*_PREPOSITIONS, "and")
            and "to" not in lowered[:i]  # "The decision to export the missiles".
        )
        for i, word in enumerate(lowered[1:])
    ):
        return None
    if re.search(r"^the \d[\d,.]* (?:of|in|from|at)\b| on \w+day$", text, re.IGNORECASE):
        return None  # "The 240 from elsewhere", "The court on Monday".
    heads = [i for i, word in enumerate(lowered) if word in _PREPOSITIONS or word == "and"]
    if heads and (heads[0] < 1 or heads[-1] == len(words) - 1):
        return None
    head = lowered[(heads[0] if heads else len(words)) - 1]
    if not heads and (head in _NO_HEAD or head.endswith("est")):
        return None
    if lowered[0] in _DETERMINERS:
        if len(words) < 2 or (lowered[0] != "the" and len(words) < 3):
            return None
        return lowered[0] + text[len(words[0]) :] if words[0][0].isupper() else text
    if words[0][0].isupper():
        if text == "Police":
            return "police"
        if len(words) == 1 and text.endswith("s"):
            return None  # "Results", more often than a name.
        is_name = words[0] in names or is_country(text)
        is_name = is_name or (len(words) > 1 and words[1][0].isupper())
        return text if is_name else None
    return None


def _is_plain(word: str) -> bool:
    return word[0].isalpha() or word[0].isdigit()
