// What HTML and htmx cannot do: keep what is typed, say so, and copy the resume link.
(() => {
  "use strict";

  const QUIET = 1000; // ms without a key until what was typed is sent
  const RETRY = 5000; // ms until the next try while the network is gone
  const LATE = 400; // ms that a save on leaving takes, at most, on an office's line
  const TIGHT = 100; // characters
  const words = document.body.dataset;
  const by = (id) => document.getElementById(id);
  const form = () => document.querySelector("form[data-autosave]");
  let timer, telling, sending, saving, unsaved = false, failing = false;

  // The line that is seen changes often; the one that is read out only when the news is new.
  function say(text, spoken = text) {
    by("problem").textContent = by("saved") ? "" : text;
    if (!by("saved")) return;
    by("saved").textContent = text;
    if (spoken && by("saved-spoken").textContent !== spoken) by("saved-spoken").textContent = spoken;
  }

  // Each change is a turn of this page, so that an older post never overtakes a newer one.
  function turn() {
    const count = form().elements.turn;
    count.value = Number(count.value) + 1;
    clearTimeout(timer);
  }

  // Ends once all that is typed is saved, or could not be.
  function save() {
    clearTimeout(timer);
    if (form() && unsaved) saving = send(form());
    return saving;
  }

  async function send(page) {
    const body = new URLSearchParams(new FormData(page));
    const signal = (sending = new AbortController()).signal;
    const keepalive = body.toString().length < 60000; // as much as may outlive its page
    unsaved = false;
    say(words.saving, "");
    try {
      const answer = await fetch(page.dataset.autosave, {method: "POST", body, signal, keepalive});
      if (page !== form() || unsaved) return;
      failing = false;
      const time = new Date().toLocaleTimeString(document.documentElement.lang, {hour: "numeric", minute: "2-digit"});
      if (answer.ok) say(words.saved.replace("{time}", time), words.savedSpoken);
      else if (answer.status === 429 || answer.status >= 500) tryAgain(words.failed);
      else refused({400: words.aged, 409: words.changed}[answer.status] || words.failed);
    } catch {
      if (!signal.aborted && page === form()) tryAgain(words.offline);
    }
  }

  function tryAgain(text) {
    say(text);
    if (!form()) return;
    unsaved = failing = true;
    clearTimeout(timer);
    timer = setTimeout(save, RETRY);
  }

  // Trying again cannot help; what is typed is still only in this page.
  function refused(text) {
    say(text);
    unsaved = failing = true;
  }

  // What was typed when a page was reloaded is saved only after the new page was drawn.
  const left = sessionStorage.getItem("left");
  sessionStorage.removeItem("left");
  if (left && left === form()?.dataset.autosave) {
    setTimeout(() => { if (!unsaved) location.reload(); }, LATE);
  }

  const inForm = (handler) => (event) => form()?.contains(event.target) && handler(event);
  for (const type of ["input", "change"]) {
    addEventListener(type, inForm(() => {
      turn();
      unsaved = true;
      timer = setTimeout(save, QUIET);
    }), true);
  }
  addEventListener("focusout", inForm(save));
  addEventListener("online", save);
  addEventListener("pagehide", () => {
    if (unsaved && form()) sessionStorage.setItem("left", form().dataset.autosave);
    save();
  });
  addEventListener("submit", inForm(() => {
    turn();
    unsaved = false;
    sending?.abort();
  }), true);

  // htmx could not reach the server, or got an answer that is no page of ours.
  addEventListener("htmx:error", (event) => { if (event.detail.ctx) tryAgain(words.offline); });
  addEventListener("htmx:response:error", ({detail: {ctx}}) => {
    if (ctx.response.status < 500) return;
    if (ctx.request.method === "GET") location.assign(ctx.request.action);
    else tryAgain(words.failed);
  });
  addEventListener("htmx:before:request", (event) => {
    const leaves = event.detail.ctx.request.method === "GET";
    if (!leaves || !failing || !form()) return;
    if (confirm(words.leave)) unsaved = failing = false;
    else event.preventDefault();
  });
  addEventListener("htmx:before:swap", () => {
    failing = false;
    by("problem").textContent = "";
  });
  addEventListener("beforeunload", (event) => { if (unsaved && failing) event.preventDefault(); });

  // The page in another language: where its reader is by now, with what was typed.
  addEventListener("click", async (event) => {
    const link = event.target.closest?.("[data-language]");
    if (!link) return;
    const query = new URLSearchParams(location.search);
    query.set("lang", link.dataset.language);
    link.search = query;
    if (!form() || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    await save();
    location.assign(link.href);
  });

  // How much room a long text has left, counted as the server does; read out once it gets tight.
  function count(field) {
    const line = by(`${field.id}-count`);
    const left = field.dataset.most - [...field.value.normalize().trim()].length;
    line.textContent = (left < 0 ? words.over : words.left).replace("{n}", Math.abs(left).toLocaleString());
    line.classList.toggle("over", left < 0);
    const tight = left < TIGHT ? line.textContent : "";
    clearTimeout(telling);
    telling = setTimeout(() => { by("count-spoken").textContent = tight; }, QUIET);
  }
  const countAll = () => document.querySelectorAll("[data-most]").forEach(count);
  addEventListener("input", ({target}) => target.dataset?.most && count(target));
  addEventListener("htmx:after:swap", countAll);
  countAll();

  addEventListener("click", async ({target}) => {
    const button = target.closest?.("[data-copy]");
    if (!button) return;
    const from = by(button.dataset.copy);
    from.select?.();
    await navigator.clipboard.writeText(from.value ?? from.textContent);
    button.textContent = button.dataset.copied;
  });
})();
