"""The shapes of dates, sums and counts in a text, as parts of patterns.

Only what a question can ask for: "in mid-November", "$3.5 million", "about forty".
"""

from __future__ import annotations

from rag.shapes import MONTH

_DAY = r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
DATE = (
    rf"(?:(?:the )?(?:early |late |mid-|end of |spring of |summer of |autumn of |winter of )?"
    rf"(?:\d{{1,2}} )?{MONTH}(?: \d{{1,2}}(?:st|nd|rd|th)?\b)?(?:,? \d{{4}})?"
    rf"|(?:the )?(?:early |late |mid-)?(?:1[5-9]|20)\d\ds?\b|{_DAY}(?: (?:morning|afternoon"
    rf"|evening|night))?)"
)
MONEY = (
    r"(?:[$€£¥]\s?\d[\d,.]*(?:\s?(?:million|billion|trillion|m|bn))?"
    r"|\d[\d,.]* (?:million |billion |trillion )?(?:dollars|euros|pounds|yen|francs|crowns|kronor"
    r"|rupees|yuan|pesos|roubles|zloty|shillings|rand|lira))"
)
ABOUT = (
    r"(?:(?:about|some|nearly|roughly|around|almost|at least|more than|up to|only|just|another"
    r"|fewer than|less than|an estimated|as many as|over|under) )?"
)
_UNIT = (
    r"(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen"
    r"|sixteen|seventeen|eighteen|nineteen|(?:twenty|thirty|forty|fifty|sixty|seventy|eighty"
    r"|ninety)"
    r"(?:-\w+)?)"
)
COUNT = (
    rf"(?:\d[\d,]*(?:\.\d+)?(?: (?:million|billion|thousand|hundred))?|{_UNIT}(?: (?:million"
    rf"|billion|thousand|hundred))?)"
)
