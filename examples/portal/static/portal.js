// Comfort only: every page works without it.
const root = document.documentElement;
root.classList.add("script");

// Times in the reader's zone; the exact one, in UTC, stays on hover.
const when = new Intl.DateTimeFormat(root.lang, { dateStyle: "medium", timeStyle: "short" });
const localise = (part) => {
  for (const time of part.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.getTime())) time.textContent = when.format(at);
  }
};
localise(document);

// A bar at the top for whatever takes longer than a moment.
const progress = document.getElementById("progress");
let pending;
const busy = (on) => {
  clearTimeout(pending);
  if (!progress) return;
  if (on) pending = setTimeout(() => { progress.hidden = false; }, 300);
  else progress.hidden = true;
};

// A form is sent once: a second click does nothing until the page is there.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.into || event.defaultPrevented) return;
  if (form.getAttribute("aria-busy") === "true") {
    event.preventDefault();
    return;
  }
  // A download leaves the page where it is.
  if (event.submitter?.hasAttribute("data-download") || form.hasAttribute("data-download")) return;
  form.setAttribute("aria-busy", "true");
  event.submitter?.classList.add("busy");
  busy(true);
});
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href]");
  if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  if (link.origin === location.origin && !link.hash && !link.hasAttribute("download") && !link.target) busy(true);
});
// Back in a kept page, or after a download.
window.addEventListener("pageshow", () => {
  busy(false);
  for (const form of document.querySelectorAll("form[aria-busy]")) form.removeAttribute("aria-busy");
  for (const button of document.querySelectorAll(".busy")) button.classList.remove("busy");
});

for (const field of document.querySelectorAll("[data-submit]")) {
  field.addEventListener("change", () => field.form.requestSubmit());
}
// Asked before the form is marked as sent: listeners on the button come first.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-ask]");
  if (button && !window.confirm(button.dataset.ask)) event.preventDefault();
});
// Copying works where the browser allows it; the field is selected for the keyboard in any case.
for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    const field = document.getElementById(button.dataset.copy);
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
      button.textContent = button.dataset.copied ?? "✓";
    } catch {
      field.focus();
    }
  });
}
// A suggestion is taken into its field.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-fill]");
  if (!button) return;
  const field = document.getElementById(button.dataset.fill);
  field.value = button.dataset.value;
  field.focus();
  field.dispatchEvent(new Event("input", { bubbles: true }));
});

// The part of a page of this portal that `selector` names, as the server makes it.
const part = async (address, selector, signal) => {
  const answer = await fetch(address, { signal, headers: { accept: "text/html" } });
  const text = await answer.text();
  if (answer.redirected || (!answer.ok && answer.status !== 422)) throw new Error(answer.status);
  const made = new DOMParser().parseFromString(text, "text/html");
  const found = selector ? made.querySelector(selector) : made.body;
  if (!found) throw new Error("not there");
  localise(found);
  return [...found.childNodes];
};
// Does `work` when nothing was typed for a moment; what was under way is given up.
const whenStill = (work) => {
  let timer, running;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      running?.abort();
      running = new AbortController();
      try {
        await work(running.signal);
      } catch (error) {
        if (error.name !== "AbortError") console.debug(error.message);
      }
    }, 180);
  };
};
const query = (form) => new URLSearchParams([...new FormData(form)].filter(([name, value]) => name !== "csrf" && value));

// Lists that follow what is typed into their form.
for (const form of document.querySelectorAll("form[data-into]")) {
  const follow = whenStill(async (signal) => {
    const address = `${form.getAttribute("action")}?${query(form)}`;
    const into = document.querySelector(form.dataset.into);
    into.setAttribute("aria-busy", "true");
    busy(true);
    try {
      into.replaceChildren(...await part(address, form.dataset.from ?? form.dataset.into, signal));
      if ("address" in form.dataset) history.replaceState(null, "", address);
    } finally {
      if (!signal.aborted) {
        into.removeAttribute("aria-busy");
        busy(false);
      }
    }
  });
  form.addEventListener("input", follow);
  // In a menu: filled when it is opened, so that no page carries all of it.
  if ("atOnce" in form.dataset) {
    form.closest("details").addEventListener("toggle", (event) => { if (event.target.open) follow(); });
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    follow();
  });
}
// Fields that are judged while somebody types.
for (const form of document.querySelectorAll("form[data-check]")) {
  const into = document.querySelector(form.dataset.checkInto);
  const check = whenStill(async (signal) => {
    into.replaceChildren(...await part(`${form.dataset.check}?${query(form)}`, null, signal));
  });
  for (const field of form.elements) field.addEventListener("input", check);
}

// Menus close on a click elsewhere and on Escape; the arrow keys walk through them; a filter gets the keyboard first.
for (const menu of document.querySelectorAll("details[data-menu]")) {
  menu.addEventListener("toggle", () => {
    if (menu.open) menu.querySelector("input[type=search]")?.focus();
  });
  document.addEventListener("click", (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const all = [...menu.querySelectorAll("summary, input[type=search], .menu a, .menu button")]
      .filter((item) => item.offsetParent);
    const step = event.key === "ArrowDown" ? 1 : -1;
    all[(all.indexOf(document.activeElement) + step + all.length) % all.length]?.focus();
    event.preventDefault();
  });
}

// A number goes up and down in its field; without this, its steps are pages of their own.
for (const step of document.querySelectorAll("[data-step]")) {
  step.addEventListener("click", (event) => {
    const field = step.parentElement.querySelector("input");
    const number = Number.parseInt(field.value, 10);
    if (Number.isNaN(number)) return;
    event.preventDefault();
    field.value = Math.max(0, number + Number(step.dataset.step));
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
}
// Said at once where a number is less than what is in use.
for (const field of document.querySelectorAll("[data-below]")) {
  field.addEventListener("input", () => {
    const number = Number.parseInt(field.value, 10);
    document.getElementById(field.dataset.below).hidden = !(number < Number(field.dataset.used));
  });
}
// How many characters are left, once it matters.
for (const field of document.querySelectorAll("textarea[data-count][maxlength]")) {
  const count = document.createElement("small");
  count.className = "count";
  field.after(count);
  const show = () => {
    const most = Number(field.getAttribute("maxlength"));
    count.textContent = `${[...field.value].length} / ${most}`;
  };
  field.addEventListener("input", show);
  show();
}
