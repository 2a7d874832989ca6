"""Papers that belong together, under the words they share: what makes a long list of mixed papers easy to scan."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from newsletter.model import Group, ReadablePaper
from newsletter.ranking.archive import Background, Known
from newsletter.ranking.counting import common, count
from newsletter.ranking.words import STOP_WORDS, Word, words

# All numbers below were chosen by reading the groups of both listing documents and of days of arXiv announcements.

MOST_COMPARED = 500
"""Papers that are compared with each other; what a longer list has beyond them goes to the last group."""

# Of the dimensions that TF-IDF spans, latent semantic analysis keeps this share, and no more than so many.
_KEPT_DIMENSIONS = 0.3
_MOST_DIMENSIONS = 100

# The mean distance (1 - cosine) between the two halves of a group is at most this.
_FARTHEST = 0.75
# So far a paper may be from a group, on average, that it joins because it speaks of the same thing.
_FARTHEST_TO_JOIN = 0.95

# A group has at most this many papers or, in a long list, at most this share of it.
_LARGEST = 8
_LARGEST_SHARE = 0.02

_MOST_TERMS = 3
_LONGEST_TERM = 4
# What label terms of one, two, ... words count for: "Gaussian splatting" says more than "Gaussian".
_LENGTH_BONUS = (1.0, 1.25, 1.3, 1.3)
# When a label is chosen, this share of the papers is about each of its terms, and this share says it in the title. A
# single word is in two titles at least: that one title and other abstracts have it is chance more often than not.
_ABOUT = 0.6
_TITLED = 0.3
# A second or third term is nearly as good as the first.
_NEARLY = 0.6
# What more papers of the list have in common is no label; and what more have brings no further paper to a group.
_COMMON = 0.3
_COMMON_TO_JOIN = 0.15

_HYPHENS = frozenset("-‐‑–")

# Stems of the words that abstracts are made of, whatever they are about: no label begins or ends with one. Most were
# found by counting: frequent in abstracts and seldom in titles.
_DULL = frozenset(
    """
    abil abl accept accord account accur achiev across actual addit address adjust adopt advanc advantag affect aim
    allow almost along alongsid alreadi altern although among analyz ani anoth appli approach argu art assign assist
    assum avail averag avoid awar base becaus becom befor behind benefit best better beyond bring broad broader
    build built calcul call capabl care case caus certain challeng characterist choic clear close com combin common
    communiti compar comparison competit complement complex comprehens compris concern conduct confirm consid
    consider consist construct contain contribut convent correspond cost could cover creat critic crucial cue curat
    current deep deliv demand demonstr depend deploy deriv describ despit determin develop differ difficult
    difficulti direct discuss distinct divers doe downstream drawn driven due dure easili effect effort either
    element elimin emerg emphas empir employ enabl encount encourag end enforc enough ensur entir especi essenti
    establish even examin exampl excel exhibit exist expens experi experiment explicit exploit explor extend extens
    extra f1 facilit factor fail faster fewer fidel final find fine first five fix flexibl focus follow form formul
    found four frequent full fulli fundament furthermor futur gain gap give given goal good great grow handl hard
    help henc high higher highlight hinder howev http https hundr idea identifi ii impact implement implicit import
    impos impress improv incorpor increas inde indic individu influenc inher initi innov insight inspir instead
    insuffici integr intend intens interest introduc investig involv io issu iter keep key known lack larg larger
    latest lead least less let level leverag like limit littl lower made main maintain major make mani manner manual
    mean meaning meanwhil methodolog minim mitig modern moreov motiv much multipl name near necessari need new next
    non nontrivi notabl novel nuanc number numer observ obtain offer often one onli onlin oper order origin outcom
    outperform output overal overcom overhead overlook page paper part partial particular per perform play poor
    popular posit possibl potenti practic precis predomin present preserv preval prevent previous primari primarili
    prior proceed produc promis promot prone proper propos prove provid public pure purpos qualit quantifi quantit
    quit rais rang rapid rare rather reach real realist recal recent reduc reduct refer regard relat releas relev
    reli reliabl relianc remain remark repres requir respect result retain reveal rich rigor rise role room run same
    satisfactori scalabl scarciti scenario seamless second seek serv set seven sever show shown signific similar
    simpl simpli simultan sinc singl six small smaller sole solut solv sota span specif speed stabil stabl stage
    standard start step still strategi strength strong struggl studi subsequ substanti success suffer suffici
    suggest suit suitabl superior support surpass systemat tackl tailor take tend term therebi therefor third though
    thousand three throughout togeth tool top trade tradit truli two type typic ultim underexplor underli underscor
    unexplor unifi uniqu unlik use usual util valid valu valuabl vari variant variat varieti various versatil via
    vital way well wherea whole wide widespread wise within without work worth year yet yield
    """.split()
)

# Stems of words that say something only beside another: "world model", "object detection", but not "model".
_GENERAL = frozenset(
    """
    2d 3d accuraci adapt ai algorithm align analysi annot applic architectur area aspect assess attribut augment
    autom automat baselin behavior benchmark captur claim code complet compon comput concept condit constraint
    content context contextu control correct data dataset decis decod descript design detail detect distribut
    document domain dynam edg effici embed encod enhanc environ era estim evalu evid expert extract featur field
    frame framework free function general generaliz generat geometr global ground guid guidanc human imag infer
    inform input interact interpret joint knowledg label languag latent layer learn llm local long loss low map mask
    match measur mechan method metric modal model modul multi natur network neural nois object open optim overview
    pair paradigm paramet pattern perspect pipelin point polici power predict problem process project qualiti queri
    question random refin region report represent research resourc respons review robust sampl scale scienc scientif
    score search select semant sequenc shape shift signal size sourc space spatial state structur subject supervis
    survey synthet system target task techniqu tempor test text textual theori time token train understand user view
    vision visual weight world zero
    """.split()
)


def group(papers: Sequence[ReadablePaper], least: int = 2) -> tuple[Group, ...]:
    """Groups of at least `least` papers on one subject each; then, under no label, the papers that are in none of them.

    Both the papers of a group and the groups, by their first papers, are in the order of `papers`.

    Latent semantic analysis (Deerwester et al., 1990) of TF-IDF weights, then average-linkage clustering by cosine; the
    tree is cut at the largest groups that are close enough, small enough and can be labelled. Labels are the terms with
    the best class-based TF-IDF (Grootendorst, 2022, arXiv:2203.05794). Every paper of a group has a term of its label;
    every term occurs in at least two and at least half of the papers of its group, and in the label of no other. Every
    id is in exactly one group. Which papers belong together does not depend on the order of `papers`, as long as they
    are no more than `MOST_COMPARED`.
    """
    places: dict[str, int] = {}
    for place, paper in enumerate(papers):
        places.setdefault(paper.id, place)
    ids = list(places)
    # In the order of the ids, so that not a rounding error depends on the order of the list.
    compared = [papers[places[one]] for one in sorted(ids[:MOST_COMPARED])]
    groups = []
    for label, members in _Grouping(compared, max(least, 2)).groups():
        in_order = sorted((compared[member].id for member in members), key=places.__getitem__)
        groups.append(Group(label, tuple(in_order)))
    groups.sort(key=lambda one: places[one.papers[0]])
    grouped = {identity for one in groups for identity in one.papers}
    rest = tuple(identity for identity in ids if identity not in grouped)
    return (*groups, Group((), rest)) if rest else tuple(groups)


class _Text:
    """The terms of a paper, each with the forms in which it reads: `present` anywhere, `titled` in the title; and those
    that it is `about`: in the title, phrases of the abstract, words that the abstract says more than once."""

    def __init__(self, paper: ReadablePaper) -> None:
        self.present: dict[str, list[str]] = {}
        for term, form in _terms(paper.title):
            self.present.setdefault(term, []).append(form)
        self.titled = frozenset(self.present)
        for term, form in _terms(paper.abstract):
            self.present.setdefault(term, []).append(form)
        self.about = {term for term, forms in self.present.items() if len(forms) > 1 or " " in term} | self.titled


class _Grouping:
    """The papers of one list (by number), how far they are from each other, and how common their terms are."""

    def __init__(self, papers: Sequence[ReadablePaper], least: int) -> None:
        self.least = least
        self.largest = max(_LARGEST, round(_LARGEST_SHARE * len(papers)))
        self.texts = [_Text(paper) for paper in papers]
        self.frequency = Counter(term for text in self.texts for term in text.present)
        self.distances = _distances(papers)

    def groups(self) -> Iterator[tuple[tuple[str, ...], list[int]]]:
        """Labels, as they read, and members."""
        found: list[tuple[list[str], list[int]]] = []
        used: set[str] = set()
        for members in sorted(self._clusters()):
            label = self._label(members, used)
            belonging = [one for one in members if not self.texts[one].present.keys().isdisjoint(label)]
            if len(belonging) >= self.least and not _by_chance(label, len(belonging)):
                used.update(label)
                found.append((label, belonging))
        self._join(found)
        for label, members in found:
            texts = [self.texts[one] for one in members]
            yield tuple(_wording(term, texts) for term in label), members

    def _clusters(self) -> Iterator[list[int]]:
        """The largest branches of the tree that are groups; they do not overlap."""
        if len(self.texts) < 2:
            return
        # Late: it takes a tenth of a second to import, and only a day that is being frozen needs it.
        from scipy.cluster.hierarchy import linkage, to_tree
        from scipy.spatial.distance import squareform

        branches = [to_tree(linkage(squareform(self.distances, checks=False), "average"))]
        while branches:
            branch = branches.pop()
            if branch.get_count() < self.least or branch.is_leaf():
                continue
            if branch.get_count() <= self.largest and branch.dist <= _FARTHEST:
                members = sorted(branch.pre_order())
                if self._label(members, ()):
                    yield members
                    continue
            branches += [branch.get_left(), branch.get_right()]

    def _label(self, members: Collection[int], used: Collection[str]) -> list[str]:
        """The terms that stand for `members`, best first; none where nothing tells what they have in common."""
        size = len(members)
        about = Counter(term for one in members for term in self.texts[one].about)
        titled = Counter(term for one in members for term in self.texts[one].titled)
        need, most = max(2, math.ceil(_ABOUT * size)), max(2.0, _COMMON * len(self.texts))
        scores: dict[str, float] = {}
        for term, times in about.items():
            in_titles = _TITLED * size if " " in term else max(2.0, _TITLED * size)
            if times >= need and titled[term] >= in_titles and self.frequency[term] <= most and not _said(term, used):
                rarity = math.log(1 + len(self.texts) / self.frequency[term])
                score = times / size * rarity * _LENGTH_BONUS[term.count(" ")] * (1 + titled[term] / size)
                scores[term] = round(score, 9)
        chosen: list[str] = []
        for term in sorted(scores, key=lambda one: (-scores[one], -one.count(" "), one)):
            if len(chosen) == _MOST_TERMS or (chosen and scores[term] < _NEARLY * scores[chosen[0]]):
                break
            if not chosen or (
                not any(_repeats(term, other) for other in (*chosen, *used))
                and self._go_together(members, chosen[0], term)
            ):
                chosen.append(term)
        return [] if _by_chance(chosen, size) else chosen

    def _go_together(self, members: Collection[int], first: str, second: str) -> bool:
        """Whether half of the papers with the second term have the first too: they name one subject and not two."""
        both = [first in self.texts[one].present for one in members if second in self.texts[one].about]
        return 2 * sum(both) >= len(both)

    def _join(self, found: Sequence[tuple[list[str], list[int]]]) -> None:
        """Add to the groups `found` what was left over and is about the first term of one: to the nearest, as long as
        the label stays true of half of the group."""
        taken = {one for _, members in found for one in members}
        most = max(2.0, _COMMON_TO_JOIN * len(self.texts))
        cores = [list(members) for _, members in found]
        for one in range(len(self.texts)):
            near = [
                (round(float(self.distances[one, core].mean()), 6), number)
                for number, (core, (label, members)) in enumerate(zip(cores, found, strict=True))
                if one not in taken
                and label[0] in self.texts[one].about
                and self.frequency[label[0]] <= most
                and len(members) < self.largest
                and self._true(label, [*members, one])
            ]
            if near and min(near)[0] <= _FARTHEST_TO_JOIN:
                found[min(near)[1]][1].append(one)

    def _true(self, label: Sequence[str], members: Sequence[int]) -> bool:
        """Whether at least half of the papers have each term."""
        return all(2 * sum(term in self.texts[one].present for one in members) >= len(members) for term in label)


def _distances(papers: Sequence[ReadablePaper]) -> NDArray[np.float64]:
    """Papers x papers: 1 - cosine, 0 to 2; a paper that shares no word with another is at 1 from all.

    Singular vectors come from the eigenvectors of the papers' likenesses. Their signs, which differ between machines,
    cancel out in cosines; of equal singular values all are kept, since any choice among them would be arbitrary; and
    rounding takes away what is left of the differences.
    """
    counts = common(count(papers))
    widespread = np.bincount(counts.frequencies.indices, minlength=len(counts.vocabulary)) > 1
    kept = [place for term, place in counts.vocabulary.items() if widespread[place] and _tells(term)]
    distances = np.ones((len(papers), len(papers)))
    if kept:
        weights = Background(Known(tuple(papers), counts)).vectors[:, kept].astype(np.float64)
        products = (weights @ weights.T).toarray()
        norms = np.sqrt(np.maximum(products.diagonal(), 1e-12))
        values, vectors = np.linalg.eigh(products / np.outer(norms, norms))
        dimensions = min(math.ceil(_KEPT_DIMENSIONS * len(papers)), _MOST_DIMENSIONS)
        strong = values >= max(values[-dimensions] - 1e-9, 1e-9)
        latent = vectors[:, strong] * np.sqrt(values[strong])
        lengths = np.linalg.norm(latent, axis=1, keepdims=True)
        latent /= np.where(lengths > 1e-6, lengths, np.inf)
        distances = np.round(np.clip(1 - latent @ latent.T, 0, 2), 6)
    np.fill_diagonal(distances, 0)
    return distances


def _tells(term: str) -> bool:
    """Whether `term`, stems joined by spaces, can bring papers together: whether it could be part of a label."""
    return term not in _GENERAL and not any(stem in _DULL or stem.isdigit() for stem in term.split())


def _terms(text: str) -> Iterator[tuple[str, str]]:
    """Whatever in `text` could be a label, as stems joined by spaces and as it stands: words and short phrases that are
    whole (no piece of "Vocabulary-free") and neither begin nor end with an empty word."""
    found = words(text)
    gaps = [text[one.end : next_.start] for one, next_ in pairwise(found)] + [""]
    edges = [_may_stand_at_an_edge(text, word) for word in found]
    for start, first in enumerate(found):
        if not edges[start] or (start and gaps[start - 1] in _HYPHENS):
            continue
        for end in range(start, min(start + _LONGEST_TERM, len(found))):
            if edges[end] and gaps[end] not in _HYPHENS and (end > start or first.stem not in _GENERAL):
                yield " ".join(word.stem for word in found[start : end + 1]), text[first.start : found[end].end]
            if gaps[end] != " " and gaps[end] not in _HYPHENS:
                break


def _may_stand_at_an_edge(text: str, word: Word) -> bool:
    surface = text[word.start : word.end]
    is_command = text[word.start - 1 : word.start] == "\\"  # of LaTeX that nobody could read
    return (
        len(surface) > 1
        and not surface.isdigit()
        and not surface.endswith(("'s", "’s"))
        and not is_command
        and word.stem not in _DULL
        and surface.casefold() not in STOP_WORDS
    )


def _by_chance(label: Sequence[str], size: int) -> bool:
    """Whether two papers have but one word in common, or a phrase of general words: chance more often than not."""
    return size == 2 and len(label) == 1 and (" " not in label[0] or _GENERAL.issuperset(label[0].split()))


def _repeats(term: str, other: str) -> bool:
    """Whether a label that has `other` gains nothing by `term`: they share a word, or one abbreviates the other."""
    one, two = term.split(), other.split()
    return not set(one).isdisjoint(two) or term == _initials(two) or other == _initials(one)


def _said(term: str, used: Collection[str]) -> bool:
    """Whether `used` says `term` already: has all its words in one term, or a phrase that it only adds to or overlaps
    with ("neural radiance" and "radiance fields" are pieces of one)."""
    one = term.split()
    for other in (known.split() for known in used):
        phrases = len(one) > 1 and len(other) > 1
        if set(one) <= set(other) or (
            phrases and (set(other) <= set(one) or one[-1] == other[0] or one[0] == other[-1])
        ):
            return True
    return False


def _initials(stems: Sequence[str]) -> str:
    return "".join(stem[0] for stem in stems) if len(stems) > 1 else ""


def _wording(term: str, texts: Sequence[_Text]) -> str:
    """How `texts` write `term` most often; of equally frequent forms the one with the fewest capitals."""
    forms = Counter(form for text in texts for form in text.present.get(term, ()))
    return min(forms, key=lambda form: (-forms[form], sum(map(str.isupper, form)), form))
