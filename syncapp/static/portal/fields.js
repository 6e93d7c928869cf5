// The fields of the open edit: the current one, moving between them, and their open panels.
"use strict";

const fields = (() => {
  let current = ""; // the field that keys act on
  let focused = ""; // the field whose row is being swapped while it has the focus

  const decides = ":is([value^='approve:'], [value^='reject:'], [value^='keep:'])";
  const openers = ".open-reject, .open-correct, .open-again, .open-reject-all";

  const record = () => document.getElementById("record");
  // On a phone the list can cover the record.
  const isSeen = () => Boolean(record()?.dataset.record && record().getClientRects().length);
  const all = () => [...document.querySelectorAll("#record .field")];
  const find = (name) => all().find((one) => one.dataset.field === name);
  const here = () => find(current);
  const waits = (field) => Boolean(field.querySelector(`button[name=do]${decides}`));
  const first = () => nextWaiting("") ?? all()[0];

  function isTyping(element) {
    const keys = "input:not([type=checkbox], [type=radio], [type=button])";
    return Boolean(element?.matches?.(`textarea, select, [contenteditable=true], ${keys}`));
  }

  function say(words) {
    const line = document.createElement("p");
    line.className = "unseen";
    line.textContent = words;
    document.getElementById("flash")?.append(line);
  }

  // Does not move the focus, which stays where it is until a key is used.
  function mark(field) {
    current = field?.dataset.field ?? "";
    all().forEach((one) => one.classList.toggle("current", one === field));
  }

  function goTo(field) {
    mark(field);
    field?.focus({ preventScroll: true });
    field?.scrollIntoView({ block: "nearest" });
  }

  function nextWaiting(from) {
    const rows = all();
    const place = rows.findIndex((one) => one.dataset.field === from) + 1;
    return [...rows.slice(place), ...rows.slice(0, place)].find(waits);
  }

  function step(direction) {
    const rows = all();
    // The first key only focuses the current field.
    const isShown = !here() || here().contains(document.activeElement);
    const next = isShown ? rows[rows.indexOf(here()) + direction] : here();
    if (next) goTo(next);
    else openContact(direction);
  }

  function openContact(direction) {
    const name = direction > 0 ? "Next contact" : "Previous contact";
    const link = document.querySelector(`#record .steps-nav a[aria-label="${name}"]`);
    if (!link) {
      say(direction > 0 ? "This is the last contact in this list." : "This is the first contact in this list.");
      return;
    }
    requests.whenAnswered(() => goTo(direction > 0 ? first() : all().at(-1)));
    link.click();
  }

  // The panel takes the focus (pages.js); put the caret at the end of its text. Returns whether there is such a panel.
  function openPanel(selector) {
    const box = here()?.querySelector(selector);
    if (!box) return false;
    box.click();
    const input = document.activeElement;
    if (isTyping(input) && input.type === "text") input.setSelectionRange(input.value.length, input.value.length);
    return true;
  }

  const openPanels = (part = record()) => [...(part?.querySelectorAll(`:is(${openers}):checked`) ?? [])];
  const isPanelOpen = (part) => openPanels(part).length > 0;

  // Close the panels of the element's field, or all panels of the record if the field has none open.
  function closePanels(element) {
    const field = element.closest?.(".field");
    const own = openPanels().filter((box) => field?.contains(box));
    (own.length ? own : openPanels()).forEach((box) => box.click());
    goTo(field ?? here() ?? first());
  }

  const isRefused = () => record()?.dataset.refused !== undefined;
  const moveOn = () => { if (record()) delete record().dataset.refused; };

  document.addEventListener("focusin", (event) => {
    const field = event.target.closest?.("#record .field");
    if (field && field.dataset.field !== current) mark(field);
  });

  document.addEventListener("click", (event) => {
    const field = event.target.closest?.("#record .field");
    if (field) mark(field);
    if (!isTyping(event.target)) moveOn();
  });

  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    const { target, fragment } = event.detail;
    const active = document.activeElement;
    focused = target?.contains?.(active) ? active.closest(".field")?.dataset.field ?? "" : focused;
    // The answer does not know of the open panel and would discard the text in it.
    if (isPanelOpen(target) && !isPanelOpen(fragment)) event.detail.shouldSwap = false;
  });

  // A single row that was swapped keeps the mark and the focus.
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.elt.id === "record" || !all().length) return;
    const field = here() ?? first();
    const hadFocus = document.activeElement === document.body && field.dataset.field === focused;
    focused = "";
    mark(field);
    if (hadFocus) field.focus({ preventScroll: true });
  });

  if (all().length) mark(first());
  return {
    record, isSeen, all, find, here, first, waits, nextWaiting, mark, goTo, step, openContact,
    isTyping, say, openPanel, isPanelOpen, closePanels, isRefused, moveOn,
  };
})();
