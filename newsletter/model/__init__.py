"""The words of the project as frozen values: standard library only, no I/O, no clock."""

from newsletter.model.answer import Answer
from newsletter.model.batch import Answered, Batch, Observation, Problem, Verdict
from newsletter.model.delivery import OPEN_STATES, SETTLED_STATES, Delivery, Occasion, Outcome, Phase, State, Step
from newsletter.model.digest import Digest, Pick, Reason, Section, Why
from newsletter.model.edition import ALSO_TRENDING, TRENDING, Edition, Group, Ranking
from newsletter.model.feedback import Feedback, Opinion
from newsletter.model.message import Message, Parts, ReaderLinks
from newsletter.model.paper import FIELDS, Link, LinkKind, Listing, Paper, ReadablePaper, merge, stamped
from newsletter.model.subscriber import Rhythm, Status, Subscriber
from newsletter.model.topic import Topic

__all__ = [
    "ALSO_TRENDING",
    "FIELDS",
    "OPEN_STATES",
    "SETTLED_STATES",
    "TRENDING",
    "Answer",
    "Answered",
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
    "Observation",
    "Occasion",
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
    "stamped",
]
