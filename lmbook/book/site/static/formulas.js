/* Sets every formula of the page. A mistake in one is shown in red, and a test looks for it. */
document.querySelectorAll(".formula").forEach(function (element) {
  var display = element.classList.contains("display");
  katex.render(element.textContent, element, { displayMode: display, throwOnError: false, strict: "ignore" });
  if (display) element.tabIndex = 0; /* a wide formula is scrolled by keyboard */
});
