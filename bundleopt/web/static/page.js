// What HTML alone cannot do: a slider and its number move together, and progress is said aloud, seldom.
"use strict";

function pair(slider) {
  const number = document.getElementById(slider.dataset.slides);
  if (!number) return;
  slider.addEventListener("input", () => {
    number.value = slider.value;
    number.dispatchEvent(new Event("change", { bubbles: true }));
  });
  number.addEventListener("input", () => {
    slider.value = number.value !== "" ? number.value : slider.dataset.empty === "most" ? slider.max : slider.min;
  });
}

function announce(root) {
  const said = [...root.querySelectorAll("[data-announce]")].map((one) => one.dataset.announce);
  const region = document.getElementById("announcer");
  const text = said.join(". ");
  if (region && text && region.textContent !== text) region.textContent = text;
}

document.documentElement.classList.add("scripted");
document.querySelectorAll("[data-slides]").forEach(pair);
document.body.addEventListener("htmx:afterSwap", (event) => {
  if (event.target.id !== "message") {
    const jobs = document.getElementById("jobs");
    if (jobs) announce(jobs);
  }
});
// What was wrong with one request is not said of the next.
document.body.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target.id === "settings") document.getElementById("message").replaceChildren();
});
