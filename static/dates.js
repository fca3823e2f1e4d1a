// Say that a day is unfinished or not real: its control would post it as nothing.

const MAY_LEAVE = /^(to|remove)-/;
const messages = document.body.dataset;
const isUnreadable = (field) => field.type === "date" && field.validity.badInput;

addEventListener("click", (event) => { // also for the Enter key
  const button = event.target.closest?.("form[data-autosave] button[name=action]");
  const field = button && [...button.form.elements].find(isUnreadable);
  if (!field || MAY_LEAVE.test(button.value)) return;
  event.preventDefault();
  field.closest("details")?.setAttribute("open", ""); // a folded one cannot show its message
  field.setCustomValidity(messages.unfinished);
  field.reportValidity();
});
addEventListener("input", ({target}) => target.type === "date" && target.setCustomValidity(""));
