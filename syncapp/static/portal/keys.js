// Deciding from the keyboard. Keys and clicks that come while an answer is under way wait for it, in order; none is lost.
"use strict";

const answer = {}; // for clicks.js: isUnderWay(), then(what to do after it), say(words)

{
  const waiting = []; // keys pressed, and clicks made, while the page is on its way
  const undoable = []; // addresses that take back each submit of this page, the last one at the end
  let busy = false;
  let rowsComing = false; // j on the last row of the list asked for more
  let submittedByKey = false; // the field that has the focus was sent off: what is typed now is not for it
  let current = ""; // the field that keys mean
  let after = null; // what to do once the record has arrived
  let goesOn = false; // a decision by key is being sent: the next contact may come with its answer

  const record = () => document.getElementById("record");
  const rows = () => [...document.querySelectorAll("#record .field")];
  const row = () => rows().find((one) => one.dataset.field === current);
  const decides = ":is([value^='approve:'], [value^='reject:'], [value^='keep:'])";
  const isOpen = (one) => Boolean(one.querySelector(`button[name=do]${decides}`));
  const isTyping = (element) =>
    element?.matches?.("textarea, select, [contenteditable=true], input:not([type=checkbox], [type=radio], [type=button])");
  const asks = (element) => element?.closest?.("#record .ask, #record .conflict");

  function say(words) {
    const line = document.createElement("p");
    line.className = "unseen";
    line.textContent = words;
    document.getElementById("flash")?.append(line);
  }

  // Only the mark: where nobody used a key yet, the focus stays where it is.
  function mark(field) {
    current = field?.dataset.field ?? "";
    rows().forEach((one) => one.classList.toggle("current", one === field));
  }

  function goTo(field) {
    mark(field);
    field?.focus({ preventScroll: true });
    field?.scrollIntoView({ block: "nearest" });
  }

  function nextOpen(from) {
    const all = rows();
    const place = all.findIndex((one) => one.dataset.field === from) + 1;
    return [...all.slice(place), ...all.slice(0, place)].find(isOpen);
  }

  function step(direction) {
    const all = rows();
    const here = row();
    // The first key only shows where one is.
    const next = here?.contains(document.activeElement) || !here ? all[all.indexOf(here) + direction] : here;
    if (next) goTo(next);
    else openContact(direction);
  }

  function openContact(direction) {
    const name = direction > 0 ? "Next contact" : "Previous contact";
    const link = document.querySelector(`#record .steps-nav a[aria-label="${name}"]`);
    if (!link) {
      say(direction > 0 ? "That was the last contact of this list." : "This is the first contact of this list.");
      return;
    }
    after = () => goTo(direction > 0 ? nextOpen("") ?? rows()[0] : rows().at(-1));
    link.click();
  }

  // After a decision: its way back, then the next field that waits, then the next contact, which may be here already.
  function decided(fields) {
    const from = current;
    const name = record().dataset.record;
    after = () => {
      const told = document.querySelector(`#flash [data-decided="${name}"]`);
      // One request takes back all of a submit. Where only a part was taken, each field has its own way.
      const ways = told
        ? [told.dataset.undo]
        : fields.map((id) => document.getElementById(`undo-${id}`)?.getAttribute("formaction")).filter(Boolean);
      if (ways.length) undoable.push({ ways, field: from || fields[0] });
      if (record()?.dataset.record !== name) {
        if (told) goTo(nextOpen("") ?? rows()[0]);
        return;
      }
      const refused = rows().find((one) => fields.includes(one.dataset.field) && isOpen(one));
      const next = refused ?? nextOpen(from);
      if (next) goTo(next);
      else openContact(1);
    };
  }

  function press(button, fields) {
    goesOn = !button.value.startsWith("find:");
    if (goesOn) decided(fields);
    button.click();
    goesOn = false;
    if (!busy) after = null; // the browser held it back
  }

  function approve() {
    const field = row();
    const conflict = field?.querySelector(".conflict button[name=do], .trouble button[name=do]");
    if (conflict) {
      conflict.focus();
      say("Choose one of the values.");
      return;
    }
    const button = field?.querySelector("button[name=do][value^='approve']");
    if (!button) return;
    press(button, [current]);
  }

  function approveAll() {
    const button = document.querySelector("#record button[value='approve-all']");
    if (!button) {
      approve();
      return;
    }
    press(button, [...document.querySelectorAll("#record input[name=all]")].map((input) => input.value));
  }

  // With the reason of last time, where the same value was rejected before.
  function rejectAgain() {
    const button = row()?.querySelector("button[name=do][value^='reject-again:']");
    if (button) press(button, [current]);
    else say("This value was not rejected before.");
  }

  function open(selector) {
    const box = row()?.querySelector(selector);
    if (!box) return;
    if (!box.checked) box.click();
    else box.dispatchEvent(new Event("change", { bubbles: true }));
    const input = document.activeElement;
    if (isTyping(input) && input.type === "text") input.setSelectionRange(input.value.length, input.value.length);
  }

  // A field of a group is decided with its head only.
  function openRow(name) {
    const found = rows().find((one) => one.dataset.field === name);
    return found && isOpen(found) ? found : (nextOpen("") ?? found);
  }

  function undo() {
    const last = undoable.pop();
    if (!last) {
      say("There is nothing to undo.");
      return;
    }
    const back = () => {
      const way = last.ways.shift();
      after = () => (last.ways.length ? back() : goTo(openRow(last.field)));
      htmx.ajax("POST", way, { target: "#record", swap: "outerHTML show:none" });
    };
    back();
  }

  function submit(input) {
    const place = input.closest(".conflict tr, .ask");
    const buttons = [...(place?.querySelectorAll("button[name=do]") ?? [])];
    const button = input.name.startsWith("find.") ? buttons[0] : buttons.at(-1); // the last one decides
    if (!button) return;
    submittedByKey = true;
    press(button, [input.closest(".field")?.dataset.field ?? current]);
    if (!busy) submittedByKey = false;
  }

  function leave(element) {
    const field = element.closest(".field");
    field?.querySelectorAll(".open-reject, .open-correct, .open-again").forEach((box) => {
      if (box.checked) box.click();
    });
    if (field) goTo(field);
    else element.blur();
  }

  function tick(link) {
    const id = link ? link.closest(".item").id.slice(4) : record()?.dataset.record;
    document.getElementById(`select-${id}`)?.click();
  }

  // Rows of the list; on the open one letters are for the record beside it.
  function inList(link, key) {
    if (link.hasAttribute("aria-current") && !key.startsWith("Arrow")) return inRecord(link, key);
    const links = [...document.querySelectorAll(".items .item > a")];
    const move = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[key];
    const next = move && links[links.indexOf(link) + move];
    if (next) next.focus();
    else if (move > 0) document.getElementById("more")?.click();
    else if (move) say("This is the first contact of this list.");
    else if (key === "x") tick(link);
    else if (key === "Enter") {
      after = () => goTo(nextOpen("") ?? rows()[0]);
      link.click();
    } else if (COMMANDS[key]) say("Open this contact with Enter first.");
    else return common(key);
    return true;
  }

  function common(key) {
    if (key === "/") document.getElementById("q")?.select();
    else if (key === "?") document.getElementById("keys")?.showModal();
    else if (key === "u") undo();
    else if (key === "Escape") document.getElementById("clear-selection")?.click();
    else return false;
    return true;
  }

  const COMMANDS = {
    j: () => step(1),
    k: () => step(-1),
    a: approve,
    A: approveAll,
    r: () => open(".open-reject"),
    R: rejectAgain,
    e: () => open(".open-correct"),
    x: () => tick(),
  };

  function inRecord(target, key) {
    if (key === "Enter" && target.matches("#record .field button[name=do]:not([value=undo])")) {
      press(target, [target.closest(".field").dataset.field]);
    } else if (COMMANDS[key] && record()?.dataset.record) COMMANDS[key]();
    else if ((key === "ArrowDown" || key === "ArrowUp") && target.matches?.(".field")) step(key === "ArrowDown" ? 1 : -1);
    else return common(key);
    return true;
  }

  // What is typed into a reason or a correction; the browser does the rest by itself.
  function inAnswer(target, key, replayed) {
    if (key === "Escape") leave(target);
    else if (key === "Enter" && target.matches("input")) submit(target);
    else if (replayed && key.length === 1 && isTyping(target)) typeFor(target, key);
    else return false;
    return true;
  }

  // A key that came while the page was on its way. Into a date or a choice only the browser itself can type.
  function typeFor(target, key) {
    if (typeof target.selectionStart !== "number") {
      say("The page was on its way. Type it again.");
      return;
    }
    target.setRangeText(key, target.selectionStart, target.selectionEnd, "end");
    target.dispatchEvent(new Event("input", { bubbles: true }));
  }

  function handle(target, key, replayed = false) {
    if (asks(target) && target.matches("input, select, textarea")) return inAnswer(target, key, replayed);
    if (isTyping(target)) {
      if (key === "Escape" && target.id === "q") return Boolean(row() ? goTo(row()) ?? true : target.blur() ?? true);
      return false;
    }
    const link = target.closest?.(".items .item > a");
    return link ? inList(link, key) : inRecord(target, key);
  }

  function goOn() {
    while (!busy && !rowsComing && waiting.length) {
      const next = waiting.shift();
      if (next instanceof Function) next();
      else handle(document.activeElement ?? document.body, next, true);
    }
  }

  function isForUs(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return false;
    return Boolean(record()) && !document.querySelector("dialog[open]") && !["Shift", "Tab"].includes(event.key);
  }

  document.addEventListener("keydown", (event) => {
    if (!isForUs(event)) return;
    const elsewhere = isTyping(event.target) && !(submittedByKey && record().contains(event.target));
    if ((busy || rowsComing || waiting.length) && !elsewhere) {
      event.preventDefault();
      waiting.push(event.key);
    } else if (handle(event.target, event.key)) {
      event.preventDefault();
    }
  });

  document.addEventListener("focusin", (event) => {
    const field = event.target.closest?.("#record .field");
    if (field && field.dataset.field !== current) mark(field);
  });

  document.addEventListener("click", (event) => {
    const field = event.target.closest?.("#record .field");
    if (field) mark(field);
    if (event.target.closest?.("[data-keys]")) document.getElementById("keys")?.showModal();
  });

  document.addEventListener("htmx:configRequest", (event) => {
    if (goesOn) event.detail.parameters.next = "contact";
  });

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.target?.id === "record") busy = true;
    if (event.detail.target?.id === "items") rowsComing = Boolean(document.activeElement?.closest("#list"));
  });

  function arrived() {
    busy = false;
    submittedByKey = false;
    const then = after;
    after = null;
    if (then) then();
    if (then) document.getElementById(`row-${record()?.dataset.record}`)?.scrollIntoView({ block: "nearest" });
    if (!row()) mark(nextOpen("") ?? rows()[0]);
    else mark(row());
    goOn();
  }

  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.target?.id === "items" && rowsComing) {
      rowsComing = false;
      goOn();
    }
    if (event.detail.elt.id === "record") arrived();
    else if (rows().length) restoreMark();
  });

  // A row that was swapped by itself: it keeps the mark, and the focus that it had.
  function restoreMark() {
    const field = row() ?? nextOpen("") ?? rows()[0];
    const hadFocus = document.activeElement === document.body && field?.dataset.field === focused;
    focused = "";
    mark(field);
    if (hadFocus) field.focus({ preventScroll: true });
  }

  let focused = "";
  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    const active = document.activeElement;
    focused = event.detail.target?.contains?.(active) ? active.closest(".field")?.dataset.field ?? "" : focused;
  });

  for (const trouble of ["htmx:responseError", "htmx:sendError", "htmx:timeout", "htmx:sendAbort"]) {
    document.addEventListener(trouble, (event) => {
      if (!["record", "items"].includes(event.detail.target?.id)) return;
      busy = false;
      rowsComing = false;
      submittedByKey = false;
      after = null;
      waiting.length = 0;
    });
  }

  Object.assign(answer, { isUnderWay: () => busy, then: (step) => waiting.push(step), say });
  if (rows().length) mark(nextOpen("") ?? rows()[0]);
}
