"""Write the help of ``python -m va_experiments`` from the files of ``conf/``, without Hydra, which takes a second."""

from __future__ import annotations

from pathlib import Path

__all__ = ["help_text"]


def help_text(conf: Path) -> str:
    """Return the text of ``--help``: the template of ``config.yaml`` with the groups and the choices of each.

    Parameters
    ----------
    conf : Path
        Folder of the configuration.
    """
    import yaml

    top = yaml.safe_load((conf / "config.yaml").read_text(encoding="utf-8"))
    folders = sorted(p for p in conf.iterdir() if p.is_dir())
    choices = {p.name: sorted(f.stem for f in p.glob("*.yaml")) for p in folders}
    groups = "\n".join(f"{name}: {', '.join(names)}" for name, names in choices.items() if names)
    return str(top["hydra"]["help"]["template"]).replace("$APP_CONFIG_GROUPS", groups).strip()
