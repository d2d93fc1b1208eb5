"""Describe the choices of a run's configuration, in sentences for the methods paragraph, each with its source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from va_experiments.analysis.run_tables import TRIVIAL_MODELS

__all__ = ["protocol_words", "run_methods"]

Options = Mapping[str, Any]

MODELS = {
    "ExtraTrees": "Geurts 2006",
    "InSilicoVA": "McCormick 2016",
    "InSilicoVAStandard": "McCormick 2016",
    "InterVA": "Byass 2012",
    "EAVA": "Kalter 2016",
    "InterVA5": "Byass 2019",
    "LCVA": "Li 2021",
    "Flaml": "Wang 2021",
    "LightGBM": "Ke 2017",
    "NaiveBayes": "Miasnikof 2015",
    "RandomForest": "Breiman 2001",
    "Stacking": "Wolpert 1992",
    "Tariff": "James 2011",
    "Tariff2": "Serina 2015",
    "XGBoost": "Chen 2016",
}
"""Class of a model of ours -> where it comes from; the others are named by what they are."""

ESTIMATORS = {
    "model": "the model's own estimate, or its mean probability if it makes none",
    "adjusted_count": "adjusted counts (Forman 2008)",
    "bbse": "black-box shift estimation (Lipton 2018)",
    "em": "EM under label shift (Saerens 2002) on posteriors calibrated by temperature and bias (Alexandari 2020)",
    "classify_and_count": "shares of top causes",
    "confirmed_counts": "mean probability, moved to the shares of top causes where both lean to one side of the "
    "training fractions",
    "mean_probability": "mean probability",
}
"""Estimator of the CSMF -> what it is."""

LEARNED = ("adjusted_count", "bbse", "em")


def run_methods(configs: Sequence[Options], *, scored: bool = True) -> list[str]:
    """Return sentences on models, protocol, test sets, features, metrics, intervals and seeds of these jobs.

    Where nothing is `scored`, because no true cause is known, none on test sets, metrics and baselines.
    """
    resamples = sorted({int(c["n_bootstrap"]) for c in configs if c["n_bootstrap"]})
    trivial = {*TRIVIAL_MODELS, *(b for c in configs for b in c["baselines"])}
    ran = [str(c["model"]["name"]) for c in configs]
    baselines = _each([*(b for c in configs for b in c["baselines"]), *(m for m in ran if m in trivial)])
    beside = f"; baselines, which use no symptoms: {baselines}" if baselines else ""
    features = _each(str(c["features"]["name"]) for c in configs)
    if not scored:
        return [
            f"Models: {_each(_model(c['model']) for c in configs) or 'none'}.",
            f"Protocol: {_each((protocol_words(c['protocol']) for c in configs), '; ')}. Features: {features}.",
            "The fractions are "
            f"{_each(ESTIMATORS.get(str(c['csmf']), str(c['csmf'])) for c in configs)}. Their 95% intervals are "
            "quantiles of the posterior draws where the model has them, else Wilson's score interval.",
        ]
    texts = [
        f"Models: {_each(_model(c['model']) for c in configs if c['model']['name'] not in trivial) or 'none'}{beside}.",
        f"Protocol: {_each((protocol_words(c['protocol']) for c in configs), '; ')}. Features: {features}.",
        f"Test sets: {_each((_testset(c['testset']) for c in configs), '; ')}.",
        "CSMF accuracy is 1 - sum |p - q| / (2 (1 - min p)) over the declared cause list, the minimum taken over the "
        "whole list (Murray 2011); CCCSMF corrects it by the chance level 1 - 1/e (Flaxman 2015). Three estimates of "
        "the fractions are scored: shares of top causes, mean probability, and the estimate called the model's own, "
        f"which is {_each(ESTIMATORS.get(str(c['csmf']), str(c['csmf'])) for c in configs)}.",
        "Single deaths: top-1 and top-3 accuracy, undetermined deaths being errors; chance-corrected concordance, over "
        "the declared causes that have deaths (Murray 2011); kappa (Cohen 1960); log loss and Brier score (Brier "
        "1950); calibration error of the largest probability (Guo 2017) and by class (Kull 2019), 15 bins.",
    ]
    if any(c["csmf"] in LEARNED for c in configs):
        texts.insert(
            4,
            "Corrections of the fractions are learned from out-of-fold predictions of training deaths, and abstain "
            "where the matrix to invert is ill-conditioned.",
        )
    if resamples:
        numbers = " or ".join(map(str, resamples))
        texts.append(
            f"Intervals of a cell are 95% bootstrap intervals over {numbers} resamples of its deaths: by "
            "inversion of a test for CSMF accuracies (Carpenter 1999), which a small sample biases, and percentiles "
            "for the others (Davison 1997). They do not cover the choice of site or split."
        )
    texts.append(
        "Splits are drawn from seeds that depend on protocol, sites, size and repeat alone, so every model saw the "
        "same deaths; seeds of a model depend on the content of its cell."
    )
    return texts


def protocol_words(options: Options) -> str:
    """Return what a protocol does, with the options that matter, in words."""
    name = str(options.get("name"))
    if name == "combined":
        parts = [protocol_words(part) + _tested(part) for part in dict(options.get("parts") or {}).values()]
        return "; ".join(parts)
    share = f"{100 * float(options.get('test_share') or 0):.3g}% of the deaths tested"
    repeats = int(options.get("repeats") or 1)
    if int(options.get("folds") or 1) > 1:
        divided = f"{options['folds']} stratified folds"
    else:
        divided = f"one stratified division, {share}"
    divided += f", {repeats} times" if repeats > 1 else ""
    words = {
        "leave_one_site_out": "trained on all sites but one, tested on that one",
        "leave_one_country_out": "trained on the sites of all countries but one, tested on the sites of that one",
        "leave_two_sites_out": "trained on all sites but two, tested on each of the two",
        "in_domain": f"trained and tested within one site ({divided})",
        "one_to_one": "trained on one site, tested on another"
        + (f", and within it ({divided})" if options.get("same_site") else ""),
        "pooled": f"{repeats} random divisions of the deaths of all sites together, {share}, "
        + ("stratified by cause (Murray 2011)" if options.get("stratified", True) else "not stratified (Li 2020)"),
        "assign": "nothing is trained, all named sites are predicted",
    }
    text = words.get(name, name.replace("_", " "))
    sizes = options.get("train_size", "all")
    if sizes not in ("all", 1.0, None):
        listed = sizes if isinstance(sizes, (list, tuple)) else [sizes]
        text += f", on nested stratified parts of the training deaths ({', '.join(map(str, listed))})"
        replicates = int(options.get("replicates") or 1)
        text += f", {replicates} replicates each" if replicates > 1 else ""
    labels = options.get("target_labels") or {}
    if numbers := labels.get("n"):
        named = ", ".join(map(str, numbers if isinstance(numbers, (list, tuple)) else [numbers]))
        drawn = "at random" if labels.get("mix", "random") == "random" else "with a cause mix drawn by Dirichlet(1)"
        copies = int(labels.get("copies") or 0)
        text += f", after {named} deaths of the test set had been labelled, drawn {drawn}, and left it"
        text += f", each counted {copies} times in training" if copies else "; models were not trained on them"
    return text


def _tested(part: Options) -> str:
    sites = part.get("test_sites")
    if sites in (None, "all"):
        return ""
    return f", at {', '.join(sites) if isinstance(sites, (list, tuple)) else sites}"


def _model(options: Options) -> str:
    """Return a model's name with where it comes from."""
    target = str(options.get("_target_", ""))
    source = MODELS.get(target.rpartition(".")[2]) if target.startswith("va_experiments.models.") else None
    if source is None and not target.startswith("va_experiments.") and target:
        return f"{options['name']} ({target})"
    return f"{options['name']} ({source})" if source else str(options["name"])


def _testset(options: Options) -> str:
    """Return a test-set design in words."""
    name, n = str(options.get("name")), options.get("n_resamples")
    filled = "filled with deaths drawn with replacement within causes"
    words = {
        "natural": "natural, the deaths as they are",
        "dirichlet": f"{n} cause mixes for each split from Dirichlet({options.get('alpha', 1):g}), {filled} (Murray "
        "2011)",
        "dirichlet_around": f"{n} cause mixes for each split from a Dirichlet distribution around a given mix "
        f"({options.get('csmf')}) with concentration {options.get('concentration')}, {filled}",
        "target": f"{n} sets for each split with one fixed cause mix ({options.get('csmf')}), {filled}",
    }
    return words.get(name, name)


def _each(words: Iterable[str], between: str = ", ") -> str:
    return between.join(dict.fromkeys(words))
