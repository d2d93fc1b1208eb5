"""Voting, stacking, calibration and tuning inside training sites: weights, folds, rules, and what cannot be used."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from va_experiments.cell import ModelSpec
from va_experiments.config.schema import forbidden_keys
from va_experiments.errors import InputError
from va_experiments.models import Calibrated, LogisticRegression, NaiveBayes, Stacking, Tuned, Voting
from va_experiments.models.adaptive_count import AdaptiveCount, fit_adaptive_count, reweigh
from va_experiments.models.ensembles.ensemble_members import make_member, member_names
from va_experiments.models.ensembles.pooling import linear_weights, logarithmic_weights, pool
from va_experiments.models.ensembles.site_cross_validation import death_weights, out_of_site, site_folds
from va_experiments.seeds import integer_seed

TWO = ("nbc", "logistic_regression")


def halves(deaths):
    return deaths.take(np.arange(0, 200)), deaths.take(np.arange(200, 300)).without_causes()


def test_pools_by_hand():
    a, b = np.array([[0.8, 0.2, 0.0]]), np.array([[0.2, 0.8, 0.0]])
    np.testing.assert_allclose(pool([a, b], [0.75, 0.25], "linear"), [[0.65, 0.35, 0]])
    np.testing.assert_allclose(pool([a, b], [0.5, 0.5], "logarithmic"), [[0.5, 0.5, 0]])
    np.testing.assert_allclose(pool([a], [2.0], "logarithmic"), [[16 / 17, 1 / 17, 0]])
    nothing = np.zeros((1, 3))
    np.testing.assert_allclose(pool([a, nothing], [0.5, 0.5], "linear"), a)
    np.testing.assert_allclose(pool([a, nothing], [1.0, 0.5], "logarithmic"), a)
    assert not pool([nothing, nothing], [1, 1], "logarithmic").any()


def test_learned_weights_find_the_truth():
    """Deaths drawn from a known mixture, and from a known power of a member: the weights come back."""
    rng = np.random.default_rng(1)
    a, b = rng.dirichlet(np.full(5, 0.5), size=20_000), rng.dirichlet(np.full(5, 0.5), size=20_000)

    def drawn(p):
        return (p.cumsum(axis=1) < rng.random((len(p), 1))).sum(axis=1)

    ones = np.ones(len(a))
    np.testing.assert_allclose(linear_weights([a, b], drawn(0.7 * a + 0.3 * b), ones), [0.7, 0.3], atol=0.02)
    truth = drawn(pool([a, b], [0.5, 0.25], "logarithmic"))
    weights, bias = logarithmic_weights([a, b], truth, ones, ridge=0)
    np.testing.assert_allclose(weights, [0.5, 0.25], atol=0.02)
    assert not bias.any()
    shift = np.array([0.0, 1.0, 0.0, -1.0, 0.0])
    weights, bias = logarithmic_weights([a], drawn(pool([a], [0.5], "logarithmic", shift)), ones, bias=True, ridge=0.01)
    np.testing.assert_allclose(weights, [0.5], atol=0.03)
    np.testing.assert_allclose(bias - bias[0], shift, atol=0.1)


def test_voting_is_the_weighted_mean_of_its_members(small_deaths):
    train, test = halves(small_deaths)
    voted = Voting(members=TWO, weights=(1, 3)).fit(train, seed=5).predict(test, seed=6)
    alone = [make_member(n).fit(train, seed=integer_seed([5, n], "member")).predict(test).probability for n in TWO]
    np.testing.assert_allclose(voted.probability, 0.25 * alone[0] + 0.75 * alone[1], atol=1e-12)
    np.testing.assert_allclose(voted.csmf, voted.probability.mean(axis=0))
    assert voted.diagnostics["weight_logistic_regression"] == 0.75


def test_folds_are_the_training_sites(small_deaths):
    fold = site_folds(small_deaths, seed=0)
    assert np.array_equal(fold, small_deaths.site)
    one = small_deaths.take(small_deaths.site == 1)
    assert np.bincount(site_folds(one, seed=0)).tolist() == [len(one) // 5 + (k < len(one) % 5) for k in range(5)]
    seen = out_of_site(NaiveBayes, small_deaths, fold, seed=0)
    for site in range(3):
        inside = small_deaths.site == site
        model = NaiveBayes().fit(small_deaths.take(~inside))
        assert np.array_equal(seen[inside], model.predict(small_deaths.take(inside)).probability)
    weight = death_weights(fold, balanced=True)
    np.testing.assert_allclose([weight[fold == k].sum() for k in range(3)], 100)


def test_no_model_sees_the_site_that_it_predicts(small_deaths, monkeypatch):
    pairs = []
    fit, predict = NaiveBayes.fit, NaiveBayes.predict

    def watched_fit(self, train, *, seed=0):
        self.sites_seen_ = set(train.site.tolist())
        return fit(self, train, seed=seed)

    def watched_predict(self, test, *, seed=0):
        assert test.cause is None
        pairs.append((self.sites_seen_, set(test.site.tolist())))
        return predict(self, test, seed=seed)

    monkeypatch.setattr(NaiveBayes, "fit", watched_fit)
    monkeypatch.setattr(NaiveBayes, "predict", watched_predict)
    Stacking(members=("nbc",), member_parameters=None).fit(small_deaths)
    Tuned(model="nbc", grid={"alpha": [0.1, 1.0]}).fit(small_deaths)
    assert len(pairs) == 9
    assert all(not seen & tested for seen, tested in pairs)


def test_stacking_prefers_the_member_that_knows_something(small_deaths):
    train, test = halves(small_deaths)
    stack = Stacking(members=("nbc", "prior"), member_parameters=None).fit(train, seed=1)
    assert stack.weights_[0] > stack.weights_[1]
    linear = Stacking(members=("nbc", "uniform"), pool="linear", member_parameters=None).fit(train, seed=1)
    assert linear.weights_[0] > 0.6
    assert linear.weights_.sum() == pytest.approx(1)
    assert stack.predict(test).probability.shape == (100, 4)


def test_calibration_makes_an_overconfident_model_less_sure_and_names_the_same_causes(small_deaths):
    doubled = dataclasses.replace(  # every symptom twice: naive Bayes counts the evidence twice
        small_deaths,
        symptoms=np.hstack([small_deaths.symptoms] * 2),
        symptom_names=(*small_deaths.symptom_names, *(f"{n}b" for n in small_deaths.symptom_names)),
        blocks=(),
    )
    train, test = halves(doubled)
    plain = NaiveBayes().fit(train).predict(test)
    tempered = Calibrated().fit(train)
    assert tempered.weights_[0] < 0.8
    prediction = tempered.predict(test)
    assert np.array_equal(prediction.top_cause, plain.top_cause)
    assert prediction.probability.max(axis=1).mean() < plain.probability.max(axis=1).mean()


def test_tuning_takes_the_best_candidate_within_its_budget(small_deaths):
    train, test = halves(small_deaths)
    tuned = Tuned(grid={"C": [1e-6, 0.2]}, objective="log_loss").fit(train, seed=1)
    assert tuned.best_ == {"C": 0.2}
    scores = [score for _, score in tuned.tried_]
    assert scores[1] > scores[0]
    same = LogisticRegression(C=0.2).fit(train).predict(test).probability
    np.testing.assert_allclose(tuned.predict(test).probability, same, atol=1e-9)
    diagnostics = tuned.predict(test).diagnostics
    assert diagnostics["best_C"] == 0.2
    assert diagnostics["tuning_seconds"] > 0
    few = Tuned(model="nbc", budget=2, objective="top1").fit(train, seed=1)
    assert len(few.tried_) == 2
    by_csmf = Tuned(model="nbc", grid={"alpha": [0.5, 5.0]}, objective="csmf_accuracy").fit(train)
    assert all(0 < score <= 1 for _, score in by_csmf.tried_)


def test_the_blend_follows_the_counts_where_the_mix_has_moved():
    """Ideal probabilities under a training mix: their mean leans to it, counts do not, and the rule learns to tell."""
    rng = np.random.default_rng(0)
    n, n_causes = 3000, 6
    truth = rng.integers(0, n_causes, size=n)
    evidence = rng.normal(size=(n, n_causes)) + 1.2 * np.eye(n_causes)[truth]
    probability = np.exp(1.2 * evidence)
    probability /= probability.sum(axis=1, keepdims=True)
    rule = fit_adaptive_count(probability, truth, rng.integers(0, 3, size=n), seed=0)
    assert rule.share(0.3) > rule.share(0.0)
    assert sum(rule.weights) == pytest.approx(1)
    as_trained, _ = rule.csmf(probability)
    assert np.abs(as_trained - np.bincount(truth) / n).sum() / 2 < 0.02
    moved = truth < 2
    blend, share = rule.csmf(probability[moved])
    assert share > 0.5
    true = np.bincount(truth[moved], minlength=n_causes) / moved.sum()
    assert np.abs(blend - true).sum() < np.abs(probability[moved].mean(axis=0) - true).sum() - 0.1
    assert AdaptiveCount().csmf(probability[moved])[1] == 0
    a_little_more = AdaptiveCount((1.0, 1.0), (0.0, 0.0), (0.5, 0.5 + 2e-16))
    assert a_little_more.share(0.1) == 1
    assert a_little_more.csmf(probability[moved])[0].min() >= 0


def test_reweighing_is_bayes_rule():
    p = np.array([[0.5, 0.5], [0.25, 0.75]])
    np.testing.assert_allclose(reweigh(p, p.mean(axis=0)), p)
    np.testing.assert_allclose(reweigh(p, np.array([0.75, 0.25])), [[5 / 6, 1 / 6], [5 / 8, 3 / 8]])
    np.testing.assert_allclose(reweigh(np.array([[1.0, 0.0]]), np.array([0.0, 1.0])), [[1, 0]])


def test_adapting_the_posterior_is_joint_and_the_csmf_alone_is_not(small_deaths):
    train, test = halves(small_deaths)
    assert Stacking(adapt="posterior").depends_on_test_set
    assert not Stacking(adapt="csmf").depends_on_test_set
    assert Voting(members=("nbc", "insilico")).depends_on_test_set
    plain = Stacking(members=TWO, adapt="csmf", member_parameters=None).fit(train, seed=2).predict(test, seed=3)
    moved = Stacking(members=TWO, adapt="posterior", member_parameters=None).fit(train, seed=2).predict(test, seed=3)
    np.testing.assert_allclose(plain.csmf, moved.csmf)
    np.testing.assert_allclose(moved.probability, reweigh(plain.probability, plain.csmf))


def test_covariates_all_takes_what_the_training_data_have(small_deaths):
    bare = dataclasses.replace(small_deaths, covariates={})
    assert make_member("xgboost", {"covariates": "all"}, small_deaths).covariates == ("age",)
    assert make_member("xgboost", {"covariates": "all"}, bare).covariates == ()


def test_every_grid_is_known_to_its_model():
    from va_experiments.models.ensembles.tuned import GRIDS

    for name in GRIDS:
        Tuned(model=name).check_parameters()
        assert len(Tuned(model=name)._candidates(None)) == 6
    assert set(GRIDS) <= set(member_names())


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Voting(members=("nbc", "xgbost")), "did you mean 'xgboost'"),
        (Voting(members=("nbc", "nbc")), "twice"),
        (Voting(members=()), "expected a list"),
        (Voting(members=TWO, weights=(1,)), "for 2 members"),
        (Voting(members=TWO, weights=(0, 0)), "not all of them 0"),
        (Voting(members=TWO, pool="geometric"), "expected one of linear, logarithmic"),
        (Voting(members=TWO, member_parameters={"nbc": {"alhpa": 1}}), "did you mean 'alpha'"),
        (Voting(members=TWO, member_parameters={"xgboost": {}}), "which is no member"),
        (Voting(members=TWO, member_parameters={"nbc": {"alpha": -1}}), "NaiveBayes: alpha is -1"),
        (Stacking(members=TWO, member_parameters=None, pool="linear", bias=True), "pool=logarithmic"),
        (Stacking(members=TWO, member_parameters=None, adapt="all"), "expected one of none, csmf, posterior"),
        (Calibrated(member="nb"), "did you mean 'nbc'"),
        (Tuned(budget=0), "budget is 0"),
        (Tuned(grid={"C": []}), "a list of values to try"),
        (Tuned(grid={"c": [1]}), "did you mean 'C'"),
        (Tuned(grid={"C": [1]}, parameters={"C": 2}), "in one of them"),
        (Tuned(objective="accuracy"), "objective"),
    ],
)
def test_invalid_options_are_named(model, message):
    with pytest.raises(InputError, match=message):
        model.check_parameters()


SGD = {"_target_": "sklearn.linear_model.SGDClassifier", "loss": "log_loss"}


@pytest.mark.parametrize("kind", [Voting, Stacking])
def test_members_of_scikit_learn_and_other_ensembles(small_deaths, kind):
    train, test = halves(small_deaths)
    members = {"nbc": {}, "sgd": SGD, "voting": {"members": ("nbc", "prior")}, "tempered": {
        "_target_": "va_experiments.models.ensembles.calibrated.Calibrated", "member": "nbc"}}  # fmt: skip
    model = kind(members=tuple(members), member_parameters=members).fit(train, seed=5)
    assert [type(m).__name__ for m in model.models_.values()] == ["NaiveBayes", "SGDClassifier", "Voting", "Calibrated"]
    predicted = model.predict(test, seed=6)
    np.testing.assert_allclose(predicted.probability.sum(axis=1), 1)
    again = kind(members=tuple(members), member_parameters=members).fit(train, seed=5).predict(test, seed=6)
    assert np.array_equal(predicted.probability, again.probability)
    if kind is Voting:
        alone = make_member("sgd", SGD).fit(train, seed=integer_seed([5, "sgd"], "member"))
        prediction = alone.predict(test, seed=integer_seed([6, "sgd"], "member"))
        assert np.array_equal(prediction.probability, model.models_["sgd"].predict(test).probability)


def test_a_joint_member_makes_the_ensemble_joint_by_its_own_parameters():
    def voting(adapt):
        return Voting(members=("nbc", "stacking"), member_parameters={"stacking": {"adapt": adapt}})

    assert voting("posterior").depends_on_test_set
    assert not voting("none").depends_on_test_set
    assert Tuned(model="stacking", parameters={"adapt": "posterior"}, grid={"ridge": [1.0]}).depends_on_test_set


@pytest.mark.slow
def test_a_members_class_comes_from_the_allow_list(small_deaths):
    tree = {"name": "v", "_target_": "va_experiments.models.ensembles.voting.Voting", "members": ["nbc", "x"]}

    def given(target):
        return tree | {"member_parameters": {"x": {"_target_": target}}}

    spec = ModelSpec.from_config(given("sklearn.naive_bayes.BernoulliNB"))
    assert spec.code != ModelSpec.from_config(tree | {"members": ["nbc"]}).code, "a member's code is in the key"
    assert spec.estimator().fit(small_deaths).predict(small_deaths.without_causes()).probability.shape[1] == 4
    for target, message in (
        ("subprocess.Popen", r"model.member_parameters.x._target_ is 'subprocess.Popen': not allowed"),
        ("sklearn.linear_model.LinearRegression", "expected a classifier with fit and predict_proba"),
        ("va_experiments.models.interva.interva5.InterVA5", "has fixed knowledge; expected a model that is trained"),
    ):
        with pytest.raises(InputError, match=message):
            ModelSpec.from_config(given(target))
    hidden = {"name": "t", "_target_": "va_experiments.models.ensembles.tuned.Tuned", "model": "voting",
              "grid": {"member_parameters": [{"x": {"_target_": "subprocess.Popen"}}]}}  # fmt: skip
    with pytest.raises(InputError, match=r"'subprocess\.Popen': not allowed"):
        ModelSpec.from_config(hidden)


def test_a_config_may_name_classes_of_members_and_nothing_else():
    def problems(tree):
        result = []
        forbidden_keys(tree, "config", result)
        return result

    assert problems({"model": {"_target_": "a", "member_parameters": {"x": {"_target_": "b"}}}}) == []
    deeper = {"member_parameters": {"v": {"member_parameters": {"x": {"_target_": "b"}}}}}
    assert problems({"model": deeper}) == []
    for path in ("grid", "resources"):
        assert len(problems({"model": {path: {"_target_": "b"}}})) == 1
    assert len(problems({"data": {"member_parameters": {"x": {"_target_": "b"}}}})) == 1
    assert len(problems({"model": {"member_parameters": {"x": {"_target_": "b", "_partial_": True}}}})) == 1
