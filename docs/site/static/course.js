// What the pages do beyond reading. Everything here is a help: without it there is a picture instead of a control.
"use strict";

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// Whoever uses the keyboard can scroll what is wider than the page.
function reach() {
  for (const box of document.querySelectorAll("pre, .formula, .table-wrapper")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}

// A quiz writes its own HTML, without names for the fields.
function nameFields() {
  for (const field of document.querySelectorAll("input.Input-text")) field.setAttribute("aria-label", "Your answer, a number");
}

// A control whose pictures were drawn beforehand (autograder/authoring/moving.py): one for each combination of its settings.
function move(figure, number) {
  const { settings, pictures, told } = JSON.parse(figure.dataset.moving);
  const picture = figure.querySelector("img");
  const chosen = settings.map((setting) => setting.start);
  const place = (at) => settings.reduce((sum, setting, i) => sum * setting.values.length + at[i], 0);
  const fetched = new Set();

  function prepare() {
    settings.forEach((setting, i) => {
      for (const step of [-1, 1]) {
        const at = chosen.with ? chosen.with(i, chosen[i] + step) : Object.assign([...chosen], { [i]: chosen[i] + step });
        if (at[i] < 0 || at[i] >= setting.values.length || fetched.has(place(at))) continue;
        fetched.add(place(at));
        new Image().src = `${pictures}/${place(at)}.webp`;
      }
    });
  }

  function show() {
    picture.src = `${pictures}/${place(chosen)}.webp`;
    picture.alt = told[place(chosen)];
    prepare();
  }

  const form = make("form", { class: "settings" });
  settings.forEach((setting, i) => {
    const name = `moving-${number}-${i}`;
    if (setting.values.length > 4) {
      const shown = make("output", { for: name }, setting.values[setting.start]);
      const slider = make("input", { type: "range", id: name, min: 0, max: setting.values.length - 1, step: 1, value: setting.start });
      slider.setAttribute("aria-valuetext", setting.values[setting.start]);
      slider.addEventListener("input", () => {
        chosen[i] = Number(slider.value);
        shown.textContent = setting.values[chosen[i]];
        slider.setAttribute("aria-valuetext", setting.values[chosen[i]]);
        show();
      });
      form.append(make("div", { class: "setting" }, make("label", { for: name }, setting.label), slider, shown));
    } else {
      const buttons = setting.values.map((value, k) => {
        const button = make("input", { type: "radio", name, id: `${name}-${k}` });
        button.checked = k === setting.start;
        button.addEventListener("change", () => {
          chosen[i] = k;
          show();
        });
        return make("span", {}, button, make("label", { for: `${name}-${k}` }, value));
      });
      form.append(make("fieldset", { class: "setting" }, make("legend", {}, setting.label), ...buttons));
    }
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("pointerenter", prepare, { once: true });
  figure.prepend(form);
}

// The keyboard of lesson 01: the letters typed so far, and what the names say about the next one.
function count(box) {
  const names = JSON.parse(box.querySelector("script").textContent);
  const everybody = names.reduce((sum, [, weight]) => sum + weight, 0);
  const letters = [..."abcdefghijklmnopqrstuvwxyz", "end"];
  const field = make("input", { type: "text", id: "typed", autocomplete: "off", autocapitalize: "off", spellcheck: "false", value: "mar" });
  const title = make("p", { class: "told", "aria-live": "polite" });
  const bars = make("div", { class: "bars", role: "img" });
  const likely = make("p", { class: "names" });

  function show() {
    const prefix = field.value.toLowerCase();
    const left = names.filter(([name]) => name.startsWith(prefix));
    const total = left.reduce((sum, [, weight]) => sum + weight, 0);
    const p = letters.map((letter) => {
      const next = left.filter(([name]) => (name[prefix.length] ?? "end") === letter);
      return total ? next.reduce((sum, [, weight]) => sum + weight, 0) / total : 0;
    });
    const bits = p.reduce((sum, q) => sum - (q ? q * Math.log2(q) : 0), 0) + 0; // no -0
    const known = left.length ? `${bits.toFixed(2)} bits (${(bits * Math.LN2).toFixed(2)} nats)` : "no name begins so";
    title.textContent = `The next letter after ${prefix ? `“${prefix}”` : "nothing"}: ${known}`;
    const highest = Math.max(0.25, ...p);
    bars.replaceChildren(
      ...p.map((q, i) => make("span", { class: q ? "bar" : "bar none", style: `--share: ${q / highest}`, title: `${(100 * q).toFixed(1)} %` }, letters[i])),
    );
    const order = p.map((q, i) => [q, letters[i]]).filter(([q]) => q).sort((a, b) => b[0] - a[0]);
    bars.setAttribute("aria-label", order.slice(0, 6).map(([q, letter]) => `${letter} ${(100 * q).toFixed(0)} %`).join(", ") || "no letter");
    const some = left.slice(0, 5).map(([name, weight]) => `${name} ${(100 * weight / total).toFixed(0)} %`);
    likely.textContent = `${left.length} name${left.length === 1 ? "" : "s"}, ${(100 * total / everybody).toPrecision(3)} % of people${some.length ? ": " + some.join(", ") : ""}`;
  }

  field.addEventListener("input", show);
  box.append(make("p", {}, make("label", { for: "typed" }, "Typed "), field), title, bars, likely);
  show();
}

addEventListener("load", () => {
  document.querySelectorAll("figure.moving").forEach(move);
  document.querySelectorAll(".keyboard").forEach(count);
  reach();
  nameFields();
});
addEventListener("resize", reach);
addEventListener("toggle", reach, true); // a <details> that opens
