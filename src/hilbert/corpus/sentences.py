"""Split plain text into sentences by rule: no model, no language setting, and no character lost."""

from __future__ import annotations

import re
from itertools import pairwise

_END = ".!?…。！？｡।॥؟۔"
_CLOSE = "\"'”’»」』）)]}›"
_NEAR = 80  # characters before and after a stop that decide
_OPEN = "\"'“‘«「『（([{‹¿¡-–—"

# Possessive, and anchored by the look-behind: linear also on megabytes of full stops.
_BOUNDARY = re.compile(rf"(?<![{_END}])(?P<end>[{_END}]++)[{re.escape(_CLOSE)}]*+(?P<gap>\s*+)")

# Followed by a name or a number, so never the end of a sentence.
_FORWARD_WORDS = (
    "mr mrs ms mx dr prof rev hon gen col maj capt cmdr lt sgt sen rep gov pres st mt "
    "fig figs eq eqs ch vol vols ed eds no nos nr art vs cf viz approx ca resp e.g i.e "
    "hr fr dipl ing mme mlle sra srta"
)
# May end a sentence: they do where a word follows that usually opens one.
_EITHER_WORDS = (
    "inc ltd co corp llc plc bros jr sr esq etc al a.m p.m b.c a.d ph.d m.d b.a m.a u.s u.k u.n "
    "e.u d.c ft jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thur thurs "
    "fri ave blvd rd dept tel ext z.b d.h u.a bzw usw"
)
_OPENER_WORDS = (
    "a an the this that these those it its he she we they i you my our your his her their there here what "
    "when where who why how which and but so or if in on at as for from with after before because while "
    "then now yes no not also however please thanks thank"
)
_BOUND_FORWARD, _EITHER, _OPENERS = (
    frozenset(words.split()) for words in (_FORWARD_WORDS, _EITHER_WORDS, _OPENER_WORDS)
)


def split_sentences(text: str) -> list[str]:
    """Sentences of a plain text, in order, trimmed, none empty.

    A sentence ends at . ! ? … (and the stops of Chinese, Arabic and Indic scripts) unless an abbreviation, an
    initial, a list number or a lower-case word shows that it goes on; at an empty line; and at a line break,
    unless the text is hard-wrapped or the next line goes on in lower case. Text without punctuation is split
    by line. Nothing but white space is removed.
    """
    cased = any(character.isupper() for character in text)
    sentences: list[str] = []
    for paragraph in re.split(r"\n[^\S\n]*+\n", text.replace("\r\n", "\n").replace("\r", "\n")):
        lines = [" ".join(line.split()) for line in paragraph.split("\n")]
        for unit in _units([line for line in lines if line], cased):
            sentences += _split_unit(unit, cased)
    return sentences


def _units(lines: list[str], cased: bool) -> list[str]:
    """Join the lines that belong together; a sentence never spans two units."""
    if _hard_wrapped(lines):
        return [" ".join(lines)]
    groups: list[list[str]] = []
    for line in lines:
        goes_on = groups and cased and line[0].islower() and not _terminated(groups[-1][-1])
        if goes_on:
            groups[-1].append(line)
        else:
            groups.append([line])
    return [" ".join(group) for group in groups]


def _hard_wrapped(lines: list[str]) -> bool:
    """Whether the lines were filled to a width: no line had room for the first word of the next one."""
    if len(lines) < 3 or not any(re.search(rf"[{_END}]\s", line) for line in lines):
        return False
    width = max(map(len, lines))
    filled = all(len(line) + 1 + len(after.split(" ", 1)[0]) > width for line, after in pairwise(lines))
    return filled and width <= 160 and any(not _terminated(line) for line in lines[:-1])


def _terminated(line: str) -> bool:
    return line.rstrip(_CLOSE)[-1:] in tuple(_END)


def _split_unit(unit: str, cased: bool) -> list[str]:
    sentences: list[str] = []
    start = 0
    for match in _BOUNDARY.finditer(unit):
        after = match.end()
        wide = match["end"][-1] in "。！？｡"
        if after == len(unit) or not (match["gap"] or wide):
            continue
        if wide or _ends(
            unit[max(start, match.end("end") - _NEAR) : match.end("end")], unit[after : after + _NEAR], cased
        ):
            sentences.append(unit[start:after].strip())
            start = after
    rest = unit[start:].strip()
    return [*sentences, rest] if rest else sentences


def _ends(before: str, after: str, cased: bool) -> bool:
    """Whether the stop that ``before`` ends with closes a sentence, given what follows."""
    following = after.lstrip(_OPEN + " ")
    if following[:1].islower() and (cased or before.endswith(("..", "…"))):
        return False
    if not before.endswith(".") or before.endswith(".."):
        return True
    word = before[:-1].rsplit(" ", 1)[-1].lstrip(_OPEN).casefold()
    if word in _BOUND_FORWARD:
        return word in {"no", "art", "ed"} and not following[:1].isdigit()  # words of their own as well
    if word.isdigit() and before[:-1].lstrip(_OPEN).casefold() == word:
        return False  # "1. First point"
    if word in _EITHER or (len(word) == 1 and word.isalpha()):
        opener = re.match(r"[^\W\d_]+", following)
        return opener is not None and opener[0].casefold() in _OPENERS
    return True
