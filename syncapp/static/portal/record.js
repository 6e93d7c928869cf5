// The open edit between two answers from the server: undo countdown, presence, menus.
"use strict";

// Count down "written in 7 s" and its bar. When the window ends, the server sends the next state.
function tick() {
  for (const hint of document.querySelectorAll("[data-left]")) {
    const left = Math.max(0, Number(hint.dataset.left) - 1);
    if (hint.dataset.left === "1" && hint.closest("#items")) document.getElementById("written")?.dispatchEvent(new Event("due"));
    hint.dataset.left = String(left);
    hint.textContent = hint.textContent.replace(/\d+ s\b/, `${left} s`);
    const bar = hint.parentElement.querySelector("progress");
    if (bar) bar.value = left;
  }
}
setInterval(tick, 1000);

// A tab in the background, or an edit covered by the list on a phone, does not count as open.
document.addEventListener("htmx:beforeRequest", (event) => {
  const element = event.detail.elt;
  if (element.id !== "presence") return;
  const isSeen = !document.hidden && element.closest(".record")?.getClientRects().length;
  if (!isSeen) event.preventDefault();
});

// Abort requests whose part of the page is being replaced.
const pending = new Map();
document.addEventListener("htmx:beforeSend", (event) => {
  if (event.detail.target.id !== "record") pending.set(event.detail.elt, event.detail.xhr);
});
document.addEventListener("htmx:afterRequest", (event) => pending.delete(event.detail.elt));
document.addEventListener("htmx:beforeSwap", (event) => {
  for (const [element, request] of pending) {
    if (event.detail.target.id !== "record" || !event.detail.target.contains(element)) continue;
    request.onload = request.onerror = request.onabort = request.ontimeout = null;
    request.abort();
    pending.delete(element);
  }
});

// One menu at a time; Escape and a click outside close it.
const menus = ":is(.arrange, .selectionbar) details";
function closeMenus(except) {
  for (const menu of document.querySelectorAll(`${menus}[open]`)) {
    if (menu !== except) menu.open = false;
  }
}
document.addEventListener("click", (event) => closeMenus(event.target.closest(menus)));
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" ? document.querySelector(`${menus}[open]`) : null;
  const isInside = menu?.contains(event.target);
  if (!menu || (!isInside && fields.isTyping(event.target))) return;
  event.stopImmediatePropagation(); // the key is for the menu alone
  fields.moveOn();
  menu.open = false;
  if (isInside) menu.querySelector("summary").focus();
});

// Owner and company come with the live values. Keep them for a return to the edit before the next reading.
const belongs = new Map();
document.addEventListener("htmx:afterSettle", () => {
  const line = document.querySelector(".belongs");
  if (!line) return;
  if (line.textContent.trim()) belongs.set(line.id, [...line.childNodes].map((node) => node.cloneNode(true)));
  else line.replaceChildren(...(belongs.get(line.id) ?? []).map((node) => node.cloneNode(true)));
});
