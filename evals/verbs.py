"""Verbs a question can be made of: the forms they are found by, and the base a question needs.

"The firm employed 40 people" asks "did the firm employ": only verbs of the list are turned, for a
guessed base ("to hoppe") would make a question nobody asks. Knows nothing about sentences.
"""

from __future__ import annotations

_REGULAR = """
abandon accept accuse acquire add adopt allow announce appoint approve arrest arrive ask attack
attend award ban block borrow call cancel carry cause change charge claim clean close collapse
collect commission compare complete confirm contain cover create cross cut damage deliver demand
deny deploy design destroy develop discover double employ end establish estimate evacuate examine
exceed expand expect export fail fill finance fine finish fire follow found fund gain grant halt
highlight hire host identify import improve increase inherit injure inspect install introduce
invest invite issue join kill land last launch licence list lower mark marry measure mention move
name need offer open operate order own paint pass photograph place plan plant play post predict
present prevent produce promise propose publish punish purchase raise rate receive record recover
reduce reflect refuse reject release remain remove rent repair replace report request require
rescue resign restore retire return rule save score serve share show sign signal spark start stay
stop store strengthen strike study supply support survive suspend target test time total trace
train transfer treat turn underline underscore use visit vote walk want warn weigh welcome work
"""
_IRREGULAR = """
become:became begin:began break:broke bring:brought build:built buy:bought catch:caught
choose:chose come:came cost:cost cut:cut draw:drew drive:drove eat:ate fall:fell feed:fed
fight:fought find:found fly:flew get:got give:gave go:went grow:grew have:had hear:heard hit:hit
hold:held keep:kept know:knew lead:led learn:learned leave:left lend:lent lose:lost make:made
meet:met owe:owed pay:paid put:put read:read ride:rode rise:rose run:ran see:saw sell:sold
send:sent set:set shut:shut sit:sat speak:spoke spend:spent stand:stood steal:stole strike:struck
take:took teach:taught tell:told think:thought throw:threw win:won write:wrote
"""
_DOUBLED = frozenset("ban commit equip plan refer rob ship slip stop strip transfer trap".split())

AUXILIARIES = frozenset(
    "is are was were will would can could must should may might has have had".split()
)
"""What moves before its subject as it is; "had 40 rooms" does not, see `Verb`."""


def _past(base: str) -> str:
    if base.endswith("e"):
        return base + "d"
    if base.endswith("y") and base[-2] not in "aeiou":
        return base[:-1] + "ied"
    return base + (base[-1] if base in _DOUBLED else "") + "ed"


def _present(base: str) -> str:
    if base.endswith(("s", "x", "z", "ch", "sh", "o")):
        return base + "es"
    if base.endswith("y") and base[-2] not in "aeiou":
        return base[:-1] + "ies"
    return {"have": "has"}.get(base, base + "s")


_PAIRS = dict(pair.split(":") for pair in _IRREGULAR.split())
PAST = {_past(base): base for base in _REGULAR.split() if base not in _PAIRS}
PAST |= {past: base for base, past in _PAIRS.items()}
PAST["found"] = "find"  # Founding is asked about in the passive: "was founded".
"""The base of a form of the past."""

PRESENT = {_present(base): base for base in (*_REGULAR.split(), *_PAIRS)}
"""The base of a form of the present."""

SPEAKING = frozenset(
    """said says told added adds noted notes stated argued argues warned warns explained explains
    insisted insists declared claimed claims acknowledged admitted admits observed recalled recalls
    suggested suggests emphasised emphasized stressed concluded predicted promised announced
    confirmed denied believes believed thinks thought hopes hoped fears feared wrote writes asked
    asks called calls""".split()
)
"""Verbs whose object is a statement: the clause after them is somebody's, not the text's."""
