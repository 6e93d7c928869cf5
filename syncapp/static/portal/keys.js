// The key map: the command of each key in the record, the list and an input, and when a letter is only typed.
"use strict";

{
  const RECORD = {
    j: () => fields.step(1),
    k: () => fields.step(-1),
    a: commands.approve,
    A: commands.approveAll,
    r: commands.reject,
    R: commands.rejectAgain,
    e: commands.correct,
    x: () => commands.select(fields.record()?.dataset.record),
    p: commands.park,
    m: commands.assign,
    q: commands.ask,
    c: commands.comment,
    o: commands.openInCrm,
    J: () => fields.openContact(1),
    K: () => fields.openContact(-1),
  };
  const ANYWHERE = {
    "/": commands.search,
    "?": commands.showKeys,
    u: commands.undo,
    t: () => commands.openTab(1),
    T: () => commands.openTab(-1),
    Escape: commands.clearSelection,
  };
  const MOVES = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 };
  const BURST = 1000; // milliseconds: a letter that follows an ignored one within this time belongs to the same sentence
  let ignoredAt = -BURST;

  function anywhere(key) {
    ANYWHERE[key]?.();
    return key in ANYWHERE;
  }

  // In the list; on the row of the open edit, letters mean the record beside it.
  function inList(link, key) {
    if (link.hasAttribute("aria-current") && !key.startsWith("Arrow")) return inRecord(link, key);
    const links = [...document.querySelectorAll(".items .item > a")];
    const move = MOVES[key];
    const next = move && links[links.indexOf(link) + move];
    if (next) next.focus();
    else if (move > 0) document.getElementById("more")?.click();
    else if (move) fields.say("This is the first contact in this list.");
    else if (key === "x") commands.select(link.closest(".item").id.slice("row-".length));
    else if (key === "Enter") {
      requests.whenAnswered(() => fields.goTo(fields.first()));
      link.click();
    } else if (RECORD[key]) fields.say("Press Enter to open this contact first.");
    else return anywhere(key);
    return true;
  }

  function inRecord(target, key) {
    const isOnRow = target.matches?.(".field, #problem-all");
    if (key === "Enter" && target.matches("#record .field button[name=do]:not([value=undo])")) commands.press(target);
    else if (RECORD[key] && fields.isSeen()) RECORD[key]();
    else if (isOnRow && key.startsWith("Arrow") && MOVES[key]) fields.step(MOVES[key]);
    else if (key === "Escape" && (fields.isPanelOpen() || fields.isRefused())) fields.closePanels(target);
    else return anywhere(key);
    return true;
  }

  // In the input of a reason or a correction; the browser does the rest.
  function inPanel(target, key, isReplayed) {
    if (key === "Escape") fields.closePanels(target);
    else if (key === "Enter" && target.matches("input")) commands.submit(target);
    else return inInput(target, key, isReplayed);
    return true;
  }

  // `isReplayed`: the key came while an answer was under way, so the browser did not type it.
  function inInput(target, key, isReplayed) {
    const isLeft = key === "Escape" && (target.id === "q" || fields.record().contains(target));
    if (isLeft && fields.here()) fields.goTo(fields.here());
    else if (isLeft) target.blur();
    else if (isReplayed && key.length === 1 && fields.isTyping(target)) requests.type(target, key);
    else return false;
    return true;
  }

  const isMenuOpen = (target) => Boolean(target.closest?.("details.menu[open]") ?? document.querySelector("#record .menu[open]"));

  // A letter is a command unless single-letter keys are off, a panel or menu is open, or an answer was refused and the
  // person has not moved on. j and k move on, except within a sentence that is being typed.
  function isCommand(target, key) {
    if (document.body.dataset.letters === "off" || fields.isPanelOpen() || isMenuOpen(target)) return false;
    if (!fields.isRefused()) return true;
    const isTyped = performance.now() - ignoredAt < BURST;
    if ((key === "j" || key === "k") && !isTyped) return true;
    ignoredAt = performance.now();
    return false;
  }

  function handle(target, key, isReplayed = false) {
    const isInPanel = target.matches?.("input, select, textarea") && target.closest("#record .ask, #record .conflict");
    if (isInPanel) return inPanel(target, key, isReplayed);
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

  // An answer replaces the inputs of the record, so text typed there waits too. Elsewhere the browser types.
  function mustWait(target) {
    if (!fields.isTyping(target)) return requests.isBusy();
    return requests.isRecordBusy() && fields.record().contains(target);
  }

  document.addEventListener("keydown", (event) => {
    if (!isForUs(event)) return;
    const { key, target } = event;
    if (mustWait(target)) {
      event.preventDefault();
      requests.defer(() => handle(document.activeElement ?? document.body, key, true), key);
    } else if (handle(target, key)) event.preventDefault();
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[data-keys]")) commands.showKeys();
  });
}
