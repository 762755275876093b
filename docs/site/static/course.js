// What the pages do beyond reading: everything here is a help, nothing is needed.
"use strict";

// Whoever uses the keyboard can scroll what is wider than the page.
function reach() {
  for (const box of document.querySelectorAll("pre, .formula, .table-wrapper")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}
addEventListener("load", reach);
addEventListener("resize", reach);
addEventListener("toggle", reach, true); // a <details> that opens

// A quiz writes its own HTML, without names for the fields.
addEventListener("load", () => {
  for (const field of document.querySelectorAll("input.Input-text")) field.setAttribute("aria-label", "Your answer, a number");
});
