"use strict";
(() => {
  const filter = document.querySelector(".filter");
  const items = [...document.querySelectorAll("[data-v]")];
  const rows = items.filter((each) => each.matches("tr"));
  const values = new Map(items.map((each) => [each, each.dataset.v.split(" ")]));
  if (filter) {
    const choices = [...filter.querySelectorAll("select")];
    const said = filter.querySelector("output");
    const apply = () => {
      const wanted = choices.map((each) => each.value);
      const fits = (each) => wanted.every((value, k) => value === "" || value === values.get(each)[k]);
      items.forEach((each) => each.classList.toggle("off", !fits(each)));
      said.textContent = `${rows.filter(fits).length} of ${rows.length} points`;
    };
    choices.forEach((each) => each.addEventListener("change", apply));
    filter.querySelector("button").addEventListener("click", () => {
      choices.forEach((each) => { each.value = ""; });
      apply();
    });
    filter.hidden = false;
    apply();
  }
  const tip = document.querySelector(".tip");
  const show = (point) => {
    const box = point.querySelector(".glyph").getBoundingClientRect();
    tip.textContent = point.dataset.told;
    tip.hidden = false;
    const most = document.documentElement.clientWidth - tip.offsetWidth - 8;
    tip.style.left = `${Math.max(8, Math.min(box.left + box.width / 2 - tip.offsetWidth / 2, most)) + scrollX}px`;
    const above = box.top - tip.offsetHeight - 8;
    tip.style.top = `${(above > 0 ? above : box.bottom + 8) + scrollY}px`;
  };
  document.querySelectorAll(".point").forEach((point) => {
    const title = point.querySelector("title");
    point.dataset.told = title.textContent;
    title.remove();
    point.addEventListener("pointerenter", () => show(point));
    point.addEventListener("pointerdown", () => show(point));
    point.addEventListener("pointerleave", () => { tip.hidden = true; });
  });
})();
