"""Which source code is part of a cell's key: that of the model, and of the models that it is made of."""

from __future__ import annotations

import hashlib
import importlib
import sys

import pytest

from va_experiments.cell import ModelSpec, model_spec
from va_experiments.cell.code_digest import _source_modules, code_digest, without_words
from va_experiments.models import NaiveBayes

VOTING = {"name": "v", "_target_": "va_experiments.models.ensembles.voting.Voting"}


@pytest.mark.parametrize(("members", "changes"), [(["nbc", "prior"], True), (["prior", "uniform"], False)])
def test_editing_a_model_changes_the_keys_of_ensembles_that_use_it(monkeypatch, members, changes):
    before = ModelSpec.from_config({**VOTING, "members": members}).digest
    edited = {NaiveBayes: "0" * 16}
    monkeypatch.setattr(model_spec, "code_digest", lambda c: edited.get(c) or code_digest(c))
    after = ModelSpec.from_config({**VOTING, "members": members})
    assert (after.digest != before) is changes


def test_editing_a_model_changes_no_seed(monkeypatch):
    tree = {"name": "nbc", "_target_": "va_experiments.models.nbc.NaiveBayes"}
    before = ModelSpec.from_config(tree)
    monkeypatch.setattr(model_spec, "code_digest", lambda c: "0" * 16)
    after = ModelSpec.from_config(tree)
    assert after.digest != before.digest
    assert after.seed_digest == before.seed_digest


def test_an_ensemble_of_ensembles_depends_on_their_members():
    tree = {"name": "t", "_target_": "va_experiments.models.ensembles.tuned.Tuned", "model": "calibrated"}
    codes = ModelSpec.from_config(tree | {"grid": {"ridge": [1.0]}}).code.split(" ")
    assert code_digest(NaiveBayes) in codes


PACKAGE = {
    "__init__.py": "",
    "base.py": "class Base: ...\n",
    "model.py": "import os\nimport mypackage.helper\nfrom mypackage import part\nfrom mypackage.base import Base\n"
    "class Mine(Base): ...\n",
    "helper.py": "from mypackage.deep.leaf import VALUE\n",
    "part.py": "import json\nimport mypackage.helper\n",
    "unused.py": "",
    "other.py": "from mypackage import helper\n",
    "deep/__init__.py": "",
    "deep/leaf.py": "VALUE = 1\n",
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of models in a folder of its own, and a function that computes the digest of its class anew."""
    folder = tmp_path / "mypackage"
    for name, text in PACKAGE.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode())
    monkeypatch.syspath_prepend(str(tmp_path))

    def digest() -> str:
        code_digest.cache_clear()
        return code_digest(importlib.import_module("mypackage.model").Mine)

    yield folder, digest
    code_digest.cache_clear()
    for name in [n for n in sys.modules if n.partition(".")[0] == "mypackage"]:
        del sys.modules[name]


def test_the_digest_is_of_the_module_and_of_those_that_it_imports_from_its_package(package):
    folder, digest = package
    used = {"mypackage.deep.leaf": "deep/leaf.py", "mypackage.helper": "helper.py", "mypackage.model": "model.py"}
    used |= {"mypackage.part": "part.py"}
    expected = hashlib.sha256()
    for module, file in sorted(used.items()):
        expected.update(module.encode() + b"\0" + (folder / file).read_bytes().rstrip(b"\n"))
    assert digest() == expected.hexdigest()[:16]


def test_modules_of_a_folder_count_those_of_their_own_folder(package):
    folder, _ = package
    (folder / "deep" / "model.py").write_bytes(b"import mypackage.helper\nimport mypackage.deep.leaf\n")
    assert _source_modules("mypackage.deep.model") == {"mypackage.deep.model", "mypackage.deep.leaf"}


@pytest.mark.parametrize("name", sorted(PACKAGE))
def test_an_edit_of_a_module_that_is_used_changes_the_digest(package, name):
    folder, digest = package
    before = digest()
    (folder / name).write_bytes((folder / name).read_bytes() + b"EDITED = 1\n")
    assert (digest() != before) is (name in {"model.py", "helper.py", "part.py", "deep/leaf.py"})


def test_line_ends_of_another_system_change_no_digest(package):
    folder, digest = package
    before = digest()
    (folder / "part.py").write_bytes((folder / "part.py").read_bytes().replace(b"\n", b"\r\n"))
    assert digest() == before


def test_a_model_of_ours_counts_what_it_imports_from_any_folder_of_models_but_not_their_common_base():
    modules = _source_modules("va_experiments.models.interva.interva")
    assert {m.removeprefix("va_experiments.models.") for m in modules} == {
        "empirical",
        "interva.interva",
        "symptom_counts",
    }


CODE = '''"""What it is."""
# Why.
import os  # for paths


def f(x):
    """Return the text.

    With a second line."""

    y = """a

# not a comment
"""
    if x:
        # why
        return "# no"  # yes

    "another"; z = 1
    return y + str(z)


NAME = 1
"""What it means: é."""
'''.encode()

BARE = b'''import os
def f(x):
    y = """a

# not a comment
"""
    if x:
        return "# no"
    "another"; z = 1
    return y + str(z)
NAME = 1'''


def test_comments_docstrings_and_blank_lines_do_not_count():
    assert without_words(CODE) == BARE
    assert without_words(CODE.replace(b"\n", b"\r\n")) == BARE


@pytest.mark.parametrize(
    "change",
    [(b'# no"', b'# yes"'), (b"a\n\n#", b"a\n#"), (b"z = 1", b"z = 2"), (b"NAME = 1", b"NAME = 2")],
)
def test_any_change_of_code_counts(change):
    assert without_words(CODE.replace(*change)) != BARE


def test_what_is_not_python_counts_whole():
    assert without_words(b"x = (1 # y\n") == b"x = (1 # y\n"
