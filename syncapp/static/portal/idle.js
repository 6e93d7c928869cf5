// Warn before an idle session ends. Keys and clicks keep it alive; polls of the page do not.
"use strict";

{
  const limit = Number(document.body.dataset.idleSeconds) * 1000;
  const warnBefore = 120_000;
  const reportEvery = 60_000;
  let reportedAt = Date.now(); // the portal's last sign of activity

  document.addEventListener("htmx:configRequest", (event) => {
    const isPoll = /every|load|intersect/.test(event.detail.elt.getAttribute("hx-trigger") ?? "");
    if (isPoll) event.detail.headers["By-Itself"] = "1";
    else reportedAt = Date.now();
  });

  function report() {
    document.getElementById("idle-notice")?.remove();
    if (Date.now() - reportedAt < reportEvery) return;
    reportedAt = Date.now();
    htmx.ajax("POST", document.body.dataset.stay, { swap: "none" });
  }

  function warn() {
    if (Date.now() - reportedAt < limit - warnBefore || document.getElementById("idle-notice")) return;
    document.getElementById("flash")?.append(document.getElementById("idle").content.cloneNode(true));
  }

  if (limit) {
    for (const kind of ["keydown", "pointerdown"]) document.addEventListener(kind, report, true);
    setInterval(warn, 10_000);
  }
}
