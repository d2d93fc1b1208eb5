"""What ``data check`` suggests for a table: every column has a role or a reason, what was given is never guessed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.end_to_end.conftest import QUICK
from tests.in_process import elsewhere, run_here
from va_experiments.cli import main
from va_experiments.data import load
from va_experiments.data.check import suggest
from va_experiments.data.readers.phmrc_modules import module_of
from va_experiments.errors import InputError, shown_path

N = 60


def table(path: Path, **columns: Callable[[int], str]) -> Path:
    """Write a table with an id, a site, a cause, two symptoms and these columns."""
    every: dict[str, Callable[[int], str]] = {
        "id": lambda i: f"d{i}",
        "site": lambda i: "NS"[i % 2] + "orth",
        "cause": lambda i: "TB" if i % 3 else "Malaria",
        "cough": lambda i: "10"[i % 4 == 0],
        "fever": lambda i: "019"[i * 7 % 5 % 3],
        **columns,
    }
    lines = [",".join(every), *(",".join(make(i) for make in every.values()) for i in range(N))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_every_column_has_a_role_or_a_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = table(
        tmp_path / "a.csv",
        gender=lambda i: ("Male", "Female")[i % 2],
        age_months=lambda i: str(i),
        weight=lambda i: str(40 + i),
        note=lambda i: f"text {i % 20}",
        nothing=lambda i: "",
        cod_tb=lambda i: "10"[i % 3 == 0],
    )
    assert main(["data", "check", str(path)]) == 0
    output = capsys.readouterr().out
    for line in (
        "  gender: sex",
        "  age_months: age, in months",
        "  weight: left out: numbers such as '40', '41', '42'; keep them with 'covariates={COLUMN: null}'",
        "  note: left out: no answers, but 20 different cells such as 'text 0', 'text 1', 'text 2'",
        "  nothing: left out: every cell is empty",
        "  cod_tb: left out: almost equals cause 'TB' (correlation 1.00)",
    ):
        assert line in output
    deaths = load("csv", suggest(path).options)
    assert deaths.symptom_names == ("cough", "fever")
    assert deaths.covariates["age"].max() == pytest.approx(59 / 12)
    assert deaths.covariates["female"].sum() == 30


def test_guesses_are_made_after_the_options_given(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", rash=lambda i: ("jo", "jo", "nej")[i % 3 - 1], weight=lambda i: str(40 + i))
    assert suggest(path).options["exclude"] == ["rash", "weight"]
    options = {
        "value_map": {"jo": "Y", "nej": "N"},
        "covariates": {"weight": None},
        "id": None,
        "allow_leaks": ["rash"],
    }
    suggestion = suggest(path, options)
    assert suggestion.options["exclude"] == ["id"]
    assert suggestion.options["id"] is None
    assert load("csv", suggestion.options).symptom_names == ("cough", "fever", "rash")


def test_sex_in_codes_is_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = table(tmp_path / "a.csv", sex=lambda i: "12"[i % 2])
    assert main(["data", "check", str(path)]) == 2
    assert "column 'sex' holds '1', '2': which is female and which is male?" in capsys.readouterr().err
    assert main(["data", "check", str(path), "sex=sex", 'sex_codes=["2", "1"]']) == 0
    assert "sex: known for 60" in capsys.readouterr().out
    assert main(["data", "check", str(path), "exclude=[sex]"]) == 0


@pytest.mark.parametrize("option", ["value_map={9: .}", "data.value_map={9: ., 1: Y, 0: N}"])
def test_the_yaml_written_runs_though_keys_are_numbers(
    tmp_path: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = table(tmp_path / "a.csv")
    target = tmp_path / "conf" / "data" / "mine.yaml"
    assert main(["data", "check", str(path), option, "--write", str(target)]) == 0, capsys.readouterr().err
    options = yaml.safe_load(target.read_text())
    assert options["value_map"] == {"0": "N", "1": "Y", "9": "."}
    with elsewhere():
        code, output = run_here(
            ("--config-dir", str(tmp_path / "conf"), "data=mine", "model=nbc", "dry_run=true", *QUICK)
        )
    assert code == 0, output


def test_a_column_with_a_key_that_yaml_takes_for_true(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", cough=lambda i: ("Yes", "No")[i % 4 == 0], fever=lambda i: ("No", "Yes")[i % 2])
    assert main(["data", "check", str(path), "value_map={Yes: Y, No: N}"]) == 0


def test_the_form_of_a_file_is_said_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "odk.csv"
    header = [f"a-b-Id3A{k}" for k in range(120, 160)]
    path.write_text(",".join(header) + "\n" + ",".join("yes" for _ in header) + "\n")
    assert main(["data", "check", str(path)]) == 2
    assert "odk.csv' is an export of the WHO 2012 questionnaire (40 questions" in capsys.readouterr().err
    phmrc = tmp_path / "adult.csv"
    columns = dict.fromkeys(c for rule in module_of("adult").rules for c in rule.columns)
    phmrc.write_text(",".join(columns) + "\n" + ",".join("Yes" for _ in columns) + "\n")
    with pytest.raises(InputError, match="'site'"):  # read as the PHMRC file that it is; its site is missing
        load("phmrc_adult", suggest(phmrc).options)
    assert suggest(phmrc).text.startswith("# 'adult.csv' is the PHMRC file of the adult module\nname: phmrc_adult\n")


def test_words_that_several_columns_share_are_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = {f"q{j}": (lambda i, j=j: ("oo", "hindi", "ewan")[i * (j + 2) % 7 % 3]) for j in range(3)}
    path = table(tmp_path / "a.csv", **words)
    assert main(["data", "check", str(path)]) == 2
    output = capsys.readouterr().err
    assert "3 columns ('q0', 'q1', 'q2') share the cells 'ewan', 'hindi', 'oo': are they answers?" in output
    assert main(["data", "check", str(path), "value_map={oo: Y, hindi: N, ewan: .}"]) == 0
    assert "60 deaths, 5 symptoms" in capsys.readouterr().out
    assert main(["data", "check", str(path), "exclude=[q0, q1, q2]"]) == 0


def test_classes_of_age_are_asked_about_and_left_out_if_one_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = table(tmp_path / "a.csv", age=lambda i: ("15-49", "50-64", "65+")[i % 3])
    assert main(["data", "check", str(path)]) == 2
    assert "column 'age' holds '15-49', '50-64', '65+', which are no ages that can be read" in capsys.readouterr().err
    assert main(["data", "check", str(path), "exclude=[age]"]) == 0
    assert "  age: left out: by exclude" in capsys.readouterr().out


def test_a_long_path_is_cut_at_its_beginning(tmp_path: Path) -> None:
    short = shown_path(tmp_path / ("folder-" * 20) / "adult.csv")
    assert len(short) == 82
    assert short.startswith("'...")
    assert short.endswith("/adult.csv'")


def test_numbers_beside_0_and_1_are_asked_not_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A column of answers with a code that nobody explained is no number to be left out."""
    path = table(tmp_path / "a.csv", pain=lambda i: ("1", "0", "97")[i * i % 7 % 3])
    assert main(["data", "check", str(path)]) == 2
    output = capsys.readouterr().err
    assert "pain: value '97'" in output
    assert main(["data", "check", str(path), 'value_map={"97": "."}']) == 0
    scale = {c: (lambda i: "123"[i * i % 7 % 3]) for c in ("pain", "rash", "wound")}
    assert main(["data", "check", str(table(tmp_path / "b.csv", **scale))]) == 2
    assert '\'value_map={"1": Y, "2": N, "3": ?}\'' in capsys.readouterr().err


def test_a_study_of_one_site_and_one_cause_is_recognised_by_the_names_of_its_columns(tmp_path: Path) -> None:
    roles = suggest(table(tmp_path / "a.csv", site=lambda i: "North", cause=lambda i: "TB")).roles
    assert roles is not None
    assert (roles.site, roles.cause) == ("site", "cause")


def test_where_nothing_is_a_symptom_the_columns_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,site,cause,s1\n" + "".join(f"d{i},N{i % 2},C{i % 2},word{i}\n" for i in range(30)))
    assert main(["data", "check", str(path)]) == 2
    assert "no column was recognised as a symptom ('s1': no answers, but 30 different cells" in capsys.readouterr().err


def test_a_recognised_form_is_read_in_the_encoding_that_it_has(tmp_path: Path) -> None:
    from va_experiments.data.probbase import read_probbase

    codes = read_probbase().indicators
    text = "\n".join([",".join(["ID", *codes]), *(",".join([f"d{k}", *["yn"[k % 2]] * len(codes)]) for k in range(2))])
    path = tmp_path / "who.csv"
    path.write_bytes((text + "\n").encode("utf-16"))
    options = dict(suggest(path).options)
    assert options["encoding"] == "utf-16"
    assert len(load(options.pop("name"), options)) == 2


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("1950-03-01", "'1950-03-01' is a date, no age"),
        ("1950", "1950 look like years of birth or death, not ages"),
    ],
)
def test_dates_and_years_are_no_ages(
    cell: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = table(tmp_path / "a.csv", age=lambda i: "43" if i < 20 and "-" in cell else cell)
    assert main(["data", "check", str(path), "age=age"]) == 2
    assert message in capsys.readouterr().err
    assert main(["data", "check", str(path), "age=null"]) == 0


@pytest.mark.parametrize("place", ["/proc/x/a.yaml", "/dev/null/a.yaml", "/etc/hostname/a.yaml"])
def test_a_place_that_cannot_be_written_is_told_in_words(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = table(tmp_path / "a.csv")
    assert main(["data", "check", str(path), "--write", place]) == 2
    output = capsys.readouterr().err
    assert "cannot be used" in output
    assert "name another file or folder" in output
    assert "Traceback" not in output
