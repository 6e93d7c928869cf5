// The key map: what each key does in a field, in the list and in an input; and when a letter is only typed.
"use strict";

{
  const BURST = 1000; // milliseconds: a letter that follows an ignored one so soon belongs to the same sentence
  let goesOn = false; // a decision by key is being sent: the next contact may come with its answer
  let ignoredAt = -BURST;

  const asks = (element) => element?.closest?.("#record .ask, #record .conflict");

  // After a decision: the next field that waits, then the next contact, which may be here already.
  function afterDecision(ids) {
    const from = fields.here()?.dataset.field ?? "";
    const name = fields.record().dataset.record;
    return {
      always: () => undoStack.note(name, ids, from || ids[0]),
      accepted: () => {
        const isNextContact = fields.record()?.dataset.record !== name;
        const next = isNextContact ? fields.first() : fields.nextWaiting(from);
        if (next) fields.goTo(next);
        else fields.openContact(1);
      },
    };
  }

  function press(button, ids) {
    goesOn = !button.value.startsWith("find:");
    if (goesOn) answers.expect(afterDecision(ids));
    button.click();
    goesOn = false;
    answers.forgetUnlessSent();
  }

  const idOf = (element) => element.closest(".field")?.dataset.field ?? fields.here()?.dataset.field;
  const idsOfAll = () => [...document.querySelectorAll("#record input[name=all]")].map((input) => input.value);

  function approve() {
    const field = fields.here();
    const conflict = field?.querySelector(".conflict button[name=do], .trouble button[name=do]");
    if (conflict) {
      conflict.focus();
      fields.say("Choose one of the values.");
      return;
    }
    const button = field?.querySelector("button[name=do][value^='approve']");
    if (button) press(button, [field.dataset.field]);
  }

  function approveAll() {
    const button = document.querySelector("#record button[value='approve-all']");
    if (button) press(button, idsOfAll());
    else approve();
  }

  // With the reason of last time, where the same value was rejected before.
  function rejectAgain() {
    const button = fields.here()?.querySelector("button[name=do][value^='reject-again:']");
    if (button) press(button, [idOf(button)]);
    else fields.say("This value was not rejected before.");
  }

  function submit(input) {
    const buttons = [...(input.closest(".conflict tr, .ask")?.querySelectorAll("button[name=do]") ?? [])];
    const button = input.name.startsWith("find.") ? buttons[0] : buttons.at(-1); // the last one decides
    if (button) press(button, button.value === "reject-all" ? idsOfAll() : [idOf(input)]);
  }

  function tick(link) {
    const id = link ? link.closest(".item").id.slice(4) : fields.record()?.dataset.record;
    document.getElementById(`select-${id}`)?.click();
  }

  const COMMANDS = {
    j: () => fields.step(1),
    k: () => fields.step(-1),
    a: approve,
    A: approveAll,
    r: () => fields.openPanel(".open-reject"),
    R: rejectAgain,
    e: () => fields.openPanel(".open-correct"),
    x: () => tick(),
  };
  const ANYWHERE = {
    "/": () => document.getElementById("q")?.select(),
    "?": () => document.getElementById("keys")?.showModal(),
    u: undoStack.undo,
    Escape: () => document.getElementById("clear-selection")?.click(),
  };

  function anywhere(key) {
    ANYWHERE[key]?.();
    return key in ANYWHERE;
  }

  // Rows of the list; on the open one letters are for the record beside it.
  function inList(link, key) {
    if (link.hasAttribute("aria-current") && !key.startsWith("Arrow")) return inRecord(link, key);
    const links = [...document.querySelectorAll(".items .item > a")];
    const move = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[key];
    const next = move && links[links.indexOf(link) + move];
    if (next) next.focus();
    else if (move > 0) document.getElementById("more")?.click();
    else if (move) fields.say("This is the first contact of this list.");
    else if (key === "x") tick(link);
    else if (key === "Enter") {
      answers.expect({ accepted: () => fields.goTo(fields.first()) });
      link.click();
    } else if (COMMANDS[key]) fields.say("Open this contact with Enter first.");
    else return anywhere(key);
    return true;
  }

  function inRecord(target, key) {
    const isOnRow = target.matches?.(".field, #problem-all");
    if (key === "Enter" && target.matches("#record .field button[name=do]:not([value=undo])")) press(target, [idOf(target)]);
    else if (COMMANDS[key] && fields.isSeen()) COMMANDS[key]();
    else if (isOnRow && key === "ArrowDown") fields.step(1);
    else if (isOnRow && key === "ArrowUp") fields.step(-1);
    else if (key === "Escape" && (fields.isPanelOpen() || fields.isRefused())) fields.closePanels(target);
    else return anywhere(key);
    return true;
  }

  // What is typed into a reason or a correction; the browser does the rest by itself.
  function inAnswer(target, key, isReplayed) {
    if (key === "Escape") fields.closePanels(target);
    else if (key === "Enter" && target.matches("input")) submit(target);
    else return inInput(target, key, isReplayed);
    return true;
  }

  // `isReplayed`: the key came while the page was on its way, so the browser typed it nowhere.
  function inInput(target, key, isReplayed) {
    const isLeft = key === "Escape" && (target.id === "q" || fields.record().contains(target));
    if (isLeft && fields.here()) fields.goTo(fields.here());
    else if (isLeft) target.blur();
    else if (isReplayed && key.length === 1 && fields.isTyping(target)) answers.type(target, key);
    else return false;
    return true;
  }

  const isMenuOpen = (target) => Boolean(target.closest?.("details.menu[open]") ?? document.querySelector("#record .menu[open]"));

  // A letter is a command unless the person switched that off, a panel or menu is open, or an answer was refused and
  // the person has not moved on: j and k do, but not within a sentence that is being typed.
  function isCommand(target, key) {
    if (document.body.dataset.letters === "off" || fields.isPanelOpen() || isMenuOpen(target)) return false;
    if (!fields.isRefused()) return true;
    const isTyped = performance.now() - ignoredAt < BURST;
    if ((key === "j" || key === "k") && !isTyped) return true;
    ignoredAt = performance.now();
    return false;
  }

  function handle(target, key, isReplayed = false) {
    if (asks(target) && target.matches("input, select, textarea")) return inAnswer(target, key, isReplayed);
    if (fields.isTyping(target)) return inInput(target, key, isReplayed);
    if (key.length === 1 && !isCommand(target, key)) return false;
    const link = target.closest?.(".items .item > a");
    const isHandled = link ? inList(link, key) : inRecord(target, key);
    if (isHandled || key.startsWith("Arrow")) fields.moveOn();
    return isHandled;
  }

  function isForUs(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return false;
    return Boolean(fields.record()) && !document.querySelector("dialog[open]") && !["Shift", "Tab"].includes(event.key);
  }

  // Inputs of the record are about to be replaced: what is typed there waits too. Elsewhere the browser types.
  function waitsForAnswer(target) {
    if (!fields.isTyping(target)) return answers.isUnderWay();
    return answers.isForRecord() && fields.record().contains(target);
  }

  document.addEventListener("keydown", (event) => {
    if (!isForUs(event)) return;
    const { key, target } = event;
    if (waitsForAnswer(target)) {
      event.preventDefault();
      answers.add(() => handle(document.activeElement ?? document.body, key, true), key);
    } else if (handle(target, key)) event.preventDefault();
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[data-keys]")) document.getElementById("keys")?.showModal();
  });

  document.addEventListener("htmx:configRequest", (event) => {
    if (goesOn) event.detail.parameters.next = "contact";
  });
}
