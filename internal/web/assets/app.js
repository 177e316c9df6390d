// What scripts add to pages that work without them. Parts that need a script
// start hidden and are uncovered here, by the code that serves them; a page
// whose script never arrives shows no button that does nothing.
(function () {
  "use strict";

  function each(selector, use) {
    document.querySelectorAll(selector).forEach(use);
  }

  function byId(button, name) {
    return document.getElementById(button.getAttribute(name));
  }

  // Each button carries its second wording, because words live in the catalogs.
  function say(button, attribute) {
    var label = button.querySelector("[data-label]") || button;
    if (!label.dataset.label) label.dataset.label = label.textContent;
    var words = attribute ? button.getAttribute(attribute) : label.dataset.label;
    label.textContent = words;
  }

  each("[data-show]", function (button) {
    var input = byId(button, "aria-controls");
    if (!input) return;
    button.hidden = false;
    button.addEventListener("click", function () {
      var show = input.type === "password";
      input.type = show ? "text" : "password";
      button.setAttribute("aria-pressed", String(show));
      input.focus();
    });
    // Never leave a password readable in what the browser keeps of the page.
    input.form.addEventListener("submit", function () { input.type = "password"; });
  });

  function secretText(button) {
    return Array.prototype.map.call(document.querySelectorAll(button.getAttribute("data-of")), function (code) {
      return code.textContent.trim();
    }).join("\n");
  }

  if (navigator.clipboard) {
    each("[data-copy]", function (button) {
      button.hidden = false;
      button.addEventListener("click", function () {
        navigator.clipboard.writeText(secretText(button)).then(function () {
          say(button, "data-done");
          setTimeout(function () { say(button); }, 4000);
        });
      });
    });
  }

  each("[data-download]", function (button) {
    var file = document.getElementById("recovery-file");
    if (!file) return;
    button.hidden = false;
    file.hidden = true;
    button.addEventListener("click", function () { file.submit(); });
  });

  each("[data-print]", function (button) {
    button.hidden = false;
    button.addEventListener("click", function () { window.print(); });
  });

  // A refusal takes the focus, so that it is read out and mended at once: on the
  // field that it is about, otherwise on the message itself. A page that is
  // nothing but the refusal needs none of this: its title says it.
  var refused = document.querySelector("[aria-invalid=true]");
  var message = document.getElementById("notice");
  if (refused) {
    refused.focus();
    if (refused.select) refused.select();
  } else if (message) {
    message.tabIndex = -1;
    message.focus();
  }

  // One press, one request: a second press while the first is on its way does nothing.
  each("main form", function (form) {
    var sent = false;
    form.addEventListener("submit", function (event) {
      if (sent) event.preventDefault();
      sent = true;
    });
    window.addEventListener("pageshow", function () { sent = false; });
  });
})();
