"""The words of the project as frozen values: standard library only, no I/O, no clock."""

from newsletter.model.batch import Batch, Problem, Verdict
from newsletter.model.delivery import OPEN_STATES, SETTLED_STATES, Delivery, Outcome, Phase, State, Step
from newsletter.model.digest import Digest, Pick, Reason, Section, Why
from newsletter.model.edition import ALSO_TRENDING, TRENDING, Edition, Group, Ranking
from newsletter.model.feedback import Feedback, Opinion
from newsletter.model.message import Message, Parts, ReaderLinks
from newsletter.model.paper import Link, LinkKind, Listing, Paper, ReadablePaper, merge
from newsletter.model.subscriber import Rhythm, Status, Subscriber
from newsletter.model.topic import Topic

__all__ = [
    "ALSO_TRENDING",
    "OPEN_STATES",
    "SETTLED_STATES",
    "TRENDING",
    "Batch",
    "Delivery",
    "Digest",
    "Edition",
    "Feedback",
    "Group",
    "Link",
    "LinkKind",
    "Listing",
    "Message",
    "Opinion",
    "Outcome",
    "Paper",
    "Parts",
    "Phase",
    "Pick",
    "Problem",
    "Ranking",
    "ReadablePaper",
    "ReaderLinks",
    "Reason",
    "Rhythm",
    "Section",
    "State",
    "Status",
    "Step",
    "Subscriber",
    "Topic",
    "Verdict",
    "Why",
    "merge",
]
