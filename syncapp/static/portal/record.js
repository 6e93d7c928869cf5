// The open edit between two answers of the server: the undo countdown ticks, and a page that nobody sees is not "open".
"use strict";

// "written in 7 s" and its bar; the server says again what is true when the window ends.
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

// A tab in the background, or the list on a phone, does not have the edit open.
document.addEventListener("htmx:beforeRequest", (event) => {
  const element = event.detail.elt;
  if (element.id !== "presence") return;
  const isSeen = !document.hidden && element.closest(".record")?.getClientRects().length;
  if (!isSeen) event.preventDefault();
});

// An answer that would come after its part of the page was replaced is about what is no longer there.
const underWay = new Map();
document.addEventListener("htmx:beforeSend", (event) => {
  if (event.detail.target.id !== "record") underWay.set(event.detail.elt, event.detail.xhr);
});
document.addEventListener("htmx:afterRequest", (event) => underWay.delete(event.detail.elt));
document.addEventListener("htmx:beforeSwap", (event) => {
  for (const [element, request] of underWay) {
    if (event.detail.target.id !== "record" || !event.detail.target.contains(element)) continue;
    request.onload = request.onerror = request.onabort = request.ontimeout = null;
    request.abort();
    underWay.delete(element);
  }
});

// One panel at a time; Escape and a click beside it close it.
function closeMenus(but) {
  for (const menu of document.querySelectorAll(".arrange details[open]")) {
    if (menu !== but) menu.open = false;
  }
}
document.addEventListener("click", (event) => closeMenus(event.target.closest(".arrange details")));
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" ? document.querySelector(".arrange details[open]") : null;
  const isInside = menu?.contains(event.target);
  if (!menu || (!isInside && fields.isTyping(event.target))) return;
  event.stopImmediatePropagation(); // the key means the menu alone
  fields.moveOn();
  menu.open = false;
  if (isInside) menu.querySelector("summary").focus();
});

// Whose contact it is comes with CRM's values. Who comes back to an edit whose values are young sees what came before.
const belongs = new Map();
document.addEventListener("htmx:afterSettle", () => {
  const line = document.querySelector(".belongs");
  if (!line) return;
  if (line.textContent.trim()) belongs.set(line.id, [...line.childNodes].map((node) => node.cloneNode(true)));
  else line.replaceChildren(...(belongs.get(line.id) ?? []).map((node) => node.cloneNode(true)));
});
