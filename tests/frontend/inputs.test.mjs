// Inputs of fields that a company defines.
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import "../../box/core/fields/static/fields/inputs.js";

const settle = () => new Promise((done) => setTimeout(done, 200));
const typed = (input, value) => {
  input.value = value;
  input.dispatchEvent(new Event("input", { bubbles: true }));
};

beforeEach(() => {
  document.body.innerHTML = "";
});

test("there is another input as soon as the last is filled in, and no more than that", () => {
  document.body.innerHTML =
    '<label for="a">Phones</label><more-inputs><input id="a" name="own-1" value=""></more-inputs>';
  const list = document.querySelector("more-inputs");
  typed(list.querySelector("input"), "1");
  typed(list.querySelector("input"), "12");
  const inputs = [...list.querySelectorAll("input")];
  assert.equal(inputs.length, 2);
  assert.deepEqual(
    inputs.map(({ id, name, value }) => [id, name, value]),
    [
      ["a", "own-1", "12"],
      ["a-1", "own-1", ""],
    ],
  );
});

test("what is typed is looked for, and a late answer is for nobody", async () => {
  document.body.innerHTML = '<input list="o" data-options="/found/"><datalist id="o"></datalist>';
  const asked = [];
  globalThis.fetch = async (address) => {
    asked.push(address);
    return { ok: true, text: async () => '<option value="Anna Test"></option>' };
  };
  const input = document.querySelector("input");
  typed(input, "An");
  typed(input, "Ann");
  await settle();
  assert.deepEqual(asked, ["/found/?q=Ann"]);
  assert.equal(document.querySelector("datalist").children.length, 1);
  typed(input, "Anna Test");
  await settle();
  assert.equal(asked.length, 1, "what was chosen of the list is not looked for");
});

test("a form that defines a field asks for what its kind has", () => {
  document.body.innerHTML = `<form data-field-kinds><div class="fields">
    <div><select name="kind"><option value="text">t</option><option value="money">m</option></select></div>
    <div id="c"><input name="currency" data-kinds="money"></div></div></form>`;
  document.dispatchEvent(new Event("htmx:afterSettle"));
  assert.equal(document.querySelector("#c").hidden, true);
  const select = document.querySelector("select");
  select.value = "money";
  select.dispatchEvent(new Event("change", { bubbles: true }));
  assert.equal(document.querySelector("#c").hidden, false);
});
