"""The words by which an abstract says what is new, what came out, and what everybody knew before."""

from __future__ import annotations

import re
from typing import TypeAlias

Cues: TypeAlias = tuple[tuple[re.Pattern[str], float], ...]


def _cues(*table: tuple[float, str]) -> Cues:
    # Written in lower case: searching a lowered sentence is twice as fast as ignoring the case of each pattern.
    return tuple((re.compile(pattern), weight) for weight, pattern in table)


_PAPER = r"(?:\w+ )?(?:paper|work|study|article|survey|review|report|thesis|tutorial|letter)"
_THIS_PAPER = rf"\b(?:this|the present|our) {_PAPER},? (?:\w+ly )?"
_WE = r"\b(?:we|i) (?:(?:also|further|then|thus|hence|therefore|here|now|first|next|\w+ly) )?"
_ORDER = r"(?:first(?:ly)?|second(?:ly)?|third(?:ly)?|next|then|finally|lastly)"

NOVELTY = _cues(
    (3.0, _WE + r"(?:proposed?|introduced?|present(?:ed)?|unveil|coin|put forward)\b"),
    (2.3, _WE + r"(?:develop|design|devise|build|create|construct|establish|formulate|derive|release|curate|survey)\b"),
    (1.6, _WE + r"(?:study|investigate|explore|examine|analy[sz]e|consider|address|tackle|revisit|seek|aim)\b"),
    (1.6, _WE + r"(?:demonstrate|show|find|found|prove|reveal|discover|describe|identify|reframe|argue)\b"),
    (1.2, _WE + r"(?:provide|offer|adopt|extend|expand|apply|combine|hypothesi[sz]e|take|set out|expose|train)\b"),
    (0.6, r"\bwe\b"),
    (2.4, r"\bby (?:proposing|introducing|presenting|developing|designing)\b"),
    (3.0, _THIS_PAPER + r"(?:[^.;]{0,120}\band )?(?:proposes|introduces|presents|develops|surveys)\b"),
    (2.2, _THIS_PAPER + r"\w+s\b"),
    (1.0, r"\b(?:an?|the) (?:\w+,? ){0,3}(?:review|overview|survey) of\b"),
    (2.0, r"\b(?:is|are) (?:proposed|introduced|presented|developed|described) (?:here|in this)"),
    (1.2, r"\b(?:is|are) (?:proposed|introduced|presented)\b"),
    (1.4, rf"\b(?:in|with) (?:this|the present) {_PAPER}\b|^here(?:in)?\b"),
    (1.6, r"\bwe [^.;]{0,120}\band (?:propose|introduce|present)\b"),
    (2.4, r"\bour (?:\w+ )?contribution\b[^.]{0,30}\bis\b"),
    (1.4, r"\b(?:the|our|main|key|essential) (?:goal|aim|purpose|objective|idea|insight)s?\b[^.]{0,30}\bis\b"),
    (0.8, r"\b(?:propos|introduc|present|develop|design)\w* [^.;]{0,60}\b(?:called|named|dubbed|termed|namely)\b"),
    (0.8, r"\bfor the first time\b|\bthe first (?:\w+[ -]){0,4}(?:method|model|framework|approach|dataset|to)\b"),
    (0.8, r"^our (?:\w+ ){0,3}(?:method|approach|model|framework|system|algorithm)\b"),
    (2.0, r"^[\w+-]+ is (?:an?|the first)\b"),
    (0.4, r"\b(?:novel|new)\b"),
    (3.0, r"(?:我们|我們|本文|本研究)[^。]{0,12}(?:提出|介绍|介紹|设计|設計|开发|開發|研究)|を(?:提案|提示|開発)"),
    (0.4, r"\b(?:to this end|to address th|to tackle th|to fill th|to bridge th|motivated by)\b"),
    (-1.4, r"\bwe (?:also|further|additionally) |^(?:furthermore|moreover|additionally|in addition|besides)\b"),
    (-1.2, rf"^(?:the )?{_ORDER}\b|^\(\w+\)"),
    (-0.8, r"\bthem\b|\bthis (?:problem|issue|challenge|area)\b[^,]*$"),
    (-0.9, r"^(?:specifically|concretely|in particular|particularly|for (?:example|instance)|notably)\b"),
    (-1.2, r"\bwe (?:\w+ )?(?:conduct|perform|evaluate|validate|verify|test|compare|discuss|hope|believe|report)\b"),
    (-1.5, r"\bask the question\b|\binitial results\b|\b(?:formal|theoretical) (?:interpretation|analysis)\b"),
)  # fmt: skip
"""Says what the paper brings."""

RESULT = _cues(
    (1.6, r"\d(?:\.\d+)?\s?(?:%|percent\b|pp\b|percentage points?)"),
    (1.5, r"\d(?:\.\d+)?\s?(?:×|x\b|-?fold\b|times\b)|\b(?:times|x)\d+\b|orders? of magnitude"),
    (0.8, r"\b\d+\.\d+\b|\b\d+ (?:db|miou|map|ap|f1|points?|bleu|fid|fps|ms|hours?|minutes?|seconds?|days?)\b"),
    (1.4, r"\b(?:outperform|surpass|exceed)\w*"),
    (0.7, r"\bstate[- ]of[- ]the[- ]art\b|\bsota\b"),
    (0.6, r"\b(?:achiev|improv|reduc|increas|boost|gain|accelerat|lower|cut|match|attain|yield|reach|rank)\w*\b"),
    (0.5, r"\b(?:faster|fewer|smaller|cheaper|better than|superior|comparable|competitive|speed-?ups?)\b"),
    (1.3, _WE + r"(?:show|find|found|demonstrate|observe|prove|reveal|discover|establish)\b"),
    (0.9, r"\b(?:results?|experiments?|evaluations?|analys[ei]s|findings?|studies|simulations?)\b[^.]{0,80}"
          r"\b(?:show|demonstrat|indicat|reveal|suggest|confirm|establish)\w*"),
    (0.2, r"\bgenerali[sz]\w+\b|\bzero-shot\b"),
    (1.4, r"优于|優於|超过|超過|提升|提高|上回|(?:结果|結果|实验|實驗|実験)[^。]{0,12}(?:表明|显示|顯示|示し)"),
    (-0.9, r"\b(?:effectiveness|superiority|superior performance|efficacy|potential|validity|interest) of\b"),
    (-1.8, r"\bvalidat\w+ (?:our|the) (?:ideas?|theor\w+|claims?|approach|method)\b"),
    (-0.5, r"^(?:additionally|furthermore|moreover|also|as an added|for example|for instance)\b"),
    (-0.7, r"^(?:these|this|our|the) (?:results?|findings?|work|achievement|insights?) "
           r"(?:may|could|can|would|paves?|opens?|provid|offer|suggest|highlight|narrow|also)\w*"),
    (-1.5, r"\b(?:we hope|we believe|future (?:work|research|directions?)|promising (?:direction|avenue))\b"),
)  # fmt: skip
"""Says what came out."""

BACKGROUND = _cues(
    (-1.0, r"\b(?:recent(?:ly)?|in recent years|over the (?:past|last)|the (?:advent|rise|success) of|lately)\b"),
    (-1.0, r"\bha(?:s|ve) (?:recently |also |long )?"
           r"(?:been|shown|achieved|become|emerged|demonstrated|made|attracted|gained|seen|led|revolutioni[sz]ed)\b"),
    (-1.0, r"^(?:however|yet|but|although|though|while|despite|unfortunately|nevertheless|still|currently)\b"),
    (-1.0, r"\b(?:unclear|inferior|unexplored|underexplored|challenges?|shortcomings?|limitations?)\b"),
    (-0.7, r"\b(?:existing|previous|prior|current|traditional|conventional|most|several) (?:\w+ ){0,2}"
           r"(?:methods?|approaches|works?|models?|techniques|solutions|research|studies|systems?|attempts)\b"),
    (-1.0, r"\b(?:remains?|poses?|suffers? from|is (?:an?|one of the) (?:\w+ )?"
           r"(?:challeng|fundamental|long-standing|crucial|important|critical|key|central|hallmark|cornerstone)\w*)\b"),
    (-0.4, r"\b(?:widely|commonly|typically|often|usually|largely|generally)\b"),
    (-0.8, r"\b(?:require|need|lack|struggle|fail)s?\b"),
    (-1.5, r"https?://|\bwww\."),
    (-1.0, r"^(?:keywords?|index terms?|background|objectives?|acknowledge?ments?|findings?|implications?)\b"),
    (-1.0, r"\?$"),
)  # fmt: skip
"""Says what everybody knew before."""

DANGLING = re.compile(
    rf"^(?!(?:this|the present) {_PAPER}\b)(?:it|they|this|these|those|such|both|the (?:former|latter|other|above)"
    r"|\w+ (?:this|these)|here(?!,? (?:we|I)\b))\b",
    re.IGNORECASE,
)
"""Begins with a word that points at the sentence before."""

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
    return sum(weight for pattern, weight in cues if pattern.search(lowered))
