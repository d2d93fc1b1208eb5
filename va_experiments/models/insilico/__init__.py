"""InSilicoVA (McCormick et al. 2016): causes and cause fractions by MCMC, trained or with the WHO probbase."""
