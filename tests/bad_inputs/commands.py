"""Commands and files of the configuration that are refused before anything runs."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

__all__ = ["COMMANDS", "YAMLS", "Command", "Yaml"]


@dataclass(frozen=True)
class Command:
    """Arguments of ``python -m va_experiments``, and what is said of them."""

    row: str
    what: str
    message: str
    arguments: tuple[str, ...]

    @property
    def given(self) -> str:
        """The arguments as they are typed."""
        return shlex.join(self.arguments)[:90]


@dataclass(frozen=True)
class Yaml:
    """A file of somebody's own ``conf/model`` with this content, and what is said of it."""

    row: str
    what: str
    message: str
    content: str

    @property
    def given(self) -> str:
        """The lines of the file."""
        return " ⏎ ".join(ascii(line)[1:-1] for line in self.content.splitlines())[:90]


SIZE = "train_size: n_train must be a whole number >= 1; got "
COMMANDS: list[Command] = [
    Command("typo", "top-level key", "unknown key 'sede'; did you mean 'seed'?", ("sede=2",)),
    Command("typo", "key beside a sweep", "did you mean 'seed'?", ("model=nbc,interva", "sede=2", "-m")),
    Command("typo", "group's name beside a sweep", "unknown site 'pembra'", ("model=nbc,interva", "-m", "site=pembra")),
    Command("typo", "key of a group", "did you mean 'execution.num_workers'?", ("execution.num_worker=2",)),
    Command(
        "typo",
        "key added with a plus",
        "unknown key 'execution.num_worker'; did you mean 'num_workers'?",
        ("+execution.num_worker=2",),
    ),
    Command("typo", "group", "unknown key 'modle'; did you mean 'model'?", ("modle=nbc",)),
    Command("typo", "key without its group", "did you mean 'protocol.train_size'?", ("train_size=0.5",)),
    Command(
        "typo",
        "key of another choice",
        "the chosen model has no key 'conversion'; it is one of model=insilico, model=interva",
        ("model=nbc", "model.conversion=fixed"),
    ),
    Command(
        "typo",
        "key of one's own without a plus",
        "as in +execution.init.log_to_driver=VALUE",
        ("execution.init.log_to_driver=true",),
    ),
    Command(
        "typo",
        "option of ray.init without a plus",
        "as in +hydra.launcher.ray.init.num_cpus=VALUE",
        ("hydra.launcher.ray.init.num_cpus=2",),
    ),
    Command(
        "typo",
        "cause group without a plus",
        "'data.groups' has keys of your own choice: add one with a plus, as in +data.groups.Malaria=VALUE",
        ("data=csv", "data.groups.Malaria=infection"),
    ),
    Command(
        "typo",
        "unknown parameter",
        "unknown key 'conversoin' in model=interva; known: conversion, prior, ",
        ("+model.conversoin=fixed",),
    ),
    Command("typo", "unknown data option", "unknown key 'pth' in data=simulated; known: n, seed", ("+data.pth=x",)),
    Command("typo", "unknown key of a site", "unknown key 'site.typo'; known: name, test_sites", ("+site.typo=1",)),
    Command("typo", "unknown key of features", "unknown key 'features.typo'; known: name", ("+features.typo=1",)),
    Command(
        "typo",
        "unknown option of a protocol",
        "unknown key 'repeat' in protocol=pooled; known: seed, train_size",
        ("protocol=pooled", "+protocol.repeat=2"),
    ),
    Command(
        "typo",
        "unknown option of test sets",
        "unknown key 'resamples' in testset=dirichlet; known: ",
        ("testset=dirichlet", "+testset.resamples=2"),
    ),
    Command(
        "typo",
        "option of a search without the search",
        "'hydra.sweeper.n_trials' is an option of a search: add hydra/sweeper=optuna, and -m",
        ("hydra.sweeper.n_trials=3",),
    ),
    Command("typo", "option of the command line", "unrecognized arguments: --multirn", ("--multirn",)),
    Command("name", "model", "unknown model 'intreva'; known: ", ("model=intreva",)),
    Command("name", "one of several models", "did you mean 'interva'?", ("model=nbc,intreva",)),
    Command("name", "site file", "did you mean 'pemba'?", ("site=pembaa",)),
    Command("name", "site of the data", "unknown site 'Andra'; known: AP, Bohol, Dar", ("site.test_sites=[Andra]",)),
    Command("name", "metric", "did you mean 'csmf_accuracy_top'?", ("objective=csmf_acuracy_top",)),
    Command("name", "estimator", "csmf is 'modle'; known: model, classify_and_count", ("csmf=modle",)),
    Command("name", "feature level", "did you mean 'hce'?", ("features.name=hcee",)),
    Command("name", "test sets", "unknown testset 'dirichlett'", ("testset=dirichlett",)),
    Command("name", "experiment", "unknown experiment 'lsoo'; known: ", ("experiment=lsoo",)),
    Command(
        "name",
        "another name of an experiment",
        "unknown experiment 'model_choice': the nested choice of a model is experiment=nested_loso",
        ("experiment=model_choice",),
    ),
    Command("name", "baseline", "baselines: unknown 'prio'; known: prior, uniform, majority", ("baselines=[prio]",)),
    Command(
        "name", "kind of alert", "alert.events is 'exploded'; known: failed, finished", ("alert.events=[exploded]",)
    ),
    Command("size", "float", SIZE + "1000.0 (float)", ("protocol.train_size=1e3",)),
    Command("size", "negative", SIZE + "-5 (int)", ("protocol.train_size=-5",)),
    Command("size", "none", SIZE + "0 (int)", ("protocol.train_size=0",)),
    Command("size", "one and a half", SIZE + "1.5 (float)", ("protocol.train_size=1.5",)),
    Command("size", "text", SIZE + "'100' (str)", ('protocol.train_size="100"',)),
    Command("size", "true", SIZE + "True (bool)", ("protocol.train_size=true",)),
    Command("size", "one of a list", SIZE + "-1 (int)", ("protocol.train_size=[0.5,-1]",)),
    Command("yaml11", "bool for text", 'on_error must be text; got True (bool); quote it: "True"', ("on_error=true",)),
    Command("yaml11", "bool for a name", "site.name must be text; got False", ("site.name=false",)),
    Command("yaml11", "word for a number", "seed must be a whole number >= 0; got 'one' (str)", ("seed=one",)),
    Command("yaml11", "NO for a number", "seed must be a whole number >= 0; got 'NO' (str)", ("seed=NO",)),
    Command("yaml11", "time of day", "seed must be a whole number >= 0; got '12:30' (str)", ("seed=12:30",)),
    Command("yaml11", "infinite", "n_bootstrap is inf; expected a finite number", ("n_bootstrap=1e999",)),
    Command("code", "foreign class", "'os.system': not allowed in a run's config", ("model._target_=os.system",)),
    Command(
        "code", "target elsewhere", "'data._target_' is not allowed in a run's config", ("+data._target_=os.system",)
    ),
    *(
        Command(
            "value",
            f"another launcher: {name}",
            "jobs run through this program's own launcher, with or without workers (execution=ray, execution=inline)",
            (f"hydra/launcher={name}",),
        )
        for name in ("basic", "ray_aws")
    ),
    Command("code", "partial", "'model._partial_' is not allowed", ("+model._partial_=true",)),
    Command(
        "code",
        "secret of the environment",
        "VA_SECRET_KEY, which looks like a secret",
        ("tracking.experiment='${oc.env:VA_SECRET_KEY,none}'",),
    ),
    Command(
        "code",
        "variable of the environment",
        "'tracking.experiment' takes 'HOME' from the environment: not allowed in a run's config",
        ("tracking.experiment='${oc.env:HOME}'",),
    ),
    Command(
        "code",
        "variable that is another's, in the alert",
        "'alert.url' takes 'SLACK_URL' from the environment: not allowed in a run's config",
        ("alert.url='${oc.env:SLACK_URL}'",),
    ),
    Command(
        "code",
        "variable of the environment, for Hydra",
        "'hydra.sweep.dir' takes 'HOME' from the environment",
        ("hydra.sweep.dir='${oc.env:HOME}/x'",),
    ),
    Command(
        "code",
        "name of a variable put together",
        "'${seed' from the environment: not allowed",
        ("tracking.experiment='${oc.env:${seed}}'",),
    ),
    Command(
        "code",
        "resolver put together",
        "'HOME' is not allowed in a run's config: only VA_* of the environment is",
        ("+model.x=env", "tracking.experiment='${oc.${model.x}:HOME}'"),
    ),
    Command(
        "code",
        "variable that is not set",
        "the environment variable VA_NOT_SET_HERE is not set",
        ("tracking.experiment='${oc.env:VA_NOT_SET_HERE}'",),
    ),
    Command(
        "code", "text that is parsed", "'tracking.experiment' takes '1' from", ("tracking.experiment='${oc.decode:1}'",)
    ),
    Command(
        "code",
        "interpolation to nowhere",
        "there is no value for 'nothing'",
        ("tracking.experiment='${nothing}'",),
    ),
    Command("outputs", "home as a letter", "expected a folder's path without '~' or NUL", ("paths.outputs='~/x'",)),
    Command("outputs", "a file in the way", "Not a directory", ("paths.outputs=/etc/hostname/x",)),
    Command("outputs", "a folder of the kernel", "No such file or directory: '/proc/x'", ("paths.outputs=/proc/x",)),
    Command("outputs", "a device", "choose a folder with paths.outputs=FOLDER", ("paths.outputs=/dev/null",)),
    Command("outputs", "nothing", "outputs is ''; expected a folder's path", ("paths.outputs=",)),
    Command(
        "outputs",
        "a place for MLflow that cannot be made",
        "the database cannot be made in /dev/null (Not a directory): leave tracking.uri out",
        ("tracking.mlflow=true", "tracking.uri=sqlite:////dev/null/mlflow.db"),
    ),
    Command("outputs", "name of 300 letters", "File name too long", ("paths.outputs=" + "x" * 300,)),
    Command(
        "outputs",
        "model's name as a path",
        "model.name is '../x'; expected at most 64 letters",
        ("model=nbc", "model.name=../x"),
    ),
    Command("grid", "no value", "the grid is empty: 'seed=range(5,1)' has no value", ("seed=range(5,1)",)),
    Command("grid", "billion jobs", "the grid has 999,999,999 jobs", ("seed=range(1,1000000000)",)),
    Command(
        "grid",
        "billion splits",
        "30,000,000,000 cells (and 2 baselines on the same splits) are more than max_cells",
        ("protocol=in_domain", "protocol.repeats=1000000000"),
    ),
    Command("grid", "more than allowed", "are more than max_cells=3; raise it with max_cells=N", ("max_cells=3",)),
    Command(
        "grid",
        "trained where it is tested",
        "protocol one_to_one with test site AP has no splits",
        ("protocol=one_to_one", "protocol.train_sites=[AP]", "site=ap"),
    ),
    Command("grid", "no site", "no site is named; write 'all' or some of AP", ("site.test_sites=[]",)),
    Command("grid", "no size", "train_size is an empty list", ("protocol.train_size=[]",)),
    Command("grid", "same thing on both sides of a comma", "cannot read an override", ("model=nbc,", "-m")),
    Command("value", "negative", "n_bootstrap must be a whole number >= 0; got -1", ("n_bootstrap=-1",)),
    Command("value", "no worker", "num_workers must be a whole number >= 1; got 0", ("execution.num_workers=0",)),
    Command("value", "what the model refuses", "did you mean 'quantile'?", ("model.conversion=quantil",)),
    Command(
        "value",
        "nothing where a number is wanted",
        "alpha is None (NoneType); expected something like its default, 1.0",
        ("model=nbc", "model.alpha=null"),
    ),
    Command(
        "value",
        "resources",
        "resources.num_cpus must be a number >= 0; got 'many' (str)",
        ("model.resources.num_cpus=many",),
    ),
    Command("value", "resume", "resume is 'maybe'; known: true, false, failed", ("resume=maybe",)),
    Command("value", "no death", "n must be a whole number from 6 (one death a site) to", ("data.n=0",)),
    Command(
        "value", "more deaths than any memory holds", "to 100,000,000; got 99999", ("data.n=99999999999999999999",)
    ),
    Command("rare", "more than there are", "train_size 999999 is more than the ", ("protocol.train_size=999999",)),
    Command("rare", "one death, or everything?", "train_size 1 is ambiguous", ("protocol.train_size=1",)),
    Command(
        "repeated",
        "list for a group",
        "site=ap,up runs one job for each; 'site.test_sites=[AP,UP]' tests them in one job",
        ("site=[ap,up]",),
    ),
    Command("repeated", "list of one for a group", "features=[hce] is a list", ("features=[hce]",)),
    Command(
        "repeated", "choice of a group", "write model=nbc,interva for one job each", ("model=nbc", "model=interva")
    ),
    Command("repeated", "key", "'data.n' is given twice: 'data.n=1' and 'data.n=2'", ("data.n=1", "data.n=2")),
    Command("repeated", "folder of one's own", "--config-dir is given twice", ("--config-dir=a", "--config-dir=b")),
    Command(
        "repeated",
        "a plus before a group",
        "'experiment' has a choice already, which is replaced without a plus: experiment=NAME",
        ("+experiment=loso",),
    ),
    Command("repeated", "two plus signs before a group", "without plus signs: write model=nbc", ("++model=nbc",)),
    Command("repeated", "experiments", "run one command for each experiment", ("experiment=loso,learning_curve",)),
    Command(
        "needed",
        "key without a value",
        "'data.n' has no value that could be left out: its default is used",
        ("~data.n",),
    ),
    Command(
        "needed", "key that does not exist", "no key 'data.nn' to leave out; did you mean '~data.n'?", ("~data.nn",)
    ),
    Command("needed", "part of Hydra", "'hydra.launcher' is an option of Hydra that cannot be", ("~hydra/launcher",)),
    Command("needed", "group", "every run has 'features', it cannot be left out; features=hce", ("~features",)),
    Command("needed", "key", "every run has 'baselines', it cannot be left out; baselines=[]", ("~baselines",)),
    Command(
        "grammar",
        "brackets",
        """holds characters that must be quoted (one of ( ) [ ] { } , : = ' " $): "data.path='a(1).csv'\"""",
        ("data.path=a(1).csv",),
    ),
    Command("grammar", "spaces around the equals sign", "equals sign: model=nbc", ("model = nbc",)),
    Command("grammar", "space", "divided at a space by the shell; write 'seed=[1, 2]'", ("seed=[1,", "2]")),
    Command("flag", "that unpickles", "it unpickles a file", ("--experimental-rerun=x.pickle",)),
    Command("flag", "another main file", "FOLDER/experiment/NAME.yaml", ("--config-name=mine",)),
    Command("flag", "another conf", "add a folder of your own with --config-dir", ("--config-path", "mine")),
    Command("flag", "cut short", "did you mean '--experimental-rerun'?", ("--experimental-re", "x")),
    Command("name", "sweeper", "unknown hydra/sweeper 'optna'; known: basic, ", ("hydra/sweeper=optna",)),
    Command("name", "file in a folder", "unknown model 'mine/nbc'; known: ", ("model=mine/nbc",)),
    Command("path", "missing file", "nowhere.csv", ("data=phmrc_adult", "data.path=nowhere.csv")),
    Command("path", "no file named", "data=csv needs a file: set data.path", ("data=csv",)),
    Command("outside", "no file is named", "model=predictions needs a file: set model.path", ("model=predictions",)),
    Command(
        "outside",
        "the file does not exist",
        "model.path is 'smartva.csv': cannot be read (No such file or directory)",
        ("model=predictions", "model.path=smartva.csv"),
    ),
    Command(
        "outside",
        "a word that is no choice",
        "unknown_ids is 'ignored'; expected one of refuse, ignore",
        ("model=predictions", "model.unknown_ids=ignored"),
    ),
    Command(
        "assign",
        "neither table is named",
        "data=train_and_assign needs a table of deaths with known causes: set data.train=FILE",
        ("model=nbc", "data=train_and_assign", "protocol=assign"),
    ),
    Command(
        "assign",
        "a trained model and nothing to train on",
        "name deaths with known causes too: data=train_and_assign",
        ("model=nbc", "protocol=assign"),
    ),
    Command(
        "assign",
        "another protocol",
        "has deaths without a cause: only protocol=assign can use them",
        (
            *("model=nbc", "data=train_and_assign", "data.train={name: simulated, n: 60}", "data.duplicates=keep"),
            "data.assign={name: simulated, n: 60}",
        ),
    ),
    Command(
        "assign",
        "a site that is trained on",
        "has known causes, on which models train",
        (
            *("model=nbc", "data=train_and_assign", "data.train={name: simulated, n: 60}", "protocol=assign"),
            *("data.assign={name: simulated, n: 60, sites: [X]}", "site=ap"),
        ),
    ),
    Command(
        "union",
        "one data set",
        "data=union needs two or more data sets",
        ("model=nbc", "data=union", "data.members=[phmrc_adult]"),
    ),
    Command(
        "union",
        "a reader's name with a typing error",
        "data.members[0]: 'simulatd' is neither a reader nor the path of a table; did you mean 'simulated'?",
        ("model=nbc", "data=union", "data.members=[simulatd,simulated]"),
    ),
    Command(
        "union",
        "the same data twice",
        "two members are the same data; name each data set once",
        ("model=nbc", "data=union", "data.members=[{name: simulated, n: 60},{name: simulated, n: 60}]"),
    ),
    Command(
        "union",
        "a list for the group",
        "'data=union data.members=[phmrc_adult,immcmc_adult]' makes one data set of them",
        ("model=nbc", "data=[phmrc_adult,immcmc_adult]"),
    ),
    Command(
        "union",
        "two tables in a list",
        "'data=union data.members=[a.csv,b.csv]' makes one data set of them",
        ("model=nbc", "data=[a.csv,b.csv]"),
    ),
    Command(
        "union",
        "a table that is not there",
        "'a.csv': no such file",
        ("model=nbc", "data=union", "data.members=[a.csv,simulated]"),
    ),
    Command(
        "union",
        "a union within a union",
        "data.members: union joins data sets itself; name its tables one by one",
        ("model=nbc", "data=union", "data.members=[union,simulated]"),
    ),
    Command(
        "union",
        "a member without a reader",
        "data.members[0] has no reader; expected {name: csv, path: FILE, ...}",
        ("model=nbc", "data=union", "data.members=[{path: a.csv},simulated]"),
    ),
    Command(
        "union",
        "an option of a member with a typing error",
        "unknown key 'paht' in data=csv",
        ("model=nbc", "data=union", "data.members=[{name: csv, paht: a.csv},simulated]"),
    ),
    Command(
        "union",
        "one table in place of a list",
        "data.members must be a list of readers or files; got 'a.csv'",
        ("model=nbc", "data=union", "data.members=a.csv"),
    ),
    Command(
        "union",
        "deaths that two members have",
        "2 of 40 deaths of simulated 2 are in simulated 1 too, with the same answers and cause",
        ("model=nbc", "data=union", "data.members=[{name: simulated, n: 40},{name: simulated, n: 60}]"),
    ),
    Command(
        "union",
        "no IMMCMC file",
        "the IMMCMC adult file is not given; the article says where the data are",
        ("model=nbc", "data=immcmc_adult"),
    ),
    Command(
        "levels",
        "an unknown list",
        "unknown cause list 'va43'; known: broad, broad_adult",
        ("model=nbc", "score_at=va43"),
    ),
    Command(
        "levels",
        "causes that map nowhere",
        "a cause of data 'simulated', maps nowhere in va21_to_broad_child.csv",
        ("model=nbc", "score_at=broad_child"),
    ),
    Command(
        "levels",
        "a mapping that is no table",
        "cause_maps: 'map.csv' is no mapping; expected list=FILE",
        ("model=nbc", "score_at=gbd", "cause_maps=map.csv"),
    ),
    Command(
        "strata",
        "an unknown column",
        "strata: data 'simulated' have no column 'age_grup'; known: site, sex, age_group",
        ("model=nbc", "strata=[age_grup]"),
    ),
    Command(
        "strata", "a number with many values", "expected at most 12; choose age_group", ("model=nbc", "strata=[age]")
    ),
    Command(
        "strata",
        "columns of text without a list",
        "data.strata_columns must be a list of names",
        ("model=nbc", "data=csv", "data.strata_columns=district"),
    ),
    Command(
        "saved",
        "no folder is named",
        "model=registered needs the folder of a saved model: set model.path",
        ("model=registered", "protocol=assign"),
    ),
    Command(
        "saved",
        "nothing is trained that could be saved",
        "save_model=true: no model of this command is trained",
        ("model=eava", "data=simulated", "protocol=assign", "save_model=true"),
    ),
    Command(
        "saved",
        "a registry without MLflow",
        "register_model needs MLflow, and this run does not log to it: leave tracking=none out",
        ("model=nbc", "register_model=adults", "tracking=none"),
    ),
    Command(
        "saved",
        "a name that cannot be registered",
        "register_model is '../x'; expected at most 64 letters, digits, spaces and _ . -",
        ("model=nbc", "register_model=../x"),
    ),
    Command(
        "saved", "the folder does not exist", "cannot be read", ("model=registered", "protocol=assign", "model.path=m")
    ),
]

GOOD_MODEL = "name: mine\n_target_: va_experiments.models.nbc.NaiveBayes\n"
YAMLS: list[Yaml] = [
    Yaml(
        "yaml",
        "a key twice",
        "mine.yaml:3:1: not valid YAML: while constructing a mapping found duplicate key name",
        GOOD_MODEL + "name: other\n",
    ),
    Yaml(
        "yaml",
        "tab",
        "mine.yaml:2:1: not valid YAML: while scanning for the next token found character '\\t'",
        "name: mine\n\t_target_: x\n",
    ),
    Yaml("yaml", "bracket never closed", "mine.yaml:4:1: not valid YAML", GOOD_MODEL + "alpha: [1, 2\n"),
    Yaml(
        "yaml", "two colons", "mine.yaml:1:11: not valid YAML: mapping values are not allowed here", "name: mine: x\n"
    ),
    Yaml("yaml", "a control character", "mine.yaml: not valid YAML at character 7 ('\\x07')", "name: \x07\n"),
    Yaml("yaml", "not UTF-8", "mine.yaml: not UTF-8 at byte 10; save it as UTF-8", "name: min\udce9\n"),
    Yaml("yaml", "a list for a file", "", "- name\n- mine\n"),
    Yaml(
        "yaml",
        "aliases without end",
        "mine.yaml:6: more than 20 aliases (such as *a); write out what they stand for",
        GOOD_MODEL
        + "".join(
            f"{b}: &{b} [{', '.join([f'*{a}'] * 9 if a.strip() else 'x' * 9)}]\n"
            for a, b in zip(" abcdefg", "abcdefgh", strict=True)
        ),
    ),
    Yaml(
        "yaml",
        "a list without end",
        "mine.yaml: 30,001 lines and commas; a file of the configuration may have 10,000",
        GOOD_MODEL + f"alpha: [{','.join('1' * 30_000)}]",
    ),
    Yaml(
        "yaml",
        "too large",
        "mine.yaml: 1,200,058 bytes; a file of the configuration may have 200,000",
        GOOD_MODEL + "# nothing\n" * 120_000,
    ),
    Yaml(
        "code",
        "an object of Python",
        "could not determine a constructor for the tag 'tag:yaml.org,2002:python/",
        "name: !!python/object/apply:os.system [ls]\n",
    ),
    Yaml(
        "code",
        "a class inside a parameter",
        "'model.alpha._target_' is not allowed in a run's config",
        GOOD_MODEL + "alpha: {_target_: os.system}\n",
    ),
    Yaml(
        "yaml11",
        "NO for a name",
        'model.name must be text; got False (bool); quote it: "NO"',
        "name: NO\n_target_: va_experiments.models.nbc.NaiveBayes\n",
    ),
    Yaml("yaml11", "a key that is no text", "the key 'model.1' was read as int; quote it", GOOD_MODEL + "1: x\n"),
    Yaml(
        "name",
        "a class that does not exist",
        "cannot be imported",
        "name: mine\n_target_: va_experiments.models.nbc.Naive\n",
    ),
]
