"""The language model that writes summaries, asked for one."""

from __future__ import annotations

import json

from newsletter.daily.summarising import SYSTEM
from newsletter.doctor.findings import Finding, fail, ok, warn
from newsletter.errors import ModelError
from newsletter.settings import Settings
from newsletter.text.vetting import UnfitError, vetted

_TITLE = "Slowfall: Rain Forecasts on a Phone"
_ABSTRACT = (
    "Forecasts of rain need large computers. We present Slowfall, a small network that forecasts rain ten days ahead "
    "on a phone. On records of twelve years it is better than its peers by a third, and it needs two seconds."
)


async def summaries(settings: Settings) -> list[Finding]:
    """Whether the configured model summarises a paper; nothing where none is configured. The question costs a few
    hundred tokens, which no budget counts."""
    llm = settings.llm
    if not llm.url:
        return []
    if not llm.model:
        return [fail("language model", "llm.url is set, and llm.model is not: name the model there.")]
    from newsletter.sources.web.completions import opened_completions  # httpx takes a while to load

    opened = opened_completions(
        url=llm.endpoint,
        key=llm.key.get_secret_value() if llm.key else None,
        model=llm.model,
        max_tokens=llm.max_tokens,
        contact=settings.collecting.contact,
    )
    question = json.dumps({"title": _TITLE, "abstract": _ABSTRACT})
    try:
        async with opened as model:
            draft = await model.write(SYSTEM, question, llm.seconds)
        text = vetted(draft.text, _TITLE, _ABSTRACT) if not draft.flaw else ""
    except ModelError as error:
        return [fail("language model", str(error))]
    except UnfitError as error:
        return [warn("language model", _unfit(llm.model, str(error)))]
    if draft.flaw:
        return [warn("language model", _unfit(llm.model, draft.flaw))]
    unused = "" if settings.email.summaries == "llm" else "; set email.summaries to “llm” to have it used"
    return [ok("language model", f"{llm.model} summarised a paper in {len(text)} characters{unused}.")]


def _unfit(model: str, flaw: str) -> str:
    return f"{model} answers, but not with a summary that could be shown ({flaw}): try another llm.model."
