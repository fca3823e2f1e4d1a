// Open this page in another language.

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
