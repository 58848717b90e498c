"""WebVTT and SubRip (SRT): text with times.

Sources: W3C WebVTT (https://www.w3.org/TR/webvtt1/); SubRip has no standard, so this reads what players read.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable

from hilbert.corpus.document import Cue
from hilbert.errors import TranscriptError

_TIME = r"(?:(\d{1,5}):)?([0-5]?\d):([0-5]\d)[.,](\d{3})"
_TIMING = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}(?:\s.*)?")
_TAG = re.compile(
    r"</?(?:c|i|b|u|v|s|em|strong|span|ruby|rt|lang|font)(?:[.\s][^<>]*+)?+>|<[\d:]++\.\d{3}>|\{\\[^{}]*+\}",
    re.IGNORECASE,
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_NOT_CUES = re.compile(r"(?:NOTE|STYLE|REGION)(?:\s|$)")

Block = tuple[int, list[str]]  # number of its first line, counted from 1, and its lines


def parse_vtt(text: str, name: str) -> tuple[Cue, ...]:
    """Cues of a WebVTT text. Raises TranscriptError with ``name`` of the file and number of the line."""
    lines = text.split("\n")
    if not re.match(r"WEBVTT(?:[ \t]|$)", lines[0]):
        raise TranscriptError(
            f"{name}, line 1: expected 'WEBVTT', found a line of {len(lines[0])} other characters; "
            "a WebVTT file starts with that word"
        )
    cues: list[Cue] = []
    for number, block in _blocks(["", *lines[1:]], blank=lambda line: line == ""):
        if any("-->" in line for line in block):
            if number == 2 and "-->" not in block[0]:
                raise _malformed(name, number, "an empty line after the header", "cues that follow it directly")
            cues += _cues(number, block, name, numbered=False)
        elif number != 2 and not _NOT_CUES.match(block[0]):  # what follows line 1 directly belongs to the header
            raise _malformed(name, number, "a line with times (00:00:01.000 --> 00:00:02.000)", _found(block))
    return tuple(cues)


def parse_srt(text: str, name: str) -> tuple[Cue, ...]:
    """Cues of a SubRip text. Raises TranscriptError with the line number.

    A block without times goes on with the text of the cue before it, as players show it.
    """
    cues: list[Cue] = []
    for number, block in _blocks(text.split("\n"), blank=lambda line: not line.strip()):
        if any("-->" in line for line in block):
            cues += _cues(number, block, name, numbered=True)
        elif cues and not block[0].strip().isdigit():
            last = cues[-1]
            cues[-1] = Cue(f"{last.text} {_plain(block)}".strip(), last.start, last.end)
        else:
            raise _malformed(name, number, "a line with times (00:00:01,000 --> 00:00:02,000)", _found(block))
    return tuple(cues)


def looks_like_srt(text: str) -> bool:
    """Whether the first lines are an index and a line with times, or the times alone."""
    head = [line for line in text[:2000].split("\n") if line.strip()][:2]
    return any(_TIMING.fullmatch(line) for line in head) and (
        bool(_TIMING.fullmatch(head[0])) or head[0].strip().isdigit()
    )


def _blocks(lines: list[str], blank: Callable[[str], bool]) -> list[Block]:
    blocks: list[Block] = []
    inside = False
    for number, line in enumerate(lines, start=1):
        if blank(line):
            inside = False
        elif inside:
            blocks[-1][1].append(line)
        else:
            blocks.append((number, [line]))
            inside = True
    return blocks


def _cues(number: int, block: list[str], name: str, *, numbered: bool) -> list[Cue]:
    """The cues of one block: ordinarily one; more where the empty line between two is missing."""
    arrows = [row for row, line in enumerate(block) if "-->" in line]
    if arrows[0] > 1:
        raise _malformed(name, number + arrows[0], "at most one line before the times", f"{arrows[0]} lines")
    starts = arrows[:1]
    for row in arrows[1:]:
        before = block[row - 1].strip()
        if row - 1 == starts[-1] or not before:
            starts.append(row)
        elif numbered and before.isdigit():
            starts.append(row)
            block[row - 1] = ""
        else:
            raise _malformed(name, number + row, "an empty line before the times of a cue", "text")
    return [
        _cue(number + row, block[row], block[row + 1 : after], name)
        for row, after in zip(starts, [*starts[1:], len(block)], strict=True)
    ]


def _cue(number: int, timing: str, payload: list[str], name: str) -> Cue:
    match = _TIMING.fullmatch(timing)
    if match is None:
        what = f"{len(timing.strip())} characters around '-->' that are no such times"
        raise _malformed(name, number, "times such as 00:00:01.000 --> 00:00:02.000", what)
    groups = match.groups()
    return Cue(_plain(payload), _seconds(groups[:4]), _seconds(groups[4:]))


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, thousandths = (int(part or 0) for part in parts)
    # one division, so that 2.98 s is the float 2.98
    return (((hours * 60 + minutes) * 60 + seconds) * 1000 + thousandths) / 1000


def _plain(lines: list[str]) -> str:
    """Lines of a cue without tags, entities decoded, white space collapsed."""
    untagged = _TAG.sub("", " ".join(lines))
    return " ".join(_ENTITY.sub(lambda match: html.unescape(match[0]), untagged).split())


def _found(block: list[str]) -> str:
    return f"{len(block)} line{'s' * (len(block) > 1)} without '-->'"


def _malformed(name: str, line: int, expected: str, found: str) -> TranscriptError:
    return TranscriptError(f"{name}, line {line}: expected {expected}, found {found}; correct the file there")
