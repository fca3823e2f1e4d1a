// Show how many characters are left, counted as the server does.

const WARN_BELOW = 100; // characters
const WARN_DELAY_MS = 1000;
const messages = document.body.dataset;
let timer;

function count(field) {
  const line = document.getElementById(`${field.id}-count`);
  const left = field.dataset.most - [...field.value.normalize().trim()].length;
  const text = left < 0 ? messages.over : messages.left;
  line.textContent = text.replace("{n}", Math.abs(left).toLocaleString(`${document.documentElement.lang}-US`));
  line.classList.toggle("over", left < 0);
  clearTimeout(timer);
  timer = setTimeout(warn, WARN_DELAY_MS, left < WARN_BELOW ? line.textContent : "");
}

function warn(text) {
  document.getElementById("count-spoken").textContent = text;
}

const countAll = () => document.querySelectorAll("[data-most]").forEach(count);
addEventListener("input", ({target}) => target.dataset?.most && count(target));
addEventListener("htmx:after:swap", countAll);
countAll();
