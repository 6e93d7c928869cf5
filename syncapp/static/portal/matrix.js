// The matrix of users: open cell and focus.
"use strict";

{
  let opened = ""; // the address of the requested cell
  let scrolled = 0; // scroll position of the matrix in its pane
  let pageScrolled = 0; // scroll position of the page, where the cell replaces the matrix

  const table = () => document.querySelector(".matrix");
  const pane = () => document.querySelector(".matrix-pane");
  const cellOf = (address) => address && table().querySelector(`.cell-button[href="${CSS.escape(address)}"]`);
  const current = () => table()?.querySelector("[aria-current]");

  function mark(cell) {
    current()?.removeAttribute("aria-current");
    cell?.setAttribute("aria-current", "true");
    document.querySelector(".panes").dataset.showing = cell ? "record" : "list";
  }

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

  // Back and forward reload the page: restore its position.
  document.addEventListener("htmx:historyRestore", () => {
    if (!table()) return;
    pane().scrollTop = scrolled;
    if (!current()) scrollTo(0, pageScrolled);
  });

  // Escape closes the open cell, else it clears the selection.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !table() || event.target.closest("dialog, details[open], input[type=search], select")) return;
    const close = document.querySelector("#drawer [data-close]");
    (close ?? document.getElementById("clear-selection"))?.click();
  });

  opened = current()?.getAttribute("href") ?? "";
  current()?.scrollIntoView({ block: "nearest" });
}
