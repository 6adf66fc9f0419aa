"""Accuracy on a second set of models, computed later with the same engine.

``python tests/bench/other_models.py`` prints it. Some formulas were mended with this set, so it is no blind
trial; architectures never measured ("low confidence" in the program) would stand apart.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    ROOT = Path(__file__).resolve().parents[2]
    sys.path[:0] = [str(ROOT / "desktop"), str(ROOT / "tests")]

from bench import fit_accuracy as accuracy
from fakes import fit_truth

GROUPS = {
    "cuda-full": "CUDA, all layers",
    "cpu": "processor alone",
    "fit": "one device, automatic",
    "multi2x24": "two devices, automatic",
}
HEAD = ("second set, error of the total in %", "models", "cases", "mean", "worst", "layers exact %")


def rows() -> list[tuple[str, ...]]:
    """A line per group, measured architectures and others apart."""
    scored = [accuracy.score(case) for case in fit_truth.other_cases()]
    found = []
    for measured, whose in ((True, ""), (False, ", low confidence")):
        for group, name in GROUPS.items():
            own = [
                s
                for s in scored
                if s.case["group"] == group and accuracy.model(s.case["model"]).arch.measured is measured
            ]
            if not own:
                continue
            errors = [100 * abs(s.error("total")) for s in own]
            fitted = [s for s in own if s.case["fit"]]
            exact = f"{accuracy.share(fitted, lambda s: s.layers_agree):.1f}" if fitted else "-"
            found.append(
                (
                    name + whose,
                    str(len({s.case["model"] for s in own})),
                    str(len(own)),
                    f"{sum(errors) / len(errors):.3f}",
                    f"{max(errors):.3f}",
                    exact,
                )
            )
    return found


def main() -> int:
    """Print the table."""
    for cells in (HEAD, *rows()):
        print(f"{cells[0]:42}" + "".join(f"{cell:>10}" for cell in cells[1:-1]) + f"{cells[-1]:>16}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
