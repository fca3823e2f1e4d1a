// Show that the server failed, or could not be reached.

const messages = document.body.dataset;
const showProblem = (text) => { document.querySelector("#problem").textContent = text; };

// autosave.js prevents the default.
function report(detail) {
  const event = new CustomEvent("request:failed", {cancelable: true, detail});
  if (dispatchEvent(event)) showProblem(detail);
}

addEventListener("htmx:error", ({detail: {ctx}}) => ctx && report(messages.offline));
addEventListener("htmx:response:error", ({detail: {ctx}}) => {
  if (ctx.response.status === 413) report(messages.tooLong);
  if (ctx.response.status < 500) return;
  if (ctx.request.method === "GET") location.assign(ctx.request.action);
  else report(messages.failed);
});
addEventListener("htmx:before:swap", () => showProblem(""));
