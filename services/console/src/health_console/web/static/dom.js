// Builds elements. Text is only ever set as text, so nothing that comes from data can become markup.

/** An element: h("p", {class: "fine"}, "text", child, ...). A property that is undefined or false is left out. */
export function h(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, ...children);
}

/** The same for SVG. */
export function svg(tag, properties = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), properties, ...children);
}

function fill(element, properties, ...children) {
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== undefined && value !== false && value !== null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const byId = (id) => document.getElementById(id);

/** Set an element's text, and leave the document alone when it has it already. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Put the elements into the parent in that order, moving only those that are not in their place; others go. */
export function arrange(parent, elements) {
  let place = parent.firstChild;
  for (const element of elements) {
    if (element === place) place = place.nextSibling;
    else parent.insertBefore(element, place);
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}
