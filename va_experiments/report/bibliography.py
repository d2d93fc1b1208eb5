"""List the publications behind a report's methods: the short form in its sentences, and the full reference."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["SOURCES", "cited"]

SOURCES = {
    "Alexandari 2020": "Alexandari A, Kundaje A, Shrikumar A. Maximum likelihood with bias-corrected calibration is "
    "hard-to-beat at label shift adaptation. ICML 2020; PMLR 119:222-232.",
    "Benavoli 2014": "Benavoli A, Corani G, Mangili F, Zaffalon M, Ruggeri F. A Bayesian Wilcoxon signed-rank test "
    "based on the Dirichlet process. ICML 2014; PMLR 32(2):1026-1034.",
    "Benavoli 2017": "Benavoli A, Corani G, Demsar J, Zaffalon M. Time for a change: a tutorial for comparing multiple "
    "classifiers through Bayesian analysis. Journal of Machine Learning Research 2017; 18(77):1-36.",
    "Breiman 2001": "Breiman L. Random forests. Machine Learning 2001; 45:5-32.",
    "Brier 1950": "Brier GW. Verification of forecasts expressed in terms of probability. Monthly Weather Review 1950; "
    "78:1-3.",
    "Byass 2012": "Byass P, Chandramohan D, Clark SJ, et al. Strengthening standardised interpretation of verbal "
    "autopsy data: the new InterVA-4 tool. Global Health Action 2012; 5:19281.",
    "Byass 2019": "Byass P, Hussain-Alkhateeb L, D'Ambruoso L, et al. An integrated approach to processing WHO-2016 "
    "verbal autopsy data: the InterVA-5 model. BMC Medicine 2019; 17:102.",
    "Cai 2023": "Cai TT, Namkoong H, Yadlowsky S. Diagnosing model performance under distribution shift. 2023; "
    "arXiv:2303.02011.",
    "Carpenter 1999": "Carpenter J. Test inversion bootstrap confidence intervals. Journal of the Royal Statistical "
    "Society B 1999; 61:159-172.",
    "Chen 2016": "Chen T, Guestrin C. XGBoost: a scalable tree boosting system. KDD 2016:785-794.",
    "Cohen 1960": "Cohen J. A coefficient of agreement for nominal scales. Educational and Psychological Measurement "
    "1960; 20:37-46.",
    "Davison 1997": "Davison AC, Hinkley DV. Bootstrap methods and their application. Cambridge University Press, "
    "1997.",
    "Demsar 2006": "Demsar J. Statistical comparisons of classifiers over multiple data sets. Journal of Machine "
    "Learning Research 2006; 7:1-30.",
    "Efron 1979": "Efron B. Bootstrap methods: another look at the jackknife. Annals of Statistics 1979; 7:1-26.",
    "Fisher 1935": "Fisher RA. The design of experiments. Oliver and Boyd, 1935: section 21.",
    "Flaxman 2015": "Flaxman AD, Serina PT, Hernandez B, Murray CJL, Riley I, Lopez AD. Measuring causes of death in "
    "populations: a new metric that corrects cause-specific mortality fractions for chance. Population Health Metrics "
    "2015; 13:28.",
    "Forman 2008": "Forman G. Quantifying counts and costs via classification. Data Mining and Knowledge Discovery "
    "2008; 17:164-206.",
    "Friedman 1937": "Friedman M. The use of ranks to avoid the assumption of normality implicit in the analysis of "
    "variance. Journal of the American Statistical Association 1937; 32:675-701.",
    "Geurts 2006": "Geurts P, Ernst D, Wehenkel L. Extremely randomized trees. Machine Learning 2006; 63:3-42.",
    "Guo 2017": "Guo C, Pleiss G, Sun Y, Weinberger KQ. On calibration of modern neural networks. ICML 2017; PMLR "
    "70:1321-1330.",
    "Holm 1979": "Holm S. A simple sequentially rejective multiple test procedure. Scandinavian Journal of Statistics "
    "1979; 6:65-70.",
    "Iman 1980": "Iman RL, Davenport JM. Approximations of the critical region of the Friedman statistic. "
    "Communications in Statistics 1980; A9:571-595.",
    "James 2011": "James SL, Flaxman AD, Murray CJL. Performance of the Tariff Method: validation of a simple additive "
    "algorithm for analysis of verbal autopsies. Population Health Metrics 2011; 9:31.",
    "Kalter 2016": "Kalter HD, Perin J, Black RE. Validating hierarchical verbal autopsy expert algorithms in a large "
    "data set with known causes of death. Journal of Global Health 2016; 6:010601.",
    "Ke 2017": "Ke G, Meng Q, Finley T, et al. LightGBM: a highly efficient gradient boosting decision tree. NeurIPS "
    "2017:3146-3154.",
    "Korn 1998": "Korn EL, Graubard BI. Confidence intervals for proportions with small expected number of positive "
    "counts estimated from survey data. Survey Methodology 1998; 24:193-201.",
    "Kull 2019": "Kull M, Perello-Nieto M, Kaengsepp M, Silva Filho T, Song H, Flach P. Beyond temperature scaling: "
    "obtaining well-calibrated multiclass probabilities with Dirichlet calibration. NeurIPS 2019:12295-12305.",
    "Li 2020": 'Li ZR, McCormick TH, Clark SJ. Non-confirming replication of "Performance of InSilicoVA for assigning '
    'causes of death to verbal autopsies: multisite validation study using clinical diagnostic gold standards". BMC '
    "Medicine 2020; 18:69.",
    "Li 2021": "Li ZR, Wu Z, Chen I, Clark SJ. Bayesian nested latent class models for cause-of-death assignment using "
    "verbal autopsies across multiple domains. 2021; arXiv:2112.12186.",
    "Lipton 2018": "Lipton ZC, Wang YX, Smola AJ. Detecting and correcting for label shift with black box predictors. "
    "ICML 2018; PMLR 80:3122-3130.",
    "Lopez-Paz 2017": "Lopez-Paz D, Oquab M. Revisiting classifier two-sample tests. ICLR 2017.",
    "McCormick 2016": "McCormick TH, Li ZR, Calvert C, Crampin AC, Kahn K, Clark SJ. Probabilistic cause-of-death "
    "assignment using verbal autopsies. Journal of the American Statistical Association 2016; 111:1036-1049.",
    "Miasnikof 2015": "Miasnikof P, Giannakeas V, Gomes M, et al. Naive Bayes classifiers for verbal autopsies: "
    "comparison to physician-based classification for 21,000 child and adult deaths. BMC Medicine 2015; 13:286.",
    "Murray 2011": "Murray CJL, Lozano R, Flaxman AD, Vahdatpour A, Lopez AD. Robust metrics for assessing the "
    "performance of different verbal autopsy cause assignment methods in validation studies. Population Health Metrics "
    "2011; 9:28.",
    "Nadeau 2003": "Nadeau C, Bengio Y. Inference for the generalization error. Machine Learning 2003; 52:239-281.",
    "Saerens 2002": "Saerens M, Latinne P, Decaestecker C. Adjusting the outputs of a classifier to new a priori "
    "probabilities: a simple procedure. Neural Computation 2002; 14:21-41.",
    "Serina 2015": "Serina P, Riley I, Stewart A, et al. Improving performance of the Tariff Method for assigning "
    "causes of death to verbal autopsies. BMC Medicine 2015; 13:291.",
    "Student 1908": "Student. The probable error of a mean. Biometrika 1908; 6:1-25.",
    "Vehtari 2021": "Vehtari A, Gelman A, Simpson D, Carpenter B, Buerkner PC. Rank-normalization, folding, and "
    "localization: an improved R-hat for assessing convergence of MCMC. Bayesian Analysis 2021; 16:667-718.",
    "Wang 2021": "Wang C, Wu Q, Weimer M, Zhu E. FLAML: a fast and lightweight AutoML library. MLSys 2021; 3:434-447.",
    "Westfall 1993": "Westfall PH, Young SS. Resampling-based multiple testing: examples and methods for p-value "
    "adjustment. Wiley, 1993.",
    "Wilcoxon 1945": "Wilcoxon F. Individual comparisons by ranking methods. Biometrics Bulletin 1945; 1:80-83.",
    "Wolpert 1992": "Wolpert DH. Stacked generalization. Neural Networks 1992; 5:241-259.",
}
"""Short form, first author and year -> publication; alphabetical."""


def cited(texts: Iterable[str]) -> dict[str, str]:
    """Return the sources that these texts name, in alphabetical order."""
    whole = " ".join(texts)
    return {short: full for short, full in SOURCES.items() if short in whole}
