// The matrix of users: open cell, focus and selection.
"use strict";

{
  let opened = ""; // the address of the requested cell
  let scrolled = 0; // of the matrix in its pane
  let pageScrolled = 0; // of the page, where the cell replaces the matrix
  let ticked = [];

  const table = () => document.querySelector(".matrix");
  const pane = () => document.querySelector(".matrix-pane");
  const boxes = () => [...document.querySelectorAll(".matrix tbody input[name=user]")];
  const cellOf = (address) => address && table().querySelector(`.cell-button[href="${CSS.escape(address)}"]`);
  const current = () => table()?.querySelector("[aria-current]");

  function count() {
    const here = boxes();
    const bar = document.getElementById("selected-users");
    const all = document.getElementById("tick-users");
    ticked = here.filter((box) => box.checked).map((box) => box.value);
    if (bar) bar.textContent = ticked.length ? `${ticked.length} user${ticked.length === 1 ? "" : "s"} selected` : "";
    if (all) {
      all.checked = ticked.length > 0 && ticked.length === here.length;
      all.indeterminate = ticked.length > 0 && ticked.length < here.length;
    }
    labelButtons();
  }

  // Label the buttons with the number of users: the ticked ones, or all that match.
  function labelButtons() {
    const all = document.getElementById("all-users");
    const number = all?.checked ? all.dataset.users : String(ticked.length || "");
    const words = number && ` for ${number} user${number === "1" ? "" : "s"}`;
    document.querySelectorAll("[data-for-users]").forEach((place) => { place.textContent = words; });
  }

  function clear() {
    boxes().forEach((box) => { box.checked = false; });
    const all = document.getElementById("all-users");
    if (all) all.checked = false;
    count();
  }

  function mark(cell) {
    current()?.removeAttribute("aria-current");
    cell?.setAttribute("aria-current", "true");
    document.querySelector(".panes").dataset.showing = cell ? "record" : "list";
  }

  document.addEventListener("change", (event) => {
    if (event.target.id === "all-users") labelButtons();
    if (!event.target.closest(".matrix")) return;
    if (event.target.id === "tick-users") boxes().forEach((box) => { box.checked = event.target.checked; });
    count();
  });
  document.addEventListener("reset", (event) => {
    if (event.target.id !== "selection" || !table()) return;
    event.preventDefault(); // the chosen tables stay
    clear();
  });

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.target?.id !== "drawer") return;
    scrolled = pane().scrollTop;
    if (!table().contains(event.detail.elt)) return;
    opened = event.detail.elt.getAttribute("href");
    pageScrolled = scrollY;
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.elt.id !== "drawer") return;
    const isOpen = Boolean(document.querySelector("#drawer [data-close]"));
    mark(isOpen ? cellOf(opened) : null);
    const place = isOpen ? document.getElementById("drawer-title") : cellOf(opened);
    place?.focus({ preventScroll: true });
    scrollTo(0, isOpen ? 0 : pageScrolled);
  });

  // Back and forward reload the page: restore its position and ticks.
  document.addEventListener("htmx:historyRestore", () => {
    if (!table()) return;
    const before = new Set(ticked);
    boxes().forEach((box) => { box.checked = before.has(box.value); });
    pane().scrollTop = scrolled;
    if (!current()) scrollTo(0, pageScrolled);
    count();
  });

  // Escape closes the open cell, else it clears the selection.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !table() || event.target.closest("details[open], input[type=search], select")) return;
    const close = document.querySelector("#drawer [data-close]");
    if (close) close.click();
    else clear();
  });

  opened = current()?.getAttribute("href") ?? "";
  current()?.scrollIntoView({ block: "nearest" });
  if (table()) count();
}
