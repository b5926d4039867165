"""Small profiles, cells and findings, and hypothesis strategies for them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product

from hypothesis import strategies as st

from r2s_audit.model.finding import Finding, Subject, Value
from r2s_audit.model.plan import Cell
from r2s_audit.model.profile import Profile
from r2s_audit.model.text import msg
from r2s_audit.model.verdict import Verdict, VerdictValue
from r2s_audit.scoring.population import JudgedCell
from r2s_audit.scoring.verdicts import verdicts

RANK = {VerdictValue.NON_ATTEINT: 0, VerdictValue.PARTIELLEMENT_ATTEINT: 1, VerdictValue.ATTEINT: 2}
PROVEN = "sans_objet proven"
"""Next to the values of a finding: a sans objet that a completed observation shows."""

VERIFIED = ("C", "P", "N")
STATES = (*VERIFIED, PROVEN, "sans_objet", "non_verifie", None)


def sourced(value, source="hypothesis", reference=""):
    return {"value": value, "source": source, "reference": reference}


def criterion(name, over="all", worst=None, check="family.check", max_age=None):
    data = {"id": name, "title": {"fr": f"titre de {name}"}, "over": over, "worst": worst, "source": "hypothesis"}
    data |= {"check": check} if check else {"awaits": "attend la sonde de demain"}
    return data | ({"max_age_days": sourced(max_age)} if max_age else {})


def share(atteint, partiel, weight=None):
    thresholds = {"atteint": sourced(atteint), "partiel": sourced(partiel)}
    return thresholds | ({"partial_weight": sourced(weight)} if weight else {})


def requirement(name, criteria=(), rule=None, **other):
    data = {
        "id": name,
        "title": f"titre de {name}",
        "theme": "T",
        "function": "une fonction",
        "purpose": "une raison d'être",
        "prerequisite": sourced(False),
        "points": {"logement": sourced("3"), "batiment": sourced("5")},
        "partial_weight": sourced("1/2"),
        "criteria": list(criteria),
        "rule": rule,
    }
    return data | other


def profile(*requirements, levels=(), minimum="atteint"):
    def total(scope):
        return int(sum(Fraction(r["points"][scope]["value"]) for r in requirements))

    theme = {
        "id": "T",
        "title": "Un thème",
        "points_logement": sourced(total("logement")),
        "points_batiment": sourced(total("batiment")),
        "requirements": sourced(len(requirements)),
        "prerequisites": sourced(sum(r["prerequisite"]["value"] for r in requirements)),
    }
    return Profile.model_validate(
        {
            "r2s_profile": 1,
            "id": "essai",
            "version": "1",
            "title": "Profil d'essai",
            "document": "aucun",
            "prerequisite_minimum": sourced(minimum),
            "themes": [theme],
            "levels": list(levels),
            "requirements": list(requirements),
        }
    )


def level(name, points, prerequisites):
    return {
        "id": name,
        "title": f"Niveau {name}",
        "points": sourced(points),
        "prerequisites": sourced(prerequisites),
    }


def judged(requirement, criterion, number, state, check="family.check"):
    """A cell and its finding; ``state`` None: planned and never judged."""
    subject = Subject(target=f"cible-{number}", point="P1")
    cell = Cell(requirement=requirement, criterion=criterion, check=check, subject=subject)
    if state is None:
        return JudgedCell(cell, None)
    finding = Finding(
        check=check,
        subject=subject,
        value=Value(state.split()[0]),
        proof=state == PROVEN,
        expected=msg("attendu"),
        measured=msg("mesuré {n}", n=number),
        observations=(f"e{number}",),
    )
    return JudgedCell(cell, finding)


@dataclass(frozen=True)
class Case:
    """A requirement R with its criteria, its rule, and the state of each planned cell."""

    criteria: tuple
    rule: object
    states: tuple
    """Pairs: criterion and the state of one of its cells."""

    def profile(self):
        return profile(requirement("R", self.criteria, self.rule))

    def cells(self):
        return [judged("R", name, i, state) for i, (name, state) in enumerate(self.states)]

    def verdict(self, label=None) -> Verdict:
        return verdicts(label or self.profile(), self.cells())[0]

    def bounds(self, label=None):
        verdict = self.verdict(label)
        return RANK[verdict.worst], RANK[verdict.best]

    def with_states(self, states):
        return replace(self, states=tuple(zip((name for name, _ in self.states), states, strict=True)))

    def completions(self, values=VERIFIED):
        """Every audit in which each open cell has been settled in one of these ways."""
        ways = [(s,) if s in VERIFIED or s == PROVEN else values for _, s in self.states]
        return [self.with_states(states) for states in product(*ways)]


SHARES = ("1", "19/20", "0.8", "2/3", "1/2", "1/3")


@st.composite
def shares(draw):
    low, high = sorted(draw(st.lists(st.sampled_from(SHARES), min_size=2, max_size=2)), key=Fraction)
    return share(high, low, draw(st.sampled_from([None, "1/2", "0.9", "1"])))


def _rules(names, grades):
    leaf = st.sampled_from(names)

    def extend(rules):
        some = st.lists(rules, min_size=1, max_size=3)
        kinds = [
            some.map(lambda parts: {"all": parts}),
            some.map(lambda parts: {"any": parts}),
            st.tuples(some, some).map(lambda t: {"tiers": {"atteint": t[0], "partiel": t[1]}}),
            st.tuples(rules, rules, st.sampled_from("PN")).map(
                lambda t: {"cap": {"rule": t[0], "unless": t[1], "at": t[2]}}
            ),
        ]
        if grades:
            kinds.append(rules.map(lambda rule: {"grade": {"rule": rule, "worst": "P"}}))
        return st.one_of(kinds)

    return st.recursive(leaf, extend, max_leaves=5)


@st.composite
def cases(draw, *, states=STATES, grades=True, least_cells=0, most_cells=5):
    """Requirements of one to three criteria over at most five cells in all."""
    names = [f"R-{i}" for i in range(draw(st.integers(1, 3)))]
    criteria = tuple(
        criterion(name, draw(st.one_of(st.sampled_from(["all", "any"]), shares())), draw(st.sampled_from(worst)))
        for name, worst in ((n, [None, None, "P"] if grades else [None]) for n in names)
    )
    owners = list(names) * least_cells + draw(
        st.lists(st.sampled_from(names), max_size=max(0, most_cells - least_cells * len(names)))
    )
    return Case(criteria, draw(_rules(names, grades)), tuple((o, draw(st.sampled_from(states))) for o in owners))
