// Save a draft soon after a change, and show how that went.

const SAVE_DELAY_MS = 1000;
const RETRY_DELAY_MS = 5000;
const RELOAD_DELAY_MS = 400; // a save has ended by then
const MAX_KEEPALIVE_BYTES = 60000; // may outlive a page

// What became of the latest change.
const TRANSITIONS = {
  sent: {type: "typed", fail: "failed"},
  typed: {send: "sent", submit: "sent", fail: "failed"},
  failed: {send: "retrying", submit: "sent", recover: "typed", discard: "sent"},
  retrying: {type: "failed", submit: "sent", fail: "failed", recover: "sent", discard: "sent"},
};
let state = "sent";
let timer, request, saving;
const can = (event) => event in TRANSITIONS[state];
const move = (event) => { state = TRANSITIONS[state][event] ?? state; };
const draftForm = () => document.querySelector("form[data-autosave]");
const messages = document.body.dataset;

// The second line is read out, so it changes only for news.
function showStatus(text, spoken = text) {
  document.querySelector("#saved").textContent = text;
  const line = document.querySelector("#saved-spoken");
  if (spoken && line.textContent !== spoken) line.textContent = spoken;
}

function showFailure(text) {
  showStatus(text);
  move("fail");
}

function scheduleRetry(text) {
  showFailure(text);
  scheduleSave(RETRY_DELAY_MS);
}

function scheduleSave(delay) {
  clearTimeout(timer);
  timer = setTimeout(saveNow, delay);
}

// Return a promise that the latest save has ended, well or not.
function saveNow() {
  clearTimeout(timer);
  if (draftForm() && can("send")) saving = send(draftForm());
  return saving;
}

async function send(form) {
  const body = new URLSearchParams(new FormData(form));
  const {signal} = (request = new AbortController());
  const keepalive = body.toString().length < MAX_KEEPALIVE_BYTES;
  move("send");
  // A failure stays until there is news: a shorter text would move a button that is being pressed.
  if (!can("discard")) showStatus(messages.saving, "");
  try {
    const response = await fetch(form.dataset.autosave, {method: "POST", body, signal, keepalive});
    const answer = response.status === 409 ? await response.text() : "";
    if (form === draftForm() && !can("send")) showResult(response, answer);
  } catch {
    if (form === draftForm() && !signal.aborted) scheduleRetry(messages.offline);
  }
}

function showResult({ok, status}, answer) {
  if (ok) {
    const {lang} = document.documentElement;
    const time = new Date().toLocaleTimeString(`${lang}-US`, {timeStyle: "short"});
    move("recover");
    showStatus(messages.saved.replace("{time}", time), messages.savedSpoken);
  } else if (status === 429 || status >= 500) {
    scheduleRetry(messages.failed);
  } else { // a retry would fail, too
    const said = new DOMParser().parseFromString(answer, "text/html").body.textContent.trim();
    const reasons = {400: messages.expired, 409: said, 413: messages.tooLong};
    showFailure(reasons[status] || messages.failed);
  }
}

// Reload a page that was drawn before its last save.
const left = sessionStorage.getItem("left");
sessionStorage.removeItem("left");
if (left === draftForm()?.dataset.autosave) {
  setTimeout(() => { if (!can("send")) location.reload(); }, RELOAD_DELAY_MS);
}

const inDraft = (handle) => ({target}) => draftForm()?.contains(target) && handle();
const noteChange = inDraft(() => {
  draftForm().elements.turn.value++; // the server drops a post that a later turn overtook
  move("type");
  scheduleSave(SAVE_DELAY_MS);
});
addEventListener("input", noteChange, true);
addEventListener("change", noteChange, true);
addEventListener("submit", inDraft(() => {
  draftForm().elements.turn.value++;
  move("submit");
  request?.abort();
}), true);
addEventListener("focusout", inDraft(saveNow));
addEventListener("online", saveNow);
addEventListener("pagehide", () => {
  if (can("send") && draftForm()) sessionStorage.setItem("left", draftForm().dataset.autosave);
  saveNow();
});
addEventListener("beforeunload", (event) => {
  if (can("discard")) event.preventDefault();
});
addEventListener("htmx:before:request", (event) => {
  if (event.detail.ctx.request.method !== "GET" || !can("discard") || !draftForm()) return;
  if (confirm(messages.leave)) move("discard");
  else event.preventDefault();
});
addEventListener("htmx:before:swap", () => move("recover"));

// Events of links.js and request_errors.js
addEventListener("draft:save", (event) => { event.detail.saving = saveNow(); });
addEventListener("request:failed", (event) => {
  if (!draftForm()) return;
  event.preventDefault();
  scheduleRetry(event.detail);
});
