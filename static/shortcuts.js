// Keys of the staff pages: one follows a link or moves to a button; `?` lists them. They can be
// switched off, and are off while somebody types.

const STORED = "shortcuts";
const TYPED_IN = "textarea, select, [contenteditable], input:not([type=checkbox], [type=radio])";
const ROWS = {j: 1, k: -1};

const isOn = () => localStorage.getItem(STORED) !== "off";
const keysOf = (element) => element.dataset.keys.split(" ");
const here = () => [...document.querySelectorAll("[data-keys]")].filter((each) => each.checkVisibility());
const rows = () => [...document.querySelectorAll("[data-row]")];

function press(key) {
  const target = here().find((each) => keysOf(each).includes(key));
  if (target) use(target);
  else if (key in ROWS) moveTo(ROWS[key]);
  else if (key === "?") list();
  else return false;
  return true;
}

function use(target) {
  if (target.matches("a")) return target.click();
  target.focus();
  if (!target.matches("summary")) return;
  target.parentElement.open = true;
  target.parentElement.querySelector("textarea")?.focus();
}

function moveTo(step) {
  const links = rows(), place = links.indexOf(document.activeElement);
  links[place < 0 ? 0 : place + step]?.focus();
}

function cell(tag, text) {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

function list() {
  const dialog = document.getElementById("shortcuts");
  const lines = here().map((each) => [keysOf(each).join(", "), each.textContent.trim()]);
  if (rows().length) lines.push(["j, k", dialog.dataset.rows]);
  const shown = dialog.querySelector("dl"), itself = [...shown.children].slice(-2);
  const cells = lines.flatMap(([keys, label]) => [cell("dt", keys), cell("dd", label)]);
  shown.replaceChildren(...cells, ...itself);
  dialog.querySelector("input").checked = isOn();
  dialog.showModal();
}

function show() {
  for (const button of document.querySelectorAll("[data-shortcuts]")) button.hidden = false;
  document.documentElement.toggleAttribute("data-keys-on", isOn());
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || !isOn()) return;
  if (event.target.closest?.(TYPED_IN) || document.querySelector("dialog[open]")) return;
  if (press(event.key)) event.preventDefault();
});
addEventListener("click", ({target}) => {
  if (target.closest?.("[data-shortcuts]")) list();
  if (target.closest?.("[data-close]")) document.getElementById("shortcuts").close();
});
addEventListener("change", ({target}) => {
  if (target.id !== "keys-on") return;
  localStorage.setItem(STORED, target.checked ? "on" : "off");
  show();
});
addEventListener("htmx:after:swap", show);
show();
