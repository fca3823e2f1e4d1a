// Open this page in another language; copy a resume link.

const messages = document.body.dataset;

addEventListener("click", async (event) => {
  const link = event.target.closest?.("[data-language]");
  if (!link) return;
  const query = new URLSearchParams(location.search);
  query.set("lang", link.dataset.language);
  link.search = query;
  if (event.ctrlKey || event.metaKey || event.shiftKey) return; // a new tab
  event.preventDefault();
  const save = new CustomEvent("draft:save", {detail: {}});
  dispatchEvent(save);
  await save.detail.saving; // set by autosave.js
  location.assign(link.href);
});

addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  if (source.select) source.select();
  else getSelection().selectAllChildren(source);
  try {
    await navigator.clipboard.writeText(source.value ?? source.textContent);
    button.textContent = button.dataset.copied;
  } catch { // no permission, or no HTTPS
    button.textContent = messages.selected;
  }
});
