// The action queue: actions that come while the page waits for an answer run after it, in order.
"use strict";

class ActionQueue {
  #actions = []; // { run, key }: what to do, and the key that asked for it ('' for a click)

  add(run, key = "") {
    this.#actions.push({ run, key });
  }

  runWhile(isFree) {
    while (isFree() && this.#actions.length) this.#actions.shift().run();
  }

  // Drop all keys; the clicks stay. Returns the characters before the first key that would send or decide.
  takeTyped() {
    const keys = this.#actions.map((action) => action.key).filter(Boolean);
    this.#actions = this.#actions.filter((action) => !action.key);
    const end = keys.findIndex((key) => key.length > 1);
    return end < 0 ? keys : keys.slice(0, end);
  }

  clear() {
    this.#actions = [];
  }
}
