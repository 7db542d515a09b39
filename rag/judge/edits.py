"""Turns a true sentence into a false one by one small change, or into another true one.

A change is kept as what stood there and what stands there instead, so that the same change can be
made in the evidence: then the changed claim is right and the first one wrong. Claims alone then do
not tell which are false (Schuster et al. 2019 found that they do in FEVER). Knows nothing of
tokens or of training.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["number", "date", "name", "negation", "meaning", "scope", "same"]


@dataclass(frozen=True, slots=True)
class Edit:
    """One change: `text[start:end]`, in which `old` stood, reads `new`."""

    kind: Kind
    start: int
    end: int
    old: str
    new: str

    def apply(self, text: str) -> str:
        """Return the text it was found in, changed."""
        return text[: self.start] + self.new + text[self.end :]


_NUMBER_WORDS = "two three four five six seven eight nine ten eleven twelve".split()
_MONTHS = (
    "January February March April May June July August September October November December"
).split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_NUMBER = re.compile(
    r"(?<![\w.,-])\d[\d,]*(?:\.\d+)?(?![\w-])|\b(?:" + "|".join(_NUMBER_WORDS) + r")\b"
)
_DATE = re.compile(r"\b(?:" + "|".join([*_MONTHS, *_DAYS]) + r")\b")
_NAME = re.compile(
    r"(?:(?<=[a-z,] )|(?<=[a-z]-)|(?<=\bthe ))"
    r"[A-Z][\w’'-]*[a-z](?: (?:of |de |van )?[A-Z][\w’'-]*)*"
    r"|^[A-Z][\w’'-]*[a-z](?: [A-Z][\w’'-]*)+"
)
_NO_NAME = frozenset(["The", "A", "An", "In", "It", "He", "She", "They", "I", *_MONTHS, *_DAYS])

OPPOSITES = """
increase/decrease increased/decreased increases/decreases rise/fall rose/fell rising/falling
risen/fallen more/less more/fewer most/least higher/lower highest/lowest high/low before/after
earlier/later first/last won/lost win/lose winning/losing accepted/rejected accept/reject
approved/rejected supported/opposed supports/opposes support/opposition agreed/refused
allowed/forbidden allows/forbids confirmed/denied confirms/denies opened/closed opens/closes
open/closed started/stopped began/ended begin/end begins/ends joined/left arrived/left
gained/lost bought/sold buys/sells buyer/seller hired/dismissed large/small larger/smaller
largest/smallest big/small old/new older/younger oldest/youngest young/old long/short
longer/shorter strong/weak stronger/weaker strengthened/weakened hot/cold warm/cold wet/dry
rich/poor safe/dangerous easy/difficult early/late public/private male/female man/woman men/women
husband/wife father/mother son/daughter brother/sister north/south northern/southern east/west
eastern/western left/right inside/outside above/below over/under up/down into/from remembered/forgot
succeeded/failed success/failure successful/unsuccessful likely/unlikely able/unable legal/illegal
always/never often/rarely usually/rarely all/none everyone/nobody everything/nothing both/neither
with/without including/excluding domestic/foreign national/local civilian/military import/export
imports/exports imported/exported north-east/south-west day/night morning/evening summer/winter
spring/autumn cause/prevent caused/prevented better/worse best/worst good/bad positive/negative
praised/criticised praises/criticises appeared/disappeared survived/died alive/dead
present/absent majority/minority maximum/minimum cheaper/dearer cheap/expensive fast/slow
faster/slower light/heavy full/empty permanent/temporary voluntary/compulsory optional/mandatory
raised/lowered raise/lower added/removed add/remove expanded/reduced expand/reduce
"""
SCOPES = """
some/all|many/all|most/all|several/all|may/will|might/will|could/will|probably/certainly
possibly/certainly|at least/at most|more than/less than|over/under|nearly/more than
about/exactly|around/exactly|expected to/certain to|likely to/certain to|plans to/has agreed to
planned to/agreed to|half/all|a third/half|partly/entirely|one of the/the only|a few/most
up to/at least
suggested/proved|suggests/proves|alleged/proven|only/also|except/including|usually/always
sometimes/always|often/always|can/must|should/must|hopes to/will|wants to/will|offered to/has to
proposed/approved|claimed/proved|believes/has proved|asked/ordered
"""
SAME = """
said/stated about/around began/started begins/starts buy/purchase bought/purchased large/big
nearly/almost help/assist helped/assisted also/additionally but/however because/since
show/demonstrate showed/demonstrated shows/demonstrates use/utilise used/employed begin/start
end/finish ended/finished company/firm children/kids got/obtained made/produced built/constructed
wants/wishes wanted/wished needs/requires needed/required gives/provides gave/provided
told/informed asked/requested chose/selected chosen/selected film/movie car/vehicle house/home
job/position whole/entire important/significant quickly/rapidly often/frequently usually/normally
mainly/chiefly mostly/largely only/solely enough/sufficient many/numerous several/various
main/principal different/distinct famous/well-known live/reside lives/resides lived/resided
teacher/instructor doctor/physician area/region city/town country/nation road/street inside/within
while/whereas roughly/approximately approximately/about fixed/repaired answer/reply
explained/clarified explains/clarifies mentioned/noted mentions/notes improved/bettered
increased/rose reduced/cut reduces/cuts decided/resolved try/attempt tried/attempted keep/retain
kept/retained meeting/gathering problem/issue problems/issues idea/notion plan/scheme plans/intends
sent/dispatched speak/talk allow/permit allowed/permitted allows/permits forbidden/banned
stopped/halted happened/occurred located/situated founded/established started/launched
"""
SAME_LONGER = """
died/passed away|near/close to|before/prior to|after/following|discussed/talked about
discusses/talks about|pay/hand over|can/is able to|must/has to|will/is going to
because of/owing to|every year/annually|each year/annually
as well as/along with
"""


def _pairs(listed: str, separator: str | None = None) -> list[tuple[str, str]]:
    parts = listed.split() if separator is None else re.split(r"[|\n]", listed)
    return [(a, b) for part in parts if "/" in part for a, b in [part.strip().split("/")]]


def _both_ways(pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for a, b in pairs:
        found.setdefault(a, []).append(b)
        found.setdefault(b, []).append(a)
    return found


_OPPOSITE = _both_ways(_pairs(OPPOSITES))
_SCOPE = {a: [b] for a, b in _pairs(SCOPES, "|")}
_SAME = _both_ways([*_pairs(SAME), *_pairs(SAME_LONGER, "|")])
_WORDS = {
    name: re.compile(
        r"\b(?:" + "|".join(sorted(map(re.escape, table), key=len, reverse=True)) + r")\b"
    )
    for name, table in (("meaning", _OPPOSITE), ("scope", _SCOPE), ("same", _SAME))
}
_TABLES: dict[str, dict[str, list[str]]] = {
    "meaning": _OPPOSITE, "scope": _SCOPE, "same": _SAME
}  # fmt: skip
_BE = re.compile(
    r"\b(is|are|was|were|has|have|had|will|would|can|could|should|may|might|must|did|does|do)"
    r"(?P<gap> (?:also |still |since |already |only )?)(?=[a-z])"
)
_NOT = re.compile(r"\b(?:not |never )|(?<=[a-z])n['’]t\b|\bno (?=[a-z])|\bcannot\b")
_PAST = dict(
    pair.split("/")
    for pair in """
said/say told/tell became/become made/make took/take gave/give went/go came/come saw/see
found/find kept/keep left/leave held/hold sold/sell bought/buy won/win lost/lose met/meet
paid/pay sent/send spent/spend wrote/write led/lead grew/grow rose/rise fell/fall began/begin
broke/break chose/choose built/build brought/bring taught/teach caught/catch thought/think
played/play joined/join worked/work started/start opened/open ended/end killed/kill asked/ask
called/call showed/show helped/help visited/visit attended/attend appeared/appear reached/reach
received/receive released/release moved/move lived/live died/die used/use produced/produce
directed/direct married/marry signed/sign announced/announce confirmed/confirm agreed/agree
rejected/reject approved/approve warned/warn reported/report recorded/record served/serve
featured/feature starred/star contained/contain included/include caused/cause raised/raise
cost/cost ran/run stood/stand got/get had/have knew/know wanted/want refused/refuse
""".split()
)
_PAST_VERB = re.compile(
    r"(?<=[a-z’'] )(?<!\bwas )(?<!\bwere )(?<!\bbeen )(?<!\bhad )(?<!\bhas )(?<!\bhave )"
    r"(?<!\bnot )(?:" + "|".join(_PAST) + r")\b(?= [a-z$\d])"
)


def find_edits(text: str, others: str, chance: random.Random) -> list[Edit]:
    """Return changes that make `text` say something else, of each kind at most one.

    `others` is the document: names and numbers come from it, for one that it never mentions would
    be found out by that alone; one in three numbers and dates is made up.
    """
    found = [
        _swap("number", _NUMBER, text, others, chance),
        _swap("date", _DATE, text, others, chance),
        _swap("name", _NAME, text, others, chance),
        _word("meaning", text, chance),
        _word("scope", text, chance),
        _negate(text, chance),
    ]
    return [edit for edit in found if edit is not None]


def find_same(text: str, chance: random.Random) -> Edit | None:
    """Return a change that leaves the meaning as it is."""
    return _word("same", text, chance)


def _swap(
    kind: Literal["number", "date", "name"],
    shape: re.Pattern[str],
    text: str,
    others: str,
    chance: random.Random,
) -> Edit | None:
    barred = _NO_NAME if kind == "name" else frozenset[str]()
    places = [match for match in shape.finditer(text) if match.group() not in barred]
    if not places:
        return None
    place = chance.choice(places)
    old = place.group()
    pool = {match.group() for match in shape.finditer(others)} - barred
    pool = {name for name in pool if name not in text and old not in name}
    if kind == "date":
        pool = {date for date in pool if (date in _MONTHS) == (old in _MONTHS)}
    if kind == "number":
        pool = {number for number in pool if number.isalpha() == old.isalpha()}
    if kind != "name" and (not pool or chance.random() < 0.35):
        pool = _invented(old)
    if kind == "name":
        # Two words for two, where it can be: a person for a person, more often than not.
        alike = {name for name in pool if name.count(" ") == old.count(" ")}
        pool = alike or pool
    pool.discard(old)
    if not pool:
        return None
    return Edit(kind, place.start(), place.end(), old, chance.choice(sorted(pool)))


def _invented(old: str) -> set[str]:
    """Return other numbers or dates like this one."""
    for row in (_MONTHS, _DAYS, _NUMBER_WORDS):
        if old in row:
            return set(row)
    digits = old.replace(",", "")
    if re.fullmatch(r"(?:1[5-9]|20)\d\d", digits):
        return {str(int(digits) + step) for step in (-11, -7, -3, -2, -1, 1, 2, 4, 8, 10)}
    if "." in digits:
        return {
            f"{float(digits) * share:.{len(digits.partition('.')[2])}f}" for share in (0.5, 1.3, 2)
        }
    value = int(digits)
    values = {value + 1, max(value - 1, 0), value * 2, value * 10, round(value * 1.4) + 2}
    form = "{:,}" if "," in old or value >= 10_000 else "{}"
    return {form.format(number) for number in values}


def _word(
    kind: Literal["meaning", "scope", "same"], text: str, chance: random.Random
) -> Edit | None:
    places = list(_WORDS[kind].finditer(text))
    if not places:
        return None
    place = chance.choice(places)
    old = place.group()
    return Edit(kind, place.start(), place.end(), old, chance.choice(_TABLES[kind][old]))


def _negate(text: str, chance: random.Random) -> Edit | None:
    """Return a "not" put in or taken out."""
    there = _NOT.search(text)
    if there is not None:
        old = there.group()
        new = {"no ": "some ", "cannot": "can"}.get(old, "")
        return Edit("negation", there.start(), there.end(), old, new)
    verbs = list(_BE.finditer(text))
    past = list(_PAST_VERB.finditer(text))
    if verbs and (not past or chance.random() < 0.6):
        verb = chance.choice(verbs[:2])
        new = f"{verb.group(1)} {chance.choice(['not', 'not', 'never'])}{verb.group('gap')}"
        return Edit("negation", verb.start(), verb.end(), verb.group(), new)
    if past:
        verb = chance.choice(past[:2])
        new = f"{chance.choice(['did not', 'did not', 'never'])} {_PAST[verb.group()]}"
        if new.startswith("never"):
            new = f"never {verb.group()}"
        return Edit("negation", verb.start(), verb.end(), verb.group(), new)
    return None
