// The list of the queue: a refresh keeps its focus and its scroll position; panels of the filter bar.
"use strict";

{
  let scrolled = 0;
  let wasInside = false;

  // Escape or a click outside closes a panel of the filter bar.
  function close(panel) {
    panel.open = false;
    if (panel.contains(document.activeElement)) panel.querySelector("summary").focus();
  }
  document.addEventListener("keydown", (event) => {
    const panel = event.key === "Escape" && event.target.closest?.(".filterbar details[open]");
    if (!panel) return;
    event.stopImmediatePropagation();
    close(panel);
  });
  document.addEventListener("click", (event) => {
    document.querySelectorAll(".filterbar details[open]").forEach((panel) => {
      if (!panel.contains(event.target)) close(panel);
    });
  });

  document.addEventListener("submit", (event) => {
    const panel = event.target.closest(".filterbar form")?.querySelector("details[open]");
    if (panel) close(panel);
  });

  document.addEventListener("htmx:beforeSwap", (event) => {
    const list = document.getElementById("list");
    if (event.detail.target?.id !== "list" || !list) return;
    scrolled = list.scrollTop;
    wasInside = list.contains(document.activeElement);
  });

  // Poll for the rows shown as being written, as long as there are any.
  const mostWriting = 40; // as many as an address holds; queue.py reads no more
  const writing = () => [...document.querySelectorAll("#items input[name=writing]")].slice(0, mostWriting);
  document.addEventListener("htmx:configRequest", (event) => {
    if (event.detail.elt.id === "written") event.detail.parameters.writing = writing().map((one) => one.value);
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.elt.id === "written" && (document.hidden || !writing().length)) event.preventDefault();
  });

  // htmx logs an error for a row that this page of the list does not have: give it a hidden target.
  const hiddenTargets = document.createElement("div");
  hiddenTargets.hidden = true;
  document.body.append(hiddenTargets);
  document.addEventListener("htmx:beforeSwap", (event) => {
    const answer = event.detail.serverResponse ?? "";
    for (const [, id] of answer.matchAll(/ id="([^"]+)"[^>]*hx-swap-oob=/g)) {
      if (document.getElementById(id)) continue;
      const place = document.createElement("div");
      place.id = id;
      hiddenTargets.append(place);
    }
  });

  document.addEventListener("htmx:afterSettle", (event) => {
    hiddenTargets.replaceChildren();
    if (event.detail.elt.id !== "list") return;
    event.detail.elt.scrollTop = scrolled;
    if (wasInside && document.activeElement === document.body) {
      document.getElementById("list-title")?.focus({ preventScroll: true });
    }
  });
}
