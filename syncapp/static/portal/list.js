// The list of the queue: a refresh keeps its ticks, its focus and its scroll position.
"use strict";

{
  const ticked = new Set();
  let scrolled = 0;
  let wasInside = false;

  const boxes = () => [...document.querySelectorAll(".items input[name=record]")];

  function showCount() {
    const bar = document.getElementById("selected");
    const all = document.getElementById("tick-all");
    const here = boxes();
    const count = here.filter((box) => box.checked).length;
    const words = count ? `${count} contact${count === 1 ? "" : "s"} selected` : "";
    if (bar && bar.textContent !== words) bar.textContent = words;
    if (all) {
      all.checked = count > 0 && count === here.length;
      all.indeterminate = count > 0 && count < here.length;
    }
  }

  function remember(box) {
    if (box.checked) ticked.add(box.value);
    else ticked.delete(box.value);
  }

  function restore() {
    boxes().forEach((box) => { box.checked = ticked.has(box.value); });
    showCount();
  }

  document.addEventListener("change", (event) => {
    if (event.target.id === "tick-all") {
      boxes().forEach((box) => { box.checked = event.target.checked; remember(box); });
      showCount();
    } else if (event.target.matches(".items input[name=record]")) {
      remember(event.target);
      showCount();
    }
  });

  document.addEventListener("reset", (event) => {
    if (event.target.id !== "selection") return;
    ticked.clear();
    boxes().forEach((box) => { box.checked = false; });
    showCount();
  });

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
    restore();
    if (event.detail.elt.id !== "list") return;
    event.detail.elt.scrollTop = scrolled;
    if (wasInside && document.activeElement === document.body) {
      document.getElementById("list-title")?.focus({ preventScroll: true });
    }
  });

  boxes().filter((box) => box.checked).forEach(remember);
  restore();
}
