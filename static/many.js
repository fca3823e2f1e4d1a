// Check all boxes of the list; go on with many cases until somebody stops.

const boxes = () => [...document.querySelectorAll("input[name=reference]")];
const allBox = () => document.querySelector("input[name=page]");
const spoken = document.querySelector("#count-spoken");
let stopped = false;

addEventListener("change", ({target}) => {
  if (target === allBox()) boxes().forEach((box) => { box.checked = target.checked; });
  else if (target.name === "reference" && allBox()) {
    allBox().checked = boxes().every((box) => box.checked);
  }
});

function showButtons() {
  document.querySelector("#stop").hidden = stopped;
  document.querySelector("#continue").hidden = !stopped;
  document.querySelector(stopped ? "#continue" : "#stop").focus({preventScroll: true});
}

addEventListener("click", ({target}) => {
  if (target.id === "stop") {
    stopped = true;
    showButtons();
  } else if (target.closest("button:not([type=button])")) {
    stopped = false;
  }
});
addEventListener("htmx:after:swap", () => {
  const form = document.querySelector("form[data-goes-on]");
  if (!form) return;
  showButtons();
  spoken.textContent = document.querySelector("#progress").textContent;
  if (!stopped) form.requestSubmit();
});
