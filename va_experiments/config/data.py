"""Define the options of each reader of data: ``data=NAME`` and ``data.OPTION=VALUE``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from annotated_types import Ge, Le
from pydantic import BeforeValidator, Strict

from va_experiments.config.fields import Expected, FilePath, Flag, Group, Mapping, Names, Text, Whole, tag_of

__all__ = [
    "DATA",
    "Csv",
    "DataOptions",
    "ImmcmcAdult",
    "ImmcmcChild",
    "ImmcmcNeonate",
    "PhmrcAdult",
    "PhmrcChild",
    "PhmrcNeonate",
    "Simulated",
    "TrainAndAssign",
    "Union",
    "Who2016",
    "Who2016Odk",
]


def _list_or_mapping(value: object) -> object:
    if isinstance(value, list | tuple):
        value = tuple(value)
    elif not isinstance(value, dict):
        raise ValueError("neither a list nor a mapping")
    if not all(isinstance(v, str) for v in value):
        raise ValueError("a name that is no text")
    return value


Sites = Annotated[Any, BeforeValidator(_list_or_mapping), Expected("a list of names")]


ShareOrNone = Annotated[float, Strict(), Ge(0), Le(1)]
Year = Annotated[int, Strict(), Ge(1950), Le(2100)]


class DataOptions(Group):
    """Options of a reader."""

    name: str


class Simulated(DataOptions):
    """Simulated deaths from the InterVA-5 probbase: 34 adult causes, six sites."""

    name: Literal["simulated"] = "simulated"
    n: Whole | None = None
    """Deaths in all; null: 7,841, shared out as at the six PHMRC sites."""
    seed: Whole = 20_090_101
    """The same seed gives the same deaths."""
    sites: Sites | None = None
    """A list of names, or names with numbers of deaths; null: AP, Bohol, Dar, Mexico, Pemba, UP."""
    n_symptoms: Whole = 168
    """Symptoms, 5 to 251."""


class _Phmrc(DataOptions):
    path: FilePath | None = None
    """A .csv, .csv.gz or .zip file, or the folder that holds it; null: the folder VA_PHMRC_DIR."""
    compat: Flag = False
    """true: the published conversion with its faults."""
    durations: Flag = False
    """true: keep durations as numeric covariates beside age."""
    drop_unlabelled: Flag = False
    """true: drop rows without a known cause instead of refusing the file."""
    drop_empty_symptoms: Flag = False
    """true: leave out symptoms that only say refused or not known, and those that are the same for every death."""
    cause_list: Literal[34, 46, 55] = 34
    """The list of causes: the 34 of the Tariff analyses (21 for children), or one of the file's longer lists."""
    max_unknown: ShareOrNone = 0.01
    """Largest share of a question's filled cells that may be no answer of the questionnaire."""
    missing_numbers: tuple[float, ...] | None = None
    """Numbers that stand for "not known" where a number is asked; null: a heap of 99, 999 or 9 is refused."""
    duplicates: Literal["refuse", "first", "keep"] = "refuse"
    """What to do with deaths that occur twice (the same newid, or the same cells under another)."""
    strata_columns: Names = ()
    """Columns by whose texts strata= shows results, such as g1_05; no model sees them beside what it sees already."""
    indicators: Flag = False
    """true: InterVA-5's 353 indicators in place of the questionnaire's symptoms, for interva5, eava and insilico."""


class PhmrcAdult(_Phmrc):
    """PHMRC gold-standard verbal autopsies, adult module: 7,841 deaths, 34 causes, 168 symptoms."""

    name: Literal["phmrc_adult"] = "phmrc_adult"


class PhmrcChild(_Phmrc):
    """PHMRC gold-standard verbal autopsies, child module: 2,064 deaths of 28 days to 11 years, 21 causes."""

    name: Literal["phmrc_child"] = "phmrc_child"


class PhmrcNeonate(_Phmrc):
    """PHMRC gold-standard verbal autopsies, neonate module: 2,625 stillbirths and deaths before 28 days, 6 causes."""

    name: Literal["phmrc_neonate"] = "phmrc_neonate"


class _Immcmc(DataOptions):
    path: FilePath | None = None
    """A .csv, .csv.gz, .zip or .xlsx file, or the folder that holds it; null: the folder VA_IMMCMC_DIR."""
    site: Text | None = None
    """Column of the site; null: site, or country."""
    cause: Text | None = None
    """Column of the gold-standard cause; null: the first of gs_text34, gs_diagnosis, cause and va34."""
    cause_map: Mapping = {}
    """Cause as written -> its name in PHMRC's list; null leaves the deaths out."""
    phmrc_codes: Flag = False
    """true: numbers in the column of the cause are the codes of PHMRC's list."""
    durations: Flag = False
    """true: keep durations as numeric covariates beside age."""
    drop_unlabelled: Flag = False
    """true: drop rows without a known cause instead of refusing the file."""
    drop_empty_symptoms: Flag = False
    """true: leave out symptoms that only say refused or not known, and those that are the same for every death."""
    max_unknown: ShareOrNone = 0.01
    """Largest share of a question's filled cells that may be no answer of the questionnaire."""
    missing_numbers: tuple[float, ...] | None = None
    """Numbers that stand for "not known" where a number is asked; null: a heap of 99, 999 or 9 is refused."""
    duplicates: Literal["refuse", "first", "keep"] = "refuse"
    """What to do with deaths that occur twice (the same newid, or the same cells under another)."""
    strata_columns: Names = ()
    """Columns by whose texts strata= shows results, such as g1_05; no model sees them beside what it sees already."""


class ImmcmcAdult(_Immcmc):
    """IMMCMC gold-standard verbal autopsies of adults (Bangladesh, Papua New Guinea, Philippines): 2,491 deaths."""

    name: Literal["immcmc_adult"] = "immcmc_adult"


class ImmcmcChild(_Immcmc):
    """IMMCMC gold-standard verbal autopsies of children: 320 deaths."""

    name: Literal["immcmc_child"] = "immcmc_child"


class ImmcmcNeonate(_Immcmc):
    """IMMCMC gold-standard verbal autopsies of neonates: 702 deaths."""

    name: Literal["immcmc_neonate"] = "immcmc_neonate"


class Csv(DataOptions):
    """A table of your own: one row a death, with a site, a cause and symptoms."""

    name: Literal["csv"] = "csv"
    path: FilePath | None = None
    """A .csv, .csv.gz, .zip, .xlsx, .dta, .sav or .parquet file."""
    id: Text | None = None
    """Column of the id; null: rows are numbered."""
    site: Text | None = "site"
    """Column of the site; null: all deaths are of one place."""
    cause: Text | None = "cause"
    """Column of the cause; null: no causes (prediction only)."""
    symptoms: Names | None = None
    """Symptom columns; null: every column that is not named elsewhere here."""
    exclude: Names = ()
    """Columns to leave out when symptoms is null."""
    value_map: Mapping = {"Y": "Y", "N": "N", ".": "."}
    """Answer -> Y (present), N (absent) or . (missing); an empty cell is missing unless mapped."""
    blank: Literal["missing", "absent"] | None = None
    """What an empty cell means where no cell says no: absent or missing; null: such a table is refused."""
    max_unknown: ShareOrNone = 0.01
    """Largest share of a column's filled cells that may be no known answer; they are then missing."""
    sex: Text | None = None
    """Column of the sex; becomes the covariate female (1, 0)."""
    sex_codes: Names = ()
    """Cells for female and for male, where they are no words."""
    age: Text | None = None
    """Column of the age at death; becomes the covariate age, in years."""
    age_unit: Text | None = None
    """years, months, weeks, days or hours, or the column that says it; null: as the column's name says, or years."""
    age_parts: Mapping = {}
    """More columns of the age with their units, where it is divided: {age_months: months, age_days: days}."""
    age_unit_codes: Mapping = {}
    """Cell of the column of units -> its unit, where it holds no words: {1: years, 2: months}."""
    age_missing: tuple[float, ...] | None = None
    """Numbers that stand for an age that is not known, such as 999; null: a heap at 99 years is refused."""
    covariates: Mapping = {}
    """Numeric columns, each with its range: {age: [0, 120]}."""
    missing_numbers: tuple[float, ...] | None = None
    """Numbers of covariates that stand for "not known"; null: a 999 or -9 far from all others is refused."""
    causes: Names | None = None
    """Declared cause list, in order; null: the causes found, sorted."""
    sites: Names | None = None
    """Declared sites, in order; null: the sites found, sorted."""
    cause_map: Mapping = {}
    """Cause as written -> its name; null leaves the deaths out."""
    site_map: Mapping = {}
    """Site as written -> its name; null leaves the deaths out."""
    groups: Mapping = {}
    """Cause -> group (ncd, external, ...)."""
    hce: Names = ()
    """Symptom columns that are recall of health care experience."""
    words: Names = ()
    """Symptom columns that are words of the narrative."""
    narrative: Text | None = None
    """Column of the narrative as free text; its words become columns, used with features=hce_words."""
    drop_unlabelled: Flag = False
    """true: drop rows without a cause."""
    duplicates: Literal["refuse", "first", "keep"] = "refuse"
    """What to do with deaths that occur twice (the same id, or the same answers under another id)."""
    allow_leaks: Names = ()
    """Symptom columns that may equal a cause; any other such column is refused."""
    strata_columns: Names = ()
    """Columns of text (district, hospital) by which strata= shows results; no model sees them."""
    sep: Text = "auto"
    """Separator: auto, a comma, a semicolon, a vertical bar or "\\t"."""
    decimal: Text = "."
    """Decimal sign: a point or a comma."""
    encoding: Text = "utf-8-sig"
    """Encoding, such as latin-1, cp1252, utf-16."""
    fix_encoding: Flag | None = None
    """true: UTF-8 text that was read in another encoding before (CÃ³rdoba) is corrected; null: it is refused."""
    label: Text = "csv"
    """Name of the study in tables and reports."""


class Who2016(DataOptions):
    """WHO 2016 verbal autopsies in InterVA-5's input form: an id and 353 indicators y/n."""

    name: Literal["who2016"] = "who2016"
    path: FilePath | None = None
    """A .csv, .csv.gz, .zip, .xlsx, .dta, .sav or .parquet file."""
    id: Text = "ID"
    """Column of the id."""
    site: Text | None = None
    """Column of the site; null: all deaths belong to one site."""
    cause: Text | None = None
    """Column of a cause assigned otherwise, in InterVA-5's names; null: none is known."""
    site_map: Mapping = {}
    """Site as written -> its name; null leaves the deaths out."""
    value_map: Mapping = {"y": "Y", "Y": "Y", "n": "N", "N": "N", ".": ".", "-": ".", "NA": "."}
    """Answer -> Y, N or . (missing); with this default, words that everybody understands (Yes, TRUE, 1, DK) too."""
    max_unknown: ShareOrNone = 0.01
    """Largest share of a column's filled cells that may be no known answer; they are then missing."""
    duplicates: Literal["refuse", "first", "keep"] = "refuse"
    """What to do with deaths that occur twice (the same id; with causes also the same answers under another id)."""
    eava_columns: Flag = False
    """true: read the columns of the file that model=eava needs beside the indicators, with age in days."""
    strata_columns: Names = ()
    """Columns of text (district, hospital) by which strata= shows results; no model sees them."""
    sep: Text = "auto"
    """Separator: auto, a comma, a semicolon, a vertical bar or "\\t"."""
    encoding: Text = "utf-8-sig"
    """Encoding, such as latin-1, cp1252, utf-16."""
    fix_encoding: Flag | None = None
    """true: UTF-8 text that was read in another encoding before (CÃ³rdoba) is corrected; null: it is refused."""
    label: Text = "who2016"
    """Name of the study in tables and reports."""


class Who2016Odk(DataOptions):
    """An ODK export of the WHO 2016 questionnaire (1.4.1, 1.5.1, 1.5.3), read as InterVA-5's 353 indicators."""

    name: Literal["who2016_odk"] = "who2016_odk"
    path: FilePath | None = None
    """A .csv, .csv.gz, .zip, .xlsx, .dta, .sav or .parquet file."""
    id: Text | None = None
    """Column of the id; null: the instance id of each submission."""
    site: Text | None = None
    """Column of the site; null: all deaths belong to one site."""
    cause: Text | None = None
    """Column of a cause assigned otherwise, in InterVA-5's names; null: none is known."""
    site_map: Mapping = {}
    """Site as written -> its name; null leaves the deaths out."""
    version: Literal["auto", "1.4", "1.5"] = "auto"
    """Version of the questionnaire; auto: by its columns."""
    value_map: Mapping = {}
    """Cell -> yes, no, dk or a choice; or question -> such a mapping for this question alone."""
    date_order: Literal["auto", "day_first", "month_first", "year_first"] = "auto"
    """Which number of 3/4/2018 is the day; auto: as the dates of the file say."""
    latest_year: Year | None = None
    """Years of two digits are the last ones up to this year: with 2018, 18 is 2018 and 19 is 1919; null: not read."""
    exclude: Names = ()
    """Questions to leave out, such as Id10151."""
    max_unknown: ShareOrNone = 0.01
    """Largest share of a question's filled cells that may be no answer; they are then missing."""
    duplicates: Literal["refuse", "first", "keep"] = "refuse"
    """What to do with deaths that occur twice (the same id, or the same answers under another id)."""
    as_pycrossva: Flag = False
    """true: the cells that pyCrossVA gives, also where it reads less than the export says."""
    eava_columns: Flag = True
    """true: keep the columns that model=eava needs beside the indicators."""
    strata_columns: Names = ()
    """Columns of text (district, place of death) by which strata= shows results; no model sees these texts."""
    sep: Text = "auto"
    """Separator: auto, a comma, a semicolon, a vertical bar or "\\t"."""
    encoding: Text = "utf-8-sig"
    """Encoding, such as latin-1, cp1252, utf-16."""
    fix_encoding: Flag | None = None
    """true: UTF-8 text that was read in another encoding before (CÃ³rdoba) is corrected; null: it is refused."""
    label: Text = "who2016_odk"
    """Name of the study in tables and reports."""


def _file_or_reader(value: object) -> object:
    if not isinstance(value, str | dict):
        raise ValueError("neither a file nor a reader")
    return value


def _several(value: object) -> object:
    if not isinstance(value, list | tuple):
        raise ValueError("not a list")
    return value


FileOrReader = Annotated[Any, BeforeValidator(_file_or_reader), Expected("a file, or a reader with its options")]


class TrainAndAssign(DataOptions):
    """Deaths with known causes to train on, and deaths without, to which causes are assigned."""

    name: Literal["train_and_assign"] = "train_and_assign"
    train: FileOrReader | None = None
    """A table with causes, a YAML file of data check, or a reader with its options: {name: phmrc_adult, path: FILE}."""
    assign: FileOrReader | None = None
    """The same for the deaths without known causes; a table is read as data.train says; shared questions are used."""
    options: Mapping = {}
    """Options of data=csv that both tables have."""
    duplicates: Literal["refuse", "first", "keep"] = "refuse"
    """What to do with deaths to assign that are also trained on; first: they are left out of the training."""
    label: Text = "train_and_assign"
    """Name of the study in tables and reports."""


class Union(DataOptions):
    """Several data sets with the same questions as one: all their deaths, sites and causes."""

    name: Literal["union"] = "union"
    members: Annotated[tuple[FileOrReader, ...], BeforeValidator(_several), Expected("a list of readers or files")] = ()
    """Readers, each a name (phmrc_adult), a table, its YAML file, or {name: csv, path: FILE, ...}."""
    options: Mapping = {}
    """Options of data=csv that the members that are tables have."""
    duplicates: Literal["refuse", "first", "keep"] = "refuse"
    """What to do with deaths that several members have; first: those of the member whose name comes first stay."""
    label: Text = "union"
    """Name of the study in tables and reports."""


DATA: dict[str, type[DataOptions]] = {
    tag_of(c): c
    for c in (
        *(Simulated, PhmrcAdult, PhmrcChild, PhmrcNeonate, ImmcmcAdult, ImmcmcChild, ImmcmcNeonate),
        *(Csv, Who2016, Who2016Odk, TrainAndAssign, Union),
    )
}
"""Name in ``data=`` -> the class of its options."""
