// The commands that keys give: decide, undo, select, park, assign, ask, comment, send an input.
"use strict";

const commands = (() => {
  let wantsNext = false; // a decision by key is being sent: its answer may be the next contact

  // A field of a group is decided with the group's head only.
  function rowAfterUndo(name) {
    const found = fields.find(name);
    return found && fields.waits(found) ? found : (fields.nextWaiting("") ?? found);
  }

  // After a decision: the next undecided field, then the next contact, which may have come with the answer.
  function afterDecision() {
    const from = fields.here()?.dataset.field ?? "";
    const record = fields.record().dataset.record;
    return () => {
      const isNextContact = fields.record()?.dataset.record !== record;
      const next = isNextContact ? fields.first() : fields.nextWaiting(from);
      if (next) fields.goTo(next);
      else fields.openContact(1);
    };
  }

  function press(button) {
    wantsNext = !button.value.startsWith("find:");
    if (wantsNext) requests.whenAnswered(afterDecision());
    button.click();
    wantsNext = false;
    requests.forgetUnlessSent();
  }

  // The server knows the last decision, so this works after a reload too.
  function undo() {
    const button = document.getElementById("undo-last");
    if (!button) {
      fields.say("There is nothing to undo.");
      return;
    }
    requests.whenAnswered(() => {
      const undone = document.querySelector("#flash [data-undone]")?.dataset.undone;
      fields.goTo(undone ? rowAfterUndo(undone) : fields.here());
    });
    button.click();
    requests.forgetUnlessSent();
  }

  // Where the CRM's value is not the one that the edit replaced, no key decides: the person chooses one of the values.
  function choose(place = "button[name=do]") {
    const found = fields.here()?.querySelector(`:is(.conflict, .trouble) ${place}`);
    found?.focus();
    if (found) fields.say("Choose one of the values.");
    return Boolean(found);
  }

  function approve() {
    if (choose()) return;
    const field = fields.here();
    const button = field?.querySelector("button[name=do][value^='approve']");
    if (button) press(button);
  }

  function approveAll() {
    const button = document.querySelector("#record button[value='approve-all']");
    if (button) press(button);
    else approve();
  }

  // With the earlier reason, if the same value was rejected before.
  function rejectAgain() {
    if (choose()) return;
    const button = fields.here()?.querySelector("button[name=do][value^='reject-again:']");
    if (button) press(button);
    else fields.say("This value has not been rejected before.");
  }

  // Enter in an input presses the button of its panel; after a search for a lookup, that of the search.
  function submit(input) {
    const buttons = [...(input.closest(".conflict tr, .ask")?.querySelectorAll("button[name=do]") ?? [])];
    const button = input.name.startsWith("find.") ? buttons[0] : buttons.at(-1);
    if (button) press(button);
  }

  // The days to park until open as a menu; Enter takes the first one.
  function park() {
    const menu = document.querySelector("#record .arrange .menu");
    if (!menu) {
      fields.say("This edit cannot be parked.");
      return;
    }
    menu.open = true;
    menu.querySelector("button").focus();
  }

  function assign() {
    const button = document.querySelector("#record .arrange button[formaction*='/assign']");
    if (button) button.click();
    else fields.say("You cannot assign this edit.");
  }

  function write(id) {
    const input = document.getElementById(id);
    input?.scrollIntoView({ block: "center" });
    input?.focus({ preventScroll: true });
    if (!input) fields.say("There is no one to ask.");
  }

  function openInCrm() {
    const link = document.getElementById("open-in-crm");
    if (link) link.click();
    else fields.say("The contact of this edit is not known.");
  }

  function openTab(direction) {
    const tabs = [...document.querySelectorAll("#tabs a")];
    const current = tabs.findIndex((tab) => tab.hasAttribute("aria-current"));
    tabs.at((current + direction) % tabs.length)?.click();
  }

  function select(id) {
    document.getElementById(`select-${id}`)?.click();
  }

  document.addEventListener("htmx:configRequest", (event) => {
    if (wantsNext) event.detail.parameters.next = "contact";
  });

  return {
    approve, approveAll, rejectAgain, submit, select, press, undo, park, assign, openInCrm, openTab,
    reject: () => fields.openPanel(".open-reject") || choose(),
    correct: () => fields.openPanel(".open-correct") || choose(":is(.input, select)"),
    ask: () => write("question"),
    comment: () => write("remark"),
    search: () => document.getElementById("q")?.select(),
    showKeys: () => document.getElementById("keys")?.showModal(),
    clearSelection: () => document.getElementById("clear-selection")?.click(),
  };
})();
