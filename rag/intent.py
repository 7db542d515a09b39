"""What kind of thing was typed: a question for the documents, or one of a few others.

Rules over the text alone. Everything that is not clearly something else is a question.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

Intent = Literal[
    "empty",
    "long",
    "address",
    "greeting",
    "capabilities",
    "summary",
    "quoted",
    "metadata",
    "language",
    "ask",
]
Fact = Literal["published", "author", "origin", "title"]
"""What may be known of a document beside its text."""

MAX_QUESTION_CHARACTERS = 2_000
"""The encoder reads the first 256 tokens, some 1,100 characters; a question needs no more."""

_POLITE = (
    r"(?:(?:please|ok|okay|so|hi|hello|hey)!? )*"
    r"(?:(?:can|could|would|will) you (?:please )?|i(?:'d| would) like (?:you to |to have )?)?"
)
_THING = (
    r"(?: ?(?:of|for|in|from)? ?"
    r"(?:(?:this|the|that|these|those|my|your|it|all|whole|entire|news) ?)*"
    r"(?:articles?|documents?|texts?|stor(?:y|ies)|pieces?|pages?|corpus|news|file|here)?)"
)
_POLITE_END = (
    r"(?: (?:please|for me|to me|briefly|in short"
    r"|in (?:a few|one|two|three|four|five|\d) (?:words?|sentences?|lines?)))*"
)

_ADDRESS = re.compile(r"\s*(?:https?://|www\.)\S+\s*", re.IGNORECASE)

_HELLO = (
    r"(?:hi|hello|hey|hiya|howdy|yo|greetings|good (?:morning|afternoon|evening|day)"
    r"|thanks?(?: you)?(?: (?:so|very) much)?|thx|cheers|bye|goodbye|ok(?:ay)?|great|cool|nice"
    r"|how are you(?: doing)?(?: today)?)"
    r"(?: (?:there|all|everyone|again|bot|assistant))?"
)
_GREETING = re.compile(rf"{_HELLO}(?:!? {_HELLO})?")
_CAPABILITIES = re.compile(
    r"(?:(?:hi|hello|hey|ok|so)!? )?(?:"
    r"(?:can you )?help(?: me)?|what (?:can|do) you (?:do|know)"
    r"|what can i (?:ask|do|type)(?: you| here)?|who are you"
    r"|what are you|how (?:do|does|can|should) (?:i|you|this|it) (?:use|work|use this|use it|start)"
    r"|how does this (?:thing )?work|what is this(?: (?:app|page|tool|site|program|thing|for))+"
    r"|are you (?:an? )?(?:ai|bot|robot|human|chatgpt|person|real|llm))"
)
_GIVE = r"(?:(?:give|write|make|get|show|send)(?: me| us)? |i (?:want|need) )"
_SUMMARY = re.compile(
    _POLITE + r"(?:"
    rf"(?:summari[sz]e|sum up|sum it up|recap|outline){_THING}"
    rf"|(?:{_GIVE}|what(?:'s| is) )?(?:an? |the )?"
    r"(?:(?:short|brief|quick|concise) )?"
    rf"(?:summary|overview|gist|tl;?dr|recap|abstract|outline){_THING}"
    r"|what(?:'s| is| are| was)?"
    r"(?: (?:this|that|it|these|they)| (?:(?:this|the|that|these|those) )?"
    r"(?:articles?|documents?|texts?|stor(?:y|ies)|pieces?|pages?|news))"
    r"(?: (?:all|mainly|basically|mostly))? about"
    r"|what (?:does|do) (?:it|(?:this|the) (?:article|document|text|story|piece)) say"
    rf"|(?:what(?:'s| is| are) |tell me |list |{_GIVE})?(?:the |its )?"
    r"(?:main|key|most important|central) "
    rf"(?:points?|ideas?|messages?|topics?|facts?|takeaways?|findings?){_THING}"
    r"|tell me (?:what (?:it|this)(?: is|'s) about|about (?:it|this|the (?:article|document|text)))"
    r"|what(?:'s| is) the (?:main )?(?:topic|subject|point)" + _THING + r")" + _POLITE_END
)
_QUOTED = re.compile(
    _POLITE + r"(?:who(?:'s| is| are| was| were| gets?| all is| else is)?"
    r" (?:being |(?:the )?people )?(?:quoted|cited)"
    r"|who (?:speaks|talks|said (?:something|anything)|is speaking)"
    r"|(?:list|name|show)(?: me)? (?:(?:all|of|the|everyone|everybody|people|persons|speakers"
    r"|sources|who is|who are|that are) ?)+(?:quoted|quotes)?"
    r"|(?:what|which) (?:people|persons|speakers|sources) (?:are|were) (?:quoted|cited)"
    r"|whose (?:words|voices) (?:are|were) quoted|(?:what|which) quotes are there)"
    + _THING
    + _POLITE_END
)

_NAMED_DOCUMENT = (
    r"(?:(?:this|the|that) (?:news )?(?:article|document|text|story|piece|page|post|file))"
)
_DOCUMENT = rf"(?:it|this|{_NAMED_DOCUMENT})"
_FACTS: tuple[tuple[Fact, str], ...] = (
    (
        "published",
        rf"when (?:was|is) {_DOCUMENT} (?:first |originally )?(?:published|written|posted)"
        rf"|when (?:was|is) {_NAMED_DOCUMENT} (?:from|dated|released)"
        rf"|(?:on )?(?:what|which) (?:date|day) (?:was|is) {_DOCUMENT}"
        r" (?:published|written|posted|from)"
        rf"|how old is {_NAMED_DOCUMENT}"
        r"|(?:what(?:'s| is| was) )?(?:the |its )?"
        rf"(?:publication date|date of publication|date published)(?: of {_DOCUMENT})?"
        rf"|what(?:'s| is) the date of {_NAMED_DOCUMENT}",
    ),
    (
        "author",
        rf"who (?:wrote|authored|has written) {_DOCUMENT}"
        rf"|who(?:'s| is| was| are| were) (?:the |its )authors?(?: of {_DOCUMENT})?"
        rf"|who (?:is|was) {_DOCUMENT} (?:written )?by|by whom (?:was|is) {_DOCUMENT} written"
        r"|(?:the )?author",
    ),
    (
        "origin",
        rf"where (?:is|was) {_DOCUMENT} (?:taken )?from|where (?:was|is) {_DOCUMENT} published"
        rf"|where (?:does|did) {_DOCUMENT} come from"
        rf"|what(?:'s| is) the (?:source|url|link|address|origin) of {_DOCUMENT}",
    ),
    (
        "title",
        rf"what(?:'s| is) (?:the |its )?(?:title|headline)(?: of {_DOCUMENT})?"
        rf"|what(?:'s| is) the name of {_NAMED_DOCUMENT}"
        rf"|what is {_NAMED_DOCUMENT} (?:called|titled)|(?:the )?(?:title|headline)",
    ),
)
_LEANING = re.compile(r"\b(?:it|its)\b")

_FUNCTION_WORDS = {
    "English": """a about an and are at be by can did do does for from has have how i in is it me
        my of on or tell that the their they this to was what when where which who whose why will
        with you""",
    "German": """aber auf aus bei das dass dem den der des die ein eine einen er es für haben hat
        ich im ist mit nach nicht oder sie sind über und von vor war waren warum was welche wer wie
        wann wird wo wurde wurden zu zum zur""",
    "French": """au aux avec ce cette combien comment dans de des du elle en est et il ils je la le
        les leur mais ne où ont par pas pour pourquoi qu quand que quel quelle qui quoi sa se ses
        son sont sur un une""",
    "Spanish": """al como con cual cuando cuál cuándo cuánto cuántos cómo de del dónde el ella en es
        está fue ha la las lo los para pero por porque qué que quien quién se según son su sus un
        una y""",
    "Italian": """al alla che chi come con cosa cui da dal dei del della delle di dove e gli ha i il
        in la le lo ma nel non per perché più quale quali quando quanti quanto sono sono stato
        su un una è""",
    "Portuguese": """ao com como da das de do dos e em está foi mas na nas no nos não o os para
        pela pelo por porque qual quando quantos que quem se são um uma é""",
    "Dutch": """aan bij dat de die een en er hebben heeft het hij hoe hoeveel ik in is met niet
        of om op te uit van voor waar waarom wanneer was wat welke wie wordt zijn""",
    "Polish": """co czy dla do gdzie i ile jak jest kiedy kto na nie o od po przez się są to w z za
        dlaczego""",
    "Swedish": """att av den det en ett för från har hur i inte med när och om på som till vad var
        varför vem vilka är""",
    "Turkish": "bir bu da de için ile kaç kim mi mı nasıl ne neden nerede niçin ve zaman",
}
_LANGUAGES = {name: frozenset(found.split()) for name, found in _FUNCTION_WORDS.items()}


def classify(question: str) -> Intent:
    """Return what kind of thing was typed.

    >>> [classify(text) for text in ("", "Hello!", "What is this about?", "Who is quoted?")]
    ['empty', 'greeting', 'summary', 'quoted']
    >>> classify("What is the contractor worried about?")
    'ask'
    """
    if not any(letter.isalnum() for letter in question):
        return "empty"
    if len(question) > MAX_QUESTION_CHARACTERS:
        return "long"
    if _ADDRESS.fullmatch(question):
        return "address"
    plain = _plain(question)
    patterns: tuple[tuple[Intent, re.Pattern[str]], ...] = (
        ("greeting", _GREETING),
        ("capabilities", _CAPABILITIES),
        ("summary", _SUMMARY),
        ("quoted", _QUOTED),
    )
    for intent, pattern in patterns:
        if pattern.fullmatch(plain):
            return intent
    if fact_asked(question) is not None:
        return "metadata"
    return "ask" if reads_as_english(question) else "language"


def fact_asked(question: str, *, is_first: bool = True) -> Fact | None:
    """Return the fact about the document itself that is asked for, None if it is something else.

    Only a document that is named as such is one: reports, books and films are what articles are
    about. So is "it", unless the question `is_first` no longer and "it" is what was talked of.

    >>> fact_asked("When was this article published?"), fact_asked("When was the report published?")
    ('published', None)
    """
    plain = _plain(question)
    if not is_first and _LEANING.search(plain):
        return None
    for fact, asked in _FACTS:
        if re.fullmatch(f"{_POLITE}(?:tell me )?(?:{asked}){_POLITE_END}", plain):
            return fact
    return None


def _plain(question: str) -> str:
    lower = question.lower().replace("’", "'").replace(",", " ")
    return " ".join(lower.split()).rstrip(" ?!.…:)")


def reads_as_english(question: str) -> bool:
    """Return whether a question could be English, judged by its script and its function words.

    Names and numbers alone pass: they are the same in every language.

    >>> reads_as_english("Warum hat Japan die Raketen exportiert?")
    False
    >>> reads_as_english("Patriot missiles Kyodo")
    True
    """
    letters = [letter for letter in question if letter.isalpha()]
    latin = sum(unicodedata.name(letter, "").startswith("LATIN") for letter in letters)
    if letters and latin < len(letters) / 2:
        return False
    asked = re.findall(r"[^\W\d_]+", question.lower())
    counts = {name: sum(word in found for word in asked) for name, found in _LANGUAGES.items()}
    english = counts.pop("English")
    return max(counts.values()) < english + 2
