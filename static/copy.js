// Copy a link, codes or a reference, or select it for the keyboard; print the page.

const messages = document.body.dataset;

addEventListener("click", async (event) => {
  if (event.target.closest?.("[data-print]")) print();
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
