"""Every statistic with what it is checked against: rows of ``docs/reference/evidence.md``, held complete by a test."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module

__all__ = ["PARTS", "ROWS", "Row", "public_statistics"]

METRICS_TESTS, MODELS_TESTS = "tests/metrics", "tests/models"
KINDS = ("closed form", "worked example", "library", "simulation", "definition", "published figures")


@dataclass(frozen=True)
class Row:
    """What some statistics are checked against, and by which tests."""

    names: tuple[str, ...]
    """Functions and columns of ``cells.csv``."""
    kind: str
    """One of `KINDS`, or several with commas."""
    source: str
    tests: tuple[str, ...]
    """``file::function``."""
    figures: str = ""
    """What the tests print, where it is a rate."""


def _tests(file: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{file}::{name}" for name in names)


def _in(file: str, *names: str) -> tuple[str, ...]:
    return _tests(f"{METRICS_TESTS}/{file}", *names)


PARTS: dict[str, tuple[Row, ...]] = {
    "Cause fractions": (
        Row(
            ("csmf_accuracy", "csmf_accuracy_top", "csmf_accuracy_mean", "csmf_accuracy_model"),
            "worked example, definition",
            "Murray 2011: an example worked by hand, the limits 0 and 1, the plain formula on random fractions",
            _in("test_csmf.py", "test_worked_example", "test_limits", "test_minimum_runs_over_the_declared_list",
                "test_equals_the_plain_formula_and_broadcasts")
            + _in("test_score.py", "test_values_equal_the_plain_definitions",
                  "test_the_models_own_csmf_moves_exactly_where_it_is_the_mean_or_the_top_shares"),
        ),
        Row(
            ("csmf_accuracy_determined", "csmf_accuracy_redistributed",
             *(f"csmf_accuracy_{e}_{v}" for e in ("top", "mean", "model") for v in ("determined", "redistributed"))),
            "worked example", "by hand",
            _in("test_csmf.py", "test_undetermined_is_a_class_of_its_own_redistributed_or_dropped"),
        ),
        Row(
            ("csmf_conformal_coverage", "csmf_conformal_width"),
            "worked example, simulation", "a quantile by hand; coverage of 400 simulated studies of six alike sites",
            _in("test_conformal.py", "test_the_quantile_is_that_of_the_scaled_errors",
                "test_intervals_end_at_0_and_1_and_include_their_ends",
                "test_new_sites_like_the_training_sites_are_covered_as_the_level_says"),
        ),
        Row(
            ("csmf_accuracy_labelled", "csmf_accuracy_half_labelled"), "worked example", "by hand",
            _tests("tests/cell/test_target_labels.py",
                "test_the_baselines_are_the_labelled_fractions_and_their_mean_with_the_models",
                "test_a_cell_has_both_baselines_and_fewer_tests")
            + _tests("tests/analysis/test_label_curves.py",
                "test_means_are_over_the_sites_with_every_number_and_their_replicates"),
        ),
        Row(
            ("chance_corrected", "cccsmf_top", "cccsmf_mean", "cccsmf_model", "cccsmf_empirical_top",
             "cccsmf_empirical_mean", "cccsmf_empirical_model"),
            "published figures, definition", "pairs of CSMF accuracy and CCCSMF printed by Serina 2015",
            _in("test_csmf.py", "test_chance_correction")
            + _in("test_score.py", "test_values_equal_the_plain_definitions"),
        ),
        Row(
            ("chance_accuracy", "csmf_chance", "finite_sample_ceiling", "csmf_ceiling", "mean_absolute_deviation"),
            "closed form, simulation", "De Moivre 1730 on the mean absolute deviation; 4,000 simulated samples",
            _in("test_reference_levels.py", "test_mean_absolute_deviation_equals_de_moivre",
                "test_chance_and_finite_sample_ceiling_equal_simulation"),
        ),
        Row(
            ("uniform_accuracy_under_dirichlet",), "simulation",
            "chance levels measured by a program of its own for 34, 21, 6 and 5 causes",
            _in("test_reference_levels.py", "test_uniform_guess_under_dirichlet"),
        ),
        Row(
            ("label_coverage", "coverage_ceiling", "csmf_ceiling_coverage"),
            "definition, simulation", "by hand; the best of 5,000 random mixes without the absent causes",
            _in("test_reference_levels.py", "test_label_coverage_limits_the_best_possible_accuracy")
            + _in("test_score.py", "test_values_equal_the_plain_definitions"),
        ),
        Row(("cause_fractions",), "worked example", "by hand", _in("test_csmf.py", "test_cause_fractions")),
        Row(
            ("cause_regression",), "library, closed form", "numpy.polyfit; a line without noise is recovered",
            _in("test_testsets.py", "test_cause_regression_recovers_a_line"),
        ),
    ),
    "Single deaths": (
        Row(
            ("sensitivity", "macro_sensitivity", "positive_predictive_value", "macro_ppv", "macro"), "library",
            "scikit-learn: recall_score, precision_score",
            _in("test_individual.py", "test_sensitivity_and_predictive_value_equal_sklearn"),
        ),
        Row(
            ("specificity", "negative_predictive_value"), "library", "scikit-learn, on the complement of each cause",
            _in("test_individual.py", "test_specificity_and_npv_equal_sensitivity_and_ppv_of_the_complement"),
        ),
        Row(("confusion",), "library", "scikit-learn: confusion_matrix",
            _in("test_individual.py", "test_confusion_equals_sklearn")),
        Row(("kappa",), "library", "scikit-learn: cohen_kappa_score",
            _in("test_individual.py", "test_kappa_equals_sklearn_with_undetermined_as_a_category")),
        Row(
            ("rank_of_truth", "top1", "top3"), "library, definition",
            "scikit-learn: top_k_accuracy_score; ties by hand",
            _in("test_individual.py", "test_rank_equals_sklearn_where_there_are_no_ties",
                "test_ties_break_in_declared_order_and_zero_is_in_no_top_k")
            + _in("test_score.py", "test_values_equal_the_plain_definitions"),
        ),
        Row(
            ("chance_corrected_concordance", "mean_ccc", "median_ccc", "median_over_present"),
            "closed form, library", "Murray 2011: 0 for chance, least value -1/(N - 1); numpy.median",
            _in("test_individual.py", "test_concordance_is_zero_for_chance_and_has_its_minimum",
                "test_mean_and_median_run_over_causes_with_deaths")
            + _in("test_score.py", "test_values_equal_the_plain_definitions"),
        ),
        Row(("partial_concordance", "pccc3"), "closed form", "0 for chance, 1 for a perfect method",
            _in("test_individual.py", "test_partial_concordance")),
        Row(("undetermined",), "definition", "the share",
            _in("test_score.py", "test_values_equal_the_plain_definitions", "test_extreme_predictions")),
        Row(
            ("score", "evaluate", "per_cause_table", "totals"), "definition",
            "a plain loop over the resamples, bit for bit; scoring the repeated deaths themselves",
            _in("test_score.py", "test_every_resample_equals_a_plain_loop_bit_for_bit",
                "test_a_resample_equals_scoring_the_repeated_deaths", "test_names_and_ranges"),
        ),
    ),
    "Calibration": (
        Row(("log_loss", "brier"), "library, definition", "scikit-learn: log_loss; the plain sum of squares",
            _in("test_calibration.py", "test_log_loss_equals_sklearn")),
        Row(
            ("reliability", "expected_calibration_error", "ece", "classwise_calibration_error", "ece_classwise"),
            "library, worked example", "scikit-learn: calibration_curve; an example worked by hand",
            _in("test_calibration.py", "test_reliability_and_its_errors_equal_sklearns_curve",
                "test_errors_of_a_worked_example", "test_error_of_calibrated_probabilities_is_small"),
        ),
        Row(
            ("fit_calibration", "apply_temperature"), "simulation",
            "a known temperature and known biases are recovered",
            _in("test_calibration.py", "test_temperature_is_recovered",
                "test_temperature_and_biases_are_recovered_and_the_mean_becomes_the_share"),
        ),
        Row(
            ("csmf_interval_coverage",), "simulation", "exact Dirichlet posteriors cover as they say",
            _in("test_calibration.py", "test_interval_coverage_is_nominal_for_exact_posteriors"), ".954",
        ),
    ),
    "Intervals": (
        Row(
            ("accuracy_interval",), "simulation, closed form",
            "coverage of nominal 95% intervals of CSMF accuracies at 297, 1,000 and 1,726 deaths, and in 42 further "
            "conditions (python -m benchmarks coverage); the normal interval where errors are many standard errors",
            _in("test_intervals.py", "test_nominal_95_percent_intervals_cover_as_they_say",
                "test_inversion_where_chance_plays_no_part_is_the_normal_interval", "test_csmf_accuracy_on_real_deaths",
                "test_a_sample_better_than_chance_allows_lies_in_its_interval"),
            ".942 to .962; 42 further conditions .930 to .970",
        ),
        Row(
            ("interval", "bootstrap_weights", "quantile_of_sorted"), "simulation, library",
            "coverage of the percentile intervals of seven metrics at three sizes; numpy.quantile, method weibull",
            _in("test_intervals.py", "test_nominal_95_percent_intervals_cover_as_they_say", "test_kinds"),
            ".940 to .968",
        ),
        Row(
            ("over_test_sets", "median_interval"), "library, simulation",
            "numpy.quantile; 20,000 resamples; coverage of the median of exponential values",
            _in("test_testsets.py", "test_intervals_of_both_kinds", "test_interval_of_the_median_covers"), ".951",
        ),
        Row(
            ("t_interval",), "library, simulation", "SciPy: t.interval, ttest_rel; coverage over 3, 6 and 20 sites. "
            "Where one site in six is far below the others, six sites cover less than they say",
            _in("test_comparison.py", "test_t_interval_equals_scipy")
            + _in("test_error_rates.py", "test_t_interval_over_sites_covers",
                  "test_t_interval_equals_scipys_paired_t_test",
                  "test_t_interval_over_sites_of_which_one_is_unlike_the_others")
            + _tests("tests/analysis/test_leaderboard.py", "test_t_interval_equals_scipys"),
            ".947 to .949; one unlike site: .866",
        ),
        Row(
            ("nested_bootstrap", "death_bank", "nested_intervals"), "simulation, closed form",
            "coverage for new sites (sites alone; all levels, which count the chance of deaths twice and are cautious) "
            "and for new deaths at given sites; the variance of resampling sites and deaths",
            _in("test_nested_bootstrap.py", "test_interval_for_new_sites_covers",
                "test_interval_for_new_deaths_at_the_same_sites_covers", "test_means_levels_and_pairing")
            + _tests("tests/analysis/test_run_statistics.py", "test_nested_intervals_are_those_of_the_closed_form"),
            ".948 and .963; all levels .968 and .973; new deaths .947",
        ),
        Row(
            ("paired_difference",), "simulation", "coverage for top-1 accuracy, 200 deaths",
            _in("test_nested_bootstrap.py", "test_paired_difference_covers",
                "test_paired_difference_is_narrower_than_unpaired_and_refuses_other_deaths"),
            ".948",
        ),
        Row(
            ("resampled_sets",), "library", "SciPy: bootstrap of the median; numpy.quantile",
            _tests("tests/analysis/test_resampled_sets.py",
                   "test_divisions_with_one_test_set_each_are_taken_together",
                   "test_a_cell_over_many_test_sets_has_both_intervals"),
        ),
    ),
    "Comparison of models": (
        Row(
            ("candidate_by_site", "single_death_accuracy"), "worked example, definition",
            "the choice of parameters without the left-out site: a candidate that only the left-out site likes is not "
            "chosen; accuracy of every candidate by a plain loop",
            _in("test_nested_blend.py", "test_a_candidate_that_only_the_left_out_site_likes_is_not_chosen_there",
                "test_files_choose_together_and_equals_go_to_the_first",
                "test_accuracy_of_every_candidate_equals_a_plain_loop"),
        ),
        Row(
            ("sign_flip",), "worked example, library, simulation",
            "Fisher 1935 on Darwin's maize; SciPy: permutation_test; level over 6 sites, and over 24 by Monte Carlo",
            _in("test_comparison.py", "test_sign_flip_equals_fishers_worked_example",
                "test_sign_flip_equals_scipy_and_states_its_least_p", "test_sign_flip_of_many_units_is_monte_carlo",
                "test_sign_flip_keeps_its_level_for_few_sites")
            + _in("test_error_rates.py", "test_sign_flip_of_many_units_keeps_its_level"),
            "6 sites .032 at 2/64; 24 sites .040 at .05",
        ),
        Row(
            ("corrected_t",), "definition, library, simulation",
            "Nadeau 2003; SciPy: ttest_1samp where there are no test deaths; level over random divisions. Over the "
            "folds of one cross-validation it is too cautious",
            _in("test_comparison.py", "test_corrected_t_equals_its_formula_and_the_plain_t_without_test_deaths",
                "test_corrected_t_keeps_its_level_where_the_plain_t_does_not")
            + _in("test_error_rates.py", "test_corrected_t_over_folds_and_few_divisions"),
            "15, 5, 30 divisions .043, .039, .047 at .05 (plain t .375); 10 folds .010",
        ),
        Row(
            ("bayesian_signed_rank",), "closed form, library, simulation",
            "Benavoli 2014: equal differences, a Beta probability; SciPy: wilcoxon, one-sided; how often it is sure of "
            "a difference that is not there (it promises no rate)",
            _in("test_comparison.py", "test_signed_rank_has_a_closed_form_for_equal_differences",
                "test_signed_rank_behaves")
            + _in("test_error_rates.py", "test_how_often_the_bayesian_signed_rank_test_is_sure_of_nothing"),
            "P > .95 for one side: 6 sites .168, 20 sites .138",
        ),
        Row(
            ("holm",), "worked example, closed form",
            "four p values by hand; the family-wise rate of independent "
            "tests",
            _in("test_comparison.py", "test_holm_worked_example", "test_holm_keeps_the_family_error"),
        ),
        Row(
            ("max_t",), "definition, library, simulation",
            "Westfall 1993, algorithm 2.8 by the definition; SciPy: permutation_test for one comparison; family-wise "
            "rate",
            _in("test_max_t.py", "test_one_comparison_is_the_sign_flip_test_and_scipys_permutation_test",
                "test_by_the_definition", "test_family_wise_error_rate"),
            ".055 at .05",
        ),
        Row(
            ("detectable_difference", "sites_needed", "t_test_power"), "worked example, simulation",
            "Cohen 1988, table 2.3.5 (one-sample d .5, power .80: 34 units); rate of SciPy's ttest_1samp in simulated "
            "designs",
            _in("test_power.py", "test_cohens_table", "test_power_is_the_rate_of_significant_tests",
                "test_sites_needed_is_the_first_number_with_the_power"),
            "simulated power within .01 of .80",
        ),
        Row(
            ("variance_components",), "worked example, simulation",
            "Searle 1992: one-way random effects by the method of moments; mean of the estimates in simulated designs",
            _in("test_power.py", "test_variance_components_by_hand", "test_variance_components_are_unbiased"),
        ),
        Row(
            ("mcnemar",), "library, simulation", "SciPy: binomtest; level with 150 deaths (exact: at most .05)",
            _in("test_comparison.py", "test_mcnemar_equals_scipy")
            + _in("test_error_rates.py", "test_mcnemar_keeps_its_level"),
            ".036 at .05",
        ),
        Row(
            ("friedman", "friedman_of_mean_ranks", "critical_difference", "mean_ranks"),
            "library, worked example, simulation",
            "SciPy: friedmanchisquare; Demsar 2006, section 3.2.4; level of F and of any pair beyond the difference",
            _in("test_comparison.py", "test_friedman_equals_scipy", "test_friedman_equals_demsars_worked_example")
            + _in("test_error_rates.py", "test_friedman_and_the_critical_difference_keep_their_level")
            + _tests("tests/analysis/test_run_statistics.py",
                     "test_ranks_of_models_that_always_come_in_the_same_order"),
            "F .051 to .062, any pair .037 to .043, at .05",
        ),
        Row(("indistinguishable_groups",), "worked example", "Demsar 2006, figure 1; by hand",
            _in("test_comparison.py", "test_bars_of_a_critical_difference_diagram")),
        Row(
            ("compare_models", "paired_comparisons"), "library", "SciPy: ttest_rel; the tests above, pair by pair",
            _in("test_comparison.py", "test_compare_models_pairs_all_and_adjusts")
            + _tests("tests/analysis/test_comparisons.py", "test_by_site_against_scipy",
                     "test_by_division_is_nadeau_and_bengio",
                     "test_max_t_is_over_all_pairs_of_a_setting_whose_models_have_all_splits",
                     "test_models_that_were_tested_on_other_deaths_are_not_compared"),
        ),
    ),
    "Test-set designs": (
        Row(
            ("draw_test_sets",), "definition, closed form",
            "Murray 2011: floor and multinomial remainder; moments of the flat Dirichlet distribution",
            _in("test_testsets.py", "test_counts_are_the_floor_and_a_multinomial_remainder",
                "test_flat_dirichlet_has_its_moments", "test_around_and_target"),
        ),
        Row(
            ("score_test_sets", "score_each_test_set", "score_design"), "definition",
            "every set scored by itself; medians and intervals on the real deaths within tolerances of simulation",
            _in("test_testsets.py", "test_scores_over_test_sets_equal_scoring_each",
                "test_a_design_is_scored_by_resampling_or_by_predicting_each_set")
            + _in("test_phmrc_figures.py", "test_pooled_with_dirichlet_test_sets"),
        ),
    ),
    "Where a loss comes from": (
        Row(
            ("transfer_drop", "transfer_drops"), "simulation",
            "no shift gives no parts; one shift at a time gives its own part",
            _in("test_shift.py", "test_no_shift_no_parts", "test_each_part_answers_to_its_shift")
            + _in("test_phmrc_shift.py", "test_parts_of_the_drop_by_site"),
        ),
        Row(
            ("site_auc",), "closed form, library",
            "one yes/no answer: P(a < b) + P(a = b) / 2; scikit-learn: roc_auc_score; SciPy: mannwhitneyu",
            _in("test_shift.py", "test_site_auc_has_its_known_values",
                "test_the_area_under_the_curve_equals_sklearns_and_mann_whitneys"),
        ),
        Row(("cause_mix_distance",), "worked example", "by hand", _in("test_shift.py", "test_cause_mix_distance")),
    ),
    "Corrected cause fractions": (
        Row(
            ("adjusted_count", "bbse"), "closed form, simulation",
            "Forman 2008: two causes; a shifted mix is recovered where only the mix shifts",
            _in("test_quantification.py", "test_two_causes_in_closed_form",
                "test_corrections_recover_a_shifted_mix_and_plain_counts_do_not",
                "test_corrections_abstain_with_a_reason_if_the_matrix_cannot_be_inverted"),
        ),
        Row(
            ("calibrate", "path_weight", "little_informed", "refit_shapes"),
            "closed form, simulation, published figures",
            "two causes by integration; ranks of draws from the prior (Talts 2018); COMSA-Mozambique's counts within "
            ".02 of an independent sampler, but .03 for InterVA in neonates",
            _in("test_vacalibration.py", "test_two_causes_with_a_known_matrix_equal_integration",
                "test_draws_have_the_ranks_of_draws_from_the_prior",
                "test_a_symmetric_ensemble_is_the_fit_to_both_algorithms_counts",
                "test_the_weight_of_the_identity_is_the_least_that_gives_fractions",
                "test_columns_that_hardly_vary_say_little", "test_shapes_are_fitted_to_draws",
                "test_counts_of_comsa_mozambique"),
        ),
        Row(
            ("gbql", "labelled_fractions", "model_and_labelled", "pseudo_counts"), "simulation, worked example",
            "fractions and rounding by hand; the mean probability where the model is trusted; a biased classifier's "
            "mix and matrix",
            _in("test_few_labels.py", "test_fractions_by_hand", "test_pseudo_deaths_sum_to_the_copies",
                "test_without_labels_and_with_a_trusted_model_it_is_the_mean_probability",
                "test_labelled_deaths_correct_a_biased_model"),
        ),
        Row(
            ("site_shapes", "site_precision", "confusion_counts", "group_level"), "simulation, worked example, library",
            "rows that scatter between sites with a known precision; counts and shapes by hand; the likelihood by "
            "SciPy's Dirichlet-multinomial",
            _in("test_misclassification.py", "test_deaths_are_counted_by_site_and_undetermined_ones_left_out",
                "test_a_precision_needs_two_sites_with_deaths", "test_the_precision_is_the_most_likely_of_the_grid",
                "test_shapes_of_a_row_are_its_smoothed_shares_times_the_precision",
                "test_fractions_are_added_up_by_group")
            + _in("test_vacalibration.py", "test_sites_that_differ_widen_the_rows",
                "test_counts_of_named_causes_by_site_and_groups"),
        ),
        Row(
            ("em",), "closed form, simulation",
            "Saerens 2002: a fixed point of its equations; a shifted mix is recovered from calibrated posteriors only",
            _in("test_quantification.py", "test_em_is_a_fixed_point_of_its_equations",
                "test_em_needs_calibrated_posteriors"),
        ),
        Row(
            ("confirmed_counts", "confirmed_blend"), "worked example, definition",
            "four causes by hand; the bound of its distance from the mean, on random mixes",
            _in("test_confirmed_counts.py", "test_confirmed_causes_alone_move_by_hand",
                "test_it_is_the_mean_at_the_training_mix_and_where_counts_and_mean_agree",
                "test_the_estimate_is_within_the_share_of_the_distance_to_the_counts",
                "test_the_estimator_takes_only_the_fractions_of_the_training_deaths"),
        ),
        Row(
            ("classify_and_count", "mean_probability", "estimate_csmf"), "definition",
            "a perfect model's plain counts",
            _in("test_quantification.py", "test_soft_and_hard_agree_with_plain_counting_for_a_perfect_model")
            + _in("test_phmrc_quantification.py", "test_label_shift_is_corrected"),
        ),
    ),
    "Convergence of InSilicoVA": (
        Row(
            ("assess",), "definition, closed form",
            "Vehtari 2021: R-hat by its formula; the effective sample size of an AR(1)",
            _tests(f"{MODELS_TESTS}/insilico/test_convergence.py", "test_rhat_equals_its_formula",
                   "test_effective_sample_size_of_an_autoregression", "test_assessment_of_good_and_bad_chains"),
        ),
        Row(
            ("heidelberger_welch",), "published figures, simulation",
            "Anderson and Darling 1952: quantiles of the statistic; level, and a trend that is seen",
            _tests(f"{MODELS_TESTS}/insilico/test_convergence.py", "test_cramer_von_mises_has_the_published_quantiles",
                   "test_stationarity_test_keeps_its_level_and_sees_a_trend"),
        ),
        Row(("geweke",), "simulation", "standard normal on stationary series",
            _tests(f"{MODELS_TESTS}/insilico/test_convergence.py", "test_geweke_scores_are_standard_normal")),
        Row(("spectral_density_at_zero",), "closed form", "an AR(1): 1 / (1 - phi)^2",
            _tests(f"{MODELS_TESTS}/insilico/test_convergence.py", "test_spectral_density_of_an_autoregression")),
    ),
}  # fmt: skip
"""Heading -> rows."""

ROWS: tuple[Row, ...] = tuple(row for rows in PARTS.values() for row in rows)

MODULES = (
    *(f"va_experiments.metrics.{m}" for m in (
        "calibration", "comparison", "confirmed_counts", "csmf", "csmf_interval", "few_labels", "individual", "max_t",
        "misclassification",
        "nested_bootstrap", "power",
        "quantification", "ranking", "reference_levels", "resampling", "score", "shift", "sufficient_statistics",
        "testset_scores", "testsets", "vacalibration",
    )),
    "va_experiments.models.insilico.convergence", "va_experiments.analysis.comparisons",
    "va_experiments.analysis.resampled_sets", "va_experiments.analysis.run_statistics",
    "benchmarks.nested_blend",
)  # fmt: skip
"""Modules whose public functions are statistics."""

NO_STATISTICS = {
    "scored_deaths": "arranges the deaths of a prediction",
    "check_causes": "checks the causes of a mix",
    "testset_options": "checks options",
    "main": "prints tables",
}
"""Public functions of these modules that compute none, and what they do."""


def public_statistics() -> Iterator[str]:
    """Yield the name of every public statistic: functions of `MODULES`, and every metric."""
    from va_experiments.metrics import CASE_METRICS, METRICS

    yield from METRICS
    yield from CASE_METRICS
    for name in MODULES:
        module = import_module(name)
        for public in module.__all__:
            if inspect.isfunction(getattr(module, public)) and public not in NO_STATISTICS:
                yield public
