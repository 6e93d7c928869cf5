// A session ends when nobody does anything. Typing is doing something; what a page asks by itself is not.
"use strict";

{
  const limit = Number(document.body.dataset.idleSeconds) * 1000;
  const warnBefore = 120_000;
  const tellEvery = 60_000;
  let told = Date.now(); // when the portal last knew that somebody is here

  document.addEventListener("htmx:configRequest", (event) => {
    const asksByItself = /every|load|intersect/.test(event.detail.elt.getAttribute("hx-trigger") ?? "");
    if (asksByItself) event.detail.headers["By-Itself"] = "1";
    else told = Date.now();
  });

  function tell() {
    document.getElementById("idle-notice")?.remove();
    if (Date.now() - told < tellEvery) return;
    told = Date.now();
    htmx.ajax("POST", document.body.dataset.stay, { swap: "none" });
  }

  function look() {
    if (Date.now() - told < limit - warnBefore || document.getElementById("idle-notice")) return;
    document.getElementById("flash")?.append(document.getElementById("idle").content.cloneNode(true));
  }

  if (limit) {
    for (const kind of ["keydown", "pointerdown"]) document.addEventListener(kind, tell, true);
    setInterval(look, 10_000);
  }
}
