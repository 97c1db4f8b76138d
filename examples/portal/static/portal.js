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
