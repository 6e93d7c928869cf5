// What attributes cannot say: which edit is open, where the focus goes after a decision, that no answer came.
"use strict";

let shownEdit = document.getElementById("record")?.dataset.record ?? "";

// The list's row of the open edit is marked; on a phone the record takes the list's place.
function markOpenEdit() {
  const record = document.getElementById("record");
  const panes = document.querySelector(".panes");
  if (!record || !record.dataset.record || !panes) return;
  // The address names an edit, though after an undo it may be the one that came after the edit shown.
  panes.dataset.showing = /[0-9a-f-]{36}\/$/.test(location.pathname) ? "record" : "list";
  document.querySelectorAll(".items a[aria-current]").forEach((link) => link.removeAttribute("aria-current"));
  const link = document.querySelector(`#row-${CSS.escape(record.dataset.record)} a`);
  link?.setAttribute("aria-current", "true");
  // Only another edit brings its row into sight: whoever scrolled the list meanwhile keeps his place.
  if (link && shownEdit !== record.dataset.record) link.scrollIntoView({ block: "nearest" });
  shownEdit = record.dataset.record;
}

// "Decide what is marked" says how many of which.
function countMarks(form) {
  const button = form.querySelector("[data-marked]");
  if (!button) return;
  const count = (selector) => form.querySelectorAll(`${selector}:checked`).length;
  const approved = count(".tick input") + count(".open-correct");
  const rejected = count(".open-reject");
  const words = [approved && `approve ${approved}`, rejected && `reject ${rejected}`].filter(Boolean).join(", ");
  if (words) button.textContent = words[0].toUpperCase() + words.slice(1);
}

// A decided field loses the button that had the focus: its row takes it.
let decidedField = "";
let foundFor = "";

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.target?.id !== "record") return;
  const used = event.detail.requestConfig.triggeringEvent?.submitter ?? event.detail.elt;
  decidedField = used.closest(".field")?.dataset.field ?? "";
  foundFor = used.value?.startsWith("find:") ? decidedField : "";
});

// A refused answer: the focus goes to the input at fault, with the caret at its end, or to the message where none is.
function focusRefusal() {
  const record = document.querySelector("#record[data-refused]");
  if (!record) return false;
  const row = decidedField && record.querySelector(`[data-field="${CSS.escape(decidedField)}"][aria-describedby]`);
  const message = row || record.querySelector(".field[aria-describedby], #problem-all");
  const input = record.querySelector("[aria-invalid=true]");
  (input ?? message)?.focus();
  if (typeof input?.selectionStart === "number") input.setSelectionRange(input.value.length, input.value.length);
  return true;
}

document.addEventListener("htmx:afterSettle", (event) => {
  markOpenEdit();
  document.querySelectorAll(".record-form").forEach(countMarks);
  if (event.detail.elt.id !== "record" || focusRefusal()) return;
  if (foundFor) (document.querySelector(`[name="value.${foundFor}"]`) ?? document.getElementById(`find-${foundFor}`))?.focus();
  if (document.activeElement !== document.body) return;
  const row = decidedField && document.querySelector(`[data-field="${CSS.escape(decidedField)}"]`);
  (row || document.getElementById("record-title"))?.focus({ preventScroll: Boolean(row) });
});

// A panel that opens takes the focus to what one types there.
document.addEventListener("change", (event) => {
  const form = event.target.closest(".record-form");
  if (!form) return;
  countMarks(form);
  const opens = { "open-reject": ".ask-reject", "open-correct": ".ask-correct", "open-again": ".ask-again" };
  const name = Object.keys(opens).find((one) => event.target.classList.contains(one));
  if (name && event.target.checked) {
    event.target.closest(".field").querySelector(`${opens[name]} :is(.input, select, input:checked)`)?.focus();
  }
});

for (const trouble of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(trouble, () => {
    const flash = document.getElementById("flash");
    const words = document.getElementById("no-answer");
    if (flash && words) flash.replaceChildren(words.content.cloneNode(true));
  });
}

// Where not all tabs fit, the one that is open is in sight.
document.querySelectorAll(".tabs > [aria-current], .topbar nav > [aria-current]").forEach((tab) => {
  const beyond = tab.offsetLeft + tab.offsetWidth - tab.parentElement.offsetLeft - tab.parentElement.clientWidth;
  if (beyond > 0) tab.parentElement.scrollLeft = beyond + 24;
});

window.addEventListener("popstate", markOpenEdit);
document.querySelectorAll(".record-form").forEach(countMarks);
document.querySelector(".items a[aria-current]")?.scrollIntoView({ block: "nearest" });
