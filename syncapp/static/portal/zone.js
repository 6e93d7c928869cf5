// Tell the server the browser's time zone, for people who have not chosen one.
"use strict";

(() => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const cookie = `browser_zone=${encodeURIComponent(zone)}`;
  const isSet = () => document.cookie.split("; ").includes(cookie);
  if (!zone || isSet()) return;
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `${cookie}; path=/; max-age=31536000; samesite=lax${secure}`;
  // Once only: a browser without cookies would reload forever.
  if (isSet() && "reload" in document.currentScript.dataset) location.reload();
})();
