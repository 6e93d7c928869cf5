// The open edit's row, the focus after an answer, and failed requests.
"use strict";

let shownEdit = document.getElementById("record")?.dataset.record ?? "";

// Mark the row of the open edit; on a phone show the record instead of the list.
function markOpenEdit() {
  const record = document.getElementById("record");
  const panes = document.querySelector(".panes");
  if (!record || !record.dataset.record || !panes) return;
  // After an undo the address can name the next edit, so only test whether it names any.
  panes.dataset.showing = /[0-9a-f-]{36}\/$/.test(location.pathname) ? "record" : "list";
  document.querySelectorAll(".items a[aria-current]").forEach((link) => link.removeAttribute("aria-current"));
  const link = document.querySelector(`#row-${CSS.escape(record.dataset.record)} a`);
  link?.setAttribute("aria-current", "true");
  // Scroll only for another edit, so that people who scrolled the list keep their place.
  if (link && shownEdit !== record.dataset.record) link.scrollIntoView({ block: "nearest" });
  shownEdit = record.dataset.record;
}

// Label the button for the marked fields with how many it approves and rejects.
function countMarks(form) {
  const button = form.querySelector("[data-marked]");
  if (!button) return;
  const count = (selector) => form.querySelectorAll(`${selector}:checked`).length;
  const approved = count(".tick input") + count(".open-correct");
  const rejected = count(".open-reject");
  const words = [approved && `approve ${approved}`, rejected && `reject ${rejected}`].filter(Boolean).join(", ");
  if (words) button.textContent = words[0].toUpperCase() + words.slice(1);
}

let decidedField = ""; // the field whose button was used; its row takes the focus
let searchedField = ""; // the field whose lookup was searched

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.target?.id !== "record") return;
  const used = event.detail.requestConfig.triggeringEvent?.submitter ?? event.detail.elt;
  decidedField = used.closest(".field")?.dataset.field ?? "";
  searchedField = used.value?.startsWith("find:") ? decidedField : "";
});

// After a refusal, focus the input at fault with the caret at its end, or the message.
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
  if (searchedField) (document.querySelector(`[name="value.${searchedField}"]`) ?? document.getElementById(`find-${searchedField}`))?.focus();
  if (document.activeElement !== document.body) return;
  const row = decidedField && document.querySelector(`[data-field="${CSS.escape(decidedField)}"]`);
  (row || document.getElementById("record-title"))?.focus({ preventScroll: Boolean(row) });
});

// A panel that opens focuses its input.
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

for (const failure of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(failure, () => {
    const flash = document.getElementById("flash");
    const words = document.getElementById("no-answer");
    if (flash && words) flash.replaceChildren(words.content.cloneNode(true));
  });
}

// Scroll the current tab into view where not all tabs fit.
document.querySelectorAll(".tabs > [aria-current], .topbar nav > [aria-current]").forEach((tab) => {
  const beyond = tab.offsetLeft + tab.offsetWidth - tab.parentElement.offsetLeft - tab.parentElement.clientWidth;
  if (beyond > 0) tab.parentElement.scrollLeft = beyond + 24;
});

window.addEventListener("popstate", markOpenEdit);
document.querySelectorAll(".record-form").forEach(countMarks);
document.querySelector(".items a[aria-current]")?.scrollIntoView({ block: "nearest" });
// The button of ticked fields shows only once these are parsed, too late for the browser's own autofocus.
if (document.activeElement === document.body) document.querySelector("#record [autofocus]")?.focus();
