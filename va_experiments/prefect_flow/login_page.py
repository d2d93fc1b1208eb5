"""Write the page that logs a browser in to Prefect's pages and opens the newest run, or the page after a ``#``.

Prefect's pages keep the password in the browser's own storage and send it with each request. Nothing is sent by itself,
as a cookie would be, and another web page cannot read it.
"""

from __future__ import annotations

import base64
import json

__all__ = ["TAB_OF_LINK", "login_page"]

TAB_OF_LINK = """<script>
{
  const tab = new URLSearchParams(location.search).get("tab");
  const chosen = () => new URLSearchParams(location.search).get("tab") === tab;
  let looks = 0, rests = 0;
  const look = tab && setInterval(() => {
    const heading = [...document.querySelectorAll(".p-tab, [role=tab]")].find(e => e.textContent.trim() === tab);
    rests = heading && chosen() ? rests + 1 : 0;
    if (heading && !chosen()) heading.click();
    if (rests > 3 || ++looks > 60) clearInterval(look);
  }, 250);
}
</script>"""
"""Chooses the tab that an address names: Prefect's page forgets it while the run is loaded."""

_PAGE = r"""<!doctype html>
<meta charset="utf-8">
<title>va-experiments</title>
<script nonce="%(nonce)s">
(async () => {
  const password = %(password)s;
  localStorage.setItem("prefect-password", password);
  localStorage.setItem("join-the-community-modal-dismissed", "true");
  const named = location.hash.slice(1);
  let page = /^\/[a-z][\w/-]*$/.test(named) ? named : "/runs";
  try {
    if (page === named) return;
    const asked = {headers: {Authorization: `Basic ${password}`}};
    const answer = await fetch("/api/artifacts/%(artifact)s/latest", asked);
    const run = answer.ok && (await answer.json()).flow_run_id;
    if (run) page = `/runs/flow-run/${encodeURIComponent(run)}?tab=Artifacts`;
  } finally {
    location.replace(page);
  }
})();
</script>"""


def login_page(password: str, nonce: str, artifact: str) -> str:
    """Return the HTML of the page.

    Parameters
    ----------
    password : str
        ``user:password`` of the server's pages.
    nonce : str
        Of the page's script, as its content security policy names it.
    artifact : str
        Key of an artifact that each run makes when it starts: the newest one names the newest run.
    """
    stored = json.dumps(base64.b64encode(password.encode()).decode())
    return _PAGE % {"nonce": nonce, "password": stored, "artifact": artifact}
