import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { sha256 } from "../../box/static/js/sha256.js";

const hex = (words) => [...words].map((word) => word.toString(16).padStart(8, "0")).join("");

test("a digest is that of node's own, whatever the length", () => {
  for (let length = 0; length < 200; length++) {
    const text = "яz".repeat(length) + length;
    assert.equal(hex(sha256(text)), createHash("sha256").update(text).digest("hex"));
  }
});
