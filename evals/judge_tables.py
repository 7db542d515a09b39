"""What the judge found -> text for a person at a terminal, and JSON (contract C3).

Every table ends with how far the judge agrees with people: a figure without that says nothing.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evals import results
from evals.citations import METRICS, JudgedAnswer, compare, make_figures
from evals.grounding import OVERLAP, OVERLAP_BEST, Figures, Grounding, Judged
from evals.intervals import RESAMPLES, SEED, Interval
from evals.tables import align, count, ends, value
from rag.verify import Judge

AGREEMENT = Path(__file__).with_name("judge_agreement.json")
"""How far the judge agrees with people, set by set: the frozen run that `--freeze` wrote."""

_GROUP_COLUMNS = (
    "judge", "overlap, frozen", "ahead", "overlap, best", "ahead", "auroc", "overlap", "found"
)  # fmt: skip


def as_table(name: str, made: Grounding, judge: Judge) -> str:
    """Return the figures for a person: ours beside the baseline, then by group."""
    drawn = "document" if made.by_document else "claim"
    parts = [
        f"{name}: {count(len(made.judged), 'claim')}, {count(made.documents, 'document')}\n"
        f"95 % intervals: {RESAMPLES} bootstrap draws by {drawn}, seed {SEED}"
    ]
    rows = [["", "judge", "95 %", "n", "overlap, frozen", "95 %", "overlap, best", "95 %"]]
    for metric, interval in made.figures.items():
        cells = [value(interval), ends(interval), str(interval.n)]
        for other in (figures.get(metric) for figures in made.baselines.values()):
            cells += [value(other), ends(other) if other else "-"]
        rows.append([metric, *cells, *["-"] * (len(rows[0]) - 1 - len(cells))])
    parts.append(align(rows))
    if made.baselines:
        parts.append(_said_of_overlap(made.baselines, judge))
    if made.groups:
        lines = [["", "n", *_GROUP_COLUMNS]]
        for group, figures in made.groups.items():
            lines.append(_group_cells(group, figures, made.group_baselines[group]))
        parts.append(align(lines))
        parts.append(
            "judge, overlap: balanced accuracy; found: the share of unsupported claims "
            "that were told to be so"
        )
    times = _times(made.judged)
    parts.append(f"milliseconds a claim: median {times['median']:.0f}, p95 {times['p95']:.0f}")
    parts.append(agreement_note(judge))
    return "\n\n".join(parts)


def _said_of_overlap(baselines: Mapping[str, Figures], judge: Judge) -> str:
    frozen, best = (baselines[name]["ahead"] for name in (OVERLAP, OVERLAP_BEST))
    return (
        "Word overlap is the share of a claim's words that stand in the text. Frozen: supported "
        f"from {judge.manifest.overlap_threshold:.2f} on,\nthe best threshold on the claims that "
        "the judge's own weights were fitted on, none of these. Best: the best one\non these very "
        "claims, which nobody could know beforehand. In balanced accuracy the judge is ahead by\n"
        f"{frozen.value:+.3f} ({ends(frozen, '+.3f')}) of the first and by "
        f"{best.value:+.3f} ({ends(best, '+.3f')}) of the second."
    )


def _group_cells(group: str, figures: Figures, baselines: Mapping[str, Figures]) -> list[str]:
    n = next(iter(figures.values())).n
    if "auroc" not in figures:
        return [group, str(n), *["-"] * len(_GROUP_COLUMNS)]
    accuracy = figures["balanced_accuracy"]
    cells = [group, str(n), f"{value(accuracy)} ({ends(accuracy)})"]
    for name in (OVERLAP, OVERLAP_BEST):
        ahead = baselines[name]["ahead"]
        cells += [value(baselines[name]["balanced_accuracy"])]
        cells += [f"{ahead.value:+.3f} ({ends(ahead, '+.3f')})"]
    order = value(figures["auroc"]), value(baselines[OVERLAP]["auroc"])
    return [*cells, *order, value(figures["unsupported_found"])]


def agreement_note(judge: Judge) -> str:
    """Return how far the judge agrees with people: printed wherever it judges."""
    if not AGREEMENT.is_file():
        return "Nobody has measured yet how far this judge agrees with people."
    kept = json.loads(AGREEMENT.read_text("utf-8"))
    note = ", ".join(
        f"{name} {kept_set['judge']['value']:.2f}" for name, kept_set in kept["sets"].items()
    )
    text = (
        f"How far to trust it: the judge agrees with people on {note} (balanced accuracy; "
        f".5 is chance; {count(kept['n'], 'claim')} it never saw)."
    )
    if kept["judge"] != judge.manifest.identity:
        text += " Measured with other weights than these: run --freeze again."
    return text


def as_json(name: str, sha256: str, made: Grounding, judge: Judge) -> dict[str, Any]:
    """Return the run as contract C3 has it."""
    return {
        "dataset": name,
        "sha256": sha256,
        "n": len(made.judged),
        "metrics": _plain(made.figures),
        "kinds": {group: _plain(figures) for group, figures in made.groups.items()},
        "baselines": {name: _plain(figures) for name, figures in made.baselines.items()},
        "kind_baselines": {
            group: {name: _plain(figures) for name, figures in baselines.items()}
            for group, baselines in made.group_baselines.items()
        },
        "rows": [
            {
                "id": item.case.id,
                "source": item.case.source,
                "kind": item.case.kind,
                "label": item.case.label,
                "claim": item.case.claim,
                "supported": item.verdict.supported,
                "score": round(item.verdict.score, 4),
                "reasons": list(item.verdict.reasons),
                "overlap": round(item.overlap, 4),
                "milliseconds": round(item.milliseconds, 1),
            }
            for item in made.judged
        ],
        "milliseconds": _times(made.judged),
        "judge": _judge_values(judge),
        "run": results.provenance(),
    }


def answers_table(
    paths: Sequence[Path], judged: Sequence[Sequence[JudgedAnswer]], judge: Judge
) -> str:
    """Return one system's figures, or two systems' side by side."""
    figures = [make_figures(items) for items in judged]
    header = ["", *(cell for path in paths for cell in (path.stem, "95 %", "n"))]
    differences = compare(judged[0], judged[1]) if len(judged) > 1 else {}
    rows = [[*header, *(["difference", "95 %"] if differences else [])]]
    for name in METRICS:
        row = [name]
        for found in figures:
            figure = found.get(name)
            row += [value(figure), ends(figure), str(figure.n)] if figure else ["-", "-", "0"]
        if differences:
            gap = differences.get(name)
            row += [f"{gap.value:+.3f}", ends(gap, "+.3f")] if gap else ["-", "-"]
        rows.append(row)
    sizes = [
        f"{path.name}: {count(len(items), 'answer')}, "
        f"{count(sum(len(item.sentences) for item in items), 'sentence')}"
        for path, items in zip(paths, judged, strict=True)
    ]
    parts = ["\n".join(sizes), align(rows)]
    if len(judged) > 1:
        ids = {item.answer.id for item in judged[1]}
        shared = sum(item.answer.id in ids for item in judged[0])
        parts.append(
            f"difference: {paths[0].stem} - {paths[1].stem}, over the {count(shared, 'question')} "
            "that both answer, paired"
            if shared
            else "No question is in both files: give them the same ids to compare them in pairs."
        )
    parts.append("citation recall and precision as ALCE defines them, with our judge in its place")
    parts.append(agreement_note(judge))
    return "\n\n".join(parts)


def answers_json(
    paths: Sequence[Path],
    hashes: Sequence[str],
    judged: Sequence[Sequence[JudgedAnswer]],
    judge: Judge,
) -> dict[str, Any]:
    """Return every system's figures and sentences."""
    differences = compare(judged[0], judged[1]) if len(judged) > 1 else {}
    return {
        "systems": [
            {
                "dataset": path.name,
                "sha256": sha256,
                "n": len(items),
                "metrics": _plain(make_figures(items)),
                "rows": [_answer_values(item) for item in items],
            }
            for path, sha256, items in zip(paths, hashes, judged, strict=True)
        ],
        "differences": _plain(differences),
        "judge": _judge_values(judge),
        "run": results.provenance(),
    }


def _answer_values(item: JudgedAnswer) -> dict[str, Any]:
    return {
        "id": item.answer.id,
        "question": item.answer.question,
        "sentences": [
            {
                "text": judged.sentence.text,
                "citations": len(judged.sentence.citations),
                "supported_by_citations": judged.support.together,
                "supported": judged.anywhere,
                "score": round(judged.verdict.score, 4) if judged.verdict else None,
                "reasons": list(judged.verdict.reasons) if judged.verdict else [],
            }
            for judged in item.sentences
        ],
    }


def _judge_values(judge: Judge) -> dict[str, Any]:
    kept = json.loads(AGREEMENT.read_text("utf-8")) if AGREEMENT.is_file() else None
    return {"version": judge.manifest.version, "sha256": judge.manifest.sha256, "agreement": kept}


def _plain(figures: Mapping[str, Interval]) -> dict[str, dict[str, float]]:
    return {
        name: {
            "value": round(figure.value, 4),
            "low": round(figure.low, 4),
            "high": round(figure.high, 4),
            "n": figure.n,
        }
        for name, figure in figures.items()
    }


def _times(judged: Sequence[Judged]) -> dict[str, float]:
    times = sorted(item.milliseconds for item in judged)
    return {
        "median": round(statistics.median(times), 1),
        "p95": round(times[min(len(times) - 1, int(0.95 * len(times)))], 1),
    }


def as_agreement(made: Grounding, judge: Judge) -> str:
    """Return the file of agreement that a run over labelled claims is kept as."""
    groups = {
        name: (figures, made.group_baselines[name])
        for name, figures in made.groups.items()
        if "/" not in name and "auroc" in figures
    } or {"all": (made.figures, made.baselines)}
    values = {
        "judge": judge.manifest.identity,
        "n": len(made.judged),
        "metric": "balanced_accuracy",
        "overlap_threshold": judge.manifest.overlap_threshold,
        "sets": {name: _agreed(*group) for name, group in groups.items()},
    }
    return json.dumps(values, indent=1) + "\n"


def _agreed(figures: Figures, baselines: Mapping[str, Figures]) -> dict[str, dict[str, float]]:
    """Return a set's balanced accuracy, the baseline's at both thresholds, and how far ahead."""
    found = {"judge": figures["balanced_accuracy"]}
    for name, theirs in baselines.items():
        found |= {name: theirs["balanced_accuracy"], f"ahead_of_{name}": theirs["ahead"]}
    return _plain(found)
