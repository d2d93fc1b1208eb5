"""The page in a real browser: every figure drawn, nothing on the console, nothing wider than a telephone."""

from __future__ import annotations

import dataclasses
import html
import json
import re
import subprocess

import pytest

from tests.chromium import CHROMIUM, MISSING, QUIET
from tests.fake_content import fake_content, fuller
from va_experiments.report import build_report

pytestmark = pytest.mark.browser

FLAGS = [*QUIET, "--enable-logging=stderr", "--v=0", "--virtual-time-budget=20000"]

# Stands at the end of a copy of the page: leaves what it measured as text, which --dump-dom prints.
PROBE = """<script>
addEventListener("error", e => (window.faults = window.faults || []).push(String(e.message)));
document.querySelectorAll("details").forEach(d => { d.open = true; });
(function wait() {
  if (document.body.dataset.figures !== "drawn") { setTimeout(wait, 50); return; }
  const MARKS = ["symbol", "rect", "line", "area"].map(m => `.live g.mark-${m} path`).join(", ");
  const root = document.documentElement;
  const figures = [...document.querySelectorAll("figure")];
  const drawn = figures.filter(f => f.classList.contains("drawn"));
  const box = f => f.querySelector(".live svg").getBoundingClientRect();
  const outside = (t, b) => {
    const r = t.getBoundingClientRect();
    const beside = r.left < b.left - 1 || r.right > b.right + 1;
    return r.width > 0 && (beside || r.top < b.top - 1 || r.bottom > b.bottom + 1);
  };
  // Text beyond its block, a cell of a table for example, or beyond the window where nothing scrolls.
  const beyond = () => {
    const walk = document.createTreeWalker(document.querySelector("body"), NodeFilter.SHOW_TEXT), found = [];
    const scrolls = e => ["auto", "scroll"].includes(getComputedStyle(e).overflowX);
    while (walk.nextNode()) {
      const text = walk.currentNode, range = document.createRange();
      if (!text.nodeValue.trim() || text.parentElement.closest("svg, script, style")) continue;
      let block = text.parentElement, outer = text.parentElement;
      while (getComputedStyle(block).display.startsWith("inline")) block = block.parentElement;
      while (outer && !scrolls(outer)) outer = outer.parentElement;
      range.selectNodeContents(text);
      const b = block.getBoundingClientRect();
      const wide = r => !scrolls(block) && (r.left < b.left - 1 || r.right > b.right + 1);
      const cut = r => !outer && (r.left < -1 || r.right > innerWidth + 1);
      if ([...range.getClientRects()].some(r => r.width > 0 && (wide(r) || cut(r))))
        found.push(text.nodeValue.trim().slice(0, 80));
    }
    return found;
  };
  const note = document.createElement("pre");
  note.id = "probe";
  note.textContent = JSON.stringify({
    figures: figures.length,
    drawn: drawn.length,
    left_out: figures.filter(f => f.querySelector(".missing")).length,
    empty: drawn.filter(f => !f.querySelector(MARKS)).map(f => f.id),
    too_wide: drawn.filter(f => box(f).right > innerWidth + 1).map(f => f.id),
    clipped: drawn.flatMap(f => [...f.querySelectorAll(".live svg text")].filter(t => outside(t, box(f)))
      .map(t => f.id + ": " + t.textContent)),
    narrowest: Math.min(...drawn.map(f => box(f).width)),
    beyond: beyond(),
    advice: [...document.querySelectorAll(".advice")].map(p => p.innerText).join(" "),
    overflow: root.scrollWidth - innerWidth,
    width: innerWidth,
    loaded: performance.getEntriesByType("resource").map(r => r.name).filter(n => !n.startsWith("data:")),
    faults: window.faults || []});
  document.body.append(note);
})();
</script></body>"""

OUTER = """<body style="margin:0">
<iframe sandbox="allow-scripts" src="{name}" width="{width}" height="900" style="border:0"></iframe>
<script>
let told = false;
addEventListener("message", e => {{
  told = true;
  const note = document.createElement("pre"); note.id = "probe"; note.textContent = e.data; document.body.append(note);
}});
// The browser's virtual clock does not wait for a frame of another origin: real time passes here until it has told.
(function wait() {{ if (told) return; busy(); setTimeout(wait, 4); }})();
function busy() {{ for (let i = 0; i < 3e6; i++) Math.sqrt(i); }}
</script>"""


def look(page, tmp_path, width):
    """Open `page` at `width` pixels; return what the probe measured and what the console said.

    A headless window is never narrower than 500 pixels, so a narrow page stands in a frame of its width, sandboxed as
    MLflow shows an HTML artifact: scripts allowed, of an opaque origin, no storage. It reports to the page around it.
    """
    if CHROMIUM is None:
        pytest.skip(MISSING)
    framed = width < 500
    before, _, after = page.read_text().rpartition("</body>")
    send = "parent.postMessage(note.textContent, '*')"
    shown = tmp_path / f"page-{width}.html"
    shown.write_text(before + (PROBE.replace("document.body.append(note)", send) if framed else PROBE) + after)
    if framed:
        outer = tmp_path / f"outer-{width}.html"
        outer.write_text(OUTER.format(name=shown.name, width=width))
        shown = outer
    options = [f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={max(width, 500)},900", "--dump-dom"]
    done = subprocess.run(
        [CHROMIUM, *FLAGS, *options, shown.as_uri()], capture_output=True, text=True, timeout=120, check=False
    )
    match = re.search(r'<pre id="probe">(.*?)</pre>', done.stdout, re.DOTALL)
    assert match, f"the page never finished drawing\n{done.stderr[-2000:]}"
    return json.loads(html.unescape(match.group(1))), [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    content = fake_content(
        protocols=("leave_one_site_out", "one_to_one"), sizes=("all", "share=0.25"), sites=("AP", "Bohol", "Mexico")
    )
    content = fuller(content)
    long = {"nbc": "naive_bayes_of_a_name_that_no_axis_can_hold"}
    content = dataclasses.replace(content, cells=content.cells.replace({"model": long}))
    return build_report(content, tmp_path_factory.mktemp("report"), figure_formats=()).html


@pytest.mark.parametrize("width", [1280, 400])
def test_every_figure_is_drawn_and_fits(page, tmp_path, width):
    measured, console = look(page, tmp_path, width)
    assert measured["width"] == width
    assert measured["drawn"] >= 19
    assert measured["drawn"] + measured["left_out"] == measured["figures"]
    assert measured["empty"] == []
    assert measured["too_wide"] == []
    assert measured["clipped"] == []
    assert measured["narrowest"] > 0.8 * min(width, 1040)
    assert measured["overflow"] <= 0
    assert measured["beyond"] == []
    assert measured["loaded"] == []
    assert measured["faults"] == []
    assert console == []


def test_a_page_of_failures_alone_is_sound(tmp_path):
    content = fake_content(failures=6, models=("interva",), deep=False)
    page = build_report(content, tmp_path / "report", figure_formats=()).html
    measured, console = look(page, tmp_path, 400)
    assert measured["overflow"] <= 0
    assert measured["empty"] == []
    assert console == []


@pytest.mark.parametrize("width", [1280, 400])
def test_no_text_is_wider_than_its_box_even_where_names_are_long(tmp_path, width):
    content = fake_content(simulated=False, sites=("AP", "Bohol", "Mexico"), failures=1)
    model, data = (
        "logistic_regression_of_the_third_national_survey",
        "verbal_autopsies_of_western_kenya_2019_to_2021_v3",
    )
    cells = content.cells.replace({"model": {"xgboost": model}, "data": {"phmrc_adult": data}})
    content = dataclasses.replace(content, cells=cells)
    measured, console = look(build_report(content, tmp_path / "report", figure_formats=()).html, tmp_path, width)
    assert measured["beyond"] == []
    assert measured["overflow"] <= 0
    assert f"for naming single deaths, {model}" in measured["advice"]
    assert measured["advice"].endswith("decide nothing about a single person by it.")
    assert console == []
