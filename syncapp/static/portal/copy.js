// Buttons that copy the command beside them, hidden where the browser has no clipboard for pages.
"use strict";

if (navigator.clipboard) {
  const reveal = () => document.querySelectorAll("[data-copy]").forEach((button) => (button.hidden = false));
  reveal();
  document.addEventListener("htmx:afterSwap", reveal);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) navigator.clipboard.writeText(button.previousElementSibling.textContent);
  });
}
