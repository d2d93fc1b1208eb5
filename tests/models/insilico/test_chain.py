"""Chains are reproducible, lengthen themselves, and go on bit-identically after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from va_experiments import callbacks
from va_experiments.data.deaths import Deaths
from va_experiments.models.insilico.chain import Run, Sampling
from va_experiments.models.insilico.insilico import InSilicoVA
from va_experiments.models.insilico.problem import build_problem


class Notebook:
    """A listener that remembers, and can break off after some checkpoints."""

    def __init__(self, kept=None, stop_after: int | None = None) -> None:
        self.kept, self.stop_after, self.n, self.reports = kept, stop_after, 0, []

    def progress(self, done, total, info):
        self.reports.append((done, total, dict(info)))

    def checkpoint(self, state):
        self.kept = callbacks.encode_state(state)
        self.n += 1
        if self.n == self.stop_after:
            raise KeyboardInterrupt

    def resume(self):
        return None if self.kept is None else callbacks.decode_state(self.kept)


def model(**changes) -> InSilicoVA:
    return InSilicoVA(**{"n_iterations": 300, "burn_in": 100, "n_chains": 2, "checkpoint_every": 70, **changes})


def same(a, b) -> bool:
    return a.probability.tobytes() == b.probability.tobytes() and a.csmf_draws.tobytes() == b.csmf_draws.tobytes()


@pytest.fixture(scope="module")
def halves(small_deaths: Deaths) -> tuple[Deaths, Deaths]:
    return small_deaths.take(np.arange(200)), small_deaths.take(np.arange(200, 300))


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["improved", "original"])
@pytest.mark.parametrize("stop_after", [1, 4, 6])
def test_an_interrupted_run_goes_on_bit_identically(halves, stop_after, sampler):
    train, test = halves
    fitted = model(sampler=sampler, auto_length=False).fit(train, seed=1)
    whole = fitted.predict(test, seed=2)
    first = Notebook(stop_after=stop_after)
    with callbacks.listening(first), pytest.raises(KeyboardInterrupt):
        fitted.predict(test, seed=2)
    second = Notebook(first.kept)
    with callbacks.listening(second):
        again = fitted.predict(test, seed=2)
    assert same(whole, again)
    assert whole.diagnostics == again.diagnostics
    done = [r[0] for r in second.reports]
    assert done[-1] == 600
    assert done[0] > 70 * (stop_after - 1)  # what was done is not done again


def test_an_interrupted_lengthening_goes_on_too(halves):
    train, test = halves
    fitted = model(n_iterations=40, burn_in=10, max_iterations=320, checkpoint_every=15).fit(train, seed=1)
    whole = fitted.predict(test, seed=2)
    assert whole.diagnostics["lengthened"] >= 1
    first = Notebook(stop_after=12)
    with callbacks.listening(first), pytest.raises(KeyboardInterrupt):
        fitted.predict(test, seed=2)
    with callbacks.listening(Notebook(first.kept)):
        assert same(whole, fitted.predict(test, seed=2))


def test_a_state_of_another_posterior_is_not_used(halves):
    train, test = halves
    fitted = model(auto_length=False).fit(train, seed=1)
    other = Notebook(stop_after=3)
    with callbacks.listening(other), pytest.raises(KeyboardInterrupt):
        fitted.predict(test, seed=3)
    with callbacks.listening(Notebook(other.kept)):
        assert same(fitted.predict(test, seed=2), model(auto_length=False).fit(train, seed=1).predict(test, seed=2))


@pytest.mark.slow
def test_a_killed_process_goes_on_bit_identically(tmp_path: Path):
    script = textwrap.dedent(
        """
        import os, signal, sys
        from pathlib import Path
        import numpy as np
        from va_experiments import callbacks
        from va_experiments.models.insilico.chain import Run, Sampling
        from va_experiments.models.insilico.problem import build_problem

        file, die_at = Path(sys.argv[1]), int(sys.argv[2])

        class Disk:
            n = 0
            def progress(self, done, total, info): pass
            def checkpoint(self, state):
                file.write_bytes(callbacks.encode_state(state))
                Disk.n += 1
                if Disk.n == die_at:
                    os.kill(os.getpid(), signal.SIGKILL)
            def resume(self):
                return callbacks.decode_state(file.read_bytes()) if file.exists() else None

        rng = np.random.default_rng(0)
        symptoms = rng.choice([1, 0, -1], size=(80, 15)).astype(np.int8)
        problem = build_problem(symptoms, level=rng.integers(0, 15, size=(15, 5)))
        run = Run(problem, Sampling(400, 100, n_chains=2, checkpoint_every=90), seed=4)
        with callbacks.listening(Disk()):
            run.sample(lambda run: True, 400)
        print(run.csmf_draws.tobytes().hex()[-64:], *(float(a.sum()).hex() for a in (run.csmf_draws, run.probability)))
        """
    )

    def start(file: Path, die_at: int) -> subprocess.CompletedProcess:
        command = [sys.executable, "-c", script, str(file), str(die_at)]
        root = Path(__file__).resolve().parents[2]
        return subprocess.run(command, capture_output=True, text=True, cwd=root, env=dict(os.environ), check=False)

    whole = start(tmp_path / "none", 0)
    assert whole.returncode == 0, whole.stderr
    assert start(tmp_path / "state", 5).returncode == -signal.SIGKILL
    again = start(tmp_path / "state", 0)
    assert again.returncode == 0, again.stderr
    assert again.stdout == whole.stdout


def test_chains_are_independent_and_the_first_does_not_depend_on_their_number(halves):
    train, test = halves
    two = model(n_chains=2, auto_length=False).fit(train, seed=1).predict(test, seed=2)
    three = model(n_chains=3, auto_length=False).fit(train, seed=1).predict(test, seed=2)
    np.testing.assert_array_equal(two.csmf_draws, three.csmf_draws[:400])
    assert not np.array_equal(two.csmf_draws[:200], two.csmf_draws[200:])


def test_lengthening_doubles_until_the_limit_and_says_that_it_failed(halves):
    train, test = halves
    short = model(n_iterations=30, burn_in=10, max_iterations=130).fit(train, seed=1)
    short.sampler, short.jump_scale = "original", 1e-4  # hardly moves
    diagnostics = short.predict(test, seed=1).diagnostics
    assert diagnostics["n_iterations"] == 120
    assert diagnostics["lengthened"] == 2
    assert diagnostics["converged"] is False
    assert "has not converged after 120 iterations" in diagnostics["warning"]
    assert diagnostics["n_draws"] == 2 * 60


def test_progress_is_reported_with_the_acceptance(halves):
    train, test = halves
    listener = Notebook()
    with callbacks.listening(listener):
        model(sampler="original", auto_length=False).fit(train, seed=1).predict(test, seed=2)
    done = [r[0] for r in listener.reports]
    assert done == sorted(done)
    assert listener.reports[-1][:2] == (600, 600)
    assert 0 < listener.reports[-1][2]["acceptance"] < 1


def test_a_bar_is_shown_when_asked_for(halves, capsys):
    train, test = halves
    model(progress=True, auto_length=False).fit(train, seed=1).predict(test, seed=2)
    assert "600/600" in capsys.readouterr().err


def test_scratch_space_is_shared_by_the_chains():
    rng = np.random.default_rng(0)
    problem = build_problem(rng.choice([1, 0, -1], size=(50, 8)).astype(np.int8), level=rng.integers(0, 15, (8, 3)))
    run = Run(problem, Sampling(10, 0, n_chains=5), seed=1)
    arrays = [v for chain in run.chains for v in vars(chain).values() if isinstance(v, np.ndarray)]
    assert max(v.size for v in arrays) <= 10 * max(8, len(problem.value))
    assert all(chain.value is not problem.value for chain in run.chains)
