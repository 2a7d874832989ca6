"""The words by which an abstract says what is new, what came out, and what everybody knew before."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

Cues: TypeAlias = tuple[tuple[Callable[[str], object], float], ...]
"""What finds each cue in a lowered sentence, and its weight."""

_PIECE = re.compile(r"\\.|\[(?:\\.|[^\]])*\]|.")


def _cues(*table: tuple[float, str]) -> Cues:
    # Written in lower case: searching a lowered sentence is twice as fast as ignoring the case of each pattern.
    return tuple((_finder(pattern), weight) for weight, pattern in table)


def _finder(pattern: str) -> Callable[[str], object]:
    """Whether the pattern is there. Where each of its outer branches begins with ^, it is sought nowhere else."""
    compiled, depth, outer = re.compile(pattern), 0, ""
    for piece in _PIECE.findall(pattern):
        depth += (piece == "(") - (piece == ")")
        outer += "" if depth else piece[0]
    return compiled.match if all(branch.startswith("^") for branch in outer.split("|")) else compiled.search


_PAPER = r"(?:\w+ )?(?:paper|work|study|article|survey|review|report|thesis|tutorial|letter)"
_THIS_PAPER = (
    rf"\b(?:(?:this|the present|the proposed|our) {_PAPER}|the (?:paper|study|article|review|survey)),? (?:\w+ly )?"
)
_WE = r"\b(?:we|i) (?:(?:also|further|then|thus|hence|therefore|here|now|first|next|\w+ly) )?"
_ORDER = r"(?:first(?:ly)?|second(?:ly)?|third(?:ly)?|next|then|finally|lastly)"

# What authors do, by how surely it is the news.
_PROPOSE = r"(?:propose|introduce|present|unveil|coin|put forward)(?:d|ed)?\b"
_MAKE = (
    r"(?:develop|design|devise|build|create|construct|establish|formulate|formali[sz]e|derive|release|curate|survey)"
    r"(?:d|ed)?\b"
)
_STUDY = (
    r"(?:study|investigate|explore|examine|analy[sz]e|consider|address|tackle|revisit|seek|aim|learn|obtain)(?:d|ed)?\b"
)
_FIND = (
    r"(?:demonstrate|show|find|found|prove|reveal|discover|describe|identify|reframe|argue|conclude|lift|enable)"
    r"(?:d|ed)?\b"
)
_USE = (
    r"(?:provide|offer|adopt|extend|expand|apply|combine|hypothesi[sz]e|take|set out|expose|evaluate|compare|assess"
    r"|benchmark|train)(?:d|ed)?\b"
)
# "This work paves the way": no news, though a sentence about this work.
_NO_DEED = r"(?:is|has|was|aims|starts|paves|opens|lays|highlights|underscores|contributes)\b"

NOVELTY = _cues(
    (3.0, _WE + _PROPOSE),
    (2.3, _WE + _MAKE),
    (1.6, _WE + _STUDY),
    (1.6, _WE + _FIND),
    (1.2, _WE + _USE),
    (0.6, r"\bwe\b"),
    (2.4, r"\bby (?:proposing|introducing|presenting|developing|designing)\b"),
    (3.0, _THIS_PAPER + r"(?:[^.;]{0,120}\band )?(?:proposes|introduces|presents|develops|surveys)\b"),
    (2.2, _THIS_PAPER + rf"(?!{_NO_DEED})\w+(?:s|ed)\b"),
    (1.6, _THIS_PAPER + r"aims\b|\w (?:introduces|presents|proposes|releases) (?:an?|the|two|three|[a-z]*\d)"),
    (1.0, r"\b(?:an?|the) (?:\w+,? ){0,3}(?:review|overview|survey) of\b"),
    (2.6, r"^(?:an?|two|three|the) [^.;]{3,140}\b(?:is|are) (?:proposed|introduced|presented|developed)\b"),
    (1.0, r"\b(?:is|are) (?:proposed|introduced|presented|described) (?:here|in this)"),
    (1.6, r"\bwe [^.;]{0,120}\band (?:propose|introduce|present)\b"),
    (2.4, r"\bour (?:\w+ )?contribution\b[^.]{0,30}\bis\b"),
    (1.4, r"\b(?:the|our|main|key|essential) (?:goal|aim|purpose|objective|idea|insight)s?\b[^.]{0,30}\bis\b"),
    (0.8, r"\b(?:propos|introduc|present|develop|design)\w* [^.;]{0,60}\b(?:called|named|dubbed|termed|namely)\b"),
    (0.8, r"\bfor the first time\b|\b(?:are|is) the first\b"
          r"|\bthe first (?!step|stage|part)(?:\w+[ -]){0,4}"
          r"(?:method|model|framework|approach|dataset|paradigm|system|work|study|to)\b"),
    (0.8, r"^our (?:\w+ ){0,3}(?:method|approach|model|framework|system|algorithm)\b"),
    (2.0, r"\b(?:leads? to|results? in|yields?) (?:the discovery of|an? new)\b"),
    (1.2, r"\b(?:dubbed|called|named|termed)\b"),
    (2.0, r"^[\w+-]+ is (?:an?|the first)\b"),
    (0.4, r"\b(?:novel|new)\b"),
    (3.0, r"(?:我们|我們|本文|本研究)[^。]{0,12}(?:提出|介绍|介紹|设计|設計|开发|開發|研究)|を(?:提案|提示|開発)"),
    (2.4, r"\bnous (?:proposons|pr[ée]sentons|introduisons)\b|\bwir (?:stellen|pr[äa]sentieren|entwickeln|zeigen)\b"
          r"|\b(?:proponemos|presentamos|propomos|apresentamos)\b"),
    (1.4, r"\b(?:was|were) (?:studied|investigated|examined|evaluated|assessed|compared|analy[sz]ed)\b"),
    (-1.2, r"\bwe (?:\w+ )?(?:conduct|perform|discuss|hope|believe|report)\b"
           r"|\bwe (?:\w+ )?(?:evaluate|validate|verify|test|compare) (?:our|the|it|them|its|this|on)\b"),
    (-1.5, r"\bask the question\b|\b(?:formal|theoretical) (?:interpretation|analysis)\b"),
)  # fmt: skip
"""Says what the paper brings."""

RESULT = _cues(
    (3.2, r"\d(?:\.\d+)?\s?(?:%|percent\b|pp\b|percentage points?)"),
    (3.0, r"\d(?:\.\d+)?\s?(?:×|x\b|-?fold\b|times\b)|\b(?:times|x)\d+\b|orders? of magnitude"),
    (1.4, r"\b\d+\.\d+\b|\b\d+ (?:db|miou|map|ap|f1|points?|bleu|fid|fps|ms|hours?|minutes?|seconds?|days?)\b"),
    (1.4, r"\b(?:outperform|surpass|exceed)\w*"),
    (0.7, r"\bstate[- ]of[- ]the[- ]art\b|\bsota\b"),
    (0.6, r"\b(?:achiev|improv|reduc|increas|boost|gain|accelerat|lower|cut|match|attain|yield|reach|rank)\w*\b"),
    (0.5, r"\b(?:faster|fewer|smaller|cheaper|better than|superior|comparable|competitive|speed-?ups?)\b"),
    (0.7, r"\band (?:show|prove|find|found) that\b"),
    (1.3, _WE + r"(?:show|find|found|demonstrate|observe|prove|reveal|discover|establish)\b"),
    (0.9, r"\b(?:results?|experiments?|evaluations?|analys[ei]s|findings?|studies|simulations?)\b[^.]{0,80}"
          r"\b(?:show|demonstrat|indicat|reveal|suggest|confirm|establish)\w*"),
    (-1.0, r"\b(?:was|were) (?:trained|tested|measured|collected|recruited|treated|randomi[sz]ed|included|enrolled)\b"),
    (0.2, r"\bgenerali[sz]\w+\b|\bzero-shot\b"),
    (1.4, r"优于|優於|超过|超過|提升|提高|上回|(?:结果|結果|实验|實驗|実験)[^。]{0,12}(?:表明|显示|顯示|示し)"),
    (0.6, r"\b(?:enables?|allows?|supports?|leads? to|retrieves?)\b"),
    (-1.2, r"\b(?:effectiveness|superiority|superior performance|efficacy|potential|validity|interest) of\b"),
    (-1.8, r"\bvalidat\w+ (?:our|the) (?:ideas?|theor\w+|claims?|approach|method)\b"),
    (-0.7, r"^(?:these|this|our|the) (?:results?|findings?|work|achievement|insights?) "
           r"(?:may|could|can|would|paves?|opens?|provid|offer|suggest|highlight|narrow|also)\w*"),
)  # fmt: skip
"""Says what came out."""

BACKGROUND = _cues(
    (-1.0, r"\b(?:recent(?:ly)?|in recent years|over the (?:past|last)|the (?:advent|rise|success) of|lately)\b"),
    (-1.0, r"\bha(?:s|ve) (?:recently |also |long )?"
           r"(?:been|shown|achieved|become|emerged|demonstrated|made|attracted|gained|seen|led|revolutioni[sz]ed)\b"),
    (-1.0, r"^(?:although|though|while|despite|unfortunately|currently)\b"),
    (-1.0, r"\b(?:unclear|inferior|unexplored|underexplored|challenges?|shortcomings?|limitations?)\b"),
    (-0.7, r"\b(?<!than )(?<!over )(?<!to )(?<!outperform )(?<!outperforms )(?<!outperforming )(?<!surpasses )"
           r"(?:existing|previous|prior|current|traditional|conventional|most|several) (?:\w+ ){0,2}"
           r"(?:methods?|approaches|works?|models?|techniques|solutions|research|studies|systems?|attempts)\b"),
    (-1.0, r"\b(?:remains?|poses?|suffers? from|is (?:an?|one of the) (?:\w+ )?"
           r"(?:challeng|fundamental|long-standing|crucial|important|critical|key|central|hallmark|cornerstone)\w*)\b"),
    (-0.4, r"\b(?:widely|commonly|typically|often|usually|largely|generally)\b"),
    (-0.8, r"\b(?:require|needs? to|lack|struggle|fail)s?\b"),
    (-1.0, r"\b(?:yet to be|an open (?:question|problem)|play\w* (?:an?|the) (?:\w+ )?role|paradigm shift)\b"),
    (-2.0, r"\bwe (?:hope|believe|expect|envision)\b|\b(?:for|inspire|advancing|facilitate|guide) (?:the )?future\b"
           r"|\bfuture (?:work|research|directions?|studies|development)\b|\bpromising (?:direction|avenue)"
           r"|\b(?:lays? the|paves? the|sheds? (?:new )?light)\b|\bwill soon\b"
           r"|\bserves? as an? (?:[\w-]+,? ){0,5}(?:reference|baseline|resource|foundation|guide)\b"),
    (-1.5, r"^the (?:first|second|third|next|final|last) (?:step|stage|phase|part|one)\b"),
    (-4.0, r"https?://|\bwww\."),
    (-1.0, r"^(?:keywords?|index terms?|background|objectives?|acknowledge?ments?|findings?|implications?)\b"),
    (-2.0, r"\binitial results\b"),
    (-1.0, r"\?$"),
)  # fmt: skip
"""Says what everybody knew before."""

PLACE = _cues(
    (-1.2, rf"^(?:the )?{_ORDER}\b|^\(\w+\)"),
    (-1.0, r"^\(\w+\)"),
    (-1.0, r"\bwe (?:also|further|additionally) |^(?:furthermore|moreover|additionally|in addition|besides)\b"),
    (-0.9, r"^(?:specifically|concretely|in particular|particularly|for (?:example|instance)|notably)\b"
           r"(?!,? we (?:find|show))"),
    (-1.0, r"^in addition to\b"),
    (0.4, r"\b(?:to this end|to address th|to tackle th|to fill th|to bridge th|motivated by)\b"),
    # The headings of medical abstracts.
    (2.0, r"^(?:objectives?|aims?|purpose|goal)\b[^:]{0,15}:"),
    (1.5, r"^(?:conclusions?|interpretation|in conclusion)\b"),
    (-1.5, r"^(?:(?:materials and )?methods?|(?:study )?design|setting|patients|participants|measurements|data sources)"
           r"\b[^:]{0,20}:"),
)  # fmt: skip
"""What the sentence is among the others, by the word that it begins with: a step, an addition, the answer to a need."""

_BACK = (
    rf"(?:this(?! {_PAPER}\b)(?! (?:is|year|day)\b)|these|those(?! (?:who|that|of|in|with|from|\w+ed)\b)"
    r"|such(?! as\b| an? ))"
)
_PRONOUN = r"(?:it|they|them|its|their|he|she|both|another|one|others|the (?:former|latter|other|above|second|third))"
_CONNECTIVE = r"(?:however|but|and|so|yet|or|nor|then|here|instead|also|in contrast|as such|as a result|in doing)"
POINTING = _cues(
    (-2.0, rf"^(?:{_PRONOUN}|{_BACK}|{_CONNECTIVE})\b"),
    (-1.5, rf"^(?:\w+ ){{1,3}}{_BACK}\b"),
    (-1.5, rf"^(?:\w+ ){{1,4}}(?:that|and|but|while) (?:they|{_BACK})\b"
           r"|\b(?:for|of|on|with) it\.$"),
    (-2.5, r"\bwe \w+ that (?:they|it|this is)\b(?! (?:is|was) )"),
    (-0.8, r"^(?:\w+ ){1,4}that (?:their|its)\b"),
    (-4.0, r"^(?:we|i|this \w+)(?: \w+){1,3} (?:them|it|so)\b"),
    (-1.5, r"^(?:we|i|this \w+)(?: (?!that)\w+){1,3} (?:their|its)\b"),
    (-2.0, r"\b(?:one step further|steps? (?:towards?|forward|further)|made possible|do so|doing so)\b"
           r"|\b(?:is|are) (?:done|achieved) by\b"),
    (-1.0, r"\b(?:instead\b(?! of)|the above|aforementioned|the (?:latter|former))\b"),
    (-0.6, rf"\b{_BACK} \w+"),
    (-1.8, rf"\b(?<! that ){_BACK} \w+"),
    (-1.4, r"\bthe (?:challenge|problem|issue|gap|limitation|question)s?\b"
           r"(?! of| that| in| where| with| to|[- ]\w+ing)"),
    (-1.5, r"\b(?:address|avert|fix|overcome|resolve|solve|tackle) (?:this|these|such|the) "
           r"(?:challenge|problem|issue|gap|limitation|question)s?\."),
    (-1.2, r"\b(?:can|could|may|might|helps?|works?|applied|applies|used) (?:\w+ )?here\b|\bhere[.,]"),
)  # fmt: skip
"""Points at a sentence that the reader does not have."""

AUTHORS = re.compile(
    rf"\b(?:we|i|our|in this|this (?:\w+ )?{_PAPER}|introduces|presents|proposes"
    r"|(?:is|are) (?:proposed|introduced|presented))\b",
    re.IGNORECASE,
)
"""Speaks of the authors' own doing."""

_GOODS = (
    r"\b(?:codes?|datasets?|data|models?|weights|checkpoints?|implementations?|demos?|videos?|(?:web)?pages?"
    r"|(?:web)?sites?|homepage|benchmarks?|materials?|resources|toolkit|package|software|library|results)\b"
)
AVAILABILITY = re.compile(
    _GOODS + r"[^.]{0,60}?\b(?:is|are|be|been)\b[^.]{0,30}?"
    r"\b(?:available|released|(?:found|provided) (?:at|in|on|here)|accessible|open-?sourced|hosted|published)\b"
    r"|^[\w&+/, -]{0,40}\b(?:code|page|website|site|demo|video)s?:",
    re.IGNORECASE,
)
"""Says where to get it."""

AVAILABILITY_BESIDE_ADDRESS = re.compile(_GOODS + r"|^(?:please |see |visit |refer to |more )", re.IGNORECASE)
"""Says where to get it, if an address follows."""


def weigh(sentence: str, cues: Cues) -> float:
    """The sum of the weights of the cues that `sentence` holds, each counted once."""
    lowered = sentence.lower()
    return sum(weight for found, weight in cues if found(lowered))
