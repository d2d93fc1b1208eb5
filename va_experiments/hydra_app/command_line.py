"""The flags of a run: which of Hydra's are allowed, which are refused and why; they may stand anywhere in a command.

In: the arguments of a command line. Out: flags and overrides apart, or every problem of the flags at once. Hydra's own
parser would take a shortened flag for a whole one, the last of two values without a word, and no override after a flag.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from va_experiments.errors import InputError, did_you_mean, shown

__all__ = ["FLAGS", "CommandLine", "Flag", "split_arguments"]


@dataclass(frozen=True)
class Flag:
    """A flag of Hydra's or of this program's.

    Parameters
    ----------
    names : tuple of str
        The long name first.
    text : str
        What the flag does, or why it is refused and what to use in its place.
    value : str
        Name of its value in the documentation; empty where it has none.
    choices : tuple of str
        The values that it may have; a flag with choices and ``optional`` may also stand alone.
    optional : bool
    refused : bool
    shows : bool
        Whether something is printed in place of a run.
    ignored : bool
        Whether the flag changes nothing here and is not passed to Hydra.
    """

    names: tuple[str, ...]
    text: str
    value: str = ""
    choices: tuple[str, ...] = ()
    optional: bool = False
    refused: bool = False
    shows: bool = False
    ignored: bool = False


FLAGS: tuple[Flag, ...] = (
    Flag(("--multirun", "-m"), "optional: commas in values run several jobs, with it and without it", ignored=True),
    Flag(("--run", "-r"), "optional, as `--multirun`: a command without commas is one job", ignored=True),
    Flag(
        ("--config-dir", "-cd"),
        "add a folder of your own configuration files, laid out as `conf/`; once in a command",
        value="FOLDER",
    ),
    Flag(
        ("--cfg", "-c"),
        "print the composed configuration and stop: of the `job`, of `hydra`, or `all`",
        value="PART",
        choices=("job", "hydra", "all"),
        shows=True,
    ),
    Flag(("--resolve",), "with `--cfg`: replace interpolations such as `${paths.outputs}` by their values"),
    Flag(("--package", "-p"), "with `--cfg`: print only this part, such as `model`", value="KEY"),
    Flag(
        ("--info", "-i"),
        "print how the configuration was composed (search path, plug-ins, defaults) and stop",
        value="PART",
        choices=("all", "config", "defaults", "defaults-tree", "plugins", "searchpath"),
        optional=True,
        shows=True,
    ),
    Flag(("--help", "-h"), "print groups, keys and useful command lines, and stop", shows=True),
    Flag(("--hydra-help",), "print Hydra's own help, and stop", shows=True),
    Flag(("--version",), "print Hydra's version, and stop", shows=True),
    Flag(
        ("--shell-completion", "-sc"),
        'install completion of groups, keys and values: `eval "$(python -m va_experiments -sc install=bash)"`',
        shows=True,
    ),
    Flag(("--debug",), "show the traceback behind an error", ignored=True),
    Flag(
        ("--config-path", "-cp"),
        "every run is composed from this program's own files, which its checks are written for; "
        "add a folder of your own with --config-dir FOLDER",
        value="FOLDER",
        refused=True,
    ),
    Flag(
        ("--config-name", "-cn"),
        "the main file is always config.yaml; put what differs into FOLDER/experiment/NAME.yaml and run "
        "--config-dir FOLDER experiment=NAME",
        value="NAME",
        refused=True,
    ),
    Flag(
        ("--experimental-rerun",),
        "it unpickles a file, which runs any code in it, and skips every check of the configuration; "
        "run the command again that manifest.json in the run's folder names",
        value="FILE",
        refused=True,
    ),
)
"""Every flag of Hydra 1.3, and `--debug`."""


@dataclass
class CommandLine:
    """A command line in two parts."""

    flags: list[str] = field(default_factory=list)
    """Flags and their values as Hydra reads them, without those that change nothing here."""
    overrides: list[str] = field(default_factory=list)
    """All other arguments, in their order."""
    shows: bool = False
    """Whether something is printed in place of a run."""
    config_dir: str | None = None
    """Value of ``--config-dir``."""


def split_arguments(arguments: Sequence[str]) -> CommandLine:
    """Return flags and overrides of a command line apart.

    Raises
    ------
    InputError
        For flags that are unknown, refused, given twice with a value, or without the value that they need.
    """
    by_name = {name: flag for flag in FLAGS for name in flag.names}
    line, problems = CommandLine(), list[str]()
    values: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        if argument == "--":
            line.overrides += rest
            break
        if not argument.startswith("-") or argument == "-":
            line.overrides.append(argument)
            continue
        name, equals, value = argument.partition("=")
        flag = by_name.get(name)
        if flag is None:
            near = did_you_mean(name, by_name)
            problems.append(
                f"unrecognized arguments: {argument}{near or '; known: ' + ', '.join(f.names[0] for f in FLAGS)}"
            )
            continue
        takes_next = bool(rest) and not rest[0].startswith("-") and (not flag.optional or rest[0] in flag.choices)
        if flag.value and not equals and takes_next:
            value, equals = rest.pop(0), "="
        problem = _problem(flag, name, value if equals else None, values)
        if problem:
            problems.append(problem)
        line.shows |= flag.shows
        if not flag.ignored:
            values[flag.names[0]] = value or flag.choices[0] if flag.choices else value
    line.flags = [f"{name}={value}" if value else name for name, value in values.items()]
    line.config_dir = values.get("--config-dir")
    if not problems and (misused := {"--resolve", "--package"} & set(values)) and "--cfg" not in values:
        problems.append(f"{' and '.join(sorted(misused))} only goes with --cfg, as in --cfg job {min(misused)} ...")
    if not problems and len({"--cfg", "--info", "--shell-completion"} & set(values)) > 1:
        problems.append("only one of --cfg, --info and --shell-completion can be in a command; give one command each")
    if problems:
        raise InputError(problems)
    return line


def _problem(flag: Flag, name: str, value: str | None, earlier: dict[str, str]) -> str:
    """Return what is wrong with a flag and its value; nothing where it can be used."""
    if flag.refused:
        return f"{name} is refused: {flag.text}"
    if value is not None and not flag.value:
        return f"{name} takes no value; got {shown(value)}"
    if flag.value and not value and not (flag.optional and value is None):
        return f"{name} needs a value: {name} {'|'.join(flag.choices) or flag.value}"
    if flag.choices and value and value not in flag.choices:
        return f"{name} is {shown(value)}; known: {', '.join(flag.choices)}{did_you_mean(value, flag.choices)}"
    if value is not None and flag.names[0] in earlier and earlier[flag.names[0]] != value:
        first = earlier[flag.names[0]]
        return (
            f"{flag.names[0]} is given twice, as {shown(first)} and as {shown(value)}; only one can be used: keep one"
        )
    return ""
