// Ask before somebody leaves a page with a text or a choice that is not saved.

const guarded = () => document.querySelector("form[data-guarded]");
const isChanged = (element) => {
  if (element.matches("select")) return [...element.options].some((each) => each.selected !== each.defaultSelected);
  if (element.matches("[type=checkbox]")) return element.checked !== element.defaultChecked;
  return element.matches("textarea, input[type=text], input:not([type])") && element.value !== element.defaultValue;
};
let isSending = false;

function question() {
  const form = guarded();
  if (!form || isSending) return "";
  const isUnsaved = "unsaved" in form.dataset || [...form.elements].some(isChanged);
  return isUnsaved ? form.dataset.guarded : "";
}

addEventListener("beforeunload", (event) => {
  if (question()) event.preventDefault();
});
// htmx prevents the default; without it, the form itself leaves the page.
addEventListener("submit", ({target, defaultPrevented}) => {
  isSending = target === guarded() && !defaultPrevented;
});
addEventListener("htmx:before:request", (event) => {
  const {sourceElement, request} = event.detail.ctx;
  const isOfForm = request.method !== "GET" && guarded()?.contains(sourceElement);
  if (isOfForm || !question()) return;
  if (!confirm(question())) event.preventDefault();
});
