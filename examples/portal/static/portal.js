// Comfort only: every page works without it.
document.documentElement.classList.add("script");
for (const field of document.querySelectorAll("[data-submit]")) {
  field.addEventListener("change", () => field.form.requestSubmit());
}
for (const button of document.querySelectorAll("[data-ask]")) {
  button.addEventListener("click", (event) => {
    if (!window.confirm(button.dataset.ask)) event.preventDefault();
  });
}
// Copying works where the browser allows it; the field is selected for the keyboard in any case.
for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    const field = document.getElementById(button.dataset.copy);
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
      button.textContent = "Copied";
    } catch {
      field.focus();
    }
  });
}
// The toolbox closes like a menu: on a click elsewhere, and on Escape.
const toolbox = document.querySelector("details.toolbox");
if (toolbox) {
  document.addEventListener("click", (event) => {
    if (!toolbox.contains(event.target)) toolbox.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") toolbox.open = false;
  });
}
